"""Telling async functions from others at the door."""

from __future__ import annotations

import inspect
from functools import partial
from types import CoroutineType, FunctionType

from .shown import shown

__all__ = ["is_async_callable", "name_of", "not_async", "uncalled_hint"]


def is_async_callable(fn: object) -> bool:
    """Whether calling it makes a coroutine: ``async def``, a partial of one, or ``__call__``."""
    if type(fn) is partial:  # spared inspect's long way: graphs of 100,000 steps are made of these
        fn = fn.func
    if type(fn) is FunctionType and fn.__code__.co_flags & inspect.CO_COROUTINE:
        return True
    try:
        if inspect.iscoroutinefunction(fn):
            return True
    except Exception:  # noqa: BLE001 - it looks at attributes, and somebody else's may raise
        return False
    # The method of its class, which is what a call looks up; a class itself has none that counts.
    return inspect.iscoroutinefunction(inspect.getattr_static(type(fn), "__call__", None))


def not_async(what: str, fn: object) -> TypeError:
    """Return the error for what is no async function, which says how to wrap a sync one."""
    if inspect.isasyncgenfunction(fn):
        return TypeError(f"{what} must return a value; {_name(fn)} yields (async generator)")
    if callable(fn):
        return TypeError(
            f"{what} must be an async function; {_name(fn)} is a sync one: write 'async def', "
            f"or wrap what blocks in 'await trio.to_thread.run_sync(...)'"
        )
    return TypeError(f"{what} must be an async function; got {shown(fn)}")


def uncalled_hint(value: object) -> str:
    """Return what to say about a coroutine where a function was wanted; nothing about the rest."""
    if type(value) is not CoroutineType:  # `inspect` would ask the value for its class
        return ""
    value.close()  # or Python warns, far from here, that it was never awaited
    return " (pass the function itself, without calling it)"


def name_of(fn: object) -> str:
    """Return what messages and events call a callable: its own name, or that of its class."""
    try:
        name = getattr(fn, "__qualname__", "")
    except Exception:  # noqa: BLE001 - somebody else's __getattr__, and only for a name
        name = ""
    return name if type(name) is str and name else type(fn).__qualname__


def _name(fn: object) -> str:
    return repr(name_of(fn)) if hasattr(fn, "__qualname__") else shown(fn)

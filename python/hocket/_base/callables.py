"""Telling at the door what a function is, and what it can be called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import CoroutineType, FunctionType, MethodType
from typing import Any

from .shown import shown

__all__ = [
    "check_call",
    "explain_call",
    "is_async_callable",
    "name_of",
    "never_awaitable",
    "not_async",
    "plainly_fits",
    "uncalled_hint",
]

_YIELDS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


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


def plainly_fits(fn: object) -> bool:
    """Whether it is plainly a function of one argument that does not yield: what most steps are.

    Graphs of 100,000 steps have a function each. False says nothing yet.
    """
    inner = fn.func if type(fn) is partial else fn
    if type(inner) is not FunctionType or inner.__code__.co_flags & _YIELDS:
        return False
    return _certainly_takes_one(fn)


def check_call(what: str, fn: Callable[..., Any], given: str) -> None:
    """Refuse a function that certainly cannot be called with one argument, which ``given`` names.

    Raises:
        TypeError: it cannot; the message says why.
    """
    if not _certainly_takes_one(fn) and (reason := explain_call(fn, what, given)):
        raise TypeError(reason)


def _certainly_takes_one(fn: Any) -> bool:
    """Whether a Python function takes one argument, found out without inspect's long way.

    Graphs of 100,000 steps have a function each. False says nothing yet.
    """
    given, named = 1, None
    if type(fn) is partial:
        given, named, fn = 1 + len(fn.args), fn.keywords, fn.func
    if type(fn) is MethodType:
        given, fn = given + 1, fn.__func__
    if type(fn) is not FunctionType:
        return False
    code = fn.__code__
    most = code.co_argcount
    needed = most - len(fn.__defaults__ or ())
    if given > most and not code.co_flags & inspect.CO_VARARGS:
        return False
    if code.co_kwonlyargcount != len(fn.__kwdefaults__ or ()):
        return False  # some must be given by name
    if not named:
        return given >= needed
    names = code.co_varnames
    by_name = names[max(given, code.co_posonlyargcount) : most + code.co_kwonlyargcount]
    return named.keys() <= {*by_name} and named.keys() >= {*names[given:needed]}


def explain_call(function: Callable[..., object], name: str, *given: str) -> str | None:
    """Say why ``function`` cannot be called with the arguments given; None if it may be.

    What it wraps does not count: a decorator may add arguments of its own, or take some away.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except Exception:  # noqa: BLE001 - not known: a function in C, or an attribute that raises
        return None
    try:
        signature.bind(*given)
    except TypeError as error:
        shown = getattr(function, "__qualname__", None) or repr(function)
        arguments = f"({', '.join(given)})" if given else "no arguments"
        return (
            f"{name}: {shown}{signature} cannot be called with {arguments}: {error} "
            f"(bind what else it takes with functools.partial)"
        )
    return None


def never_awaitable(fn: object) -> bool:
    """Whether calling it certainly makes nothing that can be awaited: it is none, or it yields."""
    if not callable(fn):
        return True
    while isinstance(fn, partial):
        fn = fn.func
    if not isinstance(fn, FunctionType | MethodType | type):
        fn = inspect.getattr_static(type(fn), "__call__", None)
    flags = fn.__code__.co_flags if isinstance(fn, FunctionType | MethodType) else 0
    # What types.coroutine has marked yields, and can be awaited.
    return bool(flags & _YIELDS) and not flags & inspect.CO_ITERABLE_COROUTINE


def not_async(what: str, fn: object, *, may_block: bool = False) -> TypeError:
    """Return the error for what is no async function, which says what to do about a sync one.

    ``may_block`` says that ``run_in="thread"`` would run it.
    """
    if inspect.isasyncgenfunction(fn):
        return TypeError(f"{what} must return a value; {_name(fn)} yields (async generator)")
    if inspect.isgeneratorfunction(fn):
        return TypeError(f"{what} must be an async function; {_name(fn)} yields (generator)")
    if callable(fn):
        blocks = (
            'run_in="thread" if it blocks'
            if may_block
            else "wrap what blocks in 'await trio.to_thread.run_sync(...)'"
        )
        return TypeError(
            f"{what} must be an async function; {_name(fn)} is a sync one: write 'async def', or {blocks}"
        )
    return TypeError(f"{what} must be an async function; got {shown(fn)}{uncalled_hint(fn)}")


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

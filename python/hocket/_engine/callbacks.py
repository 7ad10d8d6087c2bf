"""The Python functions that the core calls."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio
from trio.lowlevel import Task, TrioToken, enable_ki_protection

__all__ = ["adopt", "explain_call", "is_over", "wake"]


@enable_ki_protection
def wake(task: Task) -> None:
    """Resume a worker that waits for a slot.

    Protected: a KeyboardInterrupt in the middle of Trio's own bookkeeping would corrupt it.
    """
    trio.lowlevel.reschedule(task)


def is_over(token: TrioToken) -> bool:
    """Whether the ``trio.run`` of this token has ended, be it by breaking off.

    Asked from outside of it; if it goes on it is woken once for nothing.
    """
    try:
        token.run_sync_soon(_nothing, idempotent=True)
    except (trio.RunFinishedError, OSError):
        # OSError: it broke off, and has closed only the socket that would have woken it.
        return True
    return False


def _nothing() -> None:
    """What a ``trio.run`` is asked to do only to see whether it can."""


def adopt(made: object) -> Coroutine[Any, Any, Any] | None:
    """Return a coroutine that awaits what is awaitable and no coroutine; None if it is neither."""
    return _await(made) if inspect.isawaitable(made) else None


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def explain_call(function: Callable[..., object], name: str, *given: str) -> str | None:
    """Say why ``function`` cannot be called with the arguments given; None if it can be."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*given)
    except TypeError as error:
        shown = getattr(function, "__qualname__", repr(function))
        arguments = f"({', '.join(given)})" if given else "no arguments"
        return (
            f"{name}: {shown}{signature} cannot be called with {arguments}: {error} "
            f"(bind what else it takes with functools.partial)"
        )
    return None

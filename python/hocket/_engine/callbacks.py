"""The Python functions that the core calls."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio
from trio.lowlevel import Task, TrioToken, enable_ki_protection

from .._base.callables import explain_call

__all__ = ["adopt", "begin_in_portal", "explain_call", "is_over", "wake"]


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


async def begin_in_portal(make: Callable[..., Awaitable[Any]], *given: object) -> Any:
    """Run a step that may be suspended without the driver's knowledge, by the package greenback.

    The driver sees this checkpoint. From then on the step is one that has suspended: Trio runs it in
    its context, its limit counts, and other workers have started beside it.
    """
    await trio.lowlevel.cancel_shielded_checkpoint()
    return await make(*given)

"""The Python functions that the core calls."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio
from trio.lowlevel import Task, TrioToken, enable_ki_protection

from .._base.callables import explain_call

__all__ = [
    "adopt",
    "begin_in_portal",
    "clock_origin",
    "explain_call",
    "is_over",
    "wait_until",
    "wake",
]

_eras = itertools.count(1)
_origin = trio.lowlevel.RunVar[tuple[int, float]]("hocket's origin of the clock")


def clock_origin(clock: trio.abc.Clock) -> tuple[int, float]:
    """Return the number of this ``trio.run``, and its clock's time as hocket first asked for it.

    It is the same for all pools, which may share a rate.
    """
    try:
        return _origin.get()
    except LookupError:
        _origin.set((next(_eras), clock.current_time()))
        return _origin.get()


@enable_ki_protection
async def wait_until(abort: Callable[[Any], trio.lowlevel.Abort], deadline: float) -> None:
    """Wait until the task is rescheduled, or its time has come."""
    with trio.CancelScope(deadline=deadline):
        await trio.lowlevel.wait_task_rescheduled(abort)


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

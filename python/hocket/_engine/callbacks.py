"""The Python functions that the core calls."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine
from typing import Any

import trio
from trio.lowlevel import Task, enable_ki_protection

from .._base.callables import explain_call

__all__ = ["adopt", "explain_call", "wake"]


@enable_ki_protection
def wake(task: Task) -> None:
    """Resume a worker that waits for a slot.

    Protected: a KeyboardInterrupt in the middle of Trio's own bookkeeping would corrupt it.
    """
    trio.lowlevel.reschedule(task)


def adopt(made: object) -> Coroutine[Any, Any, Any] | None:
    """Return a coroutine that awaits what is awaitable and no coroutine; None if it is neither."""
    return _await(made) if inspect.isawaitable(made) else None


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable

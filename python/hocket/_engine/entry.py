"""What the core calls back for, and small helpers on Trio's public interface."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio
from trio.lowlevel import Task, enable_ki_protection

from .. import _core
from .introspection import teach_stackscope

__all__ = ["adopt", "call_steps", "explain_call", "foreign_clock", "settle_in", "wake"]


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


async def settle_in() -> None:
    """Begin a public async call: nothing has happened yet if the caller is cancelled.

    Inside a step that has not suspended yet this goes through Trio's scheduler, which then knows
    the step's context; the run that is about to start relies on that.
    """
    teach_stackscope()
    try:
        if _core.in_first_segment():
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
    except RuntimeError as error:
        if trio.lowlevel.in_trio_run():
            raise
        raise RuntimeError(
            "hocket runs on Trio, and this is outside of a trio.run: call it in a function that "
            "trio.run runs (in an asyncio program: Trio's guest mode, or a thread)"
        ) from error


def explain_call(function: Callable[..., object], name: str, arguments: int) -> str | None:
    """Say why ``function`` cannot be called with so many arguments; None if it can be."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*[None] * arguments)
    except TypeError as error:
        given = ("no arguments", "(context)", "(step, context)")[arguments]
        shown = getattr(function, "__qualname__", repr(function))
        return f"{name}: {shown}{signature} cannot be called with {given}: {error}"
    return None


async def call_steps(function: Callable[[Any], Any], context: object, name: str) -> Any:
    """Call the function, async or not, that computes a group's steps.

    Raises:
        TypeError: it cannot be called with the context alone; the message says why.
    """
    try:
        steps = function(context)
    except TypeError as error:
        reason = explain_call(function, name, 1)
        if reason is None:
            raise
        raise TypeError(reason) from error
    return await steps if inspect.isawaitable(steps) else steps


def foreign_clock() -> trio.abc.Clock | None:
    """The run's clock, unless it is Trio's own, which the core reads by itself.

    Trio's own clock counts CLOCK_MONOTONIC from an arbitrary offset, and only differences matter.
    """
    clock = trio.lowlevel.current_clock()
    return None if _is_system_clock(type(clock)) else clock


@functools.cache
def _is_system_clock(kind: type) -> bool:
    # Trio's default clock has no public name. Where it goes by another one some day it is asked
    # like any other clock: right, and slower.
    return kind.__name__ == "SystemClock" and kind.__module__.split(".")[0] == "trio"

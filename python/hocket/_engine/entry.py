"""The beginning of a public async call: where it runs, and by which clock."""

from __future__ import annotations

import functools

import trio

from .introspection import teach_stackscope

__all__ = ["begin_call", "foreign_clock"]


async def begin_call() -> None:
    """Begin a public async call: nothing has happened yet if the caller is cancelled."""
    teach_stackscope()
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
    except RuntimeError as error:
        if trio.lowlevel.in_trio_run():
            raise
        raise RuntimeError(
            "hocket runs on Trio, and this is outside of a trio.run: call it in a function that "
            "trio.run runs (in an asyncio program: Trio's guest mode, or a thread)"
        ) from error


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

"""What may be done to a busy pool, and holding it: nothing starts before a time."""

from __future__ import annotations

import math

import trio

from .. import _core
from .._base.durations import Seconds, check_seconds, seconds_to_ns
from .._base.shown import shown
from .entry import foreign_clock

__all__ = ["check_here", "check_setting", "hold_for", "hold_until"]


def check_here(core: _core.Pool, what: str, call: str) -> None:
    """Refuse what may be done to a busy pool only in the ``trio.run`` that it serves."""
    here = trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token()
    if not core.serves(here):
        raise RuntimeError(
            f"{what} only in the trio.run that it serves; "
            f"from a thread: trio.from_thread.run_sync({call})"
        )


def check_setting(core: _core.Pool, name: str) -> None:
    """The same for the change of a setting."""
    check_here(core, f"{name} of a busy pool can be changed", f"setattr, pool, {name!r}, value")


def hold_for(core: _core.Pool, seconds: Seconds) -> None:
    """Start nothing for so long; :meth:`WorkerPool.hold_for` says how."""
    if seconds == 0:
        return
    length = check_seconds("seconds of hold_for", seconds)
    if length is None or length == math.inf:
        raise ValueError(
            f"seconds of hold_for must be a number, and have an end; got {shown(seconds)}; to hold "
            "without an end call pool.pause()"
        )
    _hold(core, length, "pool.hold_for, seconds")


def hold_until(core: _core.Pool, time: float) -> None:
    """Start nothing before this time; :meth:`WorkerPool.hold_until` says how."""
    if not isinstance(time, int | float) or isinstance(time, bool) or not abs(time) < math.inf:
        raise TypeError(
            f"time of hold_until must be a time of trio.current_time(); got {shown(time)}"
        )
    call = "pool.hold_until, time"
    _check_inside(call)
    _hold(core, time - trio.current_time(), call)


def _hold(core: _core.Pool, length: float, call: str) -> None:
    _check_inside(call)
    check_here(core, "a pool can be held", call)
    core.hold(trio.lowlevel.current_trio_token(), foreign_clock(), seconds_to_ns(length))


def _check_inside(call: str) -> None:
    if not trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "a pool can be held only inside of a trio.run, whose time counts; "
            f"from a thread: trio.from_thread.run_sync({call})"
        )

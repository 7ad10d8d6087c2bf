"""What may be done to a busy pool, and pausing or holding it: nothing starts before a time."""

from __future__ import annotations

import math

import trio

from .. import _core
from .._base.durations import Seconds, check_seconds, seconds_to_ns
from .._base.shown import shown
from .entry import foreign_clock

__all__ = ["Pausable", "check_setting"]


class Pausable:
    """What starts nothing in a pool for a while: :meth:`pause`, and :meth:`hold_for`."""

    __slots__ = ()

    # The pool's own.
    _core: _core.Pool

    def hold_for(self, seconds: Seconds) -> None:
        """Start nothing more for so many seconds; what runs goes on.

        A :meth:`pause` with an end. Of several the one that ends last counts; :meth:`resume` ends all.
        They are over with their ``trio.run``. ``seconds`` may be a ``timedelta``; 0 holds nothing.

        Raises TypeError, ValueError or RuntimeError where it cannot be done.
        """
        _hold_for(self._core, seconds)

    def hold_until(self, time: float) -> None:
        """Start nothing before this time of ``trio.current_time()``; see :meth:`hold_for`."""
        _hold_until(self._core, time)

    @property
    def held(self) -> float:
        """Seconds until a hold is over; 0 where nothing is held."""
        return self._core.held or 0.0

    def pause(self) -> None:
        """Start nothing more, until :meth:`resume`. What runs goes on until it ends.

        While paused, calls wait. With a ``queue_size`` so many calls of :meth:`execute` wait, and
        the next is refused with :class:`QueueFull` (or waits, if ``when_full`` says so), as if all
        slots were taken. What runs has ended once ``get_status().active_workers`` is 0. Time
        limits of groups go on counting, those of steps count from their start. A pool that is
        paused stays so.
        """
        _check_here(self._core, "a busy pool can be paused", "pool.pause")
        self._core.pause()

    def resume(self) -> None:
        """Go on after :meth:`pause`, and before a hold is over: what waits starts, the longest waiting first."""
        _check_here(self._core, "a busy pool can be resumed", "pool.resume")
        self._core.resume()

    @property
    def paused(self) -> bool:
        """Whether :meth:`pause` was called, and :meth:`resume` was not."""
        return self._core.paused


def _check_here(core: _core.Pool, what: str, call: str) -> None:
    """Refuse what may be done to a busy pool only in the ``trio.run`` that it serves."""
    here = trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token()
    if not core.serves(here):
        raise RuntimeError(
            f"{what} only in the trio.run that it serves; "
            f"from a thread: trio.from_thread.run_sync({call})"
        )


def check_setting(core: _core.Pool, name: str) -> None:
    """The same for the change of a setting."""
    _check_here(core, f"{name} of a busy pool can be changed", f"setattr, pool, {name!r}, value")


def _hold_for(core: _core.Pool, seconds: Seconds) -> None:
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


def _hold_until(core: _core.Pool, time: float) -> None:
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
    _check_here(core, "a pool can be held", call)
    core.hold(trio.lowlevel.current_trio_token(), foreign_clock(), seconds_to_ns(length))


def _check_inside(call: str) -> None:
    if not trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "a pool can be held only inside of a trio.run, whose time counts; "
            f"from a thread: trio.from_thread.run_sync({call})"
        )

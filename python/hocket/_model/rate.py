"""A rate: at most so many starts in a time."""

from __future__ import annotations

import math

import attrs

from .. import _core
from .._base.checks import check_count
from .._base.durations import Seconds, check_seconds, seconds_to_ns
from .._base.shown import shown

__all__ = ["Rate", "check_rate", "core_rate"]

_INSTEAD = "; for no rate leave rate out, and to start nothing for a while call pool.pause()"


@attrs.frozen(init=False, eq=False)
class Rate:
    """At most ``limit`` starts of steps in any ``per`` seconds, evenly spread over them.

    A rate is an object that is shared: all pools, groups and calls that are given the same one keep
    it together, also in other threads. Two that are made alike have nothing to do with each other. What waits for
    a rate has no slot, and its time limit has not begun.

    No window of ``per`` seconds has more than ``limit`` starts, wherever it begins. (A start exactly
    ``per`` after another one is in no window with it.) ``burst`` says how evenly they come: so many may start at
    once, and from then on one each ``per / limit`` seconds.

    A rate counts by the clock of the ``trio.run`` that uses it. In another one with a virtual clock it begins anew.

    Args:
        limit: how many: a whole number of at least 1.
        per: seconds (or a ``timedelta``) in which these may start. Default 1.
        burst: how many may start at once, from 1 (the default) to ``limit``.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> import trio
    >>> from hocket import ParallelExecutionManager, ParallelGroup
    >>> from hocket.testing import run_virtual
    >>> async def started(step: str) -> float:
    ...     return trio.current_time()
    >>> manager = ParallelExecutionManager(rate=Rate(2))
    >>> result = run_virtual(manager.execute_group, ParallelGroup("g", ["a", "b", "c"]), started)
    >>> list(result.results.values())
    [0.0, 0.5, 1.0]
    """

    limit: int
    per: float
    burst: int
    _core: _core.Rate = attrs.field(repr=False)

    def __init__(self, limit: int, per: Seconds | None = None, burst: int = 1) -> None:
        number = _whole("limit of Rate", limit, _INSTEAD)
        seconds = check_seconds("per of Rate", per, none="for one second")
        if seconds is None:
            seconds = 1.0
        if seconds == math.inf:
            raise ValueError(
                f"per of Rate must be a number of seconds; got {shown(per)}; for no rate leave rate out"
            )
        at_once = _whole("burst of Rate", burst, "")
        if at_once > number:
            raise ValueError(
                f"burst of Rate must be at most its limit, {number}; got {shown(burst)}: no more may "
                "start in any window, at once or not"
            )
        core = _core.Rate(number, seconds_to_ns(seconds), at_once)
        self.__attrs_init__(number, seconds, at_once, core)  # pyright: ignore[reportAttributeAccessIssue]


def check_rate(name: str, value: object) -> Rate | None:
    """Check a rate at the door of a public call.

    Raises:
        TypeError: it is none; the message says what to write.
    """
    if value is None or isinstance(value, Rate):
        return value
    hint = ""
    if value is Rate:
        hint = "; write Rate(10) for ten starts a second"
    elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        hint = f"; write Rate({value:g}) for so many starts a second"
        if value != int(value):
            hint = f"; write Rate(1, per={1 / value:g}) for one start in so many seconds"
    raise TypeError(f"{name} must be a Rate, or None for none; got {shown(value)}{hint}")


def core_rate(rate: Rate | None) -> _core.Rate | None:
    """Return what the core knows a rate by."""
    return None if rate is None else rate._core


def _whole(name: str, value: object, of_zero: str) -> int:
    count = None if value is None else check_count(name, value, of_zero=of_zero)
    if count is None:
        raise TypeError(f"{name} must be a whole number of at least 1; got {shown(value)}{of_zero}")
    return count

"""The figures of a pool."""

from __future__ import annotations

from typing import Any

import attrs

from .. import _core
from .._base.durations import ns_to_seconds

__all__ = ["DurationStats", "PoolStats", "PoolStatus"]


@attrs.frozen(kw_only=True)
class DurationStats:
    """How long something took, in seconds. Percentiles are within 1 %, the rest is exact."""

    count: int
    """How many durations were counted."""
    total: float
    """Their sum."""
    average: float
    """Their mean; 0 if there are none."""
    p50: float
    """Half of them were no longer than this."""
    p90: float
    """Nine in ten were no longer than this."""
    p99: float
    """99 in a hundred were no longer than this."""
    max: float
    """The longest."""


@attrs.frozen(kw_only=True)
class PoolStats:
    """What a pool has done since it was made.

    ``tasks_submitted`` is the sum of the six counts that follow it and of ``queue_length``. (Steps
    that are being cancelled are in none of them until their group has ended; steps of a workflow
    that only run a group take no slot and are not counted.)
    """

    tasks_submitted: int
    """Steps that were given to the pool."""
    tasks_completed: int
    """Steps that returned."""
    tasks_failed: int
    """Steps that raised (time limits not among them)."""
    tasks_timed_out: int
    """Steps that ran past their time limit, or their group's."""
    tasks_cancelled: int
    """Steps that had started and were cancelled."""
    tasks_skipped: int
    """Steps that never started, because their group was decided or cancelled before."""
    tasks_running: int
    """Steps that run now, those included that wait for steps of their own."""
    active_workers: int
    """Slots that are taken now. A step that waits for steps of its own lends them its slot:
    together they count once, so that this is never more than the limit."""
    queue_length: int
    """Steps that wait for a slot now."""
    total_wait_time: float
    """Seconds that all started steps have waited together, from submission to start."""
    average_wait_time: float
    """The same per started step."""
    failure_rate: float
    """Failed and timed out steps per ended (not cancelled) step, from 0 to 1."""
    wait_time: DurationStats
    """Waiting, of the steps that started."""
    run_time: DurationStats
    """Running, of the steps that ended and were not cancelled."""


@attrs.frozen(kw_only=True)
class PoolStatus:
    """How busy a pool is now."""

    active_workers: int
    """Slots that are taken now, as in :class:`PoolStats`."""
    max_concurrent: int
    """The limit."""
    queue_length: int
    """Steps that wait for a slot."""
    utilization_rate: float
    """``active_workers`` in percent of ``max_concurrent``."""


def pool_stats(core: _core.Pool) -> PoolStats:
    figures = core.statistics()
    wait = _durations(figures["wait"])
    bad = figures["failed"] + figures["timed_out"]
    ended = figures["completed"] + bad
    return PoolStats(
        tasks_submitted=figures["submitted"],
        tasks_completed=figures["completed"],
        tasks_failed=figures["failed"],
        tasks_timed_out=figures["timed_out"],
        tasks_cancelled=figures["cancelled"],
        tasks_skipped=figures["skipped"],
        tasks_running=core.running,
        active_workers=core.active,
        queue_length=core.queue_length,
        total_wait_time=wait.total,
        average_wait_time=wait.average,
        failure_rate=bad / ended if ended else 0.0,
        wait_time=wait,
        run_time=_durations(figures["run"]),
    )


def pool_status(core: _core.Pool) -> PoolStatus:
    active = core.active
    return PoolStatus(
        active_workers=active,
        max_concurrent=core.limit,
        queue_length=core.queue_length,
        utilization_rate=100 * active / core.limit,
    )


def _durations(figures: Any) -> DurationStats:
    count, total_ns, *rest = figures
    p50, p90, p99, longest = map(ns_to_seconds, rest)
    total = ns_to_seconds(total_ns)
    return DurationStats(
        count=count,
        total=total,
        average=total / count if count else 0.0,
        p50=p50,
        p90=p90,
        p99=p99,
        max=longest,
    )

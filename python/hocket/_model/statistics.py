"""The figures of a pool."""

from __future__ import annotations

import math
from typing import Any

import attrs

from .. import _core
from .._base.durations import Seconds, check_seconds, ns_to_seconds, seconds_to_ns
from .._base.shown import shown

__all__ = [
    "DurationStats",
    "GroupStats",
    "PoolStats",
    "PoolStatus",
    "group_stats",
    "pool_stats",
    "pool_status",
]


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
    """What a pool has done: since it was made, or in the last seconds (a window).

    Of a window are the counts, the times and the rate; ``tasks_running``, ``active_workers`` and
    ``queue_length`` are always those of now. Since the pool was made, ``tasks_submitted`` is the sum
    of the six counts that follow it and of ``queue_length``. (Two kinds of steps are in none of them
    for a while: those that are being cancelled, until their group has ended, and those of a
    workflow that wait for other steps of it. Steps of a workflow that only run a group take no
    slot and are not counted.)
    """

    tasks_submitted: int
    """Steps that were given to the pool."""
    tasks_completed: int
    """Steps that returned."""
    tasks_failed: int
    """Steps that raised (time limits not among them)."""
    tasks_timed_out: int
    """Steps that had started and ran past their time limit, or their group's. Those that had not
    started when their group's limit passed are skipped."""
    tasks_cancelled: int
    """Steps that had started and were cancelled."""
    tasks_skipped: int
    """Steps that never started, because their group was decided or cancelled before."""
    tasks_retried: int
    """Attempts that failed and were tried again. They are no steps, and not part of the sum."""
    retries_refused: int
    """Attempts that failed and were the last only because the pool's ``retry_budget`` was used up."""
    tasks_running: int
    """Steps that run now, those included that wait for steps of their own."""
    active_workers: int
    """Slots that are taken now. A step that waits for steps of its own lends them its slot:
    together they count once, so that this is never more than the limit (unless it was lowered: what
    runs then goes on)."""
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
    """Running, of the steps that ended and were not cancelled: its ``count`` is
    ``tasks_completed + tasks_failed + tasks_timed_out + tasks_retried``. How long steps ran that their group's
    time limit stopped is known, as their count is, when the group has ended."""


@attrs.frozen(kw_only=True)
class GroupStats:
    """What the groups of one id have come to on their manager, in all their runs together.

    While one runs, its steps so far are in here. ``tasks_submitted`` adds up as in
    :class:`PoolStats`. There are no percentiles, because every step would have to pay for them; a
    group that needs them can have a pool of its own.
    """

    runs: int
    """Runs that have ended, also those that were cancelled."""
    open_runs: int
    """Runs that go on now."""
    tasks_submitted: int
    """Steps of all these runs."""
    tasks_completed: int
    """Steps that returned."""
    tasks_failed: int
    """Steps that raised (time limits not among them)."""
    tasks_timed_out: int
    """Steps that had started and ran past their time limit, or the group's."""
    tasks_cancelled: int
    """Steps that had started and were cancelled."""
    tasks_skipped: int
    """Steps that never started, because the group was decided or cancelled before."""
    tasks_retried: int
    """Attempts that failed and were tried again."""
    retries_refused: int
    """Attempts that failed and were the last only because the pool's ``retry_budget`` was used up."""
    tasks_running: int
    """Steps that run now, those included that wait for steps of their own."""
    queue_length: int
    """Steps that are ready now and have not started."""
    total_wait_time: float
    """Seconds that all started steps have waited together, from submission to start."""
    average_wait_time: float
    """The same per started step."""
    longest_wait_time: float
    """The longest that one of them has waited."""
    total_run_time: float
    """Seconds that all steps have run that ended and were not cancelled."""
    average_run_time: float
    """The same per step."""
    longest_run_time: float
    """The longest that one of them has run."""
    failure_rate: float
    """Failed and timed out steps per ended (not cancelled) step, from 0 to 1."""


@attrs.frozen(kw_only=True)
class PoolStatus:
    """How busy a pool is now."""

    active_workers: int
    """Slots that are taken now, as in :class:`PoolStats`."""
    max_concurrent: float
    """The limit; ``math.inf`` is none."""
    queue_length: int
    """Steps that wait for a slot."""
    utilization_rate: float
    """``active_workers`` in percent of ``max_concurrent``; 0 where that is no limit."""
    paused: bool
    """Whether nothing starts, until ``resume`` is called."""


def pool_stats(core: _core.Pool, window: Seconds | None) -> PoolStats:
    """Read a pool's figures, of the last ``window`` seconds or since it was made."""
    figures = core.statistics(_window_ns(window)) if window is not None else core.statistics()
    wait = _durations(figures["wait"])
    return PoolStats(
        **_counts(figures),
        retries_refused=figures["refused"],
        tasks_running=core.running,
        active_workers=core.active,
        queue_length=core.queue_length,
        total_wait_time=wait.total,
        average_wait_time=wait.average,
        failure_rate=_failure_rate(figures),
        wait_time=wait,
        run_time=_durations(figures["run"]),
    )


def group_stats(tally: _core.Tally, *, runs: int, open_runs: int) -> GroupStats:
    """Read the figures of a group's runs."""
    figures = tally.figures()
    waits, total_wait, longest_wait = figures["wait"]
    ended, total_run, longest_run = figures["run"]
    return GroupStats(
        runs=runs,
        open_runs=open_runs,
        **_counts(figures),
        retries_refused=figures["refused"],
        tasks_running=figures["running"],
        queue_length=figures["ready"],
        total_wait_time=ns_to_seconds(total_wait),
        average_wait_time=_average(total_wait, waits),
        longest_wait_time=ns_to_seconds(longest_wait),
        total_run_time=ns_to_seconds(total_run),
        average_run_time=_average(total_run, ended),
        longest_run_time=ns_to_seconds(longest_run),
        failure_rate=_failure_rate(figures),
    )


def pool_status(core: _core.Pool) -> PoolStatus:
    active = core.active
    limit = math.inf if core.limit is None else core.limit
    return PoolStatus(
        active_workers=active,
        max_concurrent=limit,
        queue_length=core.queue_length,
        utilization_rate=100 * active / limit,
        paused=core.paused,
    )


def _window_ns(window: Seconds) -> int:
    seconds = check_seconds("window", window, none="for all the time")
    longest = ns_to_seconds(_core.LONGEST_WINDOW_NS)
    if seconds is None or seconds > longest:
        raise ValueError(
            f"window must be at most {longest:g} seconds; got {shown(window)}; leave window out "
            "for all since the pool was made"
        )
    return seconds_to_ns(seconds)


def _counts(figures: dict[str, Any]) -> dict[str, int]:
    names = ("submitted", "completed", "failed", "timed_out", "cancelled", "skipped", "retried")
    return {f"tasks_{name}": figures[name] for name in names}


def _failure_rate(figures: dict[str, Any]) -> float:
    bad: int = figures["failed"] + figures["timed_out"]
    ended = figures["completed"] + bad
    return bad / ended if ended else 0.0


def _average(total_ns: int, count: int) -> float:
    return ns_to_seconds(total_ns) / count if count else 0.0


def _durations(figures: Any) -> DurationStats:
    count, total_ns, *rest = figures
    p50, p90, p99, longest = map(ns_to_seconds, rest)
    return DurationStats(
        count=count,
        total=ns_to_seconds(total_ns),
        average=_average(total_ns, count),
        p50=p50,
        p90=p90,
        p99=p99,
        max=longest,
    )

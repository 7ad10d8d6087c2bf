"""What many tests share: virtual time, and the sums that must come out right after every scenario."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
import trio.testing

from hocket import ParallelExecutionManager, ParallelExecutionResult, WorkerPool

T = TypeVar("T")


def run_virtual(fn: Callable[..., Awaitable[T]], *args: Any) -> T:
    """``trio.run`` in virtual time: sleeping takes no time, and every instant is exact."""
    return trio.run(fn, *args, clock=trio.testing.MockClock(autojump_threshold=0))


def assert_adds_up(pool: WorkerPool | ParallelExecutionManager) -> None:
    """Every submitted step is in exactly one state."""
    stats = pool.get_stats()
    parts = (
        stats.tasks_completed,
        stats.tasks_failed,
        stats.tasks_timed_out,
        stats.tasks_cancelled,
        stats.tasks_skipped,
        stats.tasks_running,
        stats.queue_length,
    )
    assert stats.tasks_submitted == sum(parts), stats


def assert_idle(pool: WorkerPool | ParallelExecutionManager) -> None:
    """Nothing of the pool runs or waits, and its books are right."""
    if isinstance(pool, ParallelExecutionManager):
        pool = pool.pool
    status = pool.get_status()
    assert (status.active_workers, status.queue_length) == (0, 0), status
    assert pool.holders() == []
    assert pool._core.runs == 0
    assert_adds_up(pool)


async def assert_works_on(pool: WorkerPool | ParallelExecutionManager) -> None:
    """The pool is idle, has all its slots, and takes new work."""
    if isinstance(pool, ParallelExecutionManager):
        pool = pool.pool
    assert_idle(pool)
    limit = pool.max_concurrent
    running = most = 0
    everybody = trio.Event()

    async def one() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == limit:
            everybody.set()
        with trio.move_on_after(5):
            await everybody.wait()
        running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(limit + 1):
            nursery.start_soon(pool.execute, one)
    assert most == limit
    assert_idle(pool)


def assert_partition(result: ParallelExecutionResult, ids: list[str]) -> None:
    """Every step is in exactly one list, and the dicts say the same as the lists."""
    lists = [*result.completed_steps, *result.failed_steps, *result.skipped_steps]
    assert sorted(lists) == sorted(ids)
    assert list(result.results) == list(result.completed_steps)
    assert list(result.errors) == list(result.failed_steps)
    assert set(result.cancelled_steps) <= set(result.skipped_steps)

"""The books of a pool: nothing runs any more, and every step is accounted for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import trio

from .._engine.groups import ParallelExecutionManager
from .._engine.pool import WorkerPool
from .._model.result import ParallelExecutionResult

__all__ = ["PoolLike", "assert_adds_up", "assert_idle", "assert_partition", "assert_works_on"]

PoolLike: TypeAlias = WorkerPool | ParallelExecutionManager


def assert_adds_up(pool: PoolLike) -> None:
    """Check that every step that was ever submitted is in exactly one state.

    Steps of a decided group that are still being cancelled are in none, and so are steps of a
    workflow that wait for others: check when such groups and workflows have ended.

    Raises:
        AssertionError: the counts do not add up; the message has them all.

    >>> import hocket
    >>> assert_adds_up(hocket.WorkerPool())
    """
    stats = pool.get_stats()
    states = {
        "completed": stats.tasks_completed,
        "failed": stats.tasks_failed,
        "timed out": stats.tasks_timed_out,
        "cancelled": stats.tasks_cancelled,
        "skipped": stats.tasks_skipped,
        "running": stats.tasks_running,
        "waiting": stats.queue_length,
    }
    if sum(states.values()) != stats.tasks_submitted:
        counted = ", ".join(f"{count} {state}" for state, count in states.items())
        raise AssertionError(f"{stats.tasks_submitted} steps were submitted, but: {counted}")


def assert_idle(pool: PoolLike) -> None:
    """Check that nothing of a pool runs or waits, and that its statistics add up.

    Raises:
        AssertionError: something is left; the message names the running steps.

    >>> import hocket
    >>> assert_idle(hocket.ParallelExecutionManager())
    """
    pool = _pool_of(pool)
    if holders := pool.holders():
        steps = ", ".join(f"{step!r} for {age:.3f} s" for step, age in holders)
        raise AssertionError(f"steps are still running: {steps}")
    status = pool.get_status()
    if status.active_workers or status.queue_length or pool._core.runs:
        raise AssertionError(
            f"the pool is not idle: {status.active_workers} slots taken, {status.queue_length} "
            f"steps waiting, {pool._core.runs} calls not left"
        )
    assert_adds_up(pool)


async def assert_works_on(pool: PoolLike) -> None:
    """Check that a pool is idle, has all its slots, and takes new work.

    Fills every slot once (a hundred, if there is no limit), with steps that suspend; that shows in
    the pool's statistics.

    Raises:
        AssertionError: slots are missing, or the pool is not idle before or after.
    """
    pool = _pool_of(pool)
    assert_idle(pool)
    if pool.get_status().paused:
        raise AssertionError("the pool is paused, and nothing starts in it")
    # Of slots without end these many are enough, and then nobody is left to wait for one.
    limit = 100 if pool.max_concurrent == math.inf else int(pool.max_concurrent)
    waiter = int(pool.max_concurrent != math.inf and pool.queue_size != 0)
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
        for _ in range(limit + waiter):
            nursery.start_soon(pool.execute, one)
    if most != limit:
        raise AssertionError(f"{most} steps ran at once; the limit is {limit}")
    assert_idle(pool)


def assert_partition(result: ParallelExecutionResult[Any], ids: Iterable[str]) -> None:
    """Check that a group's result has each of its steps in exactly one state.

    Args:
        result: what the group came to.
        ids: the ids of all its steps.

    Raises:
        AssertionError: a step is missing or there twice, or the dicts do not say what the lists say.
    """
    listed = sorted([*result.completed_steps, *result.failed_steps, *result.skipped_steps])
    assert listed == sorted(ids), f"the result lists {listed}; the steps are {sorted(ids)}"
    assert list(result.results) == list(result.completed_steps)
    assert list(result.errors) == list(result.failed_steps)
    assert set(result.cancelled_steps) <= set(result.skipped_steps)


def _pool_of(pool: PoolLike) -> WorkerPool:
    return pool.pool if isinstance(pool, ParallelExecutionManager) else pool

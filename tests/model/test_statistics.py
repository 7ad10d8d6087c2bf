"""The figures: every submitted step is in exactly one count, and waits are exact."""

from __future__ import annotations

import contextlib
from functools import partial

import attrs
import pytest
import trio

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    PoolStats,
    PoolStatus,
    QueueFull,
    WorkerPool,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle


class Broken(Exception):
    pass


async def nap(seconds=1.0):
    await trio.sleep(seconds)


async def fail(seconds=0.0):
    await trio.sleep(seconds)
    raise Broken


def counts(pool):
    stats = pool.get_stats()
    return {
        name.removeprefix("tasks_"): getattr(stats, name)
        for name in (
            "tasks_completed",
            "tasks_failed",
            "tasks_timed_out",
            "tasks_cancelled",
            "tasks_skipped",
        )
        if getattr(stats, name)
    }


async def test_a_new_pool_has_done_nothing():
    stats = WorkerPool().get_stats()
    for field in attrs.fields(PoolStats):
        value = getattr(stats, field.name)
        if field.name in ("wait_time", "run_time"):
            assert not any(attrs.astuple(value))
        else:
            assert value == 0


async def test_figures_are_frozen():
    pool = WorkerPool()
    for figures in (pool.get_stats(), pool.get_status(), pool.get_stats().wait_time):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            figures.count = figures.active_workers = 5


async def test_waits_and_runs_are_exact_in_virtual_time(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        for seconds in (1, 2, 4):
            nursery.start_soon(pool.execute, nap, seconds)
            await trio.testing.wait_all_tasks_blocked()
    stats = pool.get_stats()
    assert stats.total_wait_time == 0 + 1 + 3
    assert stats.average_wait_time == 4 / 3
    assert (stats.wait_time.count, stats.wait_time.total, stats.wait_time.max) == (3, 4, 3)
    assert (stats.run_time.count, stats.run_time.total, stats.run_time.max) == (3, 7, 4)
    assert stats.run_time.average == 7 / 3
    assert stats.run_time.p50 == pytest.approx(2, rel=0.01)
    assert stats.run_time.p99 == pytest.approx(4, rel=0.01)


async def test_percentiles_are_within_one_percent(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1000)
    steps = [str(i) for i in range(1, 1001)]
    await manager.execute_group(ParallelGroup("g", steps), lambda step: nap(int(step) / 100))
    run = manager.get_stats().run_time
    assert (run.count, run.max) == (1000, 10)
    assert run.total == pytest.approx(5005, rel=1e-9)
    for share, value in ((0.5, run.p50), (0.9, run.p90), (0.99, run.p99)):
        assert value == pytest.approx(10 * share, rel=0.01)


async def test_a_groups_steps_wait_from_the_groups_submission(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    await manager.execute_group(ParallelGroup("g", list("abcdef")), lambda step: nap(3))
    stats = manager.get_stats()
    assert stats.total_wait_time == 0 + 0 + 3 + 3 + 6 + 6
    assert stats.average_wait_time == 3
    assert stats.wait_time.max == 6


async def test_a_group_submitted_late_waits_from_then(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    await trio.sleep(100)
    await manager.execute_group(ParallelGroup("g", ["a", "b"]), lambda step: nap(3))
    assert manager.get_stats().total_wait_time == 3


async def test_waiting_counts_only_for_steps_that_started(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    group = ParallelGroup("g", ["a", "b", "c"], timeout=5)
    await manager.execute_group(group, lambda step: nap(4))
    stats = manager.get_stats()
    assert counts(manager) == {"completed": 1, "timed_out": 1, "skipped": 1}
    assert (stats.wait_time.count, stats.total_wait_time, stats.average_wait_time) == (2, 4, 2)


async def test_cancelled_steps_are_in_no_run_time(autojump_clock):
    pool = WorkerPool()
    with trio.move_on_after(1):
        await pool.execute(nap, 9)
    assert pool.get_stats().run_time.count == 0
    assert pool.get_stats().wait_time.count == 1


async def test_the_failure_rate_is_of_those_that_ended_by_themselves(autojump_clock):
    pool = WorkerPool()
    for _ in range(3):
        await pool.execute(nap)
    with pytest.raises(Broken):
        await pool.execute(fail)
    with trio.move_on_after(0.5):
        await pool.execute(nap)
    assert pool.get_stats().failure_rate == 0.25
    with pytest.raises(trio.TooSlowError):
        await pool.execute(WorkerTask("t", nap, timeout=0.5))
    assert pool.get_stats().failure_rate == 0.4


async def test_everything_adds_up_at_every_moment(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2, queue_size=3, timeout=6)
    pool = manager.pool
    over = False

    async def watch():
        while not over:
            assert_adds_up(pool)
            status, stats = pool.get_status(), pool.get_stats()
            assert status.active_workers == stats.active_workers <= 2
            assert status.queue_length == stats.queue_length
            assert len(pool.holders()) == status.active_workers
            await trio.sleep(0.25)

    async def submit(i):
        await trio.sleep(i * 0.3)
        with contextlib.suppress(QueueFull, Broken, trio.TooSlowError):
            await pool.execute(nap if i % 3 else fail, i % 9 + 0.1)

    async def groups(strategy):
        group = ParallelGroup("g", list("abc"), strategy, continue_on_error=True)
        await manager.execute_group(group, lambda step: nap(2))

    async with trio.open_nursery() as outer:
        outer.start_soon(watch)
        async with trio.open_nursery() as nursery:
            for i in range(40):
                nursery.start_soon(submit, i)
            nursery.start_soon(groups, "all_settled")
            nursery.start_soon(groups, "all")
        over = True
    assert_idle(pool)


async def test_everything_adds_up_while_a_step_waits_for_its_own(autojump_clock):
    pool = WorkerPool(max_concurrent=2)

    async def child():
        await trio.sleep(1)
        assert_adds_up(pool)

    async def parent():
        tasks = [WorkerTask(str(i), child) for i in range(5)]
        await pool.execute_many(tasks)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, parent)
        nursery.start_soon(pool.execute, parent)
        await trio.sleep(0.5)
        assert_adds_up(pool)
        assert pool.get_status().active_workers == 2
    assert_idle(pool)
    assert pool.get_stats().tasks_completed == 12


async def test_each_scenario_ends_in_its_own_counts(autojump_clock):
    async def scenario(strategy, plan, **options):
        manager = ParallelExecutionManager(max_concurrent=2)
        tasks = {step: partial(*what) for step, what in plan.items()}
        group = ParallelGroup("g", list(plan), strategy, **options)
        await manager.execute_group(group, lambda step: tasks[step]())
        assert_idle(manager)
        return counts(manager)

    plan = {"a": (nap, 1), "b": (fail, 2), "c": (nap, 9), "d": (nap, 9)}
    assert await scenario("all", plan) == {
        "completed": 1,
        "failed": 1,
        "cancelled": 1,
        "skipped": 1,
    }
    assert await scenario("any", plan) == {"completed": 1, "cancelled": 1, "skipped": 2}
    assert await scenario("race", plan) == {"completed": 1, "cancelled": 1, "skipped": 2}
    assert await scenario("all_settled", plan) == {"completed": 3, "failed": 1}
    assert await scenario("all", plan, continue_on_error=True) == {"completed": 3, "failed": 1}
    assert await scenario("all_settled", plan, step_timeout=5) == {
        "completed": 1,
        "failed": 1,
        "timed_out": 2,
    }
    assert await scenario("all_settled", plan, timeout=1.5) == {
        "completed": 1,
        "timed_out": 2,
        "skipped": 1,
    }


async def test_a_refused_submission_counts_nowhere(autojump_clock):
    pool = WorkerPool(max_concurrent=1, queue_size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, nap)
        nursery.start_soon(pool.execute, nap)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(QueueFull):
            await pool.execute(nap)
    assert pool.get_stats().tasks_submitted == 2


async def test_a_status_says_how_busy_the_pool_is(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=4)
    async with trio.open_nursery() as nursery:
        group = ParallelGroup("g", list("abc"))
        nursery.start_soon(manager.execute_group, group, lambda step: nap())
        await trio.sleep(0.5)
        assert manager.get_status() == PoolStatus(
            active_workers=3,
            max_concurrent=4,
            queue_length=0,
            utilization_rate=75.0,
            paused=False,
        )

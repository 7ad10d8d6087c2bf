"""The figures: every submitted step is in exactly one count, and waits are exact."""

from __future__ import annotations

import contextlib
from functools import partial

import attrs
import pytest
import trio

from hocket import (
    GroupStats,
    ParallelExecutionManager,
    ParallelGroup,
    PoolStats,
    PoolStatus,
    QueueFull,
    WorkerPool,
    WorkerTask,
    quorum,
)
from hocket.testing import assert_adds_up, assert_idle, run_virtual


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
            "tasks_retried",
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


async def test_steps_that_a_time_limit_stopped_have_a_running_time(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=3)
    by_the_groups = ParallelGroup("g", ["a", "b", "c", "d"], "all_settled", timeout=4)
    await manager.execute_group(by_the_groups, lambda step: nap(1 if step == "a" else 9))
    # a 1 s, b and c 4 s each, d from the second 1 until the fourth.
    run = manager.get_stats().run_time
    assert (run.count, run.total, run.max) == (4, 1 + 4 + 4 + 3, 4)
    by_their_own = ParallelGroup("g", ["a"], step_timeout=2)
    await manager.execute_group(by_their_own, lambda step: nap(9))
    stats = manager.get_stats()
    assert stats.run_time.total == 12 + 2
    ended = stats.tasks_completed + stats.tasks_failed + stats.tasks_timed_out
    assert stats.run_time.count == ended == 5


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


# --- a window -------------------------------------------------------------------------------------


async def test_a_window_counts_what_has_happened_in_it_and_the_gauges_are_of_now(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    pool = manager.pool
    await pool.execute(nap, 5)
    await trio.sleep(100)
    with pytest.raises(Broken):
        await pool.execute(fail, 2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, nap, 3)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(pool.execute, nap, 4)
        await trio.sleep(4)
        last = manager.get_stats(window=60)
        assert last == pool.get_stats(window=60)
        assert (last.tasks_submitted, last.tasks_completed, last.tasks_failed) == (3, 1, 1)
        assert (last.tasks_running, last.active_workers, last.queue_length) == (1, 1, 0)
        assert (last.run_time.count, last.run_time.total, last.run_time.max) == (2, 2 + 3, 3)
        assert (last.total_wait_time, last.average_wait_time) == (3, 1)
        assert last.wait_time.p99 == pytest.approx(3, rel=0.01)
        assert last.failure_rate == 0.5
    assert pool.get_stats().tasks_completed == 3
    await trio.sleep(62)
    last = pool.get_stats(window=60)
    assert last == WorkerPool().get_stats()


async def test_a_window_reaches_ten_minutes_back_to_the_second(autojump_clock):
    pool = WorkerPool()
    await pool.execute(nap, 0.5)
    await trio.sleep(599.5)
    await pool.execute(nap, 0.25)
    assert pool.get_stats(window=600).tasks_completed == 2
    await trio.sleep(0.75)
    assert pool.get_stats(window=600).tasks_completed == 1
    assert pool.get_stats(window=0.5).tasks_completed == 1
    assert pool.get_stats().tasks_completed == 2


async def test_what_a_groups_limit_stopped_is_of_the_second_in_which_the_group_ended(
    autojump_clock,
):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", ["a"], timeout=30)
    await manager.execute_group(group, lambda step: nap(99))
    last = manager.get_stats(window=1)
    assert (last.tasks_submitted, last.tasks_timed_out, last.run_time.total) == (0, 1, 30)


def test_a_window_before_any_run_is_all_zero():
    assert WorkerPool().get_stats(window=60) == WorkerPool().get_stats()


def test_a_window_sees_only_the_present_trio_run_whatever_the_clocks_say():
    pool = WorkerPool()

    async def some(count):
        for _ in range(count):
            await pool.execute(nap, 1)
        return pool.get_stats(window=600).tasks_completed

    assert run_virtual(some, 3) == 3
    assert pool.get_stats(window=600).tasks_completed == 3, "after the run it can still be asked"
    assert run_virtual(some, 2) == 2
    assert pool.get_stats().tasks_completed == 5
    assert pool.get_stats().run_time.total == 5


def test_a_window_in_real_time_can_be_asked_from_anywhere():
    pool = WorkerPool()
    trio.run(pool.execute, trio.sleep, 0)
    assert pool.get_stats(window=600).tasks_completed == 1


# --- a group --------------------------------------------------------------------------------------


def plan_of(**seconds):
    return {step: partial(nap, time) for step, time in seconds.items()}


async def run_plan(manager, id, plan, *args, **options):
    group = ParallelGroup(id, list(plan), *args, **options)
    return await manager.execute_group(group, lambda step: plan[step]())


async def test_a_groups_figures_are_of_all_its_runs_and_of_no_other_group(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    await run_plan(manager, "g", plan_of(a=1, b=2, c=4))
    await run_plan(manager, "other", plan_of(x=9))
    plan = {"a": partial(nap, 8), "b": partial(fail, 1), "c": nap, "d": nap}
    await run_plan(manager, "g", plan)
    assert manager.group_stats("g") == GroupStats(
        runs=2,
        open_runs=0,
        tasks_submitted=7,
        tasks_completed=3,
        tasks_failed=1,
        tasks_timed_out=0,
        tasks_cancelled=1,
        tasks_skipped=2,
        tasks_retried=0,
        retries_refused=0,
        tasks_running=0,
        queue_length=0,
        total_wait_time=1,
        average_wait_time=1 / 5,
        longest_wait_time=1,
        total_run_time=1 + 2 + 4 + 1,
        average_run_time=2,
        longest_run_time=4,
        failure_rate=0.25,
    )
    assert manager.group_stats("other").total_run_time == 9


async def test_the_groups_of_a_manager_add_up_to_its_pool(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    await run_plan(manager, "a", plan_of(x=1, y=2, z=9), timeout=5)
    await run_plan(manager, "b", plan_of(x=1, y=2, z=9), "any")
    await run_plan(manager, "c", plan_of(x=1, y=2), step_timeout=1.5)
    pool = attrs.asdict(manager.get_stats())
    groups = [attrs.asdict(manager.group_stats(name)) for name in "abc"]
    for name in attrs.fields_dict(GroupStats).keys() & pool.keys():
        if name.startswith(("tasks", "total")):
            assert sum(group[name] for group in groups) == pool[name], name
    assert sum(group["total_run_time"] for group in groups) == pool["run_time"]["total"]
    assert max(group["longest_run_time"] for group in groups) == pool["run_time"]["max"]


async def test_a_group_can_be_asked_while_it_runs(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(run_plan, manager, "g", plan_of(a=2, b=4, c=6))
        await trio.sleep(3)
        stats = manager.group_stats("g")
        assert (stats.runs, stats.open_runs) == (0, 2)
        # Two slots, three steps each: one run's a and b, then turn by turn.
        assert (stats.tasks_submitted, stats.tasks_completed) == (6, 1)
        assert (stats.tasks_running, stats.queue_length) == (2, 3)
        assert (stats.total_wait_time, stats.total_run_time) == (2, 2)
    stats = manager.group_stats("g")
    assert (stats.runs, stats.open_runs, stats.tasks_completed) == (2, 0, 6)
    assert (stats.tasks_running, stats.queue_length) == (0, 0)


async def test_a_cancelled_run_counts_for_its_group(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    with trio.move_on_after(3):
        await run_plan(manager, "g", plan_of(a=2, b=2, c=2))
    stats = manager.group_stats("g")
    assert (stats.runs, stats.open_runs) == (1, 0)
    assert (stats.tasks_completed, stats.tasks_cancelled, stats.tasks_skipped) == (1, 1, 1)
    assert (stats.total_run_time, stats.total_wait_time) == (2, 2)


async def test_a_run_that_broke_off_counts_for_its_group(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)

    async def leave():
        raise SystemExit

    with pytest.raises(SystemExit):
        await run_plan(manager, "g", {"a": nap, "b": leave, "c": nap})
    stats = manager.group_stats("g")
    assert (stats.runs, stats.open_runs) == (1, 0)
    assert (stats.tasks_completed, stats.tasks_failed, stats.tasks_skipped) == (1, 1, 1)


async def test_a_group_inside_a_step_counts_under_its_own_id(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    inner = plan_of(x=1, y=2)
    await run_plan(manager, "outer", {"a": partial(run_plan, manager, "inner", inner)})
    outer, inner = manager.group_stats("outer"), manager.group_stats("inner")
    assert (outer.tasks_submitted, outer.total_run_time) == (1, 3)
    assert (inner.tasks_submitted, inner.total_run_time, inner.total_wait_time) == (2, 3, 1)


async def test_the_thousand_groups_that_ended_last_are_known_and_all_that_run(autojump_clock):
    manager = ParallelExecutionManager()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_plan, manager, "runs on", plan_of(a=9))
        await trio.sleep(1)
        for i in range(1_001):
            await run_plan(manager, f"g{i}", {})
        assert manager.group_stats("runs on").tasks_running == 1
        with pytest.raises(KeyError, match="no group 'g0' has run"):
            manager.group_stats("g0")
        await run_plan(manager, "g1", {})
        await run_plan(manager, "g0", {})
        assert manager.group_stats("g0").runs == 1
        assert manager.group_stats("g1").runs == 2
    assert manager.group_stats("runs on").runs == 1
    assert len(manager._accounts._ended) == 1_000


async def test_a_group_that_was_refused_at_the_door_has_not_run(autojump_clock):
    manager = ParallelExecutionManager()
    with pytest.raises(ValueError, match="quorum"):
        await run_plan(manager, "g", plan_of(a=1), quorum(2))
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_plan(manager, "g", plan_of(a=1))
    with pytest.raises(KeyError):
        manager.group_stats("g")


async def test_the_id_that_was_meant_is_suggested(autojump_clock):
    manager = ParallelExecutionManager()
    await run_plan(manager, "fetch", plan_of(a=1))
    with pytest.raises(KeyError, match=r"no group 'fecth' has run.*; did you mean 'fetch'\?"):
        manager.group_stats("fecth")

"""Wherever a cancellation comes from, and whenever: everything is cleaned up and awaited, and the pool works on."""

from __future__ import annotations

import contextlib

import pytest
import trio

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    WorkerPool,
    WorkerTask,
)
from hocket.testing import (
    assert_adds_up,
    assert_idle,
    assert_partition,
    assert_works_on,
    run_virtual,
)


class Broken(Exception):
    pass


class Careful:
    """Steps that clean up under a shield, which takes a while, and say so."""

    def __init__(self, **seconds):
        self.seconds = seconds
        self.started, self.cleaned = [], []

    async def __call__(self, step):
        self.started.append(step)
        try:
            await trio.sleep(self.seconds.get(step, 10))
            if step.startswith("bad"):
                raise Broken(step)
            return step
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.5)
            self.cleaned.append(step)


ISOLATIONS = pytest.mark.parametrize("isolation", ["shared", "task"])
LIMITED = pytest.mark.parametrize("step_timeout", [None, 100])
STEPS = [f"s{i}" for i in range(6)]


def living():
    return trio.lowlevel.current_statistics().tasks_living


@ISOLATIONS
@LIMITED
async def test_a_callers_limit_cancels_and_awaits_everything(
    autojump_clock, isolation, step_timeout
):
    manager = ParallelExecutionManager(max_concurrent=3)
    steps = Careful()
    group = ParallelGroup("g", STEPS, isolation=isolation, step_timeout=step_timeout)
    before = living()
    with trio.move_on_after(2) as scope:
        await manager.execute_group(group, steps)
    assert scope.cancelled_caught
    assert trio.current_time() == 2.5
    assert sorted(steps.cleaned) == sorted(steps.started) == ["s0", "s1", "s2"]
    assert living() == before
    stats = manager.get_stats()
    assert (stats.tasks_cancelled, stats.tasks_skipped) == (3, 3)
    await assert_works_on(manager)


@ISOLATIONS
@LIMITED
async def test_a_groups_limit_cancels_and_awaits_everything(
    autojump_clock, isolation, step_timeout
):
    manager = ParallelExecutionManager(max_concurrent=3)
    steps = Careful()
    group = ParallelGroup("g", STEPS, timeout=2, isolation=isolation, step_timeout=step_timeout)
    before = living()
    result = await manager.execute_group(group, steps)
    assert (result.timed_out, result.duration) == (True, 2.5)
    assert sorted(steps.cleaned) == ["s0", "s1", "s2"]
    assert living() == before
    assert_partition(result, STEPS)
    await assert_works_on(manager)


@ISOLATIONS
@LIMITED
async def test_fail_fast_cancels_and_awaits_everything(autojump_clock, isolation, step_timeout):
    # conc #88, argo-workflows #10312, p-map #42.
    manager = ParallelExecutionManager(max_concurrent=3)
    steps = Careful(bad=2)
    group = ParallelGroup("g", ["bad", *STEPS], isolation=isolation, step_timeout=step_timeout)
    before = living()
    result = await manager.execute_group(group, steps)
    assert (result.success, result.duration) == (False, 3)
    assert sorted(steps.cleaned) == sorted(steps.started) == ["bad", "s0", "s1"]
    assert sorted(result.cancelled_steps) == ["s0", "s1"]
    assert living() == before
    await assert_works_on(manager)


@ISOLATIONS
@LIMITED
@pytest.mark.parametrize("strategy", ["any", "race"])
async def test_losers_are_cancelled_and_awaited(autojump_clock, isolation, step_timeout, strategy):
    # effect PR 5449: a race must not return before its losers have cleaned up.
    manager = ParallelExecutionManager(max_concurrent=3)
    steps = Careful(fast=2)
    group = ParallelGroup(
        "g", ["s0", "fast", *STEPS[1:]], strategy, isolation=isolation, step_timeout=step_timeout
    )
    before = living()
    result = await manager.execute_group(group, steps)
    assert (result.value, result.duration) == ("fast", 3)
    assert sorted(steps.cleaned) == sorted(steps.started) == ["fast", "s0", "s1"]
    assert living() == before
    await assert_works_on(manager)


async def test_a_single_task_is_cancelled_and_awaited(autojump_clock):
    for timeout in (None, 100):
        pool = WorkerPool(max_concurrent=1, timeout=timeout)
        steps = Careful()
        start = trio.current_time()
        with trio.move_on_after(2) as scope:
            await pool.execute(steps, "a")
        assert scope.cancelled_caught
        assert trio.current_time() - start == 2.5
        assert steps.cleaned == ["a"]
        assert pool.get_stats().tasks_cancelled == 1
        await assert_works_on(pool)


@pytest.mark.parametrize("when", [0, 0.5, 1, 1.5])
async def test_cancelled_while_waiting_for_a_slot_has_no_effect(autojump_clock, when):
    pool = WorkerPool(max_concurrent=1)
    started = []

    async def step(name):
        started.append(name)
        await trio.sleep(2)

    async def victim(scope):
        with scope:
            await pool.execute(step, "victim")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, step, "first")
        await trio.testing.wait_all_tasks_blocked()
        scope = trio.CancelScope()
        nursery.start_soon(victim, scope)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(pool.execute, step, "last")
        await trio.sleep(when)
        scope.cancel()
    assert started == ["first", "last"]
    assert trio.current_time() == 4
    stats = pool.get_stats()
    assert (stats.tasks_cancelled, stats.tasks_skipped, stats.wait_time.count) == (0, 1, 2)
    await assert_works_on(pool)


@pytest.mark.parametrize("ticks", range(5))
@pytest.mark.parametrize("who", ["execute", "group", "tasks"])
async def test_a_cancelled_grantee_passes_the_slot_on(autojump_clock, who, ticks):
    # anyio #947, concurrency-limits PR 179, failsafe PR 400: grant and cancellation meet.
    manager = ParallelExecutionManager(max_concurrent=1)
    pool = manager.pool
    scope = trio.CancelScope()
    started = []

    async def holder():
        await trio.sleep(1)
        scope.cancel()
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()

    async def step(name):
        started.append(name)
        await trio.lowlevel.checkpoint()

    async def victim():
        with scope:
            match who:
                case "execute":
                    await pool.execute(step, "victim")
                case "group":
                    await manager.execute_group(ParallelGroup("g", ["v1", "v2"]), step)
                case "tasks":
                    await pool.execute_many([WorkerTask(i, lambda: step("v")) for i in "ab"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, holder)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(victim)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(pool.execute, step, "next")
        nursery.start_soon(manager.execute_group, ParallelGroup("h", ["other"]), step)
    assert sorted(started) == ["next", "other"]
    await assert_works_on(manager)


@pytest.mark.parametrize("first", ["cancel", "free"])
async def test_granted_and_cancelled_in_one_tick_starts_nothing_or_finishes(autojump_clock, first):
    pool = WorkerPool(max_concurrent=1)
    release = trio.Event()
    scope = trio.CancelScope()
    log = []

    async def hold():
        await release.wait()

    async def victim():
        with scope:
            log.append("start")
            await pool.execute(work)
            log.append("returned")

    async def work():
        log.append("ran")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, hold)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(victim)
        await trio.testing.wait_all_tasks_blocked()
        for what in ("cancel", "free") if first == "cancel" else ("free", "cancel"):
            release.set() if what == "free" else scope.cancel()
    # Trio's rule: Cancelled means that nothing has happened.
    assert log == (["start"] if scope.cancelled_caught else ["start", "ran", "returned"])
    await assert_works_on(pool)


async def test_finished_work_is_never_reported_cancelled(autojump_clock):
    # Polly #188 and #2375, temporal sdk-python #150, Trio #267.
    pool = WorkerPool()
    manager = ParallelExecutionManager()

    async def finish(step=None):
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        return "done"

    with trio.move_on_after(1) as scope:
        assert await pool.execute(finish) == "done"
    assert not scope.cancelled_caught
    with trio.move_on_after(1) as scope:
        assert await pool.execute_many([WorkerTask(i, finish) for i in "ab"]) == ["done"] * 2
    assert not scope.cancelled_caught
    for strategy in ("all", "any", "race", "all_settled", "quorum(2)"):
        for options in ({}, {"step_timeout": 9}, {"isolation": "task"}, {"timeout": 9}):
            for patient in (False, True):
                group = ParallelGroup(
                    "g", ["a", "b"], strategy, continue_on_error=patient, **options
                )
                with trio.move_on_after(1) as scope:
                    result = await manager.execute_group(group, finish)
                    assert result.success
                    assert result.results == {"a": "done", "b": "done"} or result.winner
                assert not scope.cancelled_caught, (strategy, options, patient)
    assert pool.get_stats().tasks_cancelled == 0
    assert_idle(manager)


@pytest.mark.parametrize("strategy", ["all", "any", "race", "all_settled"])
@pytest.mark.parametrize("patient", [False, True])
async def test_long_computing_work_that_finished_is_not_reported_cancelled(strategy, patient):
    manager = ParallelExecutionManager()
    import time

    async def compute(step=None):
        scope.cancel()
        time.sleep(0.003)  # noqa: ASYNC251 - long enough for the driver to owe Trio a checkpoint
        return "done"

    with trio.CancelScope() as scope:
        assert await manager.pool.execute(compute) == "done"
    assert not scope.cancelled_caught
    with trio.CancelScope() as scope:
        group = ParallelGroup("g", ["a"], strategy, continue_on_error=patient)
        result = await manager.execute_group(group, compute)
        assert result.results == {"a": "done"}
    assert not scope.cancelled_caught
    assert_idle(manager)


async def test_a_decided_group_returns_its_result_to_a_cancelled_caller(autojump_clock):
    manager = ParallelExecutionManager()
    steps = Careful(fast=1)
    with trio.move_on_after(1.7) as scope:  # while the winner's clean-up has ended, the loser's not
        result = await manager.execute_group(ParallelGroup("g", ["fast", "s"], "any"), steps)
    assert not scope.cancelled_caught
    assert (result.winner, result.cancelled_steps) == ("fast", ["s"])
    assert sorted(steps.cleaned) == ["fast", "s"]
    assert_idle(manager)


def small_schedule(manager, log):
    """A few callers of every kind that compete for two slots."""
    pool = manager.pool

    async def step(name):
        log.append(("start", name))
        try:
            await trio.sleep(1)
            if name.startswith("bad"):
                raise Broken(name)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.25)
            log.append(("end", name))

    async def nested(name):
        log.append(("start", name))
        try:
            await pool.execute(step, name + ".1")
            await manager.execute_group(ParallelGroup("n", [name + ".2", name + ".3"]), step)
        finally:
            log.append(("end", name))

    async def single(name):
        with contextlib.suppress(Broken, QueueFull):
            await pool.execute(step, name)

    async def group(name, strategy, executor, **options):
        steps = [f"{name}{i}" for i in range(3)]
        await manager.execute_group(ParallelGroup(name, steps, strategy, **options), executor)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(single, "one")
            nursery.start_soon(group, "g", "all", step)
            nursery.start_soon(single, "bad")
            nursery.start_soon(lambda: group("l", "all_settled", step, step_timeout=0.7))
            nursery.start_soon(lambda: group("bad", "all", step, isolation="task"))
            nursery.start_soon(group, "r", "race", nested)

    return main


@pytest.mark.parametrize("kind", ["outer", "inner"])
def test_a_cancellation_at_every_instant_leaves_the_pool_in_order(kind):
    """Sweep the instant: before, at and after every start and end."""
    instants = [i * 0.125 + shift for i in range(60) for shift in (0.0, 0.01)]

    async def main(instant):
        manager = ParallelExecutionManager(max_concurrent=2, queue_size=5)
        log = []
        before = living()
        with trio.move_on_after(instant):
            await small_schedule(manager, log)()
        assert living() == before
        started = sorted(name for what, name in log if what == "start")
        ended = sorted(name for what, name in log if what == "end")
        assert started == ended
        assert len(set(started)) == len(started), "no step runs twice"
        await assert_works_on(manager)

    for instant in instants:
        run_virtual(main, instant + 1e-6 if kind == "inner" else instant)


def test_a_cancellation_after_every_checkpoint_leaves_the_pool_in_order():
    """Sweep the tick: all that happens happens at one instant, and the order of tasks is Trio's."""

    async def main(ticks):
        manager = ParallelExecutionManager(max_concurrent=2)
        scope = trio.CancelScope()
        log = []

        async def step(name):
            log.append(("start", name))
            try:
                for _ in range(2):
                    await trio.lowlevel.checkpoint()
            finally:
                log.append(("end", name))

        async def victim():
            with scope:
                await manager.execute_group(ParallelGroup("v", ["v0", "v1", "v2", "v3"]), step)

        async def bystander():
            result = await manager.execute_group(ParallelGroup("b", ["b0", "b1", "b2"]), step)
            assert result.completed_steps.__len__() == 3
            await manager.pool.execute(step, "single")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(victim)
            nursery.start_soon(bystander)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            scope.cancel()
        assert sorted(n for w, n in log if w == "start") == sorted(n for w, n in log if w == "end")
        await assert_works_on(manager)

    for ticks in range(30):
        for _ in range(5):
            run_virtual(main, ticks)


@LIMITED
async def test_a_cancellation_reaches_a_run_of_steps_that_never_suspend(step_timeout):
    manager = ParallelExecutionManager()
    ran = []

    async def step(step):
        ran.append(step)
        if len(ran) == 10:
            scope.cancel()

    steps = [str(i) for i in range(200_000)]
    group = ParallelGroup("g", steps, step_timeout=step_timeout)
    with trio.CancelScope() as scope:
        await manager.execute_group(group, step)
    assert scope.cancelled_caught
    assert len(ran) < 100_000
    assert manager.get_stats().tasks_completed == len(ran)
    assert_idle(manager)


async def test_nothing_starts_in_a_group_that_is_cancelled(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    started = []

    async def step(step):
        started.append(step)
        with trio.CancelScope(shield=True):
            await trio.sleep(1)

    with trio.move_on_after(0.5) as scope:
        await manager.execute_group(ParallelGroup("g", STEPS), step)
    assert scope.cancelled_caught
    assert started == ["s0", "s1"]
    assert_idle(manager)


async def test_a_stubborn_step_is_completed_and_the_rest_is_not_started(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    done = []

    async def stubborn(step):
        try:
            await trio.sleep(5)
        except trio.Cancelled:
            done.append(step)

    with trio.move_on_after(0.5) as scope:
        await manager.execute_group(ParallelGroup("g", STEPS), stubborn)
    assert scope.cancelled_caught
    assert done == ["s0", "s1"] or done == ["s1", "s0"]
    assert manager.get_stats().tasks_completed == 2
    assert manager.get_stats().tasks_skipped == 4
    assert_idle(manager)


async def test_an_error_during_the_clean_up_of_a_cancelled_step_is_kept(autojump_clock):
    manager = ParallelExecutionManager()

    async def step(step):
        if step == "bad":
            await trio.sleep(1)
            raise Broken("first")
        try:
            await trio.sleep(9)
        finally:
            raise Broken("during clean-up")

    result = await manager.execute_group(ParallelGroup("g", ["bad", "other"]), step)
    assert result.failed_steps == ["bad", "other"]
    assert [str(error) for error in result.errors.values()] == ["first", "during clean-up"]
    assert_idle(manager)


async def test_a_cancellation_during_the_clean_up_of_a_late_step_is_the_callers(autojump_clock):
    # Trio judges: a scope whose parent is cancelled as well does not catch.
    manager = ParallelExecutionManager()
    steps = Careful()
    group = ParallelGroup("g", ["a", "b"], "all_settled", step_timeout=1)
    with trio.move_on_after(1.2) as scope:  # the steps clean up until 1.5
        await manager.execute_group(group, steps)
    assert scope.cancelled_caught
    assert trio.current_time() == 1.5
    assert_adds_up(manager)
    assert manager.get_stats().tasks_cancelled == 2
    await assert_works_on(manager)


async def test_every_submission_settles(autojump_clock):
    # p-queue: a submission that never settles after clear or shutdown.
    pool = WorkerPool(max_concurrent=1)
    settled = []

    async def caller(i):
        try:
            await pool.execute(trio.sleep, 10)
        finally:
            settled.append(i)

    with trio.move_on_after(15):
        async with trio.open_nursery() as nursery:
            for i in range(10):
                nursery.start_soon(caller, i)
    assert sorted(settled) == list(range(10))
    stats = pool.get_stats()
    assert (stats.tasks_completed, stats.tasks_cancelled, stats.tasks_skipped) == (1, 1, 8)
    await assert_works_on(pool)

"""WorkerPool: one limit for all who use it, a queue, exact waits, nested submission."""

from __future__ import annotations

import math
import threading
from functools import partial

import pytest
import trio

import hocket
from hocket import (
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    StepTimeout,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle, assert_works_on, run_virtual


class Broken(Exception):
    pass


async def nap(seconds=1.0, value=None):
    await trio.sleep(seconds)
    return value


async def fail(seconds=0.0):
    await trio.sleep(seconds)
    raise Broken(seconds)


# --- execute --------------------------------------------------------------------------------------


async def test_execute_returns_the_value_of_a_function_with_arguments(autojump_clock):
    pool = WorkerPool()
    assert await pool.execute(nap, 2, "x") == "x"
    assert await pool.execute(partial(nap, value="y")) == "y"
    assert await pool.execute(WorkerTask("n", partial(nap, 1, "z"))) == "z"
    assert trio.current_time() == 4
    assert_idle(pool)


async def test_execute_raises_the_steps_own_exception(autojump_clock):
    pool = WorkerPool()
    error = Broken()

    async def raise_it():
        await trio.sleep(1)
        raise error

    with pytest.raises(Broken) as caught:
        await pool.execute(raise_it)
    assert caught.value is error
    assert pool.get_stats().tasks_failed == 1
    assert_idle(pool)


async def test_execute_runs_in_the_callers_task_and_is_a_checkpoint():
    pool = WorkerPool()

    async def who():
        return trio.lowlevel.current_task()

    assert await pool.execute(who) is trio.lowlevel.current_task()
    with trio.testing.assert_checkpoints():
        await pool.execute(who)


async def test_a_cancelled_caller_submits_nothing():
    pool = WorkerPool()
    started = []

    async def start():
        started.append(1)

    with trio.CancelScope() as scope:
        scope.cancel()
        await pool.execute(start)
    with trio.CancelScope() as scope:
        scope.cancel()
        await pool.execute_many([WorkerTask("a", start)])
    assert not started
    assert pool.get_stats().tasks_submitted == 0


async def test_never_more_than_the_limit_run_at_once(autojump_clock):
    pool = WorkerPool(max_concurrent=3)
    running = most = 0

    async def step():
        nonlocal running, most
        running += 1
        most = max(most, running)
        assert pool.get_status().active_workers <= 3
        await trio.sleep(1)
        running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(pool.execute, step)
    assert (most, trio.current_time()) == (3, 4)
    assert_idle(pool)


async def test_a_freed_slot_goes_to_the_longest_waiter(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    order = []

    async def step(name):
        order.append(name)
        await trio.sleep(10)

    async def come(name, when):
        await trio.sleep(when)
        await pool.execute(step, name)

    async with trio.open_nursery() as nursery:
        for name, when in zip("dacb", (3, 0, 2, 1), strict=True):
            nursery.start_soon(come, name, when)
    assert order == ["a", "b", "c", "d"]
    assert pool.get_stats().total_wait_time == 0 + 9 + 18 + 27
    assert pool.get_stats().average_wait_time == 13.5


async def test_nobody_can_barge_past_the_line(autojump_clock):
    # The holder asks again in the very moment in which its slot becomes free.
    pool = WorkerPool(max_concurrent=1)
    order = []

    async def step(name):
        order.append(name)
        await trio.sleep(1)

    async def greedy():
        for _ in range(3):
            await pool.execute(step, "greedy")

    async def modest():
        await trio.sleep(0.5)
        await pool.execute(step, "modest")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(greedy)
        nursery.start_soon(modest)
    assert order == ["greedy", "modest", "greedy", "greedy"]


async def test_an_error_in_one_callers_step_does_not_touch_another(autojump_clock):
    pool = WorkerPool(max_concurrent=2)
    results = []

    async def careful():
        with pytest.raises(Broken):
            await pool.execute(fail, 1)

    async def other():
        results.append(await pool.execute(nap, 2, "fine"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(careful)
        nursery.start_soon(other)
    assert results == ["fine"]
    assert_idle(pool)


# --- the queue ------------------------------------------------------------------------------------


async def test_a_full_queue_refuses_and_nothing_has_happened(autojump_clock):
    pool = WorkerPool(max_concurrent=1, queue_size=2)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pool.execute, nap)
        await trio.testing.wait_all_tasks_blocked()
        before = pool.get_stats()
        assert (before.active_workers, before.queue_length) == (1, 2)
        with pytest.raises(QueueFull, match=r"already holds 2 waiting.*queue_size=2") as caught:
            await pool.execute(nap)
        assert 'when_full="wait"' in str(caught.value)
        assert pool.get_stats() == before
        await trio.sleep(1)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert pool.get_status().queue_length == 1
        await pool.execute(nap)  # there is a place again
    assert trio.current_time() == pytest.approx(4)
    assert pool.get_stats().tasks_completed == 4
    assert_idle(pool)


async def test_a_full_queue_can_make_callers_wait_in_their_order(autojump_clock):
    pool = WorkerPool(max_concurrent=1, queue_size=1, when_full="wait")
    order = []

    async def step(name):
        order.append(name)
        await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for i in range(6):
            nursery.start_soon(pool.execute, step, i)
            await trio.testing.wait_all_tasks_blocked()
        assert pool.get_stats().tasks_submitted == 6
        assert_adds_up(pool)
    assert order == [0, 1, 2, 3, 4, 5]
    assert trio.current_time() == 6
    assert_idle(pool)


@pytest.mark.parametrize("victim", range(1, 5))
async def test_a_caller_that_gives_up_outside_a_full_queue_lets_the_next_one_in(
    autojump_clock, victim
):
    pool = WorkerPool(max_concurrent=1, queue_size=2, when_full="wait")
    order = []

    async def step(name):
        order.append(name)
        await trio.sleep(1)

    async def caller(name, scope):
        with scope:
            await pool.execute(step, name)

    scopes = [trio.CancelScope() for _ in range(5)]
    async with trio.open_nursery() as nursery:
        for name, scope in enumerate(scopes):
            nursery.start_soon(caller, name, scope)
            await trio.testing.wait_all_tasks_blocked()
        scopes[victim].cancel()
    assert order == [i for i in range(5) if i != victim]
    await assert_works_on(pool)


async def test_a_groups_own_steps_take_no_place_in_the_queue(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1, queue_size=1)
    group = ParallelGroup("g", [str(i) for i in range(20)])
    result = await manager.execute_group(group, lambda step: nap())
    assert len(result.completed_steps) == 20
    tasks = [WorkerTask(str(i), nap) for i in range(20)]
    assert len(await manager.pool.execute_many(tasks)) == 20
    assert_idle(manager)


async def test_queue_full_leaves_room_for_whom_it_was_not_refused(autojump_clock):
    # aiojobs #98, Bottleneck #152: a queue that filled once must go on.
    pool = WorkerPool(max_concurrent=2, queue_size=3)
    done = refused = 0

    async def caller(i):
        nonlocal done, refused
        await trio.sleep(i * 0.1)
        try:
            await pool.execute(nap, 1)
        except QueueFull:
            refused += 1
        else:
            done += 1

    async with trio.open_nursery() as nursery:
        for i in range(60):
            nursery.start_soon(caller, i)
    assert done + refused == 60
    assert refused > 0
    await assert_works_on(pool)


# --- many -----------------------------------------------------------------------------------------


async def test_execute_many_returns_values_in_the_order_of_the_tasks(autojump_clock):
    pool = WorkerPool(max_concurrent=3)
    tasks = [WorkerTask(str(i), partial(nap, 10 - i, i)) for i in range(10)]
    assert await pool.execute_many(tasks) == list(range(10))
    assert await pool.execute_many([]) == []
    assert await pool.execute_many(WorkerTask(i, partial(nap, 1, i)) for i in "ab") == ["a", "b"]


@pytest.mark.parametrize("failures", [1, 2])
async def test_execute_many_raises_a_group_also_for_one_error(autojump_clock, failures):
    pool = WorkerPool()
    tasks = [WorkerTask("ok", nap)] + [WorkerTask(f"f{i}", fail) for i in range(failures)]
    with pytest.raises(GroupFailed) as caught:
        await pool.execute_many(tasks)
    assert all(type(error) is Broken for error in caught.value.exceptions)
    assert "in step 'f0'" in caught.value.exceptions[0].__notes__[0]
    assert trio.current_time() == 0
    assert_idle(pool)


async def test_execute_with_strategy_raises_nothing_for_a_steps_failure(autojump_clock):
    pool = WorkerPool()
    tasks = [WorkerTask("f", partial(fail, 1)), WorkerTask("n", partial(nap, 2, "v"))]
    result = await pool.execute_with_strategy(tasks, "any")
    assert (result.success, result.winner, result.value) == (True, "n", "v")
    result = await pool.execute_with_strategy(tasks, "all")
    assert (result.success, result.failed_steps, result.cancelled_steps) == (False, ["f"], ["n"])
    result = await pool.execute_with_strategy(tasks, "all_settled", timeout=1.5)
    assert result.timed_out
    assert isinstance(result.errors["n"], StepTimeout)
    assert result.errors["n"].limited == "group"
    assert_idle(pool)


async def test_each_task_has_its_own_time_limit(autojump_clock):
    pool = WorkerPool(timeout=2)
    tasks = [
        WorkerTask("short", partial(nap, 5), timeout=1),
        WorkerTask("pools", partial(nap, 5)),
        WorkerTask("long", partial(nap, 5), timeout=3),
        WorkerTask("none", partial(nap, 5), timeout=math.inf),
    ]
    result = await pool.execute_with_strategy(tasks, "all_settled")
    assert result.failed_steps == ["short", "pools", "long"]
    assert [error.limit for error in result.errors.values()] == [1, 2, 3]
    assert result.completed_steps == ["none"]
    assert pool.get_stats().tasks_timed_out == 3
    assert_idle(pool)


# --- time limits of single steps ------------------------------------------------------------------


async def test_a_step_past_its_limit_fails_with_step_timeout_and_shows_where_it_was(
    autojump_clock,
):
    pool = WorkerPool(timeout=2)

    async def stuck_here():
        await trio.sleep(9)

    with pytest.raises(StepTimeout) as caught:
        await pool.execute(stuck_here)
    assert trio.current_time() == 2
    error = caught.value
    assert isinstance(error, trio.TooSlowError)
    assert (error.limit, error.limited) == (2, "step")
    assert "stuck_here" in error.step
    assert isinstance(error.__cause__, trio.Cancelled)
    names = []
    traceback = error.__cause__.__traceback__
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[0] == "stuck_here"
    assert "sleep" in names
    assert pool.get_stats().tasks_timed_out == 1
    assert_idle(pool)


async def test_the_limit_counts_from_the_start_and_not_from_the_queueing(autojump_clock):
    pool = WorkerPool(max_concurrent=1, timeout=2)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(pool.execute, nap, 1.5)
    assert trio.current_time() == 7.5
    assert pool.get_stats().tasks_timed_out == 0


async def test_a_tasks_limit_comes_before_the_pools(autojump_clock):
    pool = WorkerPool(timeout=1)
    assert await pool.execute(WorkerTask("t", partial(nap, 5, "v"), timeout=6)) == "v"
    assert await pool.execute(WorkerTask("t", partial(nap, 5, "v"), timeout=math.inf)) == "v"
    with pytest.raises(StepTimeout):
        await pool.execute(nap, 5)


async def test_a_step_that_never_suspends_is_completed_however_late(autojump_clock):
    pool = WorkerPool(timeout=1)

    async def compute():
        autojump_clock.jump(5)
        return "late"

    assert await pool.execute(compute) == "late"

    async def compute_after_a_checkpoint():
        await trio.lowlevel.checkpoint()
        autojump_clock.jump(5)
        return "late"

    assert await pool.execute(compute_after_a_checkpoint) == "late"
    assert pool.get_stats().tasks_timed_out == 0


async def test_a_timed_out_step_that_returns_all_the_same_is_completed(autojump_clock):
    pool = WorkerPool(timeout=1)

    async def stubborn():
        try:
            await trio.sleep(9)
        except trio.Cancelled:
            return "rescued"

    assert await pool.execute(stubborn) == "rescued"
    assert trio.current_time() == 1

    async def shielded():
        with trio.CancelScope(shield=True):
            await trio.sleep(9)
        return "late"

    assert await pool.execute(shielded) == "late"
    assert pool.get_stats().tasks_completed == 2
    assert_idle(pool)


async def test_a_timed_out_step_that_raises_something_else_has_failed_with_that(autojump_clock):
    pool = WorkerPool(timeout=1)

    async def turn():
        try:
            await trio.sleep(9)
        except trio.Cancelled:
            raise Broken from None

    with pytest.raises(Broken):
        await pool.execute(turn)
    stats = pool.get_stats()
    assert (stats.tasks_failed, stats.tasks_timed_out) == (1, 0)


async def test_a_callers_own_limit_inside_the_steps_is_the_callers(autojump_clock):
    pool = WorkerPool(timeout=5)
    with trio.move_on_after(1) as scope:
        await pool.execute(nap, 9)
    assert scope.cancelled_caught
    assert (pool.get_stats().tasks_cancelled, pool.get_stats().tasks_timed_out) == (1, 0)
    with pytest.raises(trio.TooSlowError) as caught:
        with trio.fail_after(1):
            await pool.execute(nap, 9)
    assert not isinstance(caught.value, StepTimeout)
    assert_idle(pool)


async def test_a_steps_own_fail_after_is_an_ordinary_failure(autojump_clock):
    pool = WorkerPool(timeout=5)

    async def strict():
        with trio.fail_after(1):
            await trio.sleep(2)

    with pytest.raises(trio.TooSlowError) as caught:
        await pool.execute(strict)
    assert not isinstance(caught.value, StepTimeout)
    assert pool.get_stats().tasks_failed == 1


# --- the limit changes ----------------------------------------------------------------------------


async def test_raising_the_limit_starts_waiting_steps_at_once(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    starts = []

    async def step(step):
        starts.append(trio.current_time())
        await trio.sleep(10)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute_group, ParallelGroup("g", list("abcd")), step)
        nursery.start_soon(manager.pool.execute, step, "x")
        await trio.sleep(1)
        manager.pool.max_concurrent = 4
        assert manager.pool.max_concurrent == 4
        await trio.sleep(1)
        assert manager.get_status().active_workers == 4
        assert manager.get_status().utilization_rate == 100.0
    assert sorted(starts) == [0, 1, 1, 1, 10]
    await assert_works_on(manager)


async def test_lowering_the_limit_stops_nothing_and_starts_no_more(autojump_clock):
    pool = WorkerPool(max_concurrent=4)
    spans = []

    async def step():
        start = trio.current_time()
        await trio.sleep(1 + len(spans))
        spans.append((start, trio.current_time()))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(pool.execute, nap, 2)
        await trio.sleep(1)
        pool.max_concurrent = 1
        status = pool.get_status()
        assert (status.active_workers, status.max_concurrent) == (4, 1)
        assert status.utilization_rate == 400.0
        await trio.sleep(1.5)
        assert pool.get_status().active_workers == 1
    assert trio.current_time() == 2 + 4 * 2
    await assert_works_on(pool)


async def test_a_resize_gives_out_the_spare_and_not_the_difference(autojump_clock):
    # anyio PR 1223: lowered below what runs, then raised: only what is spare may start.
    pool = WorkerPool(max_concurrent=4)
    running = most = 0

    async def step():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(10)
        running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(pool.execute, step)
        await trio.sleep(1)
        for limit in (1, 3, 2, 4, 1, 4, 5, 2, 5):
            pool.max_concurrent = limit
            await trio.testing.wait_all_tasks_blocked()
    assert most == 5
    await assert_works_on(pool)


async def test_the_limit_may_be_changed_by_a_step(autojump_clock):
    pool = WorkerPool(max_concurrent=1)

    async def step():
        pool.max_concurrent += 1
        await trio.sleep(1)

    await pool.execute_many([WorkerTask(str(i), step) for i in range(7)])
    assert pool.max_concurrent == 8
    await assert_works_on(pool)


# --- a step that uses its own pool ----------------------------------------------------------------


async def nest(pool, depth, how, suspend):
    if suspend:
        await trio.sleep(1)
    if depth == 0:
        return 1
    deeper = partial(nest, pool, depth - 1, how, suspend)
    match how:
        case "execute":
            return 1 + await pool.execute(deeper)
        case "execute_many":
            tasks = [WorkerTask(str(i), deeper) for i in range(2)]
            return 1 + sum(await pool.execute_many(tasks))
        case "execute_group":
            manager = ParallelExecutionManager()
            manager._pool = pool
            group = ParallelGroup("g", ["a", "b"])
            result = await manager.execute_group(group, lambda step: deeper())
            result.raise_for_failure()
            return 1 + sum(result.results.values())
        case "nursery":
            async with trio.open_nursery() as nursery:
                for _ in range(2):
                    nursery.start_soon(pool.execute, deeper)
            return 1
    raise AssertionError(how)


@pytest.mark.parametrize("suspend", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("how", ["execute", "execute_many", "execute_group", "nursery"])
@pytest.mark.parametrize("depth", range(1, 6))
async def test_a_step_may_submit_to_its_own_pool(autojump_clock, depth, how, limit, suspend):
    pool = WorkerPool(max_concurrent=limit)
    result = await pool.execute(nest, pool, depth, how, suspend)
    assert result >= 1
    steps = depth + 1 if how == "execute" else 2 ** (depth + 1) - 1
    assert pool.get_stats().tasks_completed == steps
    if how in ("execute_many", "execute_group"):
        assert result == steps
    if limit == 1 and suspend:
        assert trio.current_time() == steps
    await assert_works_on(pool)


async def test_a_step_lends_its_slot_to_one_step_at_a_time(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    running = most = 0

    async def child():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async def parent():
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(pool.execute, child)
            await trio.testing.wait_all_tasks_blocked()
            status = pool.get_status()
            assert (status.active_workers, status.queue_length) == (1, 4)

    await pool.execute(parent)
    assert (most, trio.current_time()) == (1, 5)
    assert pool.get_stats().tasks_completed == 6
    await assert_works_on(pool)


async def test_only_what_a_step_waits_for_borrows_its_slot(autojump_clock):
    # A task beside the caller is not below the caller's step, though it is in the caller's nursery.
    manager = ParallelExecutionManager(max_concurrent=1)
    running = most = 0

    async def step(step):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute_group, ParallelGroup("B", ["x", "y"]), step)
        nursery.start_soon(manager.pool.execute, step, "z")
        await manager.execute_group(ParallelGroup("A", ["a", "b"]), step)
        await manager.pool.execute(step, "c")
    assert most == 1
    assert trio.current_time() == 6


async def test_nested_groups_of_several_steps_share_what_the_pool_has(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=3)
    running = most = 0

    async def leaf(step):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async def branch(step):
        await manager.execute_group(ParallelGroup(step, list("abcd")), leaf)

    result = await manager.execute_group(ParallelGroup("root", list("xyz")), branch)
    assert result.success
    assert most == 3
    # A lent slot may lie idle while the other steps of its group run: then it takes one more.
    assert trio.current_time() in (4, 5)
    assert manager.get_stats().tasks_completed == 15
    await assert_works_on(manager)


async def test_two_pools_that_call_each_other_do_not_lock_up(autojump_clock):
    one, two = WorkerPool(max_concurrent=1), WorkerPool(max_concurrent=1)

    async def back_and_forth(depth):
        await trio.sleep(1)
        if depth:
            await (one if depth % 2 else two).execute(back_and_forth, depth - 1)

    await two.execute(back_and_forth, 7)
    assert trio.current_time() == 8
    await assert_works_on(one)
    await assert_works_on(two)


async def test_a_nested_step_that_fails_gives_the_slot_back(autojump_clock):
    pool = WorkerPool(max_concurrent=1)

    async def parent():
        for _ in range(3):
            with pytest.raises(Broken):
                await pool.execute(fail, 1)
            with pytest.raises(StepTimeout):
                await pool.execute(WorkerTask("t", partial(nap, 9), timeout=1))
            with trio.move_on_after(1):
                await pool.execute(nap, 9)

    await pool.execute(parent)
    await assert_works_on(pool)


# --- what it says ---------------------------------------------------------------------------------


async def test_holders_names_the_running_steps_with_their_age(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    pool = manager.pool
    assert pool.holders() == []
    async with trio.open_nursery() as nursery:
        group = ParallelGroup("g", ["a", "b", "c"])
        nursery.start_soon(manager.execute_group, group, lambda step: nap(4))
        await trio.sleep(1.5)
        assert sorted(pool.holders()) == [("a", 1.5), ("b", 1.5)]
        await trio.sleep(3)
        assert pool.holders() == [("c", 0.5)]
    assert pool.holders() == []


async def test_status_while_idle():
    status = WorkerPool(max_concurrent=7).get_status()
    assert (status.active_workers, status.max_concurrent) == (0, 7)
    assert (status.queue_length, status.utilization_rate) == (0, 0.0)


def test_from_config_takes_everything_over():
    config = WorkerPoolConfig(max_concurrent=3, queue_size=1, timeout=2, when_full="wait")
    pool = WorkerPool.from_config(config)
    assert (pool.max_concurrent, pool.timeout) == (3, 2.0)
    manager = ParallelExecutionManager.from_config(config)
    assert (manager.pool.max_concurrent, manager.pool.timeout) == (3, 2.0)

    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(9):  # with "raise" the fifth would be refused
                nursery.start_soon(pool.execute, nap)

    run_virtual(main)
    assert pool.get_stats().tasks_completed == 9


def test_a_pool_serves_one_trio_run_after_another():
    pool = WorkerPool(max_concurrent=2)
    for _ in range(3):
        assert run_virtual(pool.execute, nap, 1, "v") == "v"
    assert pool.get_stats().tasks_completed == 3
    assert_idle(pool)


def test_a_pool_serves_no_two_trio_runs_at_once():
    pool = WorkerPool(max_concurrent=2)
    inside, leave = threading.Event(), threading.Event()

    async def hold():
        inside.set()
        await trio.to_thread.run_sync(leave.wait)

    thread = threading.Thread(target=lambda: trio.run(pool.execute, hold))
    thread.start()
    inside.wait()
    try:
        for call in (
            partial(pool.execute, nap),
            partial(pool.execute_many, [WorkerTask("a", nap)]),
        ):
            with pytest.raises(RuntimeError, match=r"busy in another trio\.run"):
                trio.run(call)
    finally:
        leave.set()
        thread.join()
    assert trio.run(pool.execute, nap, 0, "v") == "v"
    assert_idle(pool)


async def test_the_limit_is_not_changed_from_another_thread(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    spans = []

    async def step():
        start = trio.current_time()
        await trio.sleep(1)
        spans.append(start)

    async def meddle():
        def change():
            with pytest.raises(RuntimeError, match="from_thread"):
                pool.max_concurrent = 5

        await trio.to_thread.run_sync(change)

    await pool.execute_many([WorkerTask("m", meddle)] + [WorkerTask(i, step) for i in "abc"])
    assert pool.max_concurrent == 1
    assert spans == [0, 1, 2]
    await assert_works_on(pool)


def test_the_limit_of_an_idle_pool_may_be_changed_anywhere():
    pool = WorkerPool()
    pool.max_concurrent = 3
    assert pool.max_concurrent == 3


async def test_a_task_given_in_scheduling_order_keeps_its_id(autojump_clock):
    # dbos #688: ids are given at submission, so results do not depend on who starts first.
    pool = WorkerPool(max_concurrent=1)
    ids = [f"t{i}" for i in range(5)]
    tasks = [WorkerTask(i, partial(nap, 1, i)) for i in ids]
    result = await pool.execute_with_strategy(tasks)
    assert dict(result.results) == {i: i for i in ids}


async def test_a_step_that_runs_in_a_thread_keeps_its_slot_until_the_thread_ends():
    # spring-cloud-circuitbreaker #163: real time, because a thread runs in it.
    pool = WorkerPool(max_concurrent=1, timeout=0.05)
    release = threading.Event()

    async def in_thread():
        await trio.to_thread.run_sync(release.wait)

    async def watch():
        await trio.sleep(0.1)  # the limit is over, the thread is not
        assert pool.get_status().active_workers == 1
        release.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await pool.execute(in_thread)
    assert pool.get_stats().tasks_completed == 1  # it returned: completed, however late
    assert_idle(pool)


def test_the_pool_exports_what_the_design_names():
    for name in ("execute", "execute_many", "execute_with_strategy", "get_stats", "get_status"):
        assert callable(getattr(hocket.WorkerPool, name))


def test_a_pool_says_how_busy_it_is():
    assert (
        repr(WorkerPool(max_concurrent=3)) == "<WorkerPool: 0 of 3 slots in use, 0 steps waiting>"
    )

"""A step may do without its slot for a while: others run, and it is given one again in its turn."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial

import pytest
import trio
from hypothesis import given, settings, strategies as st

import hocket
from hocket import (
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    Rate,
    Retry,
    WorkerPool,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle, assert_works_on, run_virtual


class Kitchen:
    """Steps that work, sleep without their slot, and work again; at most so many work at once."""

    def __init__(self, pool):
        self.pool = pool
        self.working = self.most = 0
        self.log = []

    async def work(self, name, seconds):
        self.working += 1
        self.most = max(self.most, self.working)
        self.log.append((name, trio.current_time()))
        try:
            await trio.sleep(seconds)
        finally:
            self.working -= 1

    async def order(self, name, first=1, away=10, last=1):
        await self.work(name, first)
        async with self.pool.released():
            await trio.sleep(away)
        await self.work(name, last)
        return name


ORDERS = ["a", "b", "c", "d"]


async def by_execute(pool, step):
    async with trio.open_nursery() as nursery:
        for name in ORDERS:
            nursery.start_soon(pool.execute, step, name)


async def by_tasks(pool, step):
    await pool.execute_many([WorkerTask(name, partial(step, name)) for name in ORDERS])


async def by_map(pool, step):
    assert await pool.map(step, ORDERS) == ORDERS


async def by_stream(pool, step):
    async with pool.stream(step, iter(ORDERS), buffer=4) as outcomes:
        assert sorted([outcome.unwrap() async for outcome in outcomes]) == ORDERS


@pytest.mark.parametrize("run", [by_execute, by_tasks, by_map, by_stream])
async def test_others_run_while_a_step_does_without_its_slot(autojump_clock, run):
    kitchen = Kitchen(pool := WorkerPool(max_concurrent=1))
    await run(pool, kitchen.order)
    # Four times one second, then each has ten seconds from then, and one more second.
    assert trio.current_time() == 1 + 10 + 4
    assert kitchen.most == 1
    assert_idle(pool)
    assert_adds_up(pool)
    await assert_works_on(pool)


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_step_of_a_group_releases_the_slot_of_its_manager(autojump_clock, isolation):
    manager = ParallelExecutionManager(max_concurrent=1)
    kitchen = Kitchen(manager.pool)
    group = ParallelGroup("orders", ORDERS, isolation=isolation)
    result = await manager.execute_group(group, kitchen.order)
    assert (result.success, result.duration, kitchen.most) == (True, 15, 1)
    assert_idle(manager.pool)


async def test_a_step_is_given_its_slot_again_in_its_turn(autojump_clock):
    kitchen = Kitchen(pool := WorkerPool(max_concurrent=1))

    async def order(name, after, away):
        await trio.sleep(after)
        await pool.execute(kitchen.order, name, 1, away, 1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(order, "early", 0, 1)
        nursery.start_soon(order, "next", 0.1, 1)
        nursery.start_soon(order, "last", 1.5, 1)
    names = [name for name, _ in kitchen.log]
    # "last" stood in line before "early" wanted its slot again.
    assert names == ["early", "next", "last", "early", "next", "last"]


async def test_a_step_that_wants_its_slot_again_waits_and_does_not_run(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    kitchen = Kitchen(pool)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, kitchen.order, "a", 1, 1, 1)
        await trio.sleep(1.5)
        stats = pool.get_stats()
        assert (stats.tasks_running, stats.active_workers, stats.queue_length) == (1, 0, 0)
        assert pool.holders() == []
        nursery.start_soon(pool.execute, kitchen.work, "b", 5)
        await trio.sleep(1)
        stats = pool.get_stats()
        assert (stats.tasks_running, stats.active_workers, stats.queue_length) == (1, 1, 1)
        assert_adds_up(pool)
        assert [age for _, age in pool.holders()] == [1]
    assert trio.current_time() == 7.5
    assert_adds_up(pool)


async def test_a_rate_a_pause_and_a_hold_do_not_keep_a_step_from_its_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1, rate=Rate(1, per=100))
    kitchen = Kitchen(pool)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, kitchen.order, "a", 0, 5, 1)
        await trio.sleep(1)
        nursery.start_soon(pool.execute, kitchen.work, "b", 1)
        pool.pause()
        pool.hold_for(50)
        await trio.sleep(6)
        assert kitchen.log == [("a", 0), ("a", 5)]
        pool.resume()
    assert kitchen.log[2:] == [("b", 100)]


async def test_steps_of_a_released_step_have_slots_of_their_own(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    kitchen = Kitchen(pool)

    async def outer():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(by_map, pool, partial(kitchen.work_and_name))
            async with pool.released():
                await trio.sleep(1.5)
            await kitchen.work("outer", 1)

    async def work_and_name(name):
        await kitchen.work(name, 1)
        return name

    kitchen.work_and_name = work_and_name
    await pool.execute(outer)
    # With its slot again the step lends it, as it did before.
    assert trio.current_time() <= 5
    assert_idle(pool)
    await assert_works_on(pool)


async def test_a_step_waits_for_steps_that_began_while_its_slot_was_released(autojump_clock):
    """It has a slot again while they still wait, and must lend it to them: there is no other."""
    pool = WorkerPool(max_concurrent=1)

    async def inner(name):
        await trio.sleep(1)
        return name

    async def outer():
        async with trio.open_nursery() as nursery:
            async with pool.released():
                nursery.start_soon(by_map, pool, inner)
                await trio.sleep(0.5)
            assert trio.current_time() == 2

    await pool.execute(outer)
    assert trio.current_time() == 4
    assert_idle(pool)


async def test_a_cancelled_step_is_left_without_its_slot_and_nothing_is_lost(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    kitchen = Kitchen(pool)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, kitchen.work, "long", 100)
        await trio.lowlevel.checkpoint()
        for away in (5, 500):
            with trio.move_on_after(50) as scope:
                await pool.execute(released_first, pool, away)
            assert scope.cancelled_caught
        nursery.cancel_scope.cancel()
    assert_idle(pool)
    assert_adds_up(pool)
    await assert_works_on(pool)


async def released_first(pool, away):
    async with pool.released():
        await trio.sleep(away)


async def test_a_time_limit_strikes_a_step_that_waits_for_its_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    kitchen = Kitchen(pool)
    async with trio.open_nursery() as nursery:
        task = WorkerTask("a", partial(kitchen.order, "a", 1, 1, 1), timeout=10)
        nursery.start_soon(after, 1.5, pool.execute, kitchen.work, "long", 100)
        with pytest.raises(hocket.StepTimeout):
            await pool.execute(task)
        assert trio.current_time() == 10
        assert pool.get_stats().tasks_timed_out == 1
        assert pool.get_stats().queue_length == 0
    assert_idle(pool)
    assert_adds_up(pool)


async def after(seconds, function, *args):
    await trio.sleep(seconds)
    await function(*args)


async def test_a_step_that_catches_the_cancellation_has_a_slot_again_in_its_turn(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    kitchen = Kitchen(pool)
    active = []

    async def impatient():
        with trio.move_on_after(3):
            async with pool.released():
                await trio.sleep(10)
        active.append(pool.get_status().active_workers)
        await trio.sleep(10)
        active.append(dict(pool.holders()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, impatient)
        nursery.start_soon(after, 1, pool.execute, kitchen.work, "b", 5)
        nursery.start_soon(after, 4, pool.execute, kitchen.work, "c", 5)
    assert active[0] == 1  # the other step's
    assert kitchen.log == [("b", 1), ("c", 13)]
    assert [*active[1].values()] == [13]
    assert_idle(pool)


async def test_an_error_of_the_block_comes_out_as_it_is_with_a_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    seen = []

    async def failing():
        try:
            async with pool.released():
                raise OSError("away")
        finally:
            seen.append(pool.get_status().active_workers)

    with pytest.raises(OSError, match="away"):
        await pool.execute(failing)
    assert seen == [1]
    assert_idle(pool)


async def test_a_retried_step_has_its_slot_in_each_attempt(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    starts = []

    async def flaky(name):
        starts.append(name)
        async with pool.released():
            await trio.sleep(1)
            if len(starts) < 3:
                raise OSError(name)
        return name

    retry = Retry(5, on=OSError, wait_initial=1, wait_jitter=0)
    assert await pool.map(flaky, ["a"], retry=retry) == ["a"]
    assert trio.current_time() == 1 + 1 + 1 + 2 + 1
    assert_idle(pool)
    assert_adds_up(pool)


@pytest.mark.parametrize("call", ["map", "execute", "stream"])
async def test_a_step_has_its_slot_again_when_a_thread_gives_one_back(call):
    pool = WorkerPool(max_concurrent=1)
    begun, release = threading.Event(), threading.Event()

    def block(_=None):
        begun.set()
        assert release.wait(30)

    async def wait_inside():
        async with pool.released():
            await trio.to_thread.run_sync(begun.wait, 30)
        return "has a slot"

    async def block_in_thread():
        if call == "execute":
            await pool.execute(block, run_in="thread")
        elif call == "map":
            await pool.map(block, [1], run_in="thread")
        else:
            async with pool.stream(block, [1], run_in="thread") as outcomes:
                async for outcome in outcomes:
                    outcome.unwrap()

    async def let_go():
        while pool.get_status().queue_length == 0 or not begun.is_set():
            await trio.sleep(0.001)
        release.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(block_in_thread)
            nursery.start_soon(let_go)
            assert await pool.execute(wait_inside) == "has a slot"
    assert_idle(pool)
    assert_adds_up(pool)


async def test_what_is_no_step_has_no_slot_to_release(autojump_clock):
    pool, other = WorkerPool(), WorkerPool()
    entered = []

    async def elsewhere():
        async with other.released():
            entered.append(1)

    async def overlap():
        async with pool.released(), pool.released():
            entered.append(2)

    with pytest.raises(RuntimeError, match="only a step of this pool"):
        async with pool.released():
            entered.append(3)
    with pytest.raises(RuntimeError, match="only a step of this pool"):
        await pool.execute(elsewhere)
    with pytest.raises(RuntimeError, match="released its slot already"):
        await pool.execute(overlap)
    assert not entered
    assert_idle(pool)
    await assert_works_on(pool)


def test_outside_of_trio_the_error_says_so():
    async def main():
        async with WorkerPool().released():
            pass

    with pytest.raises(RuntimeError, match=r"which trio\.run runs"):
        main().send(None)


async def test_a_task_that_a_step_has_started_releases_that_steps_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)

    async def outer():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(released_first, pool, 5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, outer)
        nursery.start_soon(after, 1, pool.execute, trio.sleep, 2)
    assert trio.current_time() == 5
    assert_idle(pool)


async def test_a_workflows_limit_lets_others_run_and_a_groups_own_does_not(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=10)
    group = ParallelGroup("g", ORDERS, max_concurrent=1)
    result = await manager.execute_group(group, Kitchen(manager.pool).order)
    assert result.duration == 4 * 12  # at most one of its steps is in the works, slot or not


PLAN = st.lists(
    st.tuples(
        st.integers(0, 3),  # works before
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=3),  # away, works
        st.booleans(),  # whether it is cancelled some time
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150)
@given(
    plan=PLAN,
    limit=st.integers(1, 3),
    share=st.booleans(),
    cancel=st.integers(0, 12),
    pauses=st.lists(st.integers(0, 5), max_size=2),
    rate=st.none() | st.integers(1, 3),
)
def test_never_more_steps_work_than_the_limit_and_all_end(plan, limit, share, cancel, pauses, rate):
    pool = WorkerPool(max_concurrent=limit, rate=rate and Rate(rate))
    kitchen = Kitchen(pool)

    async def step(number):
        first, parts, _ = plan[number]
        await kitchen.work(number, first)
        for away, work in parts:
            async with pool.released():
                await trio.sleep(away)
            await kitchen.work(number, work)

    async def one(number):
        with trio.CancelScope() as scope:
            if plan[number][2]:
                scope.deadline = trio.current_time() + cancel
            await pool.execute(step, number)

    async def disturb():
        for seconds in pauses:
            await trio.sleep(seconds)
            pool.pause()
            await trio.sleep(1)
            pool.resume()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disturb)
            if share:
                with suppress(GroupFailed):
                    await pool.map(step, range(len(plan)))
            else:
                for number in range(len(plan)):
                    nursery.start_soon(one, number)
        assert_idle(pool)
        assert_adds_up(pool)
        await assert_works_on(pool)

    run_virtual(main)
    assert kitchen.most <= limit

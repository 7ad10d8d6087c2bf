"""A paused pool starts nothing, keeps what it has granted, and goes on where it stopped."""

from __future__ import annotations

import threading
from functools import partial

import pytest
import trio
import trio.testing

from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    WorkerPool,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle, assert_works_on


class Diary:
    """Steps that note when they start."""

    def __init__(self):
        self.starts = []

    async def step(self, name, seconds=1.0):
        self.starts.append((name, trio.current_time()))
        await trio.sleep(seconds)

    @property
    def names(self):
        return [name for name, _ in self.starts]


@pytest.fixture
def diary():
    return Diary()


async def test_nothing_starts_while_paused_and_everything_in_its_order_afterwards(
    autojump_clock, diary
):
    pool = WorkerPool(max_concurrent=1)
    pool.pause()
    tasks = [WorkerTask(str(i), partial(diary.step, str(i))) for i in range(4)]
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(pool.execute, diary.step, name)
            await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(pool.execute_many, tasks)
        await trio.sleep(10)
        assert diary.starts == []
        status = pool.get_status()
        assert (status.paused, status.active_workers, status.queue_length) == (True, 0, 7)
        assert repr(pool) == "<WorkerPool: 0 of 1 slots in use, 7 steps waiting, paused>"
        assert_adds_up(pool)
        pool.resume()
        assert not pool.get_status().paused
    assert diary.names == ["a", "b", "c", "0", "1", "2", "3"]
    assert [when for _, when in diary.starts] == [10, 11, 12, 13, 14, 15, 16]
    await assert_works_on(pool)


async def test_what_runs_goes_on_until_it_ends(autojump_clock, diary):
    pool = WorkerPool(max_concurrent=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            pool.execute_many, [WorkerTask(i, partial(diary.step, i)) for i in "abcd"]
        )
        await trio.sleep(0.5)
        pool.pause()
        await trio.sleep(5)
        assert diary.names == ["a", "b"]
        stats = pool.get_stats()
        assert (stats.tasks_completed, stats.active_workers, stats.queue_length) == (2, 0, 2)
        assert_adds_up(pool)
        pool.resume()
    assert diary.starts[2:] == [("c", 5.5), ("d", 5.5)]
    assert_idle(pool)


async def test_pause_and_resume_may_be_said_twice(autojump_clock, diary):
    pool = WorkerPool()
    pool.resume()
    pool.pause()
    pool.pause()
    with trio.move_on_after(1):
        await pool.execute(diary.step, "never")
    pool.resume()
    pool.resume()
    await pool.execute(diary.step, "a")
    assert diary.names == ["a"]
    await assert_works_on(pool)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_the_steps_that_a_running_step_waits_for_wait_too(autojump_clock, diary, limit):
    manager = ParallelExecutionManager(max_concurrent=limit)

    async def outer():
        manager.pool.pause()
        group = ParallelGroup("inner", list("abc"))
        await manager.execute_group(group, diary.step)
        return "done"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.pool.execute, outer)
        await trio.sleep(3)
        assert diary.starts == []
        assert_adds_up(manager)
        manager.pool.resume()
    assert diary.names == ["a", "b", "c"]
    await assert_works_on(manager)


async def test_a_loan_that_comes_back_while_paused_is_lent_again_afterwards(autojump_clock, diary):
    pool = WorkerPool(max_concurrent=1)

    async def outer():
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(pool.execute, diary.step, name)
                await trio.testing.wait_all_tasks_blocked()
            pool.pause()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, outer)
        await trio.sleep(4)
        assert diary.starts == [("a", 0)]
        pool.resume()
    assert diary.starts == [("a", 0), ("b", 4)]
    await assert_works_on(pool)


async def granted_and_paused(pool, manager, nursery, diary, scope):
    """Grant a slot to a waiting call, and pause before it has come for it."""

    def pause(event):
        if event.kind is EventKind.SUCCEEDED:
            pool.pause()

    async def first():
        group = ParallelGroup("first", ["a"])
        await manager.execute_group(group, diary.step, observer=pause)

    async def second():
        with scope:
            await pool.execute(diary.step, "b")

    nursery.start_soon(first)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(second)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(pool.execute, diary.step, "c")
    await trio.sleep(5)
    assert diary.starts == [("a", 0)]
    assert_adds_up(pool)


async def test_a_slot_that_was_granted_before_the_pause_is_kept_for_who_has_it(
    autojump_clock, diary
):
    manager = ParallelExecutionManager(max_concurrent=1)
    pool = manager.pool
    async with trio.open_nursery() as nursery:
        await granted_and_paused(pool, manager, nursery, diary, trio.CancelScope())
        assert pool._core.active == 0
        pool.resume()
    assert diary.starts == [("a", 0), ("b", 5), ("c", 6)]
    await assert_works_on(pool)


async def test_who_gives_up_while_paused_leaves_a_granted_slot_to_nobody_yet(autojump_clock, diary):
    manager = ParallelExecutionManager(max_concurrent=1)
    pool, scope = manager.pool, trio.CancelScope()
    async with trio.open_nursery() as nursery:
        await granted_and_paused(pool, manager, nursery, diary, scope)
        scope.cancel()
        await trio.sleep(1)
        assert diary.starts == [("a", 0)]
        pool.resume()
    assert diary.starts == [("a", 0), ("c", 6)]
    assert pool.get_stats().tasks_skipped == 1
    await assert_works_on(pool)


async def test_a_waiter_that_is_cancelled_while_paused_is_as_if_never_submitted(
    autojump_clock, diary
):
    pool = WorkerPool(max_concurrent=1)
    pool.pause()
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            await pool.execute(diary.step, "gone")
        nursery.start_soon(pool.execute, diary.step, "a")
        await trio.sleep(1)
        pool.resume()
    assert diary.starts == [("a", 2)]
    await assert_works_on(pool)


async def test_a_groups_time_limit_counts_on_while_paused(autojump_clock, diary):
    manager = ParallelExecutionManager(max_concurrent=1)
    manager.pool.pause()
    group = ParallelGroup("g", list("ab"), timeout=3)
    result = await manager.execute_group(group, diary.step)
    assert (result.timed_out, result.skipped_steps, result.failed_steps) == (True, ["a", "b"], [])
    assert trio.current_time() == 3
    assert diary.starts == []
    manager.pool.resume()
    await assert_works_on(manager)


async def test_a_steps_time_limit_counts_from_its_start_after_the_pause(autojump_clock, diary):
    pool = WorkerPool(timeout=2)
    pool.pause()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, diary.step, "a", 1.5)
        await trio.sleep(60)
        pool.resume()
    assert trio.current_time() == 61.5
    assert_idle(pool)


async def test_in_a_paused_pool_a_bounded_queue_fills_as_if_all_slots_were_taken(
    autojump_clock, diary
):
    pool = WorkerPool(max_concurrent=5, queue_size=1)
    pool.pause()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, diary.step, "a")
        await trio.testing.wait_all_tasks_blocked()
        said = r"^the pool is paused, and the queue already holds 1 waiting .* after resume\(\)"
        with pytest.raises(QueueFull, match=said):
            await pool.execute(diary.step, "b")
        pool.resume()
    assert diary.names == ["a"]
    await assert_works_on(pool)


async def test_a_paused_pool_without_a_queue_says_that_it_is_paused(autojump_clock, diary):
    pool = WorkerPool(max_concurrent=1, queue_size=0)
    pool.pause()
    with pytest.raises(QueueFull, match=r"^the pool is paused, and no call may wait "):
        await pool.execute(diary.step, "a")
    pool.resume()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, diary.step, "b")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(QueueFull, match=r"^no slot is free"):
            await pool.execute(diary.step, "c")
    assert diary.names == ["b"]
    await assert_works_on(pool)


async def test_a_limit_that_is_raised_while_paused_counts_after_it(autojump_clock, diary):
    pool = WorkerPool(max_concurrent=1)
    pool.pause()
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(pool.execute, diary.step, name)
        await trio.testing.wait_all_tasks_blocked()
        pool.max_concurrent = 3
        await trio.sleep(1)
        assert diary.starts == []
        pool.resume()
    assert [when for _, when in diary.starts] == [1, 1, 1]
    await assert_works_on(pool)


@pytest.mark.parametrize("name", ["pause", "resume"])
async def test_a_busy_pool_is_paused_and_resumed_only_where_it_is_busy(name):
    pool = WorkerPool()
    go = trio.Event()
    done = name.removesuffix("e") + "ed"
    in_thread = rf"{done} only in the trio\.run that it serves; .*run_sync\(pool\.{name}\)"

    async def change():
        with pytest.raises(RuntimeError, match=in_thread):
            await trio.to_thread.run_sync(getattr(pool, name))
        await trio.to_thread.run_sync(trio.from_thread.run_sync, getattr(pool, name))
        assert pool.get_status().paused == (name == "pause")
        go.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, go.wait)
        await trio.testing.wait_all_tasks_blocked()
        await change()


def test_an_idle_pool_may_be_paused_anywhere():
    pool = WorkerPool()
    thread = threading.Thread(target=pool.pause)
    thread.start()
    thread.join()
    assert pool.get_status().paused


async def test_a_paused_pool_says_so_instead_of_filling_its_slots_for_a_check():
    pool = WorkerPool()
    pool.pause()
    with pytest.raises(AssertionError, match="the pool is paused"):
        await assert_works_on(pool)

"""The guarantees of a worker pool in the words of the specification: tasks, limits, statistics, clean-up.

The other tests of this room look at hocket from inside. These say what whoever ordered a worker
pool expects of it, one sentence each, and know nothing of how it is done.
"""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing

from hocket import GroupFailed, QueueFull, StepTimeout, WorkerPool, WorkerTask
from hocket.testing import assert_idle


class Broken(Exception):
    pass


class Tasks:
    """Makes tasks that last so long and end so, and notes when each started and stopped."""

    def __init__(self):
        self.started, self.ended, self.cancelled = {}, {}, {}
        self.running = self.most = 0

    def __call__(self, id, seconds=1, outcome=None, timeout=None):
        return WorkerTask(id, partial(self._run, id, seconds, outcome), timeout)

    async def _run(self, id, seconds, outcome):
        self.started[id] = trio.current_time()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.cancelled[id] = trio.current_time()
            raise
        finally:
            self.running -= 1
        self.ended[id] = trio.current_time()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def task():
    return Tasks()


async def in_parallel(pool, tasks):
    """Let each task be executed by a caller of its own, the first one first."""
    async with trio.open_nursery() as nursery:
        for each in tasks:
            nursery.start_soon(pool.execute, each)
            await trio.testing.wait_all_tasks_blocked()


# --- the limit and the queue


async def test_never_more_tasks_run_than_the_limit_allows(autojump_clock, task):
    pool = WorkerPool(max_concurrent=3)
    await in_parallel(pool, [task(str(n)) for n in range(10)])
    assert task.most == 3


async def test_the_limit_holds_for_lists_and_single_calls_together(autojump_clock, task):
    pool = WorkerPool(max_concurrent=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute_many, [task(f"list {n}") for n in range(6)])
        for n in range(6):
            nursery.start_soon(pool.execute, task(f"single {n}"))
    assert task.most == 3


async def test_a_waiting_task_starts_the_moment_a_slot_is_free(autojump_clock, task):
    pool = WorkerPool(max_concurrent=2)
    await in_parallel(pool, [task("long", 5), task("short", 1), task("next")])
    assert task.started == {"long": 0, "short": 0, "next": 1}


async def test_waiting_tasks_start_in_the_order_in_which_they_came(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1)
    await in_parallel(pool, [task(name) for name in "abcd"])
    assert list(task.started.items()) == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]


async def test_a_full_queue_refuses_a_task_which_then_never_starts(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1, queue_size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_parallel, pool, [task("runs"), task("waits")])
        await trio.sleep(0.5)
        with pytest.raises(QueueFull):
            await pool.execute(task("refused"))
    assert set(task.ended) == {"runs", "waits"}
    assert pool.get_stats().tasks_submitted == 2


async def test_the_queue_takes_tasks_again_when_one_of_it_has_started(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1, queue_size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_parallel, pool, [task("runs"), task("waits")])
        await trio.sleep(1.5)
        await pool.execute(task("later"))
    assert task.started == {"runs": 0, "waits": 1, "later": 2}


async def test_a_full_queue_can_let_the_caller_wait_instead(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1, queue_size=1, when_full="wait")
    await in_parallel(pool, [task(name) for name in "abcd"])
    assert list(task.ended) == ["a", "b", "c", "d"]


# --- single tasks


async def test_execute_returns_what_the_task_returns(autojump_clock, task):
    assert await WorkerPool().execute(task("a", 1, "A")) == "A"


async def test_execute_raises_what_the_task_raises(autojump_clock, task):
    error = Broken()
    with pytest.raises(Broken) as caught:
        await WorkerPool().execute(task("a", 1, error))
    assert caught.value is error


async def test_a_task_is_stopped_the_moment_its_time_is_up(autojump_clock, task):
    with pytest.raises(StepTimeout):
        await WorkerPool().execute(task("slow", 60, timeout=2))
    assert task.cancelled == {"slow": 2}


async def test_the_pools_time_limit_is_for_tasks_that_have_none(autojump_clock, task):
    pool = WorkerPool(timeout=2)
    with pytest.raises(StepTimeout):
        await pool.execute(task("without", 3))
    await pool.execute(task("with", 3, timeout=5))
    assert list(task.ended) == ["with"]


async def test_waiting_for_a_slot_takes_nothing_of_a_tasks_time(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1)
    await in_parallel(pool, [task("first", 10), task("second", 1, timeout=2)])
    assert task.ended == {"first": 10, "second": 11}


async def test_a_task_that_fails_or_times_out_gives_its_slot_back(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1)
    with pytest.raises(Broken):
        await pool.execute(task("fails", 1, Broken()))
    with pytest.raises(StepTimeout):
        await pool.execute(task("slow", 60, timeout=1))
    assert await pool.execute(task("works", 1, "fine")) == "fine"
    assert trio.current_time() == 3


# --- lists of tasks


async def test_execute_many_returns_the_values_in_the_order_of_the_tasks(autojump_clock, task):
    tasks = [task("slow", 3, "s"), task("fast", 1, "f"), task("middle", 2, "m")]
    assert await WorkerPool().execute_many(tasks) == ["s", "f", "m"]
    assert trio.current_time() == 3


async def test_execute_many_of_nothing_returns_nothing(autojump_clock):
    assert await WorkerPool().execute_many([]) == []


async def test_execute_many_cancels_the_rest_at_the_first_failure_and_raises(autojump_clock, task):
    error = Broken()
    with pytest.raises(GroupFailed) as caught:
        await WorkerPool().execute_many([task("fails", 1, error), task("rest", 60)])
    assert caught.value.exceptions == (error,)
    assert task.cancelled == {"rest": 1}


@pytest.mark.parametrize(
    ("strategy", "first", "second", "success", "ends_at"),
    [
        ("all", "fine", "fine", True, 2),
        ("all", "fine", "fails", False, 2),
        ("all", "fails", "fine", False, 1),
        ("any", "fine", "fine", True, 1),
        ("any", "fails", "fine", True, 2),
        ("any", "fails", "fails", False, 2),
        ("race", "fine", "fails", True, 1),
        ("race", "fails", "fine", False, 1),
        ("allSettled", "fine", "fine", True, 2),
        ("allSettled", "fails", "fails", True, 2),
        ("all_settled", "fails", "fine", True, 2),
    ],
)
async def test_execute_with_strategy_ends_when_and_as_the_strategy_says(
    autojump_clock, task, strategy, first, second, success, ends_at
):
    ends = {"fine": "value", "fails": Broken()}
    tasks = [task("first", 1, ends[first]), task("second", 2, ends[second])]
    result = await WorkerPool().execute_with_strategy(tasks, strategy)
    assert (result.success, result.duration) == (success, ends_at)
    assert trio.current_time() == ends_at
    assert task.cancelled == ({"second": 1} if ends_at == 1 else {})


async def test_a_list_of_tasks_can_have_a_time_limit_and_keeps_what_has_ended(autojump_clock, task):
    tasks = [task("fast", 1, "F"), task("slow", 60)]
    result = await WorkerPool().execute_with_strategy(tasks, "allSettled", timeout=2)
    assert result.results == {"fast": "F"}
    assert isinstance(result.errors["slow"], StepTimeout)
    assert task.cancelled == {"slow": 2}


# --- statistics


async def test_the_statistics_count_tasks_by_how_they_ended(autojump_clock, task):
    pool = WorkerPool()
    tasks = [task("a", 1), task("b", 2), task("fails", 3, Broken()), task("slow", 60, timeout=4)]
    await pool.execute_with_strategy(tasks, "allSettled")
    stats = pool.get_stats()
    assert stats.tasks_submitted == 4
    assert (stats.tasks_completed, stats.tasks_failed, stats.tasks_timed_out) == (2, 1, 1)
    assert stats.failure_rate == 0.5


async def test_cancelled_tasks_are_no_failures(autojump_clock, task):
    pool = WorkerPool(max_concurrent=2)
    await pool.execute_with_strategy([task("wins"), task("loses", 9), task("never")], "any")
    stats = pool.get_stats()
    assert (stats.tasks_completed, stats.tasks_cancelled, stats.tasks_skipped) == (1, 1, 1)
    assert (stats.tasks_failed, stats.failure_rate) == (0, 0)


async def test_the_statistics_say_how_long_tasks_have_waited(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1)
    await pool.execute_many([task(name, 2) for name in "abc"])
    stats = pool.get_stats()
    assert stats.total_wait_time == 0 + 2 + 4
    assert stats.average_wait_time == 2
    assert stats.wait_time.max == 4
    assert stats.run_time.average == 2


async def test_a_new_pool_has_statistics_of_nothing(autojump_clock):
    stats = WorkerPool().get_stats()
    assert (stats.tasks_completed, stats.tasks_failed, stats.tasks_timed_out) == (0, 0, 0)
    assert (stats.total_wait_time, stats.average_wait_time, stats.failure_rate) == (0, 0, 0)
    assert (stats.active_workers, stats.queue_length) == (0, 0)


async def test_statistics_and_status_are_live_while_tasks_run(autojump_clock, task):
    pool = WorkerPool(max_concurrent=4)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute_many, [task(str(n), 2) for n in range(7)])
        await trio.sleep(1)
        assert (pool.get_stats().active_workers, pool.get_stats().queue_length) == (4, 3)
        assert (pool.get_status().active_workers, pool.get_status().queue_length) == (4, 3)
        await trio.sleep(2)
        assert (pool.get_stats().active_workers, pool.get_stats().queue_length) == (3, 0)
        assert pool.get_stats().tasks_completed == 4


async def test_utilization_is_in_percent_of_the_limit(autojump_clock, task):
    pool = WorkerPool(max_concurrent=4)
    assert pool.get_status().utilization_rate == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute_many, [task("a"), task("b", 2), task("c", 2)])
        await trio.sleep(0.5)
        assert pool.get_status().utilization_rate == 75
        await trio.sleep(1)
        assert pool.get_status().utilization_rate == 50
    assert pool.get_status().utilization_rate == 0


# --- clean-up


async def test_when_the_caller_is_cancelled_its_tasks_are_and_the_pool_is_as_new(
    autojump_clock, task
):
    pool = WorkerPool(max_concurrent=2)
    with trio.move_on_after(1) as scope:
        await pool.execute_many([task(name, 60) for name in "abcd"])
    assert scope.cancelled_caught
    assert task.cancelled == {"a": 1, "b": 1}
    assert_idle(pool)
    assert await pool.execute(task("next", 1, "fine")) == "fine"


async def test_a_task_that_is_cancelled_as_it_waits_never_starts(autojump_clock, task):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, task("runs", 5))
        await trio.sleep(1)
        with trio.move_on_after(1):
            await pool.execute(task("waits"))
        assert pool.get_status().queue_length == 0
    assert list(task.started) == ["runs"]


async def test_a_cancelled_task_cleans_up_before_the_call_returns(autojump_clock):
    cleaned = []

    async def tidy():
        try:
            await trio.sleep(60)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            cleaned.append(trio.current_time())

    async def fast():
        await trio.sleep(1)

    tasks = [WorkerTask("fast", fast), WorkerTask("tidy", tidy)]
    result = await WorkerPool().execute_with_strategy(tasks, "race")
    assert cleaned == [3]
    assert result.duration == 3

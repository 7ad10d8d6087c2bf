"""Functions that block run in threads, and all that holds for async steps holds for them.

The threads are real. Nothing sleeps: functions wait for each other, or for the test. Where a limit has to
pass, a function lets it pass: it sets the virtual clock forward. (A clock that jumps by itself does so
whenever Trio has nothing to do, and does not see that a thread has.)
"""

from __future__ import annotations

import contextvars
import gc
import sys
import threading
import time
import weakref
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given, settings, strategies as st

import hocket
from hocket import (
    EventKind,
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    Rate,
    Retry,
    StepTimeout,
    WorkerPool,
    WorkerTask,
    quorum,
)
from hocket.testing import assert_adds_up, assert_idle, assert_partition

# Long enough for a machine at work on something else; nothing waits so long where all is well.
PATIENCE = 30
variable = contextvars.ContextVar("variable", default="default")


def in_threads(steps, *args, **options):
    return ParallelGroup("g", steps, *args, run_in="thread", **options)


class Meeting:
    """Counts the functions that are inside at the same time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self.lock:
            self.inside -= 1


def wait_for(event):
    assert event.wait(PATIENCE), "nobody came"


def wait_until_cancelled():
    while True:
        trio.from_thread.check_cancelled()


def let_pass(clock, seconds):
    trio.from_thread.run_sync(clock.jump, seconds)


# --- how many at once, and where -------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_as_many_functions_run_at_once_as_there_are_slots_and_never_more(limit):
    together, meeting = threading.Barrier(limit), Meeting()

    def step(number):
        with meeting:
            together.wait(PATIENCE)
        return number

    manager = ParallelExecutionManager(max_concurrent=limit)
    result = await manager.execute_group(in_threads(range(4 * limit)), step)
    assert result.results == {str(number): number for number in range(4 * limit)}
    assert meeting.most == limit
    assert_partition(result, result.steps)
    assert_idle(manager.pool)
    assert_adds_up(manager.pool)


async def test_a_groups_own_limit_holds_beside_the_pools():
    together, meeting = threading.Barrier(2), Meeting()

    def step(_):
        with meeting:
            together.wait(PATIENCE)

    manager = ParallelExecutionManager(max_concurrent=5)
    await manager.execute_group(in_threads(range(8), max_concurrent=2), step)
    assert meeting.most == 2


async def test_threads_are_used_again_and_are_not_that_of_trio():
    def step(_):
        return threading.get_ident()

    manager = ParallelExecutionManager(max_concurrent=3)
    used = set()
    for _ in range(20):
        result = await manager.execute_group(in_threads(range(50)), step)
        used.update(result.results.values())
    assert threading.get_ident() not in used
    # Those that are idle are taken first: more are made only while others are at work.
    assert len(used) <= 6


async def test_a_group_of_no_steps_starts_no_thread():
    before = threading.active_count()
    manager = ParallelExecutionManager()
    assert (await manager.execute_group(in_threads([]), print)).success
    assert threading.active_count() == before


async def test_values_errors_and_order_are_as_for_async_steps():
    def step(number):
        if number % 3 == 0:
            raise OSError(number)
        return number

    manager = ParallelExecutionManager(max_concurrent=1)
    group = in_threads(range(7), "all_settled")
    result = await manager.execute_group(group, step)
    assert result.completed_steps == ["1", "2", "4", "5"]
    assert result.failed_steps == ["0", "3", "6"]
    assert [str(error) for error in result.errors.values()] == ["0", "3", "6"]
    stats = manager.get_stats()
    assert (stats.tasks_completed, stats.tasks_failed, stats.tasks_submitted) == (4, 3, 7)
    assert stats.wait_time.count == stats.run_time.count == 7


async def test_the_traceback_of_an_error_is_the_functions_own():
    def deep(step):
        raise ValueError(step)

    def step(step):
        deep(step)

    result = await ParallelExecutionManager().execute_group(in_threads(["a"], "all_settled"), step)
    names, entry = [], result.errors["a"].__traceback__
    while entry is not None:
        names.append(entry.tb_frame.f_code.co_name)
        entry = entry.tb_next
    assert names == ["step", "deep"]


# --- strategies ------------------------------------------------------------------------------------


async def test_the_first_failure_stops_the_others_and_what_has_not_started_is_skipped():
    started, failed = threading.Barrier(2), threading.Event()

    def step(name):
        started.wait(PATIENCE)
        if name == "bad":
            raise OSError(name)
        wait_for(failed)
        trio.from_thread.check_cancelled()
        raise AssertionError("it is cancelled")

    def on_event(event):
        # The verdict has fallen as it is told, and Trio cancels in its next turn.
        if event.kind is EventKind.FAILED:
            token = trio.lowlevel.current_trio_token()
            token.run_sync_soon(token.run_sync_soon, token.run_sync_soon, failed.set)

    manager = ParallelExecutionManager(max_concurrent=2)
    group = in_threads(["bad", "good", "c", "d"])
    result = await manager.execute_group(group, step, observer=on_event)
    assert not result.success
    assert result.failed_steps == ["bad"]
    assert result.cancelled_steps == ["good"]
    assert result.skipped_steps == ["good", "c", "d"]
    assert_partition(result, result.steps)
    assert_idle(manager.pool)


async def test_a_race_waits_until_the_losers_have_returned():
    won, returned = threading.Event(), []

    def step(name):
        if name == "fast":
            won.set()
            return name
        wait_for(won)
        try:
            wait_until_cancelled()
        except trio.Cancelled:
            returned.append(name)
            raise

    manager = ParallelExecutionManager()
    result = await manager.execute_group(in_threads(["slow", "fast", "slower"], "race"), step)
    assert (result.winner, result.value) == ("fast", "fast")
    assert sorted(returned) == sorted(result.cancelled_steps) == sorted(set(result.cancelled_steps))
    assert_idle(manager.pool)


async def test_a_loser_that_returns_all_the_same_has_finished():
    both, won = threading.Barrier(2), threading.Event()

    def step(name):
        both.wait(PATIENCE)
        if name == "slow":
            wait_for(won)
        return name

    manager = ParallelExecutionManager()
    group = in_threads(["slow", "fast"], "any")
    decided = lambda event: won.set() if event.kind is EventKind.SUCCEEDED else None  # noqa: E731
    result = await manager.execute_group(group, step, observer=decided)
    assert result.winner == "fast"
    assert result.completed_steps == ["fast", "slow"]
    assert result.cancelled_steps == result.skipped_steps == []


@pytest.mark.parametrize(
    ("strategy", "failing", "success"),
    [
        ("all", 0, True),
        ("all", 1, False),
        ("any", 4, True),
        ("any", 5, False),
        (quorum(3), 2, True),
        (quorum(3), 3, False),
        ("all_settled", 5, True),
    ],
)
async def test_each_strategy_comes_to_the_same_verdict_as_with_async_steps(
    strategy, failing, success
):
    def step(number):
        if number < failing:
            raise OSError(number)

    async def async_step(number):
        step(number)

    manager = ParallelExecutionManager(max_concurrent=1)
    in_thread = await manager.execute_group(in_threads(range(5), strategy), step)
    on_trio = await manager.execute_group(ParallelGroup("g", range(5), strategy), async_step)
    assert in_thread.success is on_trio.success is success
    for name in ("completed_steps", "failed_steps", "skipped_steps", "cancelled_steps", "winner"):
        assert getattr(in_thread, name) == getattr(on_trio, name)


async def test_continue_on_error_runs_everything():
    def step(number):
        raise OSError(number)

    result = await ParallelExecutionManager().execute_group(
        in_threads(range(5), continue_on_error=True), step
    )
    assert result.success
    assert len(result.failed_steps) == 5


async def test_hedging_starts_the_next_function_when_one_fails():
    def step(name):
        if name == "bad":
            raise OSError(name)
        return name

    group = in_threads(["bad", "good", "other"], "any", stagger=PATIENCE)
    result = await ParallelExecutionManager().execute_group(group, step)
    assert result.winner == "good"
    assert result.skipped_steps == ["other"]


@pytest.mark.parametrize("kind", ["group", "execute", "map", "among async ones"])
async def test_a_stray_stop_iteration_is_a_runtime_error_as_from_an_async_step(kind):
    def step(*_):
        return next(iter([]))

    pool, error = WorkerPool(), None
    if kind == "group":
        group = in_threads(["a"], "all_settled")
        error = (await ParallelExecutionManager().execute_group(group, step)).errors["a"]
    elif kind == "among async ones":
        tasks = [
            WorkerTask("a", step, run_in="thread"),
            WorkerTask("b", trio.lowlevel.checkpoint),
        ]
        error = (await pool.execute_with_strategy(tasks, "all_settled")).errors["a"]
    elif kind == "map":
        with pytest.raises(GroupFailed) as failed:
            await pool.map(step, ["a"], run_in="thread")
        [error] = failed.value.exceptions
    else:
        with pytest.raises(RuntimeError) as caught:
            await pool.execute(step, run_in="thread")
        error = caught.value
    assert type(error) is RuntimeError
    assert str(error) == "function raised StopIteration"
    assert isinstance(error.__cause__, StopIteration)


# --- how many threads are at work ------------------------------------------------------------------


async def test_short_functions_are_run_by_one_thread_though_there_are_slots_for_ten():
    at_work, most = Meeting(), []

    def step(number):
        with at_work:
            most.append(threading.get_ident())

    await ParallelExecutionManager(max_concurrent=10).execute_group(in_threads(range(20_000)), step)
    # Another one may have come where the machine left the first one without a processor.
    busiest = max(map(most.count, set(most)))
    assert busiest > 5_000


async def test_no_more_threads_are_started_than_may_be_at_work():
    before = threading.active_count()
    most = []

    def step(number):
        if number % 100 == 0:
            most.append(threading.active_count())
            time.sleep(0.001)

    await ParallelExecutionManager(max_concurrent=4).execute_group(in_threads(range(10_000)), step)
    assert max(most) - before <= 5


async def test_after_many_short_functions_those_that_wait_all_run_at_once():
    together = threading.Barrier(10)

    def step(number):
        if number >= 5_000:
            together.wait(PATIENCE)
        return threading.get_ident()

    manager = ParallelExecutionManager(max_concurrent=10)
    result = await manager.execute_group(in_threads(range(5_030)), step)
    assert len(set(list(result.results.values())[-30:])) == 10


async def test_a_thread_that_waits_in_line_goes_to_work_when_a_function_takes_long():
    # Whoever stands in line has seen thousands begin and end, and still looks.
    release, short = threading.Event(), []

    def step(number):
        if number == 5_000:
            wait_for(release)
        elif number > 5_000:
            short.append(number)
            release.set()

    await ParallelExecutionManager(max_concurrent=2).execute_group(in_threads(range(5_010)), step)
    assert len(short) == 9


# --- time limits -----------------------------------------------------------------------------------


async def test_a_step_past_its_limit_has_failed_and_holds_its_slot_until_it_returns(mock_clock):
    release, noted = threading.Event(), []
    manager = ParallelExecutionManager(max_concurrent=1)

    def step(name):
        if name == "late":
            let_pass(mock_clock, 3)
            wait_for(release)
        return name

    def on_event(event):
        noted.append((event.step, event.kind.value, trio.current_time() - began))
        if event.kind is EventKind.TIMED_OUT:
            # It has failed, and still holds the only slot.
            noted.append((manager.get_status().active_workers, manager.get_stats().tasks_timed_out))
            assert manager.pool.holders()[0][0] == "late"
            release.set()

    began = trio.current_time()
    group = in_threads(["late", "next"], "all_settled", step_timeout=3)
    result = await manager.execute_group(group, step, observer=on_event)
    assert result.completed_steps == ["next"]
    assert result.failed_steps == ["late"]
    assert isinstance(result.errors["late"], StepTimeout)
    assert result.errors["late"].__cause__ is None
    assert [entry[:2] for entry in noted[:3]] == [
        ("late", "started"),
        ("late", "timed_out"),
        (1, 1),
    ]
    assert noted[1][2] == 3
    assert [entry[:2] for entry in noted[3:]] == [("next", "started"), ("next", "succeeded")]
    stats = manager.get_stats()
    assert (stats.tasks_completed, stats.tasks_timed_out, stats.tasks_submitted) == (1, 1, 2)
    assert stats.run_time.max == 3
    assert_idle(manager.pool)
    assert_adds_up(manager.pool)


async def test_what_a_step_raises_after_its_limit_is_the_cause_of_its_error(mock_clock):
    release = threading.Event()

    def step(_):
        let_pass(mock_clock, 3)
        wait_for(release)
        raise OSError("too late")

    def on_event(event):
        if event.kind is EventKind.TIMED_OUT:
            release.set()

    manager = ParallelExecutionManager()
    group = in_threads(["a"], "all_settled", step_timeout=3)
    result = await manager.execute_group(group, step, observer=on_event)
    assert isinstance(result.errors["a"], StepTimeout)
    assert repr(result.errors["a"].__cause__) == "OSError('too late')"
    assert manager.get_stats().tasks_failed == 0


async def test_a_step_past_its_limit_that_asks_is_told_that_it_is_cancelled(mock_clock):
    told = []

    def step(name):
        if name == "next":
            return trio.from_thread.check_cancelled()
        let_pass(mock_clock, 3)
        try:
            wait_until_cancelled()
        except trio.Cancelled:
            told.append(name)
            raise

    manager = ParallelExecutionManager(max_concurrent=1)
    group = in_threads(["late", "next"], "all_settled", step_timeout=3)
    result = await manager.execute_group(group, step)
    assert told == ["late"]
    assert result.failed_steps == ["late"]
    # The thread is the same, and its new step is not cancelled.
    assert result.completed_steps == ["next"]


async def test_a_step_past_its_limit_decides_the_group_at_once(mock_clock):
    release, ends = threading.Event(), []

    def step(name):
        let_pass(mock_clock, 3)
        wait_for(release)

    def on_event(event):
        if event.kind is EventKind.TIMED_OUT:
            ends.append(event.step)
            release.set()

    manager = ParallelExecutionManager(max_concurrent=1)
    result = await manager.execute_group(
        in_threads(["a", "b"], step_timeout=3), step, observer=on_event
    )
    assert not result.success
    assert ends == ["a"]
    assert result.skipped_steps == ["b"]


@pytest.mark.parametrize("asks", [True, False])
async def test_a_groups_time_limit_starts_nothing_more_and_waits_for_what_runs(mock_clock, asks):
    def step(name):
        let_pass(mock_clock, 3)
        try:
            wait_until_cancelled()
        except trio.Cancelled:
            if asks:
                raise
        return name

    manager = ParallelExecutionManager(max_concurrent=1)
    result = await manager.execute_group(in_threads(["a", "b"], timeout=3), step)
    assert result.timed_out
    # A step that returns has returned, however late.
    assert result.failed_steps == (["a"] if asks else [])
    assert result.completed_steps == ([] if asks else ["a"])
    assert result.skipped_steps == ["b"]
    assert_idle(manager.pool)


# --- retries, rates, settings ----------------------------------------------------------------------


async def test_a_step_that_fails_is_tried_again_in_its_time(autojump_clock):
    starts = []

    def step(name):
        starts.append(trio.from_thread.run_sync(trio.current_time) - began)
        if len(starts) < 3:
            raise OSError(name)
        return name

    began = trio.current_time()
    retry = Retry(4, on=OSError, wait_initial=1, wait_max=100, wait_jitter=0)
    manager = ParallelExecutionManager()
    result = await manager.execute_group(in_threads(["a"], retry=retry), step)
    assert result.results == {"a": "a"}
    assert starts == [0, 1, 3]
    assert manager.get_stats().tasks_retried == 2


async def test_a_late_attempt_has_returned_before_the_next_one_starts(autojump_clock):
    meeting, attempts = Meeting(), []

    def step(name):
        with meeting:
            attempts.append(name)
            if len(attempts) == 1:
                wait_until_cancelled()
            return name

    retry = Retry(4, on=StepTimeout, wait_initial=1, wait_max=1, wait_jitter=0)
    manager = ParallelExecutionManager()
    result = await manager.execute_group(in_threads(["a"], retry=retry, step_timeout=3), step)
    assert result.results == {"a": "a"}
    assert meeting.most == 1
    assert len(attempts) == 2


async def test_a_rate_holds_for_functions(autojump_clock):
    waits = []

    def on_event(event):
        if event.kind is EventKind.STARTED:
            waits.append(event.seconds)

    manager = ParallelExecutionManager(max_concurrent=5)
    await manager.execute_group(in_threads(range(6), rate=Rate(2, per=1)), str, observer=on_event)
    assert sorted(waits) == [0, 0.5, 1, 1.5, 2, 2.5]


async def test_a_paused_pool_starts_no_function_until_it_is_resumed():
    first, ran = threading.Event(), []
    manager = ParallelExecutionManager(max_concurrent=1)

    def step(number):
        ran.append(number)
        if number == 0:
            trio.from_thread.run_sync(manager.pool.pause)
            first.set()

    async def resume():
        await trio.to_thread.run_sync(wait_for, first)
        await trio.testing.wait_all_tasks_blocked(0.01)
        seen.extend(ran)
        manager.pool.resume()

    seen = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(resume)
        await manager.execute_group(in_threads(range(3)), step)
    assert seen == [0]
    assert ran == [0, 1, 2]


async def test_a_raised_limit_lets_more_functions_run_at_once():
    manager = ParallelExecutionManager(max_concurrent=1)
    together = threading.Barrier(3)

    def step(number):
        if number == 0:
            trio.from_thread.run_sync(setattr, manager.pool, "max_concurrent", 3)
        together.wait(PATIENCE)

    await manager.execute_group(in_threads(range(6)), step)


# --- contexts and Trio -----------------------------------------------------------------------------


async def test_each_function_has_a_copy_of_the_callers_context():
    def step(name):
        before = variable.get()
        variable.set(name)
        return before, variable.get()

    variable.set("callers")
    manager = ParallelExecutionManager(max_concurrent=1)
    result = await manager.execute_group(in_threads([*"abc"]), step)
    assert list(result.results.values()) == [("callers", name) for name in "abc"]
    assert await manager.pool.execute(step, "d", run_in="thread") == ("callers", "d")
    assert variable.get() == "callers"


async def test_a_context_that_a_function_keeps_is_no_others():
    kept = []

    def step(name):
        kept.append(contextvars.copy_context())
        variable.set(name)
        kept.append(contextvars.copy_context())

    await ParallelExecutionManager(max_concurrent=1).execute_group(in_threads([*"abc"]), step)
    assert [context[variable] for context in kept[1::2]] == ["a", "b", "c"]
    assert all(variable not in context or context[variable] == "default" for context in kept[::2])


async def test_a_function_can_call_back_into_trio():
    async def double(number):
        await trio.lowlevel.checkpoint()
        return 2 * number

    def step(number):
        assert trio.from_thread.run_sync(threading.get_ident) == main
        return trio.from_thread.run(double, number)

    main = threading.get_ident()
    manager = ParallelExecutionManager(max_concurrent=3)
    result = await manager.execute_group(in_threads(range(20)), step)
    assert result.results == {str(number): 2 * number for number in range(20)}


@pytest.mark.parametrize("in_thread", [True, False])
async def test_a_function_lends_its_slot_to_the_steps_that_it_submits(in_thread):
    pool = WorkerPool(max_concurrent=1)

    async def leaf(number):
        await trio.lowlevel.checkpoint()
        return number + 1

    def plain_leaf(number):
        return number + 1

    def step(number):
        if in_thread:
            return trio.from_thread.run(partial(pool.execute, plain_leaf, number, run_in="thread"))
        return trio.from_thread.run(pool.execute, leaf, number)

    assert await pool.map(step, range(5), run_in="thread") == [1, 2, 3, 4, 5]
    assert_idle(pool)


# --- observers -------------------------------------------------------------------------------------


async def test_observers_are_told_on_trios_thread_and_each_start_before_its_end():
    events = []

    def on_event(event):
        assert threading.get_ident() == main
        trio.lowlevel.current_task()
        events.append(event)

    def step(number):
        if number % 10 == 0:
            raise OSError(number)
        return number

    main = threading.get_ident()
    manager = ParallelExecutionManager(max_concurrent=4)
    group = in_threads(range(3000), "all_settled")
    result = await manager.execute_group(group, step, observer=on_event)
    assert len(events) == 6000
    open_steps = set()
    for event in events:
        if event.kind is EventKind.STARTED:
            assert event.step not in open_steps
            open_steps.add(event.step)
            assert len(open_steps) <= 3000
        else:
            open_steps.remove(event.step)
    assert not open_steps
    ended = {event.step: event for event in events if event.kind is EventKind.SUCCEEDED}
    assert {step: event.value for step, event in ended.items()} == result.results


async def test_an_observer_that_raises_something_fatal_ends_the_run():
    class Fatal(BaseException):
        pass

    def on_event(event):
        raise Fatal

    manager = ParallelExecutionManager(max_concurrent=2)
    with pytest.raises(Fatal):
        await manager.execute_group(in_threads(range(100)), str, observer=on_event)
    assert_idle(manager.pool)


# --- cancellation, Ctrl-C, and what is no step's error ---------------------------------------------


async def test_a_cancelled_caller_waits_for_what_runs_and_nothing_more_starts():
    started, release, ran = threading.Event(), threading.Event(), []

    def step(number):
        ran.append(number)
        started.set()
        wait_for(release)

    async def cancel():
        await trio.to_thread.run_sync(wait_for, started)
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked(0.01)
        release.set()

    manager = ParallelExecutionManager(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel)
        with trio.CancelScope() as scope:
            await manager.execute_group(in_threads(range(5)), step)
    assert scope.cancelled_caught
    assert ran == [0]
    assert_idle(manager.pool)
    # It has returned, and finished work is never reported as cancelled.
    assert manager.get_stats().tasks_completed == 1


async def test_a_caller_that_is_cancelled_while_its_steps_wait_has_no_effect():
    manager = ParallelExecutionManager(max_concurrent=1)
    ran = []

    async def hold():
        with trio.move_on_after(0.05):
            await manager.execute_group(in_threads([*"abc"]), ran.append)

    async with trio.open_nursery() as nursery:
        manager.pool.pause()
        nursery.start_soon(hold)
    manager.pool.resume()
    assert ran == []
    assert_idle(manager.pool)
    assert manager.get_stats().tasks_skipped == 3


def test_ctrl_c_reaches_functions_that_ask_and_comes_out_of_trio_run():
    import _thread

    stopped = []

    def step(name):
        if name == "struck":
            _thread.interrupt_main()
        try:
            wait_until_cancelled()
        except BaseException:
            stopped.append(name)
            raise

    manager = ParallelExecutionManager(max_concurrent=2)
    with pytest.raises(KeyboardInterrupt):
        trio.run(manager.execute_group, in_threads(["struck", "other", "third"]), step)
    assert sorted(set(stopped)) == sorted(stopped)
    assert "third" not in stopped
    assert_idle(manager.pool)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_what_is_no_steps_error_comes_out_of_the_group(error):
    def step(number):
        if number == 3:
            raise error
        return number

    manager = ParallelExecutionManager(max_concurrent=1)
    with pytest.raises(error):
        await manager.execute_group(in_threads(range(9), "all_settled"), step)
    assert_idle(manager.pool)
    assert manager.get_stats().tasks_completed == 3


async def test_a_run_leaves_nothing_behind():
    class Step:
        pass

    def run(step):
        raise OSError

    steps = [Step() for _ in range(10)]
    known = [weakref.ref(step) for step in steps]
    result = await ParallelExecutionManager().execute_group(
        in_threads(steps, "all_settled", key=lambda step: str(id(step))), run
    )
    assert len(result.failed_steps) == 10
    del steps, result
    await trio.testing.wait_all_tasks_blocked()
    gc.collect()
    assert [ref for ref in known if ref() is not None] == []


# --- single calls and lists of tasks ---------------------------------------------------------------


async def test_a_call_returns_the_functions_value_or_raises_its_error():
    pool = WorkerPool(max_concurrent=1)
    assert await pool.execute(divmod, 7, 2, run_in="thread") == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await pool.execute(divmod, 7, 0, run_in="thread")
    assert await pool.execute(WorkerTask("t", dict, run_in="thread")) == {}
    assert_idle(pool)
    assert_adds_up(pool)


async def test_a_call_past_its_limit_raises_when_the_function_has_returned(mock_clock):
    returned = []

    def step():
        let_pass(mock_clock, 3)
        with pytest.raises(trio.Cancelled):
            wait_until_cancelled()
        mock_clock.jump(2)
        returned.append(True)

    pool = WorkerPool(max_concurrent=1, timeout=3)
    with pytest.raises(StepTimeout):
        await pool.execute(step, run_in="thread")
    assert returned
    assert pool.get_stats().run_time.max == 3


async def test_a_call_is_refused_where_the_queue_is_full():
    pool = WorkerPool(max_concurrent=1, queue_size=0)
    release = threading.Event()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(pool.execute, wait_for, release, run_in="thread"))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(QueueFull):
            await pool.execute(dict, run_in="thread")
        release.set()
    assert_idle(pool)


async def test_a_call_that_is_cancelled_while_it_waits_has_no_effect():
    pool = WorkerPool(max_concurrent=1)
    release, ran = threading.Event(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(pool.execute, wait_for, release, run_in="thread"))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.01) as scope:
            await pool.execute(ran.append, 1, run_in="thread")
        assert scope.cancelled_caught
        release.set()
    assert ran == []
    assert pool.get_stats().tasks_skipped == 1


async def test_a_list_of_tasks_may_have_both_kinds():
    async def on_trio():
        await trio.lowlevel.checkpoint()
        return threading.get_ident()

    tasks = [
        WorkerTask("trio", on_trio),
        WorkerTask("thread", threading.get_ident, run_in="thread"),
    ]
    here = threading.get_ident()
    on_trios, in_thread = await WorkerPool().execute_many(tasks)
    assert on_trios == here != in_thread
    values = await WorkerPool().execute_many([tasks[1]] * 1)
    assert values != [here]


async def test_a_task_that_blocks_among_async_ones_keeps_its_limit(mock_clock):
    def step():
        let_pass(mock_clock, 3)
        with pytest.raises(trio.Cancelled):
            wait_until_cancelled()
        return "late"

    tasks = [
        WorkerTask("trio", trio.lowlevel.checkpoint),
        WorkerTask("thread", step, timeout=3, run_in="thread"),
    ]
    result = await WorkerPool().execute_with_strategy(tasks, "all_settled")
    assert result.completed_steps == ["trio"]
    assert isinstance(result.errors["thread"], StepTimeout)


async def test_among_async_tasks_one_past_its_limit_has_failed_at_once_and_holds_its_slot(
    mock_clock,
):
    release = threading.Event()
    pool = WorkerPool(max_concurrent=2)

    def late():
        let_pass(mock_clock, 3)
        wait_for(release)
        raise OSError("too late")

    async def watch():
        while pool.get_stats().tasks_timed_out == 0:
            await trio.lowlevel.checkpoint()
        seen.extend((pool.get_status().active_workers, pool.holders()[0][0]))
        release.set()

    seen = []
    tasks = [WorkerTask("late", late, timeout=3, run_in="thread"), WorkerTask("watch", watch)]
    result = await pool.execute_with_strategy(tasks, "all_settled")
    assert seen == [2, "late"]
    assert result.completed_steps == ["watch"]
    assert isinstance(result.errors["late"], StepTimeout)
    assert repr(result.errors["late"].__cause__) == "OSError('too late')"
    assert pool.get_stats().tasks_failed == 0
    assert_idle(pool)
    assert_adds_up(pool)


@pytest.mark.parametrize("raises", [OSError, None])
@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize(
    ("limit", "most"), [(3, None), (None, 3)], ids=["the step's", "for all attempts"]
)
async def test_a_step_past_its_limit_that_may_be_tried_again_has_timed_out_when_it_ends(
    mock_clock, raises, others, limit, most
):
    """Alike among functions alone and among async steps."""
    calls = []

    def late():
        calls.append(None)
        let_pass(mock_clock, 3)
        for _ in range(3):  # until Trio has seen it
            trio.from_thread.run(trio.lowlevel.cancel_shielded_checkpoint)
        if raises is not None:
            raise raises("too late")

    retry = Retry(2, on=StepTimeout, timeout=most, wait_initial=0, wait_jitter=0)
    tasks = [WorkerTask("late", late, timeout=limit, retry=retry, run_in="thread")]
    if others:
        tasks.append(WorkerTask("other", trio.lowlevel.checkpoint))
    pool = WorkerPool()
    result = await pool.execute_with_strategy(tasks, "all_settled")
    error = result.errors["late"]
    assert isinstance(error, StepTimeout)
    assert len(calls) == (2 if most is None else 1)
    assert pool.get_stats().tasks_timed_out == 1
    assert type(error.__cause__) is (type(None) if raises is None else raises)
    assert_idle(pool)
    assert_adds_up(pool)


async def test_among_async_tasks_one_past_its_limit_decides_at_once(mock_clock):
    release = threading.Event()
    pool = WorkerPool(max_concurrent=2)

    def late():
        let_pass(mock_clock, 3)
        wait_for(release)
        return "too late"

    async def other():
        try:
            await trio.sleep_forever()
        finally:
            release.set()  # only now does the function return

    tasks = [WorkerTask("late", late, timeout=3, run_in="thread"), WorkerTask("other", other)]
    result = await pool.execute_with_strategy(tasks)
    assert not result.success
    assert result.failed_steps == ["late"]
    assert result.cancelled_steps == ["other"]
    assert_idle(pool)


# --- many items ------------------------------------------------------------------------------------


async def test_map_returns_the_values_in_the_order_of_the_items():
    assert await hocket.map(abs, [-3, 2, -1], run_in="thread") == [3, 2, 1]
    assert await hocket.map(abs, iter(range(500)), run_in="thread") == list(range(500))


async def test_map_raises_the_errors_and_keeps_the_values():
    with pytest.raises(GroupFailed) as failed:
        await WorkerPool(max_concurrent=1).map(
            lambda number: 1 // number, [2, 1, 0, 3], run_in="thread"
        )
    assert failed.value.finished == {0: 0, 1: 1}


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_stream_hands_out_each_outcome_once(ordered):
    def step(number):
        if number % 7 == 0:
            raise OSError(number)
        return number

    seen = []
    async with WorkerPool(max_concurrent=4).stream(
        step, iter(range(300)), ordered=ordered, on_error="collect", run_in="thread"
    ) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok == (outcome.item % 7 != 0)
            seen.append(outcome.item)
    assert sorted(seen) == list(range(300))
    assert not ordered or seen == list(range(300))


async def test_a_stream_of_an_async_input_waits_for_its_items():
    async def items():
        for number in range(20):
            await trio.lowlevel.checkpoint()
            yield number

    async with hocket.stream(str, items(), run_in="thread", ordered=True) as outcomes:
        assert [outcome.unwrap() async for outcome in outcomes] == [str(n) for n in range(20)]


async def test_a_stream_that_is_left_waits_for_the_functions_that_run():
    release, inside = threading.Event(), Meeting()

    def step(number):
        with inside:
            if number:
                wait_for(release)

    pool = WorkerPool(max_concurrent=3)
    async with pool.stream(step, range(100), run_in="thread") as outcomes:
        async for _ in outcomes:
            release.set()
            break
    assert inside.inside == 0
    assert_idle(pool)


async def test_a_step_of_a_stream_past_its_limit_is_an_outcome_at_once(mock_clock):
    release = threading.Event()
    pool = WorkerPool(max_concurrent=1)

    def step(_):
        let_pass(mock_clock, 3)
        wait_for(release)

    async with pool.stream(
        step, ["a"], step_timeout=3, on_error="collect", run_in="thread"
    ) as outcomes:
        async for outcome in outcomes:
            assert isinstance(outcome.error, StepTimeout)
            assert outcome.duration == 3
            assert pool.get_status().active_workers == 1
            release.set()
    assert_idle(pool)


# --- beside others ---------------------------------------------------------------------------------


async def test_two_groups_of_functions_take_turns():
    order, both = [], threading.Barrier(2)
    pool = WorkerPool(max_concurrent=1)
    first = threading.Event()

    def step(item):
        order.append(item[0])
        if len(order) == 1:
            first.set()
            both.wait(PATIENCE)

    async def second():
        await trio.to_thread.run_sync(wait_for, first)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(pool.map, step, ["b"] * 5, run_in="thread"))
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(both.wait)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(pool.map, step, ["a"] * 50, run_in="thread"))
        nursery.start_soon(second)
    # Each gets every other slot: nobody waits for the other's backlog.
    assert order[:16].count("b") == 5
    assert len(order) == 55


async def test_async_steps_and_functions_share_the_slots_of_a_pool():
    meeting = Meeting()
    pool = WorkerPool(max_concurrent=3)

    def plain(_):
        with meeting:
            pass

    async def on_trio(_):
        with meeting:
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(pool.map, plain, range(300), run_in="thread"))
        nursery.start_soon(pool.map, on_trio, range(300))
    assert meeting.most <= 3
    assert pool.get_stats().tasks_completed == 600
    assert_idle(pool)


# --- what is refused -------------------------------------------------------------------------------


async def a_coroutine(step=None):
    """Is async."""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ParallelGroup("g", [], run_in="process"), "group 'g': run_in must be 'trio', for"),
        (lambda: in_threads([], isolation="task"), "isolation='task' is for async steps"),
        (
            lambda: WorkerTask("t", a_coroutine, run_in="thread"),
            "execute of task 't' is async, and",
        ),
        (lambda: WorkerTask("t", dict, run_in="threads"), "run_in must be 'trio'"),
        (
            lambda: WorkerPool().stream(a_coroutine, [], run_in="thread"),
            "the function of stream is async",
        ),
        (lambda: WorkerPool().stream(abs, [], run_in="THREAD"), "run_in must be 'trio'"),
    ],
)
def test_what_cannot_run_in_a_thread_is_refused_at_the_door(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


async def test_calls_that_cannot_run_in_a_thread_are_refused():
    pool, manager = WorkerPool(), ParallelExecutionManager()
    with pytest.raises(TypeError, match="the function of execute is async"):
        await pool.execute(a_coroutine, run_in="thread")
    with pytest.raises(ValueError, match="run_in must be 'trio'"):
        await pool.execute(dict, run_in="process")
    with pytest.raises(TypeError, match=r"write WorkerTask\('t', ..., run_in='thread'\)"):
        await pool.execute(WorkerTask("t", a_coroutine), run_in="thread")
    with pytest.raises(TypeError, match="step_executor is async"):
        await manager.execute_group(in_threads(["a"]), a_coroutine)
    with pytest.raises(TypeError, match="running step 'a' gave a coroutine, and run_in=\"thread\""):
        await manager.execute_group(in_threads(["a"]), lambda step: a_coroutine())
    with pytest.raises(TypeError, match="cannot be called with"):
        await manager.execute_group(in_threads(["a"]), lambda: None)
    assert_idle(pool)
    assert_idle(manager.pool)


async def test_a_plain_function_without_run_in_is_told_of_it():
    with pytest.raises(TypeError, match='run_in="thread" for functions that block'):
        await ParallelExecutionManager().execute_group(ParallelGroup("g", ["a"]), str.upper)
    with pytest.raises(TypeError, match='run_in="thread" for functions that block'):
        await WorkerPool().map(str.upper, ["a"])


# --- against async steps, at random ----------------------------------------------------------------


@settings(max_examples=60)
@given(
    fails=st.lists(st.booleans(), max_size=30),
    strategy=st.sampled_from(["all", "any", "race", "all_settled"]),
    limit=st.integers(1, 6),
    switch=st.sampled_from([1e-6, 5e-3]),
)
def test_groups_of_functions_come_to_what_their_steps_come_to(fails, strategy, limit, switch):
    def step(number):
        if fails[number]:
            raise OSError(number)
        return number

    async def main():
        manager = ParallelExecutionManager(max_concurrent=limit)
        group = in_threads(range(len(fails)), strategy)
        result = await manager.execute_group(group, step)
        assert_partition(result, result.steps)
        assert_idle(manager.pool)
        assert_adds_up(manager.pool)
        for name in result.completed_steps:
            assert result.results[name] == int(name)
            assert not fails[int(name)]
        assert all(fails[int(name)] for name in result.failed_steps)
        if strategy == "all_settled":
            assert len(result.completed_steps) == fails.count(False)
        elif strategy == "all":
            assert result.success is (not any(fails))
        elif strategy == "any":
            assert result.success is (False in fails)
        stats = manager.get_stats()
        assert stats.tasks_completed == len(result.completed_steps)
        assert stats.tasks_failed == len(result.failed_steps)

    before = sys.getswitchinterval()
    sys.setswitchinterval(switch)  # threads that change places at every turn
    try:
        trio.run(main)
    finally:
        sys.setswitchinterval(before)


async def test_what_is_raised_late_belongs_to_its_own_item_and_nothing_is_kept():
    # A place among those under way is taken by the next item before the function before has ended.
    over = [threading.Event() for _ in range(8)]

    def late(number):
        assert over[number].wait(PATIENCE)
        if number >= 4:
            raise OSError(f"late {number}")

    pool = WorkerPool(max_concurrent=1)
    outcomes = {}
    async with pool.stream(
        late, range(8), run_in="thread", step_timeout=0.01, on_error="collect"
    ) as stream:
        async for outcome in stream:
            outcomes[outcome.index] = outcome
            over[outcome.index].set()
    causes = {index: one.error.__cause__ for index, one in outcomes.items()}
    assert {index: cause and str(cause) for index, cause in causes.items()} == {
        index: f"late {index}" if index >= 4 else None for index in range(8)
    }
    kept = [weakref.ref(one.error) for one in outcomes.values()]
    outcomes.clear()
    causes.clear()
    del outcome
    gc.collect()
    assert [one() for one in kept if one() is not None] == []

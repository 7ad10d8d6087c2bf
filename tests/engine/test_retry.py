"""A failed attempt gives its slot back, and the step is tried again in its time: none is lost."""

from __future__ import annotations

import math
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given, settings, strategies as st

from hocket import (
    EventKind,
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    Rate,
    Retry,
    StepLeftovers,
    StepTimeout,
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

# Waits of 1, 2, 4, ... seconds.
AGAIN = Retry(4, on=OSError, wait_initial=1, wait_max=100, wait_jitter=0)


class Flaky:
    """Steps that fail so many times, and note when they start."""

    def __init__(self):
        self.starts = []
        self.attempts = {}

    async def step(self, name, failures=0, seconds=0.0, error=OSError):
        attempt = self.attempts[name] = self.attempts.get(name, 0) + 1
        self.starts.append((name, trio.current_time()))
        if seconds:
            await trio.sleep(seconds)
        if attempt <= failures:
            raise error(f"attempt {attempt} of {name}")
        return f"{name} at attempt {attempt}"


@pytest.fixture
def flaky():
    return Flaky()


@pytest.mark.parametrize("timeout", [None, 50])
@pytest.mark.parametrize("seconds", [0, 0.5])
async def test_a_call_is_tried_again_after_ever_longer_waits(
    autojump_clock, flaky, timeout, seconds
):
    pool = WorkerPool()
    task = WorkerTask("a", partial(flaky.step, "a", 3, seconds), timeout, AGAIN)
    assert await pool.execute(task) == "a at attempt 4"
    assert flaky.starts == [
        ("a", 0), ("a", 1 + seconds), ("a", 3 + 2 * seconds), ("a", 7 + 3 * seconds),
    ]  # fmt: skip
    stats = pool.get_stats()
    assert (stats.tasks_submitted, stats.tasks_completed, stats.tasks_failed) == (1, 1, 0)
    assert (stats.tasks_retried, stats.total_wait_time) == (3, 7)
    assert (stats.run_time.count, stats.run_time.total) == (4, 4 * seconds)
    await assert_works_on(pool)


async def test_the_last_attempts_error_is_the_steps(autojump_clock, flaky):
    pool = WorkerPool()
    with pytest.raises(OSError, match="attempt 4 of a"):
        await pool.execute(WorkerTask("a", partial(flaky.step, "a", 9), retry=AGAIN))
    stats = pool.get_stats()
    assert (stats.tasks_failed, stats.tasks_retried, stats.failure_rate) == (1, 3, 1)
    assert_idle(pool)


async def test_a_step_that_waits_for_its_next_attempt_has_no_slot(autojump_clock, flaky):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            pool.execute, WorkerTask("a", partial(flaky.step, "a", 2, 1), retry=AGAIN)
        )
        await trio.sleep(1.5)
        status = pool.get_status()
        assert (status.active_workers, status.queue_length) == (0, 1)
        assert_adds_up(pool)
        await pool.execute(flaky.step, "b", 0, 1)
    assert flaky.starts == [("a", 0), ("b", 1.5), ("a", 2.5), ("a", 5.5)]
    assert_idle(pool)


async def test_the_other_steps_of_a_group_run_meanwhile(autojump_clock, flaky):
    manager = ParallelExecutionManager(max_concurrent=1)
    group = ParallelGroup("g", list("abc"), retry=AGAIN)
    failures = {"a": 2, "b": 0, "c": 0}

    async def execute(name):
        return await flaky.step(name, failures[name], 1)

    result = await manager.execute_group(group, execute)
    assert result.success
    assert result.completed_steps == ["b", "c", "a"]
    # What is tried again goes before what has not been tried.
    assert flaky.starts == [("a", 0), ("b", 1), ("a", 2), ("c", 3), ("a", 5)]
    assert_partition(result, "abc")
    assert_idle(manager)


async def test_a_steps_limit_is_for_each_attempt(autojump_clock, flaky):
    pool = WorkerPool(timeout=2)
    again = Retry(3, on=trio.TooSlowError, wait_initial=1, wait_jitter=0)
    with pytest.raises(StepTimeout, match="after its time limit of 2 s"):
        await pool.execute(WorkerTask("a", partial(flaky.step, "a", 0, 5), retry=again))
    assert flaky.starts == [("a", 0), ("a", 3), ("a", 7)]
    assert trio.current_time() == 9
    stats = pool.get_stats()
    assert (stats.tasks_timed_out, stats.tasks_retried) == (1, 2)
    group = ParallelGroup("g", ["x", "y"], "all_settled", retry=again)
    manager = ParallelExecutionManager(timeout=2)
    result = await manager.execute_group(group, lambda name: flaky.step(name, 0, 5))
    assert result.failed_steps == ["x", "y"] or result.failed_steps == ["y", "x"]
    assert (result.duration, manager.get_stats().tasks_retried) == (9, 4)
    assert_idle(manager)


async def test_the_timeout_of_a_retry_is_for_all_attempts_and_waits(autojump_clock, flaky):
    pool = WorkerPool(timeout=100)
    again = Retry(None, on=OSError, wait_initial=1, wait_jitter=0, wait_max=1, timeout=10)
    with pytest.raises(StepTimeout, match="after the retry's time limit of 10 s"):
        await pool.execute(WorkerTask("a", partial(flaky.step, "a", 99, 3), retry=again))
    assert flaky.starts == [("a", 0), ("a", 4), ("a", 8)]
    assert trio.current_time() == 10
    # A wait that would end too late is not begun.
    with pytest.raises(OSError, match="attempt 2 of b"):
        await pool.execute(WorkerTask("b", partial(flaky.step, "b", 99, 4.25), retry=again))
    assert trio.current_time() == 19.5
    assert_idle(pool)


async def test_a_server_may_say_how_long_to_wait(autojump_clock, flaky):
    waits = iter([30, 0, True, False])
    again = Retry(None, on=lambda error: next(waits), wait_initial=2, wait_jitter=0)
    with pytest.raises(OSError, match="attempt 4"):
        await WorkerPool().execute(WorkerTask("a", partial(flaky.step, "a", 9), retry=again))
    # The wait after the third attempt is the one that is reckoned: 2 * 2 ** 2, and no more than 5.
    assert [at for _, at in flaky.starts] == [0, 30, 30, 35]


async def test_a_rule_that_fails_is_noted_on_the_steps_error(autojump_clock, flaky):
    again = Retry(on=lambda error: error.status == 429)
    with pytest.raises(OSError, match="attempt 1") as caught:
        await WorkerPool().execute(WorkerTask("a", partial(flaky.step, "a", 9), retry=again))
    assert "could not be told" in caught.value.__notes__[0]
    assert "AttributeError" in caught.value.__notes__[0]


async def test_other_errors_are_not_tried_again(autojump_clock, flaky):
    with pytest.raises(KeyError):
        await WorkerPool().execute(
            WorkerTask("a", partial(flaky.step, "a", 9, error=KeyError), retry=AGAIN)
        )
    assert len(flaky.starts) == 1


@pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")
async def test_mistakes_and_leftovers_are_never_tried_again(autojump_clock):
    again, calls = Retry(on=Exception, wait_initial=0, wait_jitter=0), []

    async def leaves(*_):
        calls.append(1)
        scope = trio.CancelScope()
        scope.__enter__()
        await trio.lowlevel.checkpoint()

    with pytest.raises(StepLeftovers):
        await WorkerPool().execute(WorkerTask("a", leaves, retry=again))
    assert len(calls) == 1

    async def two(first, second):
        raise AssertionError

    with pytest.raises(TypeError):
        await ParallelExecutionManager().execute_group(ParallelGroup("g", "ab", retry=again), two)


@pytest.mark.parametrize("strategy", ["all", "any", "race", "all_settled"])
async def test_a_decision_stops_what_waits_for_another_attempt(autojump_clock, strategy):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", ["waits", "decides"], strategy, retry=AGAIN)

    async def execute(step):
        if step == "waits":
            raise OSError
        await trio.sleep(0.5)
        if strategy == "all":
            raise KeyError
        return step

    result = await manager.execute_group(group, execute)
    assert_partition(result, ["waits", "decides"])
    if strategy == "all_settled":
        assert (result.failed_steps, result.duration) == (["waits"], 7)
    else:
        assert result.duration == 0.5
        assert result.skipped_steps == result.cancelled_steps == ["waits"]
        assert manager.get_stats().tasks_cancelled == 1
    assert_idle(manager)


async def test_continue_on_error_counts_the_last_attempt(autojump_clock, flaky):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("ab"), continue_on_error=True, retry=AGAIN)
    result = await manager.execute_group(group, lambda name: flaky.step(name, 9))
    assert result.success
    assert sorted(result.failed_steps) == ["a", "b"]
    assert len(flaky.starts) == 8
    assert_idle(manager)


async def test_a_groups_time_limit_stops_what_waits(autojump_clock, flaky):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("ab"), timeout=2, retry=AGAIN)
    result = await manager.execute_group(group, lambda name: flaky.step(name, 9))
    assert (result.timed_out, result.duration) == (True, 2)
    assert sorted(result.failed_steps) == ["a", "b"]
    assert all(isinstance(error, StepTimeout) for error in result.errors.values())
    assert manager.get_stats().tasks_timed_out == 2
    assert_idle(manager)


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_caller_that_is_cancelled_leaves_nothing_behind(autojump_clock, flaky, isolation):
    manager = ParallelExecutionManager(max_concurrent=3)
    group = ParallelGroup("g", list("abcdef"), retry=AGAIN, isolation=isolation)
    with trio.move_on_after(2) as scope:
        await manager.execute_group(group, lambda name: flaky.step(name, 9, 0.25))
    assert scope.cancelled_caught
    stats = manager.get_stats()
    assert (stats.tasks_cancelled, stats.tasks_skipped) == (6, 0)
    assert trio.current_time() == 2
    await assert_works_on(manager)


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_every_step_of_a_group_is_tried_as_often_as_it_needs(
    autojump_clock, flaky, isolation
):
    manager = ParallelExecutionManager(max_concurrent=4)
    steps = [str(i) for i in range(50)]
    group = ParallelGroup("g", steps, retry=AGAIN, isolation=isolation)
    result = await manager.execute_group(
        group, lambda name: flaky.step(name, int(name) % 4, int(name) % 3 / 10)
    )
    assert result.success
    assert flaky.attempts == {name: int(name) % 4 + 1 for name in steps}
    assert manager.get_stats().tasks_retried == sum(i % 4 for i in range(50))
    assert_idle(manager)


async def test_attempts_keep_the_rate(autojump_clock, flaky):
    pool = WorkerPool(rate=Rate(1))
    again = Retry(on=OSError, wait_initial=0, wait_jitter=0)
    await pool.execute_many(
        [WorkerTask(name, partial(flaky.step, name, 2), retry=again) for name in "ab"]
    )
    assert [at for _, at in flaky.starts] == [0, 1, 2, 3, 4, 5]


async def test_observers_are_told_of_each_attempt(autojump_clock, flaky):
    heard = []
    group = ParallelGroup("g", ["a"], retry=AGAIN)
    await ParallelExecutionManager().execute_group(
        group, lambda name: flaky.step(name, 2, 0.5), observer=heard.append
    )
    assert [(event.kind, event.attempt, event.seconds) for event in heard] == [
        (EventKind.STARTED, 1, 0),
        (EventKind.RETRYING, 1, 0.5),
        (EventKind.STARTED, 2, 1),
        (EventKind.RETRYING, 2, 0.5),
        (EventKind.STARTED, 3, 2),
        (EventKind.SUCCEEDED, 3, 0.5),
    ]
    assert str(heard[1].error) == "attempt 1 of a"


async def test_a_paused_or_held_pool_starts_no_attempt(autojump_clock, flaky):
    pool = WorkerPool()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, WorkerTask("a", partial(flaky.step, "a", 2), retry=AGAIN))
        await trio.sleep(0.5)
        pool.pause()
        await trio.sleep(4.5)
        pool.resume()
        await trio.sleep(0.5)
        pool.hold_for(10)
    assert flaky.starts == [("a", 0), ("a", 5), ("a", 15.5)]
    await assert_works_on(pool)


async def test_tasks_of_one_call_have_each_their_own_retry(autojump_clock, flaky):
    pool = WorkerPool()
    tasks = [
        WorkerTask("a", partial(flaky.step, "a", 2), retry=AGAIN),
        WorkerTask("b", partial(flaky.step, "b", 1)),
    ]
    result = await pool.execute_with_strategy(tasks, "all_settled")
    assert (result.completed_steps, result.failed_steps) == (["a"], ["b"])
    with pytest.raises(GroupFailed):
        await pool.execute_many([WorkerTask("b", partial(flaky.step, "c", 1))])


specs = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from([None, 0.15, 0.35])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(
    specs=specs,
    limit=st.integers(1, 4),
    attempts=st.integers(1, 4),
    strategy=st.sampled_from(["all", "any", "race", "all_settled"]),
    cancel=st.one_of(st.none(), st.integers(1, 60)),
    disturb=st.lists(
        st.tuples(st.sampled_from(["resize", "hold", "pause"]), st.integers(1, 5)), max_size=4
    ),
    isolation=st.sampled_from(["shared", "task"]),
)
def test_nothing_is_lost_under_every_disturbance(  # noqa: C901 - a list of troubles
    specs, limit, attempts, strategy, cancel, disturb, isolation
):
    again = Retry(attempts, on=(OSError, trio.TooSlowError), wait_initial=0.3, wait_jitter=0.2)
    running, most, tried = 0, 0, {}

    async def execute(step):
        nonlocal running, most
        failures, tenths, _ = specs[int(step)]
        attempt = tried[step] = tried.get(step, 0) + 1
        running += 1
        most = max(most, running)
        try:
            await trio.sleep(tenths / 10)
            if attempt <= failures:
                raise OSError(step)
            return step
        finally:
            running -= 1

    async def main():
        manager = ParallelExecutionManager(max_concurrent=limit)
        steps = [str(i) for i in range(len(specs))]
        limit_of = specs[0][2]
        group = ParallelGroup(
            "g", steps, strategy, retry=again, step_timeout=limit_of, isolation=isolation
        )
        result = None
        async with trio.open_nursery() as nursery:

            async def trouble():
                for kind, value in disturb:
                    await trio.sleep(value / 10)
                    if kind == "resize":
                        manager.pool.max_concurrent = min(value, limit)
                    elif kind == "hold":
                        manager.pool.hold_for(value / 10)
                    else:
                        manager.pool.pause()
                        await trio.sleep(value / 10)
                        manager.pool.resume()

            nursery.start_soon(trouble)
            with trio.move_on_after(math.inf if cancel is None else cancel / 10):
                result = await manager.execute_group(group, execute)
        assert running == 0
        assert most <= limit
        assert all(count <= attempts for count in tried.values())
        assert_idle(manager)
        stats = manager.get_stats()
        ended = stats.tasks_completed + stats.tasks_failed + stats.tasks_timed_out
        assert stats.tasks_submitted == ended + stats.tasks_cancelled + stats.tasks_skipped
        if result is not None:
            assert_partition(result, steps)
            for step in result.completed_steps:
                assert tried[step] > specs[int(step)][0]
            for step in result.failed_steps:
                assert tried[step] == attempts
            if strategy == "all_settled":
                assert stats.tasks_retried == sum(tried.values()) - len(steps)
        manager.pool.max_concurrent = 3
        await assert_works_on(manager)

    run_virtual(main)


ON = "on of Retry must be a type of errors, several in a tuple, or an ordinary function of the error that returns True, False or seconds; got "
WRONG = [
    ({}, TypeError, "Retry.__init__() missing 1 required keyword-only argument: 'on'"),
    ({"on": 5}, TypeError, ON + "5"),
    ({"on": "OSError"}, TypeError, ON + "'OSError'"),
    ({"on": None}, TypeError, ON + "None"),
    ({"on": ()}, TypeError, ON + "()"),
    ({"on": (OSError, 5)}, TypeError, ON + "(<class 'OSError'>, 5)"),
    ({"on": KeyboardInterrupt}, TypeError, "on of Retry must be a type of Exception; got <class 'KeyboardInterrupt'>, which is never tried again"),
    ({"on": int}, TypeError, "on of Retry must be a type of Exception; got <class 'int'>, which is never tried again"),
    ({"on": OSError, "attempts": 0}, ValueError, "attempts of Retry must be at least 1; got 0"),
    ({"on": OSError, "attempts": 1.5}, TypeError, "attempts of Retry must be a whole number of at least 1, or None for no limit; got 1.5"),
    ({"on": OSError, "wait_initial": -1}, ValueError, "wait_initial of Retry must be more than 0 seconds; got -1; leave it out, or pass None, never"),
    ({"on": OSError, "wait_max": math.inf}, ValueError, "wait_max of Retry must be a number of seconds; got inf"),
    ({"on": OSError, "wait_jitter": None}, ValueError, "wait_jitter of Retry must be a number of seconds; got None"),
    ({"on": OSError, "wait_exp_base": 0.5}, ValueError, "wait_exp_base of Retry must be a number of at least 1; got 0.5"),
    ({"on": OSError, "wait_exp_base": "2"}, ValueError, "wait_exp_base of Retry must be a number of at least 1; got '2'"),
    ({"on": OSError, "timeout": 0}, ValueError, "timeout of Retry must be more than 0 seconds; got 0; leave it out, or pass None, for no limit"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "kind", "text"), WRONG)
def test_a_wrong_retry_is_refused_with_what_to_write(arguments, kind, text):
    with pytest.raises(kind) as caught:
        Retry(**arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "retry must be a Retry, or None for one attempt; got 3; write Retry(3, on=OSError), with the errors after which to try again"),
        (True, "retry must be a Retry, or None for one attempt; got True"),
        ("3", "retry must be a Retry, or None for one attempt; got '3'"),
    ],
)  # fmt: skip
def test_what_is_no_retry_is_refused_wherever_one_is_taken(value, text):
    with pytest.raises(TypeError) as caught:
        WorkerTask("a", trio.sleep_forever, retry=value)
    assert str(caught.value) == text
    with pytest.raises(TypeError) as caught:
        ParallelGroup("g", [], retry=value)
    assert str(caught.value) == f"group 'g': {text}"

"""ParallelExecutionManager: observers, logging, and what execute_group raises by itself."""

from __future__ import annotations

import logging

import pytest
import trio

from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelGroup,
    StepEvent,
    StepState,
    StepTimeout,
    WorkerTask,
)
from hocket.testing import assert_idle, assert_works_on


class Broken(Exception):
    pass


def brief(event):
    return event.kind.value, event.step, event.seconds


async def nap(step, context):
    await trio.sleep(1)
    return step


async def test_an_observer_hears_of_every_step(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    heard = []

    async def execute(step, context):
        await trio.sleep(9 if step == "slow" else 2)
        if step == "bad":
            raise Broken

    group = ParallelGroup("g", ["good", "bad", "slow"], "all_settled", step_timeout=5)
    await manager.execute_group(group, execute, observer=lambda event: heard.append(brief(event)))
    assert heard == [
        ("started", "good", 0.0),
        ("succeeded", "good", 2.0),
        ("started", "bad", 2.0),
        ("failed", "bad", 2.0),
        ("started", "slow", 4.0),
        ("timed_out", "slow", 5.0),
    ]
    heard.clear()
    group = ParallelGroup("g", ["good", "slow"], "any", max_concurrent=2)
    manager.pool.max_concurrent = 2
    await manager.execute_group(group, execute, observer=lambda event: heard.append(brief(event)))
    assert heard == [
        ("started", "good", 0.0),
        ("started", "slow", 0.0),
        ("succeeded", "good", 2.0),
        ("cancelled", "slow", 2.0),
    ]


async def test_an_event_says_what_came_of_which_step_in_which_group(autojump_clock):
    manager = ParallelExecutionManager()
    heard = []

    async def execute(step, context):
        await trio.sleep(9 if step == "slow" else 1)
        if step == "bad":
            raise Broken
        return step.upper()

    steps = ["good", "bad", "slow"]
    group = ParallelGroup("g", steps, "all_settled", step_timeout=5)
    result = await manager.execute_group(group, execute, observer=heard.append)
    ended = {event.step: event for event in heard if event.kind is not EventKind.STARTED}
    assert {event.group for event in heard} == {"g"}
    assert {event.attempt for event in heard} == {1}
    assert ended["good"] == StepEvent(EventKind.SUCCEEDED, "good", "g", 1.0, value="GOOD")
    assert ended["bad"].kind.state is StepState.FAILED
    assert ended["bad"].error is result.errors["bad"]
    assert ended["slow"].kind.state is StepState.TIMED_OUT
    assert isinstance(ended["slow"].error, StepTimeout)


async def test_several_observers_are_told_in_turn_and_one_that_fails_takes_nothing_from_the_others(
    autojump_clock, caplog
):
    heard = []

    def first(event):
        heard.append("first")
        raise Broken

    def second(event):
        heard.append("second")

    group = ParallelGroup("g", ["a"])
    await ParallelExecutionManager().execute_group(group, nap, observer=[first, second])
    assert heard == ["first", "second", "second"]
    assert "failed and was removed" in caplog.text


async def test_a_failing_observer_is_logged_and_removed(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    calls = []

    def observer(event):
        calls.append(event.kind.value)
        raise Broken("observer")

    result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), nap, observer=observer)
    assert result.success
    assert calls == ["started"]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("hocket.group", "ERROR")
    assert "failed and was removed" in record.getMessage()
    assert record.exc_info is not None
    assert_idle(manager)


async def test_an_observer_may_use_the_pool(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    seen = []

    def observer(event):
        stats, status = manager.get_stats(), manager.get_status()
        seen.append(
            (event.kind, stats.active_workers, status.active_workers, manager.pool.holders())
        )
        manager.pool.max_concurrent = 2 + len(seen) % 3

    steps = [str(i) for i in range(9)]
    result = await manager.execute_group(ParallelGroup("g", steps), nap, observer=observer)
    assert len(result.completed_steps) == 9
    assert len(seen) == 18
    await assert_works_on(manager)


async def test_nothing_is_logged_and_nothing_formatted_unless_debug_is_on(autojump_clock, caplog):
    manager = ParallelExecutionManager()

    class Unprintable(str):  # noqa: SLOT000
        def __repr__(self):
            formatted.append(self)
            return "unprintable"

        __str__ = __repr__

    formatted = []
    caplog.set_level(logging.INFO)
    group = ParallelGroup(Unprintable("g"), [Unprintable("a")])
    formatted.clear()
    result = await manager.execute_group(group, nap)
    await manager.pool.execute(nap, 1, 2)
    await manager.pool.execute_many([WorkerTask("t", lambda: nap(1, 2))])
    assert result.success
    assert caplog.records == []
    assert [text for text in formatted if str.__eq__(text, "a")] == []


async def test_debug_tells_what_happens_to_a_group_and_its_steps(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    caplog.set_level(logging.DEBUG, logger="hocket")
    await manager.execute_group(ParallelGroup("fetch", ["a"]), nap)
    assert [record.name for record in caplog.records] == ["hocket.group"] * 4
    assert [record.getMessage() for record in caplog.records] == [
        "group 'fetch' starts: 1 steps",
        "group 'fetch': step 'a' started (0.000000 s)",
        "group 'fetch': step 'a' succeeded (1.000000 s)",
        "group 'fetch' succeeded after 1.000000 s: 1 completed, 0 failed, 0 skipped",
    ]
    caplog.clear()
    await manager.pool.execute_many([WorkerTask("t", lambda: nap(1, 2))])
    assert {record.name for record in caplog.records} == {"hocket.pool"}
    assert len(caplog.records) == 4


async def test_debug_tells_of_a_single_task_too(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    caplog.set_level(logging.DEBUG, logger="hocket")
    await manager.pool.execute(WorkerTask("single", lambda: nap(1, 2)))
    assert {record.name for record in caplog.records} == {"hocket.pool"}
    assert any("single" in record.getMessage() for record in caplog.records)


async def test_groups_may_run_at_once_and_one_after_another(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=4)
    async with trio.open_nursery() as nursery:
        for i in range(5):
            group = ParallelGroup(f"g{i}", [f"{i}.{j}" for j in range(4)])
            nursery.start_soon(manager.execute_group, group, nap)
    assert trio.current_time() == 5
    assert (await manager.execute_group(ParallelGroup("g", ["x"]), nap)).results == {"x": "x"}
    assert manager.get_stats().tasks_completed == 21
    await assert_works_on(manager)


async def test_a_group_may_be_used_again(autojump_clock):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", ["a", "b"])
    first = await manager.execute_group(group, nap)
    second = await manager.execute_group(group, nap)
    assert first.results == second.results
    assert first.results is not second.results


async def test_execute_group_is_a_checkpoint_even_without_steps():
    manager = ParallelExecutionManager()
    with trio.testing.assert_checkpoints():
        await manager.execute_group(ParallelGroup("g", []), nap)
    with trio.CancelScope() as scope:
        scope.cancel()
        await manager.execute_group(ParallelGroup("g", []), nap)
    assert scope.cancelled_caught


async def test_a_mistake_of_the_program_raises_at_once_and_leaves_the_pool_in_order(
    autojump_clock,
):
    manager = ParallelExecutionManager(max_concurrent=2)
    cleaned = []

    def mixed(step, context):
        if step == "c":
            return None  # forgot to write async

        async def run():
            try:
                await trio.sleep(1 if step == "a" else 9)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                cleaned.append(step)

        return run()

    with pytest.raises(TypeError, match="step 'c' gave a NoneType, not an awaitable"):
        await manager.execute_group(ParallelGroup("g", ["a", "b", "c", "d"]), mixed)
    assert sorted(cleaned) == ["a", "b"]
    await assert_works_on(manager)


async def test_an_executor_of_wrong_arity_is_a_mistake_and_no_failure_of_the_step():
    manager = ParallelExecutionManager()

    async def one(step):
        pass

    with pytest.raises(TypeError, match=r"one\(step\) cannot be called with \(step, context\)"):
        await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), one)
    await assert_works_on(manager)


async def test_a_type_error_inside_a_step_is_the_steps():
    manager = ParallelExecutionManager()

    async def inside(step, context):
        return len(5)

    def outside(step, context):
        len(5)

    for executor in (inside, outside):
        group = ParallelGroup("g", ["a"], "all_settled")
        result = await manager.execute_group(group, executor)
        assert isinstance(result.errors["a"], TypeError)

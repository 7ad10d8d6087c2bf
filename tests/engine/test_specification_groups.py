"""The guarantees of parallel groups in the words of the specification: strategies, limits, results.

A group is an id, the ids of its steps, and settings; the executor is a function of a step's id. Each
test is one sentence of what whoever ordered this expects, and knows nothing of how it is done.
"""

from __future__ import annotations

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, StepTimeout
from hocket.testing import assert_idle


class Broken(Exception):
    pass


class Executor:
    """Runs steps by id: so many seconds each, and then a value or an error; notes what happened."""

    def __init__(self, seconds=None, errors=()):
        self.seconds = seconds or {}
        self.errors = {step: Broken(step) for step in errors}
        self.started, self.cancelled = {}, {}
        self.running = self.most = 0

    async def __call__(self, step):
        self.started[step] = trio.current_time()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await trio.sleep(self.seconds.get(step, 1))
        except trio.Cancelled:
            self.cancelled[step] = trio.current_time()
            raise
        finally:
            self.running -= 1
        if step in self.errors:
            raise self.errors[step]
        return step.upper()


def group(steps, wait_strategy="all", **settings):
    return ParallelGroup("g", list(steps), wait_strategy, **settings)


# --- all


async def test_all_succeeds_when_every_step_has_succeeded(autojump_clock):
    execute = Executor({"a": 3, "b": 1, "c": 2})
    result = await ParallelExecutionManager().execute_group(group("abc", "all"), execute)
    assert result.success
    assert result.results == {"a": "A", "b": "B", "c": "C"}
    assert (result.errors, result.skipped_steps) == ({}, [])
    assert result.duration == 3


async def test_all_is_the_strategy_of_a_group_that_names_none(autojump_clock):
    execute = Executor({"b": 60}, errors="a")
    result = await ParallelExecutionManager().execute_group(ParallelGroup("g", ["a", "b"]), execute)
    assert (result.success, result.duration) == (False, 1)


async def test_all_cancels_what_runs_the_moment_a_step_fails(autojump_clock):
    execute = Executor({"a": 60, "b": 2, "c": 60}, errors="b")
    result = await ParallelExecutionManager().execute_group(group("abc", "all"), execute)
    assert not result.success
    assert execute.cancelled == {"a": 2, "c": 2}
    assert trio.current_time() == 2


async def test_all_starts_nothing_more_once_a_step_has_failed(autojump_clock):
    execute = Executor(errors="a")
    manager = ParallelExecutionManager(max_concurrent=1)
    result = await manager.execute_group(group("abc", "all"), execute)
    assert set(execute.started) == {"a"}
    assert result.skipped_steps == ["b", "c"]


async def test_all_keeps_what_had_succeeded_before_the_failure(autojump_clock):
    execute = Executor({"a": 1, "b": 2, "c": 3}, errors="b")
    result = await ParallelExecutionManager().execute_group(group("abc", "all"), execute)
    assert result.results == {"a": "A"}
    assert result.errors == {"b": execute.errors["b"]}
    assert result.skipped_steps == ["c"]


# --- any


async def test_any_ends_at_the_first_success_and_cancels_the_losers_at_once(autojump_clock):
    execute = Executor({"a": 5, "b": 2, "c": 60})
    result = await ParallelExecutionManager().execute_group(group("abc", "any"), execute)
    assert result.success
    assert (result.winner, result.value) == ("b", "B")
    assert execute.cancelled == {"a": 2, "c": 2}
    assert result.skipped_steps == ["a", "c"]


async def test_any_does_not_mind_failures_before_a_success(autojump_clock):
    execute = Executor({"a": 1, "b": 2, "c": 3}, errors="ab")
    result = await ParallelExecutionManager().execute_group(group("abc", "any"), execute)
    assert (result.success, result.value, result.duration) == (True, "C", 3)
    assert result.errors == execute.errors


async def test_any_fails_when_every_step_has_failed_and_has_all_errors(autojump_clock):
    execute = Executor({"a": 1, "b": 2}, errors="ab")
    result = await ParallelExecutionManager().execute_group(group("ab", "any"), execute)
    assert (result.success, result.winner, result.duration) == (False, None, 2)
    assert result.errors == execute.errors


async def test_any_under_a_limit_starts_no_step_that_is_not_needed(autojump_clock):
    execute = Executor(errors="a")
    any_one = group("abcd", "any", max_concurrent=1)
    result = await ParallelExecutionManager().execute_group(any_one, execute)
    assert list(execute.started) == ["a", "b"]
    assert result.skipped_steps == ["c", "d"]


# --- allSettled


@pytest.mark.parametrize("strategy", ["allSettled", "all_settled"])
async def test_all_settled_waits_for_every_step_and_succeeds_with_failures(
    autojump_clock, strategy
):
    execute = Executor({"a": 1, "b": 2, "c": 3}, errors="ab")
    result = await ParallelExecutionManager().execute_group(group("abc", strategy), execute)
    assert (result.success, result.duration) == (True, 3)
    assert execute.cancelled == {}
    assert result.results == {"c": "C"}
    assert result.errors == execute.errors


async def test_all_settled_succeeds_if_every_step_has_failed(autojump_clock):
    execute = Executor(errors="ab")
    result = await ParallelExecutionManager().execute_group(group("ab", "allSettled"), execute)
    assert result.success
    assert sorted(result.failed_steps) == ["a", "b"]


async def test_all_settled_gives_each_outcome_in_the_order_of_the_steps(autojump_clock):
    execute = Executor({"a": 3, "b": 2, "c": 1}, errors="b")
    result = await ParallelExecutionManager().execute_group(group("abc", "allSettled"), execute)
    assert result.outcomes == ["A", execute.errors["b"], "C"]


# --- race


async def test_race_succeeds_if_the_first_step_to_end_succeeds(autojump_clock):
    execute = Executor({"a": 5, "b": 2}, errors="a")
    result = await ParallelExecutionManager().execute_group(group("ab", "race"), execute)
    assert (result.success, result.winner, result.value) == (True, "b", "B")
    assert execute.cancelled == {"a": 2}


async def test_race_fails_if_the_first_step_to_end_fails(autojump_clock):
    execute = Executor({"a": 2, "b": 5}, errors="a")
    result = await ParallelExecutionManager().execute_group(group("ab", "race"), execute)
    assert (result.success, result.winner, result.value) == (False, None, None)
    assert result.errors == execute.errors
    assert execute.cancelled == {"b": 2}


async def test_a_time_limit_that_is_first_loses_the_race(autojump_clock):
    execute = Executor({"a": 60, "b": 60})
    race = group("ab", "race", step_timeout=2)
    result = await ParallelExecutionManager().execute_group(race, execute)
    assert (result.success, result.duration) == (False, 2)
    assert all(isinstance(error, StepTimeout) for error in result.errors.values())


# --- limits


async def test_a_group_never_runs_more_steps_than_its_own_limit(autojump_clock):
    execute = Executor()
    limited = group("abcdef", max_concurrent=2)
    result = await ParallelExecutionManager(max_concurrent=10).execute_group(limited, execute)
    assert (execute.most, result.duration) == (2, 3)


async def test_a_group_never_runs_more_steps_than_the_pool_allows(autojump_clock):
    execute = Executor()
    limited = group("abcdef", max_concurrent=5)
    result = await ParallelExecutionManager(max_concurrent=3).execute_group(limited, execute)
    assert (execute.most, result.duration) == (3, 2)


async def test_groups_that_run_side_by_side_share_the_pools_limit(autojump_clock):
    execute = Executor()
    manager = ParallelExecutionManager(max_concurrent=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute_group, group("abcd"), execute)
        nursery.start_soon(manager.execute_group, group("efgh"), execute)
    assert execute.most == 3
    assert len(execute.started) == 8


async def test_a_step_starts_as_soon_as_another_one_ends(autojump_clock):
    execute = Executor({"a": 5, "b": 1, "c": 2})
    limited = group("abcd", max_concurrent=2)
    await ParallelExecutionManager().execute_group(limited, execute)
    assert execute.started == {"a": 0, "b": 0, "c": 1, "d": 3}


async def test_a_groups_time_limit_stops_what_runs_and_keeps_what_has_ended(autojump_clock):
    execute = Executor({"a": 1, "b": 60, "c": 60, "d": 60})
    limited = group("abcd", timeout=1.5, max_concurrent=3)
    result = await ParallelExecutionManager().execute_group(limited, execute)
    assert (result.success, result.timed_out, result.duration) == (False, True, 1.5)
    assert result.results == {"a": "A"}
    assert execute.cancelled == {"b": 1.5, "c": 1.5, "d": 1.5}
    assert {type(error) for error in result.errors.values()} == {StepTimeout}


async def test_a_groups_time_limit_skips_what_has_not_started(autojump_clock):
    execute = Executor({"a": 60})
    limited = group("abc", timeout=2, max_concurrent=1)
    result = await ParallelExecutionManager().execute_group(limited, execute)
    assert (result.failed_steps, result.skipped_steps) == (["a"], ["b", "c"])


async def test_a_group_that_ends_in_time_has_not_timed_out(autojump_clock):
    result = await ParallelExecutionManager().execute_group(group("ab", timeout=2), Executor())
    assert (result.success, result.timed_out) == (True, False)


async def test_all_settled_succeeds_with_what_had_ended_when_its_time_was_up(autojump_clock):
    execute = Executor({"a": 1, "b": 60})
    settled = group("ab", "allSettled", timeout=2)
    result = await ParallelExecutionManager().execute_group(settled, execute)
    assert (result.success, result.timed_out) == (True, True)
    assert (result.results, result.failed_steps) == ({"a": "A"}, ["b"])


async def test_each_step_may_have_a_time_limit_from_its_own_start(autojump_clock):
    execute = Executor({"a": 60})
    limited = group("abc", "allSettled", step_timeout=2, max_concurrent=1)
    result = await ParallelExecutionManager().execute_group(limited, execute)
    assert execute.started == {"a": 0, "b": 2, "c": 3}
    assert (result.failed_steps, result.completed_steps) == (["a"], ["b", "c"])


# --- going on after a failure


async def test_with_continue_on_error_every_step_runs_and_the_group_succeeds(autojump_clock):
    execute = Executor({"a": 1, "b": 2, "c": 3}, errors="a")
    going_on = group("abc", "all", continue_on_error=True)
    result = await ParallelExecutionManager().execute_group(going_on, execute)
    assert (result.success, result.duration) == (True, 3)
    assert (result.results, result.errors) == ({"b": "B", "c": "C"}, execute.errors)
    assert execute.cancelled == {}


async def test_with_continue_on_error_a_group_succeeds_if_all_steps_fail(autojump_clock):
    going_on = group("ab", "any", continue_on_error=True)
    result = await ParallelExecutionManager().execute_group(going_on, Executor(errors="ab"))
    assert (result.success, result.winner) == (True, None)


async def test_with_continue_on_error_a_late_step_stops_no_other_one(autojump_clock):
    execute = Executor({"a": 60, "b": 5})
    going_on = group("ab", continue_on_error=True, step_timeout=10)
    result = await ParallelExecutionManager().execute_group(going_on, execute)
    assert (result.failed_steps, result.completed_steps) == (["a"], ["b"])


# --- what a result says


async def test_every_step_is_completed_failed_or_skipped_and_in_one_of_them_only(autojump_clock):
    execute = Executor({"a": 1, "b": 2, "c": 9, "d": 9}, errors="b")
    manager = ParallelExecutionManager(max_concurrent=3)
    result = await manager.execute_group(group("abcde", "all"), execute)
    assert (result.completed_steps, result.failed_steps) == (["a"], ["b"])
    assert result.skipped_steps == ["c", "d", "e"]
    assert result.cancelled_steps == ["c", "d"]


async def test_the_executor_gets_each_id_once_and_results_are_found_by_it(autojump_clock):
    asked = []

    async def execute(step):
        asked.append(step)
        return len(step)

    result = await ParallelExecutionManager().execute_group(group(["one", "three"]), execute)
    assert sorted(asked) == ["one", "three"]
    assert result.results == {"one": 3, "three": 5}


async def test_a_group_without_steps_has_all_of_none_and_any_of_none_fails(autojump_clock):
    manager = ParallelExecutionManager()
    outcomes = {
        strategy: (await manager.execute_group(group([], strategy), Executor())).success
        for strategy in ("all", "allSettled", "any", "race")
    }
    assert outcomes == {"all": True, "allSettled": True, "any": False, "race": False}


async def test_the_managers_statistics_count_the_steps_of_its_groups(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    limited = group("abcd", "allSettled", step_timeout=5)
    await manager.execute_group(limited, Executor({"a": 60, "b": 2}, errors="b"))
    stats = manager.get_stats()
    assert (stats.tasks_completed, stats.tasks_failed, stats.tasks_timed_out) == (2, 1, 1)
    assert stats.total_wait_time == 0 + 0 + 2 + 3
    assert manager.get_status().utilization_rate == 0


# --- steps that are made as the group starts


async def test_the_steps_may_be_a_function_of_the_context(autojump_clock):
    made = ParallelGroup("g", lambda context: [f"page {n}" for n in range(context["pages"])])
    result = await ParallelExecutionManager().execute_group(made, Executor(), {"pages": 3})
    assert sorted(result.results) == ["page 0", "page 1", "page 2"]


async def test_the_function_may_be_async_and_runs_anew_each_time(autojump_clock):
    async def names(context):
        await trio.sleep(1)
        return list(context)

    manager, made = ParallelExecutionManager(), ParallelGroup("g", names)
    assert (await manager.execute_group(made, Executor(), "ab")).results == {"a": "A", "b": "B"}
    assert (await manager.execute_group(made, Executor(), "c")).results == {"c": "C"}


# --- groups inside groups


async def test_a_step_may_run_a_group_of_its_own_on_the_same_pool(autojump_clock):
    manager, leaves = ParallelExecutionManager(max_concurrent=2), Executor()

    async def branch(step):
        return (await manager.execute_group(group([step + "1", step + "2"]), leaves)).results

    result = await manager.execute_group(group(["left", "right"]), branch)
    assert result.results["left"] == {"left1": "LEFT1", "left2": "LEFT2"}
    assert leaves.most <= 2


async def test_a_pool_of_one_slot_runs_groups_inside_groups(autojump_clock):
    manager, leaves = ParallelExecutionManager(max_concurrent=1), Executor()

    async def branch(step):
        return (await manager.execute_group(group(step), leaves)).success

    result = await manager.execute_group(group(["ab", "cd"]), branch)
    assert result.results == {"ab": True, "cd": True}
    assert leaves.most == 1


async def test_a_group_that_is_cancelled_cancels_the_groups_inside_it(autojump_clock):
    manager, leaves = ParallelExecutionManager(), Executor({"slow": 60})

    async def branch(step):
        if step == "fails":
            await trio.sleep(2)
            raise Broken
        return await manager.execute_group(group(["slow"]), leaves)

    result = await manager.execute_group(group(["inner", "fails"]), branch)
    assert result.failed_steps == ["fails"]
    assert leaves.cancelled == {"slow": 2}
    assert_idle(manager)


# --- clean-up


@pytest.mark.parametrize("strategy", ["all", "any", "race", "allSettled"])
async def test_when_the_caller_is_cancelled_every_step_is_and_nothing_is_left(
    autojump_clock, strategy
):
    manager, execute = ParallelExecutionManager(max_concurrent=2), Executor({"a": 60, "b": 60})
    with trio.move_on_after(1) as scope:
        await manager.execute_group(group("abc", strategy), execute)
    assert scope.cancelled_caught
    assert execute.cancelled == {"a": 1, "b": 1}
    assert_idle(manager)


@pytest.mark.parametrize("strategy", ["all", "any", "race"])
async def test_nothing_runs_any_more_when_a_decided_group_returns(autojump_clock, strategy):
    execute = Executor({"b": 60, "c": 60}, errors="a" if strategy == "all" else "")
    manager = ParallelExecutionManager()
    await manager.execute_group(group("abc", strategy), execute)
    assert execute.running == 0
    assert_idle(manager)

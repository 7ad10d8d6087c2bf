"""Bugs that peers shipped, and where each is held here. What is a guarantee of one module is tested with it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool, WorkerTask
from hocket.testing import assert_adds_up, assert_idle, assert_works_on, run_virtual

TESTS = Path(__file__).parents[1]

# The pitfall -> the tests that hold it.
HELD_BY = {
    1: ["engine/test_cancellation.py::test_a_cancelled_grantee_passes_the_slot_on"],
    2: [
        "engine/test_pool.py::test_nobody_can_barge_past_the_line",
        "engine/test_pool.py::test_a_resize_gives_out_the_spare_and_not_the_difference",
    ],
    3: [
        "engine/test_cancellation.py::test_finished_work_is_never_reported_cancelled",
        "runner/test_pitfalls.py::test_what_has_finished_is_not_reported_as_cancelled",
    ],
    4: [
        "engine/test_cancellation.py::test_fail_fast_cancels_and_awaits_everything",
        "engine/test_pool.py::test_queue_full_leaves_room_for_whom_it_was_not_refused",
        "runner/test_pitfalls.py::test_the_first_failure_stops_everything_at_once",
    ],
    5: [
        "engine/test_cancellation.py::test_losers_are_cancelled_and_awaited",
        "runner/test_pitfalls.py::test_what_depends_on_a_race_starts_when_its_losers_have_cleaned_up",
    ],
    6: [
        "model/test_result.py::test_a_failed_group_raises_one_group_of_every_error",
        "engine/test_interrupt.py::test_what_is_fatal_passes_straight_through_unwrapped",
        "runner/test_pitfalls.py::test_a_failure_has_one_shape_however_many_fail",
        "runner/test_pitfalls.py::test_ctrl_c_is_no_result_of_a_step",
    ],
    7: [
        "engine/test_pool.py::test_execute_many_returns_values_in_the_order_of_the_tasks",
        "engine/test_pool.py::test_a_task_given_in_scheduling_order_keeps_its_id",
        "engine/test_groups.py::test_the_steps_are_those_at_the_time_of_the_call",
    ],
    8: [
        "engine/test_rate.py::test_no_window_of_a_hundred_thousand_starts_has_more_than_the_limit",
        "engine/test_rate.py::test_a_rate_holds_over_several_runs_in_real_time",
        "engine/test_rate.py::test_a_hold_ends_by_itself",
    ],
    9: [
        "engine/test_rate.py::test_what_waits_for_a_rate_takes_no_slot",
        "engine/test_retry.py::test_a_step_that_waits_for_its_next_attempt_has_no_slot",
    ],
    10: [
        "engine/test_pool.py::test_a_step_may_submit_to_its_own_pool",
        "runner/test_pitfalls.py::test_steps_inside_of_steps_never_wait_for_themselves",
    ],
    11: [
        "engine/test_pool.py::test_a_step_that_runs_in_a_thread_keeps_its_slot_until_the_thread_ends"
    ],
    12: ["engine/test_bad_calls.py::test_a_wrong_call_is_refused_and_the_message_helps"],
    13: ["engine/test_cancellation.py::test_every_submission_settles"],
    14: ["engine/test_pool.py::test_holders_names_the_running_steps_with_their_age"],
    15: ["engine/test_pitfalls.py::test_a_release_always_wakes_somebody"],
    16: [
        "engine/test_pitfalls.py::test_the_cost_of_a_step_does_not_grow_with_the_number_of_steps",
        "runner/test_pitfalls.py::test_planning_costs_what_steps_and_edges_cost",
    ],
    17: [
        "engine/test_pitfalls.py::test_a_group_whose_steps_were_all_skipped_has_not_succeeded",
        "runner/test_pitfalls.py::test_a_join_after_a_branch_runs",
        "runner/test_pitfalls.py::test_what_depends_on_an_omitted_step_may_run_after_it",
        "runner/test_pitfalls.py::test_failed_and_skipped_are_no_success",
    ],
    18: ["engine/test_pitfalls.py::test_a_hundred_thousand_steps_are_no_hundred_thousand_tasks"],
    19: [
        "engine/test_contenders.py::test_a_spent_budget_stops_nothing_that_runs_and_no_contender_after_a_failure",
    ],
    20: ["engine/test_pitfalls.py::test_virtual_time_waits_for_worker_threads"],
    21: [
        "engine/test_pool.py::test_a_full_queue_refuses_and_nothing_has_happened",
        "engine/test_groups.py::test_a_window_slides_and_is_never_a_batch",
        "model/test_strategy.py::test_any_does_not_take_a_failure_for_the_first_success",
        "engine/test_pitfalls.py::test_a_failure_that_speaks_of_a_timeout_is_a_failure",
        "runner/test_pitfalls.py::test_a_member_of_a_group_runs_once_and_only_there",
        "runner/test_pitfalls.py::test_a_failure_that_speaks_of_a_timeout_has_not_timed_out",
        "runner/test_pitfalls.py::test_any_takes_no_failure_for_a_success_and_its_losers_stop",
        "runner/test_pitfalls.py::test_a_waiting_step_is_waited_for_and_not_asked_after",
    ],
}


@pytest.mark.parametrize("pitfall", HELD_BY)
def test_every_pitfall_is_held_by_a_test(pitfall):
    assert list(HELD_BY) == list(range(1, 22))
    for place in HELD_BY[pitfall]:
        file, name = place.split("::")
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")


async def sleep_its_number(step):
    await trio.sleep(int(step[-1]))


async def checkpoint(step):
    await trio.lowlevel.checkpoint()


async def test_a_release_always_wakes_somebody(autojump_clock):
    # prefect #23183, Bottleneck #152: 34 queued, 0 running, for ever.
    for limit in (1, 2, 5):
        manager = ParallelExecutionManager(max_concurrent=limit)
        async with trio.open_nursery() as nursery:
            for i in range(17):
                nursery.start_soon(manager.pool.execute, trio.sleep, i % 3)
                group = ParallelGroup(f"g{i}", [f"{i}.{j}" for j in range(3)], max_concurrent=2)
                nursery.start_soon(manager.execute_group, group, sleep_its_number)
            await trio.testing.wait_all_tasks_blocked()
            while manager.get_status().queue_length:
                assert manager.get_status().active_workers == limit
                await trio.sleep(0.5)
                await trio.testing.wait_all_tasks_blocked()
        await assert_works_on(manager)


def test_the_cost_of_a_step_does_not_grow_with_the_number_of_steps():
    # luigi #1492: two minutes a step at 100,000 tasks. A ratio, with much room: no benchmark.
    async def execute(step):
        pass

    def cost(n, repeat):
        manager = ParallelExecutionManager()
        group = ParallelGroup("g", [str(i) for i in range(n)])
        best = float("inf")
        for _ in range(repeat):
            start = time.perf_counter()
            trio.run(manager.execute_group, group, execute)
            best = min(best, time.perf_counter() - start)
        return best / n

    assert cost(200_000, 2) < 10 * cost(5_000, 5)


async def test_a_group_whose_steps_were_all_skipped_has_not_succeeded(autojump_clock):
    # argo #14774, for the part of it that groups have.
    manager = ParallelExecutionManager(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.pool.execute, trio.sleep, 5)
        await trio.testing.wait_all_tasks_blocked()
        for strategy in ("all", "any", "race", "quorum(2)"):
            group = ParallelGroup("g", ["a", "b"], strategy, timeout=1)
            result = await manager.execute_group(group, checkpoint)
            assert not result.success
            assert result.skipped_steps == ["a", "b"]
            with pytest.raises(ExceptionGroup):
                result.raise_for_failure()
    assert_idle(manager)


async def test_a_hundred_thousand_steps_are_no_hundred_thousand_tasks():
    # trio #527: a million tasks at once.
    manager = ParallelExecutionManager(max_concurrent=10)
    most = 0

    async def execute(step):
        nonlocal most
        if int(step) % 1000 == 0:
            await trio.lowlevel.checkpoint()
            most = max(most, trio.lowlevel.current_statistics().tasks_living)

    before = trio.lowlevel.current_statistics().tasks_living
    steps = [str(i) for i in range(100_000)]
    await manager.execute_group(ParallelGroup("g", steps), execute)
    assert most <= before + 10


def test_virtual_time_waits_for_worker_threads():
    # trio #456: a clock that jumps while a thread still computes.
    async def main():
        manager = ParallelExecutionManager(timeout=1000)

        async def execute(step):
            await trio.to_thread.run_sync(partial(time.sleep, 0.02))
            return trio.current_time()

        clock = trio.lowlevel.current_clock()
        clock.autojump_threshold = 1  # as Trio's documentation has it for threads
        result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), execute)
        assert result.results == {"a": 0, "b": 0}
        assert_adds_up(manager)

    run_virtual(main)


async def test_a_failure_that_speaks_of_a_timeout_is_a_failure(autojump_clock):
    pool = WorkerPool(timeout=5)

    async def speaks():
        raise ValueError("timeout: timed out")

    result = await pool.execute_with_strategy([WorkerTask("a", speaks)])
    assert (pool.get_stats().tasks_failed, pool.get_stats().tasks_timed_out) == (1, 0)
    assert isinstance(result.errors["a"], ValueError)


async def test_a_group_member_runs_once(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    ran = []

    async def execute(step):
        ran.append(step)
        await trio.sleep(int(step) % 3)

    steps = [str(i) for i in range(50)]
    for isolation in ("shared", "task"):
        ran.clear()
        group = ParallelGroup("g", steps, "all_settled", step_timeout=1.5, isolation=isolation)
        await manager.execute_group(group, execute)
        assert sorted(ran, key=int) == steps

"""Contenders that follow each other: in groups with a stagger, by time, as one fails, and within a budget."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from hypothesis import given, settings, strategies as st

from hocket import (
    GroupFailed,
    HedgingBudget,
    ParallelExecutionManager,
    ParallelGroup,
    StepTimeout,
    first_success,
    quorum,
    quorum_of,
    race,
)
from hocket.testing import assert_idle, assert_partition, run_virtual


class Broken(Exception):
    pass


class Contest:
    """Steps that last so long, and fail if that is negative; notes when each one starts."""

    def __init__(self, *seconds):
        self.seconds, self.started, self.running = seconds, {}, 0
        self.begun = 0.0

    async def __call__(self, step):
        self.started[step] = trio.current_time() - self.begun
        self.running += 1
        try:
            await trio.sleep(abs(self.seconds[step]))
            if self.seconds[step] < 0:
                raise Broken(step)
        finally:
            self.running -= 1
        return step

    async def run(self, strategy="any", **options):
        self.begun = trio.current_time()
        manager = ParallelExecutionManager(max_concurrent=options.pop("limit", 99))
        group = ParallelGroup("g", range(len(self.seconds)), strategy, **options)
        result = await manager.execute_group(group, self)
        assert self.running == 0
        assert_idle(manager.pool)
        assert_partition(result, result.steps)
        return result


async def test_the_next_contender_starts_after_the_stagger(autojump_clock):
    contest = Contest(9, 9, 1, 9)
    result = await contest.run(stagger=0.5)
    assert contest.started == {0: 0, 1: 0.5, 2: 1.0, 3: 1.5}
    assert result.winner == "2"
    assert trio.current_time() == 2


async def test_it_starts_at_once_when_one_fails_and_the_time_counts_anew(autojump_clock):
    contest = Contest(-0.75, 9, 9, 1)
    await contest.run(stagger=0.5)
    assert contest.started == {0: 0, 1: 0.5, 2: 0.75, 3: 1.25}


async def test_a_time_limit_is_a_failure_that_the_next_one_follows(autojump_clock):
    contest = Contest(9, 1)
    result = await contest.run(stagger=60, step_timeout=2)
    assert contest.started == {0: 0, 1: 2}
    assert isinstance(result.errors["0"], StepTimeout)
    assert result.value == 1


async def test_of_contenders_that_never_started_nothing_has_happened(autojump_clock):
    result = await Contest(1, 1, 1).run(stagger=5)
    assert (result.completed_steps, result.skipped_steps) == (["0"], ["1", "2"])
    assert not result.cancelled_steps
    assert result.duration == 1


async def test_each_failure_is_followed_by_one(autojump_clock):
    contest = Contest(-1, -1, -1, 1, 1)
    await contest.run(quorum(2), stagger=60)
    assert contest.started == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}


async def test_when_all_have_failed_the_group_has(autojump_clock):
    result = await Contest(-1, -1).run(stagger=60)
    assert not result.success
    assert result.failed_steps == ["0", "1"]
    assert trio.current_time() == 2


async def test_a_race_is_lost_by_the_first_that_ends(autojump_clock):
    result = await Contest(-1, 9).run("race", stagger=0.5)
    assert (result.success, result.winner) == (False, None)
    assert result.cancelled_steps == ["1"]
    assert trio.current_time() == 1


async def test_a_quorum_starts_as_many_as_it_needs(autojump_clock):
    contest = Contest(3, 3, 3)
    result = await contest.run(quorum(2), stagger=1)
    assert contest.started == {0: 0, 1: 0, 2: 1}
    assert sorted(result.completed_steps) == ["0", "1"]


async def test_no_more_than_max_hedges_start_by_time_but_failures_are_followed(autojump_clock):
    contest = Contest(5, 5, -7, 1)
    await contest.run(stagger=1, max_hedges=1)
    assert contest.started == {0: 0, 1: 1}
    contest = Contest(-5, 9, 9, 1)
    await contest.run(stagger=1, max_hedges=1)
    assert contest.started == {0: 0, 1: 1, 2: 5}


async def test_the_limit_of_the_pool_holds_for_contenders_too(autojump_clock):
    contest = Contest(2, 2, 2)
    await contest.run(stagger=0.5, limit=1)
    assert contest.started == {0: 0}


async def test_a_group_of_one_contender_or_none_ends(autojump_clock):
    assert (await Contest(1).run(stagger=1)).value == 0
    assert not (await Contest().run(stagger=1)).success


async def test_a_group_that_goes_on_whatever_fails_ends_with_its_last_step(autojump_clock):
    result = await Contest(-1, -1, -1).run(stagger=0.5, continue_on_error=True)
    assert len(result.failed_steps) == 3


async def test_the_limit_of_the_group_stops_contenders(autojump_clock):
    result = await Contest(9, 9, 9).run(stagger=1, timeout=1.5)
    assert result.timed_out
    assert (result.failed_steps, result.skipped_steps) == (["0", "1"], ["2"])


async def test_a_cancelled_caller_leaves_no_contender_behind(autojump_clock):
    contest = Contest(9, 9, 9)
    with trio.move_on_after(1.5) as scope:
        await contest.run(stagger=1)
    assert scope.cancelled_caught
    assert contest.running == 0


async def test_contenders_may_have_tasks_of_their_own(autojump_clock):
    assert (await Contest(9, 1).run(stagger=1, isolation="task")).value == 1


# --- the budget -----------------------------------------------------------------------------------


async def test_a_budget_is_shared_by_calls_and_lets_no_hedge_start_when_it_is_spent(autojump_clock):
    budget, hedges = HedgingBudget(share=0.5, burst=1), []
    for _ in range(6):
        contest = Contest(3, 3)
        await contest.run(stagger=1, hedging_budget=budget)
        hedges.append(len(contest.started) - 1)
    assert hedges == [1, 0, 1, 0, 1, 0]


async def test_a_spent_budget_stops_nothing_that_runs_and_no_contender_after_a_failure(
    autojump_clock,
):
    budget = HedgingBudget(share=0, burst=1)
    contest = Contest(9, -2, 9, 1)
    await contest.run(stagger=1, hedging_budget=budget)
    assert contest.started == {0: 0, 1: 1, 2: 3}
    contest = Contest(-2, 1)
    assert (await contest.run(stagger=1, hedging_budget=budget)).value == 1
    assert contest.started == {0: 0, 1: 2}


def test_ten_tenths_are_a_hedge():
    budget = HedgingBudget(share=0.1, burst=1)
    assert budget.spend()
    for _ in range(9):
        budget.earn()
        assert not budget.spend()
    budget.earn()
    assert budget.spend()


@settings(max_examples=200)
@given(
    st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=6),
    st.integers(1, 9),
    st.none() | st.integers(1, 3),
)
def test_contenders_start_when_a_naive_schedule_says(seconds, stagger, max_hedges):
    # No two things happen at one time.
    lasts = [s + (place + 1) / 1000 * (1 if s > 0 else -1) for place, s in enumerate(seconds)]
    pace = stagger + 0.0001
    expected, hedges, at = {0: 0.0}, 0, 0.0
    while len(expected) < len(lasts):
        ends = sorted((start + abs(lasts[n]), lasts[n] > 0) for n, start in expected.items())
        ahead = [end for end in ends if end[0] > at]
        turn = at + pace if max_hedges is None or hedges < max_hedges else float("inf")
        if not ahead and turn == float("inf"):
            break
        if ahead and ahead[0][0] < turn:
            if ahead[0][1]:
                break  # it has won
            at = ahead[0][0]
        else:
            hedges, at = hedges + 1, turn
        expected[len(expected)] = at
    contest = Contest(*lasts)
    run_virtual(contest_run, contest, pace, max_hedges)
    assert {n: round(t, 5) for n, t in contest.started.items()} == {
        n: round(t, 5) for n, t in expected.items()
    }


async def contest_run(contest, pace, max_hedges):
    await contest.run(stagger=pace, max_hedges=max_hedges)


# --- the verbs ------------------------------------------------------------------------------------


def functions(contest):
    async def call(step):
        return await contest(step)

    return [partial(call, step) for step in range(len(contest.seconds))]


async def test_first_success_gives_the_first_value_and_awaits_the_others(autojump_clock):
    contest = Contest(-1, 3, 2)
    assert await first_success(functions(contest)) == 2
    assert contest.running == 0
    assert trio.current_time() == 2


async def test_first_success_raises_every_error_when_there_is_no_success(autojump_clock):
    with pytest.raises(GroupFailed) as caught:
        await first_success(functions(Contest(-1, -2)), stagger=0.5)
    assert [error.args[0] for error in caught.value.exceptions] == [0, 1]
    assert caught.value.exceptions[1].__notes__ == ["in step 'call (1)' of group 'first_success'"]


async def test_race_gives_the_first_end_and_raises_it_if_that_is_a_failure(autojump_clock):
    assert await race(functions(Contest(2, 1)), stagger=0.5) == 1
    with pytest.raises(GroupFailed):
        await race(functions(Contest(-1, 2)))


async def test_quorum_of_gives_so_many_values_in_the_order_in_which_they_came(autojump_clock):
    assert await quorum_of(2, functions(Contest(3, -1, 1, 2))) == [2, 3]
    with pytest.raises(GroupFailed, match=r"quorum\(2\) was out of reach"):
        await quorum_of(2, functions(Contest(3, -1, -1)))


async def test_one_function_may_be_listed_several_times(autojump_clock):
    starts = []

    async def get():
        starts.append(trio.current_time())
        await trio.sleep(3)
        return "got"

    assert await first_success([get] * 3, stagger=1, max_hedges=1) == "got"
    assert starts == [0, 1]

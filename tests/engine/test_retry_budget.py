"""A budget of retries: what fails for everybody is not asked many times as often."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from hypothesis import given, settings, strategies as st

from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelGroup,
    Retry,
    RetryBudget,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle, run_virtual

AGAIN = Retry(5, on=OSError, wait_initial=1, wait_jitter=0)
REFUSED = "not tried again, as the pool's retry_budget is used up"


async def fail(step):
    raise OSError(step)


def run_all(manager, steps, function=fail, retry=AGAIN):
    group = ParallelGroup("g", steps, "all_settled", retry=retry)
    return run_virtual(manager.execute_group, group, function)


def test_steps_that_all_fail_are_tried_no_more_often_than_the_budget_says():
    budget = RetryBudget(share=0.1, burst=5)
    manager = ParallelExecutionManager(max_concurrent=10, retry_budget=budget)
    result = run_all(manager, [f"step {n}" for n in range(200)])
    stats = manager.get_stats()
    # 5 there were, and 195 of the steps earned a tenth each: the first ones found it full.
    assert 20 <= stats.tasks_retried <= 25
    refused = [error for error in result.errors.values() if hasattr(error, "__notes__")]
    assert stats.retries_refused == len(refused)
    assert stats.tasks_failed == 200
    assert manager.group_stats("g").retries_refused == stats.retries_refused
    assert budget.left < 1
    assert_adds_up(manager)


def test_without_a_budget_each_step_has_all_its_attempts():
    manager = ParallelExecutionManager(max_concurrent=10)
    run_all(manager, [f"step {n}" for n in range(20)])
    assert (manager.get_stats().tasks_retried, manager.get_stats().retries_refused) == (80, 0)


async def test_a_refused_attempt_is_the_steps_last_and_its_error_says_why(autojump_clock):
    events = []
    manager = ParallelExecutionManager(retry_budget=RetryBudget(0, 1))
    group = ParallelGroup("g", ["a"], "all_settled", retry=AGAIN)
    result = await manager.execute_group(group, fail, observer=events.append)
    assert result.errors["a"].__notes__ == [REFUSED]
    kinds = [event.kind for event in events]
    assert kinds == [
        EventKind.STARTED,
        EventKind.RETRYING,
        EventKind.STARTED,
        EventKind.FAILED,
    ]
    assert trio.current_time() == 1


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_a_refused_attempt_in_a_thread_is_the_steps_last_too(limit):
    def step(name):
        raise OSError(name)

    events = []
    manager = ParallelExecutionManager(max_concurrent=limit, retry_budget=RetryBudget(0, 1))
    retry = Retry(3, on=OSError, wait_initial=0, wait_jitter=0)
    group = ParallelGroup("g", range(5), "all_settled", retry=retry, run_in="thread")
    with trio.fail_after(30):
        result = await manager.execute_group(group, step, observer=events.append)
    assert len(result.errors) == 5
    refused = [error for error in result.errors.values() if hasattr(error, "__notes__")]
    assert all(error.__notes__ == [REFUSED] for error in refused)
    stats = manager.get_stats()
    assert (stats.tasks_retried, stats.retries_refused) == (1, len(refused))
    assert len(refused) in (4, 5)  # what was tried again may have been refused later
    kinds = [event.kind for event in events]
    assert kinds.count(EventKind.STARTED) == 6
    assert kinds.count(EventKind.FAILED) == 5
    assert_idle(manager)
    assert_adds_up(manager)


async def test_who_shares_a_budget_spends_it_together(autojump_clock):
    budget = RetryBudget(0, 3)
    pools = [WorkerPool(retry_budget=budget), WorkerPool(retry_budget=budget)]
    for pool in pools:
        with pytest.raises(OSError, match="x"):
            await pool.execute(WorkerTask("x", partial(fail, "x"), retry=Retry(3, on=OSError)))
    assert [pool.get_stats().tasks_retried for pool in pools] == [2, 1]
    assert [pool.get_stats().retries_refused for pool in pools] == [0, 1]
    assert budget.left == 0


async def test_an_attempt_that_would_not_be_made_costs_nothing(autojump_clock):
    budget = RetryBudget(0, 3)
    pool = WorkerPool(retry_budget=budget)
    for retry in (Retry(1, on=OSError), Retry(3, on=ValueError), Retry(on=OSError, timeout=0.01)):
        with pytest.raises(OSError, match="x"):
            await pool.execute(WorkerTask("x", partial(fail, "x"), retry=retry))
    assert (budget.left, pool.get_stats().retries_refused) == (3, 0)


@settings(max_examples=60)
@given(
    failures=st.lists(st.integers(0, 5), max_size=30),
    share=st.sampled_from([0, 0.1, 0.25, 0.5, 1]),
    burst=st.integers(1, 4),
    limit=st.integers(1, 5),
)
def test_retries_never_exceed_what_there_was_and_was_earned(failures, share, burst, limit):
    starts = []

    async def step(name):
        starts.append(name)
        await trio.sleep(1)
        if starts.count(name) <= failures[int(name)]:
            raise OSError(name)

    budget = RetryBudget(share, burst)
    pool = WorkerPool(max_concurrent=limit, retry_budget=budget)

    async def main():
        async with pool.stream(
            step, map(str, range(len(failures))), on_error="collect", retry=AGAIN
        ) as outcomes:
            ended = [outcome async for outcome in outcomes]
        assert_idle(pool)
        return ended

    ended = run_virtual(main)
    stats = pool.get_stats()
    assert len(starts) == len(failures) + stats.tasks_retried
    assert stats.tasks_retried <= burst + share * len(failures)
    assert 0 <= budget.left <= burst
    # Whoever failed had all attempts, or was refused one.
    failed = [outcome for outcome in ended if outcome.error]
    refused = [outcome for outcome in failed if outcome.attempts < 5]
    assert len(refused) == stats.retries_refused
    assert_adds_up(pool)


def test_a_configuration_takes_a_budget():
    budget = RetryBudget()
    config = WorkerPoolConfig(retry_budget=budget)
    assert WorkerPool.from_config(config).retry_budget is budget
    assert WorkerPool().retry_budget is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RetryBudget(-0.1), ValueError, "share of RetryBudget must be a number from 0 to 1"),
        (lambda: RetryBudget(1.5), ValueError, "share of RetryBudget must be a number from 0 to 1"),
        (lambda: RetryBudget("a"), TypeError, "share of RetryBudget must be a number from 0 to 1"),
        (lambda: RetryBudget(True), TypeError, "share of RetryBudget must be a number from 0 to 1"),
        (lambda: RetryBudget(burst=0), ValueError, "burst of RetryBudget must be at least 1"),
        (lambda: RetryBudget(burst=None), TypeError, "burst of RetryBudget must be a whole"),
        (lambda: WorkerPool(retry_budget=0.2), TypeError, r"write RetryBudget\(0.2\)"),
        (lambda: WorkerPool(retry_budget=RetryBudget), TypeError, r"write RetryBudget\(\)"),
        (lambda: WorkerPool(retry_budget=3), TypeError, "retry_budget must be a RetryBudget"),
        (lambda: WorkerPoolConfig(retry_budget=3), TypeError, "must be a RetryBudget"),
    ],
)  # fmt: skip
def test_a_wrong_budget_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()

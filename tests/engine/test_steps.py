"""Steps are anything: what may be given, how a step is called by its id, and what comes back."""

from __future__ import annotations

import array
import enum
import pathlib
import uuid

import attrs
import pytest
import trio
from hypothesis import given, strategies as st

import hocket
from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool, WorkerTask
from hocket.testing import run_virtual


@attrs.frozen
class Job:
    id: object
    work: int = 0


class Color(enum.Enum):
    RED = 1
    BLUE = 2


async def same(step):
    await trio.lowlevel.checkpoint()
    return step


def ids_of(steps, **options):
    result = trio.run(
        ParallelExecutionManager().execute_group, ParallelGroup("g", steps, **options), same
    )
    result.raise_for_failure()
    return list(result.steps)


@pytest.mark.parametrize(
    ("steps", "ids"),
    [
        (["a", "b"], ["a", "b"]),
        ([3, 3, 3], ["0", "1", "2"]),
        ([(1, 2), (1, 2)], ["0", "1"]),
        ([None, True, 2.5, b"x"], ["0", "1", "2", "3"]),
        ([pathlib.Path("a"), pathlib.Path("a")], ["0", "1"]),
        ([{"id": "x"}, ["y"]], ["0", "1"]),
        ([Job("first"), Job(7)], ["first", "7"]),
        (["text", Job("job"), 5], ["text", "job", "2"]),
        ([same, same], ["0", "1"]),
    ],
)
def test_a_text_is_its_own_id_and_anything_else_goes_by_its_id_or_its_place(steps, ids):
    assert ids_of(steps) == ids


def test_a_key_makes_the_id_of_every_step():
    assert ids_of([3, 5], key=lambda n: f"n{n}") == ["n3", "n5"]
    assert ids_of([Job("a", 1), Job("a", 2)], key=lambda job: job.work) == ["1", "2"]
    places = iter("xy")
    assert ids_of(["same", "same"], key=lambda _: next(places)) == ["x", "y"]
    one = uuid.UUID(int=1)
    assert ids_of([Job(one)], key=lambda job: str(job.id)) == [str(one)]


def test_what_a_key_raises_is_the_callers_and_nothing_has_run():
    manager = ParallelExecutionManager()
    with pytest.raises(AttributeError, match="no attribute 'name'"):
        trio.run(manager.execute_group, ParallelGroup("g", ["a"], key=lambda step: step.name), same)
    assert manager.get_stats().tasks_submitted == 0


@pytest.mark.parametrize(
    ("make", "steps"),
    [
        (lambda: (s for s in "ab"), ("a", "b")),
        ({"a": 1, "b": 2}.keys, ("a", "b")),
        ({"a": 1, "b": 2}.values, (1, 2)),
        (lambda: array.array("i", [4, 5]), (4, 5)),
        (lambda: map(str, [1, 2]), ("1", "2")),
        (lambda: Color, (Color.RED, Color.BLUE)),
        (lambda: range(2), (0, 1)),
    ],
)
def test_any_iterable_is_taken_where_a_list_is(make, steps):
    assert ParallelGroup("g", make()).steps == steps
    result = trio.run(
        ParallelExecutionManager().execute_group, ParallelGroup("g", lambda context: make()), same
    )
    assert result.outcomes == list(steps)


def test_tasks_and_a_workflows_lists_may_be_any_iterable_too():
    async def one(context=None):
        return 1

    tasks = [WorkerTask(name, one) for name in "ab"]
    assert trio.run(WorkerPool().execute_many, iter(tasks)) == [1, 1]
    steps = [hocket.WorkflowStep("a", execute=one)]
    steps.append(hocket.WorkflowStep("b", execute=one, depends_on={"a": 0}.keys()))
    workflow = hocket.WorkflowDefinition("w", iter(steps))
    assert trio.run(hocket.WorkflowManager().execute, workflow).results == {"a": 1, "b": 1}


def test_a_group_keeps_its_steps_as_they_were_when_it_was_made():
    steps = ["a", "b"]
    group = ParallelGroup("g", steps)
    steps.append("c")
    assert group.steps == ("a", "b")


async def doubtful(step):
    """Fail for odd numbers; the larger the number, the sooner it ends."""
    await trio.sleep(10 - step)
    if step % 2:
        raise ValueError(step)
    return step


@given(st.lists(st.integers(0, 9)))
def test_outcomes_are_in_the_order_of_the_steps_whatever_the_order_of_settling(steps):
    group = ParallelGroup("g", steps, "all_settled")
    result = run_virtual(ParallelExecutionManager(max_concurrent=3).execute_group, group, doubtful)
    assert [
        outcome.args[0] if isinstance(outcome, Exception) else outcome
        for outcome in result.outcomes
    ] == steps
    assert [isinstance(outcome, Exception) for outcome in result.outcomes] == [
        step % 2 == 1 for step in steps
    ]


def test_outcomes_leave_out_what_was_skipped():
    manager = ParallelExecutionManager(max_concurrent=2)
    result = run_virtual(manager.execute_group, ParallelGroup("g", [0, 9, 4, 6]), doubtful)
    assert (list(result.steps), result.completed_steps) == (["0", "1", "2", "3"], [])
    assert [str(outcome) for outcome in result.outcomes] == ["9"]


@pytest.mark.parametrize(
    ("steps", "strategy", "winner"),
    [
        ([2, 4], "any", "1"),
        ([2, 4, 9], "any", "1"),
        ([1, 3], "any", None),
        ([2, 4], "race", "1"),
        ([2, 9], "race", None),
        ([2, 4], "all", None),
        ([2], "all_settled", None),
        ([2, 4], hocket.quorum(1), None),
    ],
)
def test_only_a_strategy_that_succeeded_has_a_winner(steps, strategy, winner):
    group = ParallelGroup("g", steps, strategy)
    result = run_virtual(ParallelExecutionManager().execute_group, group, doubtful)
    assert result.winner == winner
    assert result.value == (None if winner is None else steps[int(winner)])


def test_a_failed_quorum_says_how_far_out_of_reach_it_was():
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", [0, 1, 3, 6], hocket.quorum(3))
    with pytest.raises(hocket.GroupFailed) as caught:
        run_virtual(manager.execute_group, group, doubtful).raise_for_failure()
    assert caught.value.message == (
        "group 'g' failed: quorum(3) was out of reach: 1 of 4 succeeded and 2 failed, so 1 would be "
        "missing"
    )
    late = attrs.evolve(group, timeout=4.5)
    with pytest.raises(hocket.GroupFailed) as caught:
        run_virtual(manager.execute_group, late, doubtful).raise_for_failure()
    assert caught.value.message == (
        "group 'g' failed: quorum(3) was out of reach: 1 of 4 succeeded in time, 2 too few"
    )

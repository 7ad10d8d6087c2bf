"""ParallelExecutionResult and GroupFailed: what a caller can do with them."""

from __future__ import annotations

import pickle
import traceback

import attrs
import pytest
import trio
import trio.lowlevel

import hocket
from hocket import GroupFailed, ParallelExecutionManager, ParallelGroup, StepTimeout


class Broken(Exception):
    pass


async def execute(step):
    if step.startswith("v"):
        raise ValueError(step)
    if step.startswith("b"):
        raise Broken(step)
    if step.startswith("s"):
        await trio.sleep(9)
    return step


async def run(steps, strategy="all_settled", **options):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", steps, strategy, **options)
    return await manager.execute_group(group, execute)


async def test_a_successful_group_raises_nothing():
    (await run(["a"], "all")).raise_for_failure()
    (await run(["v"], "all_settled")).raise_for_failure()


@pytest.mark.parametrize("steps", [["v"], ["v1", "v2", "b1"]])
async def test_a_failed_group_raises_one_group_of_every_error(steps):
    result = await run(steps, "any")
    with pytest.raises(GroupFailed) as caught:
        result.raise_for_failure()
    failed = caught.value
    assert isinstance(failed, hocket.HocketError)
    assert isinstance(failed, ExceptionGroup)
    assert list(failed.exceptions) == list(result.errors.values())
    for step, error in result.errors.items():
        assert error.__notes__ == [f"in step {step!r} of group 'g'"]
    assert f"{len(steps)} of {len(steps)} steps" in str(failed)


async def test_raising_twice_notes_once():
    result = await run(["v"], "any")
    for _ in range(2):
        with pytest.raises(GroupFailed):
            result.raise_for_failure()
    assert len(result.errors["v"].__notes__) == 1


async def test_except_star_sees_each_error_by_its_type():
    seen = []
    try:
        (await run(["v1", "b1", "v2"], "any")).raise_for_failure()
    except* ValueError as group:
        assert isinstance(group, GroupFailed)  # noqa: PT017
        seen.append(len(group.exceptions))
    except* Broken as group:
        seen.append(len(group.exceptions))
    assert seen == [2, 1]


async def test_an_error_keeps_its_traceback_which_shows_the_step_and_nothing_of_ours():
    result = await run(["v"], "all_settled")
    frames = traceback.extract_tb(result.errors["v"].__traceback__)
    assert [frame.name for frame in frames] == ["execute"]

    async def deep(step):
        await trio.lowlevel.checkpoint()
        await execute(step)

    manager = ParallelExecutionManager()
    for options in ({}, {"step_timeout": 5}, {"isolation": "task"}):
        group = ParallelGroup("g", ["v", "b"], "all_settled", **options)
        result = await manager.execute_group(group, deep)
        for error in result.errors.values():
            frames = traceback.extract_tb(error.__traceback__)
            assert [frame.name for frame in frames] == ["deep", "execute"]


async def test_a_timed_out_group_raises_for_what_ran(autojump_clock):
    result = await run(["s1", "s2"], "all", timeout=2)
    with pytest.raises(GroupFailed) as caught:
        result.raise_for_failure()
    assert all(isinstance(error, StepTimeout) for error in caught.value.exceptions)
    assert "the group's time limit of 2 s" in str(caught.value.exceptions[0])


async def test_a_group_that_ran_out_of_time_before_any_step_still_raises_a_group(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)

    async def hold():
        await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.pool.execute, hold)
        await trio.sleep(1)
        group = ParallelGroup("late", ["a"], timeout=1)
        result = await manager.execute_group(group, execute)
    assert (result.timed_out, result.success, result.skipped_steps) == (True, False, ["a"])
    with pytest.raises(GroupFailed) as caught:
        result.raise_for_failure()
    assert "ran out of time before any step started" in str(caught.value.exceptions[0])


async def test_a_result_is_frozen():
    result = await run(["a"])
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        result.success = False


def test_errors_survive_pickling():
    for error in (
        StepTimeout("a", 2.5, "group"),
        hocket.QueueFull("full"),
        hocket.StepLeftovers("left"),
        GroupFailed("g", [ValueError(1), StepTimeout("a", 1.0)]),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))


def test_a_part_of_a_failed_group_is_a_failed_group():
    failed = GroupFailed("g", [ValueError(1), Broken(2)])
    matched, rest = failed.split(ValueError)
    assert type(matched) is type(rest) is GroupFailed
    assert failed.subgroup(lambda error: isinstance(error, Broken)).exceptions == rest.exceptions

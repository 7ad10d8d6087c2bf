"""Groups inside groups, and groups whose members a function makes: where every step is listed."""

from __future__ import annotations

import pytest
import trio

from hocket import ParallelGroup, WorkflowDefinition, WorkflowManager, WorkflowStep

parallel = WorkflowStep.parallel


def step(name, seconds=1.0, *, error=None, **options):
    async def execute(context):
        if seconds:
            await trio.sleep(seconds)
        if error is not None:
            raise error
        return name

    return WorkflowStep(name, execute=execute, **options)


async def run(*steps, **settings):
    return await WorkflowManager().execute(WorkflowDefinition("test", steps, **settings))


async def test_members_that_a_function_makes_settle_among_all_others(autojump_clock):
    result = await run(
        parallel("made", lambda context: [step("m1", 1), step("m3", 3), step("m5", 5)]),
        parallel("listed", [step("l2", 2), step("l4", 4)]),
        step("alone", 2.5),
    )
    assert list(result.completed_steps) == [
        "m1", "l2", "alone", "m3", "l4", "listed", "m5", "made",
    ]  # fmt: skip


async def test_so_do_those_of_groups_inside_the_ones_that_it_makes(autojump_clock):
    def members(context):
        return [
            step("m1", 1),
            parallel("inner", [step("i2", 2), step("i5", 5)]),
            parallel("inner made", lambda context: [step("j1", 1.5), step("j4", 4)]),
        ]

    result = await run(parallel("made", members), parallel("listed", [step("l3", 3)]))
    assert list(result.completed_steps) == [
        "m1", "j1", "i2", "l3", "listed", "j4", "inner made", "i5", "inner", "made",
    ]  # fmt: skip
    assert result.results["j4"] == "j4"
    assert result.results["made"].completed_steps == ["m1", "inner made", "inner"]


async def test_failures_among_them_are_in_the_order_of_settling_too(autojump_clock):
    def members(context):
        return [step(f"m{n}", n, error=ValueError(n)) for n in (1, 3)]

    settled = {"wait_strategy": "all_settled"}
    listed = [step("l2", 2, error=ValueError(2))]
    result = await run(parallel("made", members, **settled), parallel("listed", listed, **settled))
    assert list(result.failed_steps) == ["m1", "l2", "m3"]


async def test_steps_that_the_limit_of_their_group_stops_fail_as_it_ends(autojump_clock):
    def members(context):
        return [step("m1", 1), step("m9", 9)]

    made = WorkflowStep(
        "made", group=ParallelGroup("made", members, timeout=2), continue_on_error=True
    )
    result = await run(made, step("alone", 3))
    assert list(result.completed_steps) == ["m1", "alone"]
    assert list(result.failed_steps) == ["m9", "made"]


@pytest.mark.parametrize("bad_first", [True, False])
async def test_members_of_a_group_that_is_stopped_as_it_starts_are_skipped(
    autojump_clock, bad_first
):
    bad = step("bad", 0, error=ValueError("no"))
    group = parallel("g", [step("a"), parallel("inner", [step("b")])])
    result = await run(*([bad, group] if bad_first else [group, bad]))
    assert list(result.failed_steps) == ["bad"]
    assert sorted(result.skipped_steps) == ["a", "b", "g", "inner"]


async def test_so_are_those_inside_a_group_that_a_function_made(autojump_clock):
    def members(context):
        return [parallel("inner", [step("a"), step("b")]), step("bad", 0, error=ValueError("no"))]

    result = await run(parallel("made", members))
    assert list(result.failed_steps) == ["bad", "made"]
    assert sorted(result.skipped_steps) == ["a", "b", "inner"]

"""Bugs that peers shipped in their workflows, each as a test; those of pools and groups are in ``tests/engine``."""

from __future__ import annotations

import time

import pytest
import trio

import hocket
from hocket import (
    Edge,
    GroupFailed,
    IfBranch,
    StepContext,
    StepState,
    WorkerPoolConfig,
    WorkflowDefinition,
    WorkflowStep,
    tool,
)
from hocket.testing import assert_idle
from hocket.tools import ToolRegistry
from tests.runner.steps import fails, run, soon, step, waits


async def test_what_has_finished_is_not_reported_as_cancelled(autojump_clock):
    # Polly #2375, temporal sdk-python #150: a finished step, whose siblings then fail.
    async def finishes_all_the_same(context):
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        return "done"

    async def fails_soon(context):
        await trio.sleep(1)
        raise OSError("disk full")

    members = [
        step("in group", execute=finishes_all_the_same),
        step("failing", execute=fails_soon),
    ]
    result = await run(WorkflowStep.parallel("g", members), step("beside", execute=waits))
    assert result.results["in group"] == "done"
    assert result.states["in group"] is StepState.SUCCEEDED
    assert result.states["beside"] is StepState.CANCELLED
    assert result.completed_steps == ["in group"]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_the_first_failure_stops_everything_at_once(limit, autojump_clock):
    # argo-workflows #10312 (ignored), p-map #42 (siblings run on), conc #88 and aiojobs #98 (hang).
    started, failed = [], []

    async def notes(context):
        started.append(1)
        await trio.sleep(10)

    async def fails_then(context):
        failed.append(trio.current_time())
        raise OSError("disk full")

    many = [step(f"s{n}", execute=notes) for n in range(50)]
    group = WorkflowStep.parallel("g", [step(f"m{n}", execute=notes) for n in range(50)])
    pool = hocket.WorkerPool(max_concurrent=limit)
    result = await run(step("failing", execute=fails_then), *many, group, pool=pool)
    assert not result.success
    assert trio.current_time() == failed[0]
    assert len(started) <= 2 * limit
    assert set(result.states.values()) <= {
        StepState.SUCCEEDED,
        StepState.FAILED,
        StepState.CANCELLED,
        StepState.NOT_REACHED,
    }
    assert_idle(pool)


async def test_what_depends_on_a_race_starts_when_its_losers_have_cleaned_up(autojump_clock):
    # effect PR 5449: a race that returns before that.
    cleaned = []

    async def loses(context):
        try:
            await trio.sleep(10)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)
            cleaned.append(trio.current_time())

    async def now(context):
        return trio.current_time()

    members = [step("quick", execute=soon), *(step(f"l{n}", execute=loses) for n in range(3))]
    result = await run(WorkflowStep.parallel("g", members, "race"), step("then", "g", execute=now))
    assert cleaned == [4, 4, 4]
    assert result.results["then"] == 4


@pytest.mark.parametrize("failing", [1, 2, 5])
@pytest.mark.parametrize("fail_fast", [True, False])
async def test_a_failure_has_one_shape_however_many_fail(failing, fail_fast, autojump_clock):
    # aiometer: a bare error for one, a group for two; trio #2301, #2611.
    steps = [step(f"f{n}", execute=fails) for n in range(failing)]
    result = await run(*steps, step("fine"), fail_fast=fail_fast)
    with pytest.raises(GroupFailed) as caught:
        result.raise_for_failure()
    assert all(type(error) is OSError for error in caught.value.exceptions)
    assert len(caught.value.exceptions) == (1 if fail_fast else failing)


async def test_ctrl_c_is_no_result_of_a_step(autojump_clock):
    # trimeter #10: KeyboardInterrupt captured as a result.
    async def interrupted(context):
        raise KeyboardInterrupt

    members = [step("a", execute=interrupted), step("b", execute=waits)]
    group = WorkflowStep.parallel("g", members, "all_settled", continue_on_error=True)
    with pytest.raises(KeyboardInterrupt):
        await run(group, step("c", execute=waits), fail_fast=False)


async def test_steps_inside_of_steps_never_wait_for_themselves(autojump_clock):
    # p-limit #91, prefect #17060: nested submission deadlocks.
    async def inner():
        await trio.sleep(1)
        return "inner"

    @tool
    async def outer(step: StepContext) -> str:
        return await step.pool.execute(inner)

    tools = ToolRegistry()
    tools.register(outer)
    deep = WorkflowStep("innermost", tool="outer")
    for level in range(5):
        deep = WorkflowStep.parallel(f"g{level}", [deep, WorkflowStep(f"t{level}", tool="outer")])
    with trio.fail_after(100):
        result = await run(deep, tools=tools, parallel_config=WorkerPoolConfig(max_concurrent=1))
    assert result.success
    assert result.results["innermost"] == "inner"
    assert result.duration == 6


def layered(n, layers=50):
    """A graph of ``n`` steps in layers: each depends on two of the layer before, one with a rule, refers
    to a third, and every tenth has a condition."""
    width = n // layers
    steps = []
    for layer in range(layers):
        for place in range(width):
            before = [f"{layer - 1}.{(place + k) % width}" for k in range(3)] if layer else []
            steps.append(
                WorkflowStep(
                    f"{layer}.{place}",
                    tool="t",
                    input=None if not before else {"x": f'$results["{before[2]}"]'},
                    depends_on=[before[0], Edge(before[1], "ended")] if before else [],
                    when="$context.go" if place % 10 == 0 else None,
                )
            )
    return steps


def test_planning_costs_what_steps_and_edges_cost():
    # luigi #1492: two minutes a step at 100,000 tasks. A ratio, with much room: no benchmark.
    def cost(n, repeat):
        best = float("inf")
        for _ in range(repeat):
            steps = layered(n)
            start = time.perf_counter()
            WorkflowDefinition("w", steps).plan()
            best = min(best, time.perf_counter() - start)
        return best / n

    assert cost(20_000, 2) < 5 * cost(2_000, 5)


# airflow #7885 and #46297, argo #10321 and #14774, prefect #5071 and #7098: states.
async def test_a_join_after_a_branch_runs(autojump_clock):
    for side in (True, False):
        branch = WorkflowStep("b", branch=IfBranch(side, [step("yes")], [step("no")]))
        result = await run(branch, step("join", "yes", "no"), step("after", "b"))
        assert result.completed_steps[-2:] == ["join", "after"]


async def test_what_depends_on_an_omitted_step_may_run_after_it(autojump_clock):
    branch = WorkflowStep("b", branch=IfBranch(True, [step("yes")], [step("no")]))
    result = await run(branch, step("then", Edge("no", "ended")), step("not", "no"))
    assert result.states["no"] is StepState.OMITTED
    assert result.states["then"] is StepState.SUCCEEDED
    assert result.states["not"] is StepState.SKIPPED


async def test_failed_and_skipped_are_no_success(autojump_clock):
    result = await run(
        step("failed", execute=fails),
        step("skipped", when=False),
        step("both", "failed", "skipped"),
        step("skipped only", "skipped"),
        fail_fast=False,
    )
    assert not result.success
    assert result.states["both"] is StepState.SKIPPED
    assert result.states["skipped only"] is StepState.SKIPPED


# Of the system that this is in place of.
async def test_a_member_of_a_group_runs_once_and_only_there(autojump_clock):
    ran = []

    async def notes(context):
        ran.append(1)

    await run(step("a", execute=notes), WorkflowStep.parallel("g", ["a"]), step("b", "a"))
    assert ran == [1]


async def test_a_failure_that_speaks_of_a_timeout_has_not_timed_out(autojump_clock):
    async def speaks(context):
        raise ValueError("timeout: timed out")

    result = await run(step("a", execute=speaks), step("b", execute=waits, timeout=1))
    assert result.states["a"] is StepState.FAILED
    assert not result.timed_out


async def test_any_takes_no_failure_for_a_success_and_its_losers_stop(autojump_clock):
    async def slowly(context):
        await trio.sleep(2)
        return "slowly"

    members = [step("f", execute=fails), step("s", execute=slowly), step("l", execute=waits)]
    result = await run(WorkflowStep.parallel("g", members, "any"))
    assert result.results["g"].value == "slowly"
    assert result.states["l"] is StepState.CANCELLED
    assert result.duration == 2


async def test_a_waiting_step_is_waited_for_and_not_asked_after(autojump_clock):
    # Waiting by polling every 10 ms: virtual time would show each look.
    ticks = 0

    class Counts(trio.abc.Instrument):
        def after_io_wait(self, timeout):
            nonlocal ticks
            ticks += 1

    trio.lowlevel.add_instrument(Counts())
    members = [step(f"m{n}", execute=waits) for n in range(3)]
    result = await run(WorkflowStep.parallel("g", members, max_concurrent=1), step("then", "g"))
    assert result.duration == 30
    assert ticks < 60

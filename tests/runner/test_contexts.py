"""One context a run: what one run has come to never mixes with another."""

from __future__ import annotations

import copy
import functools

import pytest
import trio

import hocket
from hocket import (
    WorkflowContext,
    WorkflowDefinition,
    WorkflowInvalid,
    WorkflowManager,
    WorkflowStep,
)


async def slow(context):
    await trio.sleep(1)
    return len(context.results)


WORKFLOW = WorkflowDefinition("nightly", [WorkflowStep("slow", execute=slow)])
execute = WorkflowManager().execute


async def test_a_context_in_use_is_refused_for_a_second_run(autojump_clock):
    context = WorkflowContext()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(execute, WORKFLOW, context)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(
            RuntimeError, match=r"in use by a run of workflow 'nightly': one context"
        ):
            await execute(WORKFLOW, context)
    assert context.results == {"slow": 0}


async def test_a_step_cannot_give_its_own_context_to_a_workflow_inside(autojump_clock):
    async def inside(context):
        await execute(WORKFLOW, context)

    result = await execute(WorkflowDefinition("w", [WorkflowStep("inside", execute=inside)]))
    assert "in use by a run of workflow 'w'" in str(result.errors["inside"])


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_context_of_an_earlier_run_is_refused(cancelled, autojump_clock):
    context = WorkflowContext()
    with trio.move_on_after(0.5 if cancelled else 9):
        await execute(WORKFLOW, context)
    for again in (context, copy.copy(context)):
        with pytest.raises(RuntimeError, match=r"holds the results of a run of workflow 'nightly'"):
            await execute(WORKFLOW, again)


async def test_results_of_an_earlier_run_may_be_handed_on_and_stay_what_they_were(autojump_clock):
    first = await execute(WORKFLOW)
    second = await execute(WORKFLOW, WorkflowContext(results=first.results))
    assert (first.results, second.results) == ({"slow": 0}, {"slow": 1})


async def test_a_run_that_was_refused_has_not_had_the_context(autojump_clock):
    context = WorkflowContext()
    with pytest.raises(WorkflowInvalid):
        await execute(WorkflowDefinition("w", [WorkflowStep("a", tool="nope")]), context)
    assert (await execute(WORKFLOW, context)).success


# --- functions as steps


async def fetch(context, url):
    await trio.sleep(1)
    return url


@functools.singledispatch
async def dispatched(context):
    return "dispatched"


def injecting(fn):
    @functools.wraps(fn)
    def wrapper(context):
        return fn(context, "url")

    return wrapper


@pytest.mark.parametrize(
    ("fn", "value"),
    [
        (lambda context: fetch(context, "url"), "url"),
        (injecting(fetch), "url"),
        (functools.partial(fetch, url="url"), "url"),
        (dispatched, "dispatched"),
    ],
)
async def test_a_step_is_whatever_gives_an_awaitable(fn, value, autojump_clock):
    result = await execute(WorkflowDefinition("w", [WorkflowStep("a", execute=fn)]))
    assert result.output == value


async def test_a_step_that_gives_none_is_told_so_as_in_a_pool(autojump_clock):
    workflow = WorkflowDefinition("w", [WorkflowStep("a", execute=lambda context: 5)])
    with pytest.raises(TypeError) as of_workflow:
        await execute(workflow)
    with pytest.raises(TypeError) as of_pool:
        await hocket.WorkerPool().execute_many([hocket.WorkerTask("a", lambda: 5)])
    assert str(of_workflow.value) == str(of_pool.value)
    assert str(of_pool.value).startswith("running step 'a' gave int, not an awaitable")

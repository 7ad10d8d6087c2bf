"""Packages that look below Trio's surface find in a step what they find in a task."""

from __future__ import annotations

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool

KINDS = [
    pytest.param({}, id="shared"),
    pytest.param({"step_timeout": 100}, id="timed"),
    pytest.param({"isolation": "task"}, id="isolated"),
]
EVERY_KIND = pytest.mark.parametrize("options", KINDS)


# --- tricycle: variables of a task ----------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("used_before", [False, True])
async def test_a_tree_variable_is_its_steps_own(
    autojump_clock, options, limit, suspends, used_before
):
    tricycle = pytest.importorskip("tricycle")
    variable = tricycle.TreeVar("variable", default="caller's")
    if used_before:
        variable.set("caller's")
    manager = ParallelExecutionManager(max_concurrent=limit)

    async def child(step):
        assert variable.get() == step

    async def execute(step):
        assert variable.get() == "caller's"
        variable.set(step)
        if suspends:
            await trio.sleep(1)
        assert variable.get() == step
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, step)
        with variable.being("inside"):
            group = ParallelGroup("inner", ["x", "y"], **options)
            (await manager.execute_group(group, inner)).raise_for_failure()
        assert variable.get() == step

    async def inner(step):
        assert variable.get() == "inside"
        variable.set(step)

    group = ParallelGroup("g", ["a", "b", "c"], **options)
    (await manager.execute_group(group, execute)).raise_for_failure()
    assert variable.get() == "caller's"


async def test_a_tree_variable_that_a_single_call_sets_stays_set():
    tricycle = pytest.importorskip("tricycle")
    variable = tricycle.TreeVar("variable")
    variable.set("caller's")

    async def step():
        assert variable.get() == "caller's"
        variable.set("step's")

    await WorkerPool().execute(step)
    assert variable.get() == "step's", "as after `await step()`"

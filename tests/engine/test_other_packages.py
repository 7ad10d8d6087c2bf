"""Packages that look below Trio's surface find in a step what they find in a task."""

from __future__ import annotations

import contextvars
from functools import partial

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, StepTimeout, WorkerPool, WorkerTask
from hocket.testing import assert_works_on, run_virtual

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


# --- greenback: functions that are not async wait for Trio ----------------------------------------

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="caller's")


def wait_inside(greenback, step):
    """Sleep a second in a function that is not async, and find everything as it was."""
    task = trio.lowlevel.current_task()
    request.set(step)
    greenback.await_(trio.sleep(1))  # noqa: ASYNC105
    assert (request.get(), task.context[request], task.name) == (step, step, step)


async def with_a_portal_for_good(greenback, step):
    await greenback.ensure_portal()
    wait_inside(greenback, step)


async def with_a_portal_for_one_function(greenback, step):
    await greenback.with_portal_run_sync(wait_inside, greenback, step)


async def with_portals_for_its_tasks(greenback, step):
    async with greenback.portals_for_tree():
        wait_inside(greenback, step)


async def with_a_portal_from_another_task(greenback, step):
    task = trio.lowlevel.current_task()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: _async(greenback.bestow_portal, task))
    wait_inside(greenback, step)


async def _async(function, *args):
    function(*args)


async def plainly(greenback, call):
    return await call()


async def in_a_portal(greenback, call):
    await greenback.ensure_portal()
    return await call()


async def with_portals_for_all(greenback, call):
    return await greenback.with_portal_run_tree(call)


STEPS = [
    with_a_portal_for_good,
    with_a_portal_for_one_function,
    with_portals_for_its_tasks,
    with_a_portal_from_another_task,
]
CALLERS = [plainly, in_a_portal, with_portals_for_all]


@EVERY_KIND
@pytest.mark.parametrize("call", CALLERS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("limit", [1, 3])
def test_steps_that_suspend_around_the_driver_are_steps_like_any_other(options, call, step, limit):
    greenback = pytest.importorskip("greenback")

    async def group():
        manager = ParallelExecutionManager(max_concurrent=limit)
        group = ParallelGroup("g", ["a", "b", "c"], **options)
        result = await manager.execute_group(group, partial(step, greenback))
        result.raise_for_failure()
        assert result.duration == pytest.approx(3 / limit), "as many at once as there are slots"
        await manager.pool.execute(WorkerTask("single", partial(step, greenback, "single")))
        assert request.get() == "single", "as after `await`"
        await assert_works_on(manager)

    run_virtual(call, greenback, group)


@pytest.mark.parametrize("isolation", ["shared", "task"])
@pytest.mark.parametrize("call", CALLERS)
@pytest.mark.parametrize("step", STEPS)
def test_a_time_limit_ends_a_step_that_suspends_around_the_driver(isolation, call, step):
    greenback = pytest.importorskip("greenback")

    async def group():
        pool = WorkerPool(timeout=0.5)
        manager = ParallelExecutionManager()
        group = ParallelGroup("g", ["a", "b"], "all_settled", step_timeout=0.5, isolation=isolation)
        result = await manager.execute_group(group, partial(step, greenback))
        assert [type(error) for error in result.errors.values()] == [StepTimeout] * 2
        assert result.duration == pytest.approx(0.5)
        with pytest.raises(StepTimeout):
            await pool.execute(WorkerTask("single", partial(step, greenback, "single")))
        await assert_works_on(manager)
        await assert_works_on(pool)

    run_virtual(call, greenback, group)


@pytest.mark.parametrize("isolation", ["shared", "task"])
def test_an_executor_that_is_not_async_may_wait_where_its_tasks_have_portals(isolation):
    greenback = pytest.importorskip("greenback")

    def execute(step):
        wait_inside(greenback, step)
        return trio.sleep(1)  # noqa: ASYNC105

    async def group():
        manager = ParallelExecutionManager(max_concurrent=3)
        group = ParallelGroup("g", ["a", "b", "c"], isolation=isolation)
        result = await manager.execute_group(group, execute)
        result.raise_for_failure()
        assert (result.duration, request.get()) == (pytest.approx(2), "caller's")

    run_virtual(greenback.with_portal_run_tree, group)

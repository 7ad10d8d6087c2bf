"""What the reliability suite has found, each as small as it could be made."""

from __future__ import annotations

import collections
import gc
import sys
import threading
import types
import weakref

import pytest
import trio
import trio.testing

import hocket
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    WorkerPool,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket.testing import assert_idle, run_virtual

ISOLATIONS = pytest.mark.parametrize("isolation", ["shared", "task"])


class Broken(Exception):
    pass


# --- slots ----------------------------------------------------------------------------------------


async def cancelled_after_a_second(manager, isolation, cleanup):
    """Run a group whose steps clean up for so many seconds, by their ids."""

    async def cleans_up(step, context):
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(cleanup[step])

    with trio.move_on_after(1):
        await manager.execute_group(
            ParallelGroup("g", list(cleanup), isolation=isolation), cleans_up
        )


@ISOLATIONS
async def test_a_cancelled_group_takes_no_slot_that_becomes_free(isolation, autojump_clock):
    cleanup = {"runs": 100, "waits": 100}
    manager = ParallelExecutionManager(max_concurrent=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.pool.execute, trio.sleep, 5)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(cancelled_after_a_second, manager, isolation, cleanup)
        await trio.sleep(2)
        await manager.pool.execute(trio.sleep, 0)
        assert trio.current_time() == 5
    assert_idle(manager)


@ISOLATIONS
async def test_the_slot_of_a_cancelled_step_is_not_for_its_own_group(isolation, autojump_clock):
    cleanup = {"soon": 1, "late": 50, "waits": 0}
    manager = ParallelExecutionManager(max_concurrent=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.pool.execute, trio.sleep, 100)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(cancelled_after_a_second, manager, isolation, cleanup)
        await trio.sleep(1.5)
        await manager.pool.execute(trio.sleep, 0)
        assert trio.current_time() == 2
        nursery.cancel_scope.cancel()
    assert_idle(manager)


def test_threads_that_meet_at_one_pool_are_served_or_refused():
    # Each with its own trio.run; none may be woken by another's.
    pool = WorkerPool(max_concurrent=1)
    seen = collections.Counter()

    def all_refused(group):
        return (
            group.split(
                lambda e: isinstance(e, RuntimeError) and "busy in another trio.run" in str(e)
            )[1]
            is None
        )

    async def three():
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(pool.execute, trio.sleep, 0)

    def thread():
        for _ in range(50):
            try:
                trio.run(three)
                seen["served"] += 1
            except ExceptionGroup as group:
                seen["refused" if all_refused(group) else "broken"] += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=thread) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    finally:
        sys.setswitchinterval(interval)
    assert seen["served"]
    assert seen["served"] + seen["refused"] == 200
    assert_idle(pool)


# --- what a step sees of its surroundings ---------------------------------------------------------


@types.coroutine
def foreign():
    """A trap that Trio does not know, as an asyncio future's."""
    yield "a future"


@pytest.mark.parametrize("step_timeout", [None, 9])
async def test_ctrl_c_reaches_the_step_after_one_that_awaited_something_foreign(step_timeout):
    async def execute(step, context):
        if step == "foreign":
            await trio.lowlevel.checkpoint()
            await foreign()
        return trio.lowlevel.currently_ki_protected()

    manager = ParallelExecutionManager(max_concurrent=1)
    steps = ["first", "foreign", "next"]
    group = ParallelGroup("g", steps, "all_settled", step_timeout=step_timeout)
    result = await manager.execute_group(group, execute)
    assert result.results == {"first": False, "next": False}
    assert isinstance(result.errors["foreign"], TypeError)


async def test_a_step_never_bears_the_name_of_another(autojump_clock):
    names = {}

    async def execute(step, context):
        names[step] = [trio.lowlevel.current_task().name]
        if step != "a":
            return
        await trio.sleep(1)
        names[step].append(trio.lowlevel.current_task().name)

    me = trio.lowlevel.current_task()
    me.name = "caller"
    manager = ParallelExecutionManager(max_concurrent=1)
    await manager.execute_group(ParallelGroup("g", list("abc")), execute)
    assert names == {"a": ["caller", "a"], "b": ["b"], "c": ["c"]}
    assert me.name == "caller"


@pytest.mark.parametrize("how", ["group", "execute"])
async def test_a_step_that_names_its_task_names_only_itself(how):
    async def renames(step=None, context=None):
        trio.lowlevel.current_task().name = "renamed"

    me = trio.lowlevel.current_task()
    before = me.name
    manager = ParallelExecutionManager()
    if how == "group":
        await manager.execute_group(ParallelGroup("g", ["a"]), renames)
    else:
        await manager.pool.execute(renames)
    assert me.name == before


@ISOLATIONS
async def test_what_the_caller_handles_is_not_the_context_of_what_steps_raise(isolation):
    async def execute(step, context):
        assert sys.exception() is None
        raise Broken

    group = ParallelGroup("g", ["a", "b"], "all_settled", isolation=isolation)
    try:
        raise KeyError("the caller's")
    except KeyError:
        result = await ParallelExecutionManager().execute_group(group, execute)
    assert [error.__context__ for error in result.errors.values()] == [None, None]


@pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")
@pytest.mark.parametrize("leaves", ["nursery", "scope"])
@pytest.mark.parametrize("timeout", [None, 5])
@pytest.mark.parametrize("how", ["group", "execute"])
def test_what_is_fatal_comes_out_of_a_step_that_leaves_something_open(leaves, timeout, how):
    async def exits(step=None, context=None):
        if leaves == "nursery":
            await trio.open_nursery().__aenter__()
        else:
            trio.CancelScope().__enter__()
        await trio.lowlevel.checkpoint()
        raise SystemExit(3)

    async def main():
        if how == "group":
            await manager.execute_group(ParallelGroup("g", ["a"]), exits)
        else:
            await manager.pool.execute(exits)

    manager = ParallelExecutionManager(timeout=timeout)
    with pytest.raises(SystemExit):
        trio.run(main)
    assert_idle(manager)


# --- memory ---------------------------------------------------------------------------------------


async def slow():
    await trio.sleep(9)


async def quick():
    await trio.sleep(1)
    return Broken()


async def fails_as_it_is_cancelled():
    try:
        await trio.sleep(9)
    finally:
        raise Broken


async def run(acts, *args, **options):
    async def execute(step, context):
        return await acts[step]()

    group = ParallelGroup("g", list(acts), *args, **options)
    return await ParallelExecutionManager().execute_group(group, execute)


async def losers():
    await run({"a": quick, "b": slow, "c": slow}, "race")


async def losers_that_fail():
    await run({"a": quick, "b": fails_as_it_is_cancelled, "c": fails_as_it_is_cancelled}, "race")


async def time_limits():
    await run({"a": slow, "b": quick}, "all_settled", step_timeout=2)


async def decided_as_the_caller_is_cancelled():
    async def cancels():
        await trio.sleep(1)
        scope.cancel()

    with trio.CancelScope() as scope:
        await run({"a": slow, "b": cancels}, "any")


def workflow(execute):
    group = ParallelGroup("members", [WorkflowStep("a", execute=execute)])
    return WorkflowDefinition("w", [WorkflowStep("g", group=group)])


async def returns(context):
    return 1


async def fails(context):
    del context  # a frame that an error holds, and that holds the errors, is the step's own affair
    raise Broken


async def a_workflow_with_a_group(definition=workflow(returns)):  # noqa: B008 - made once
    await WorkflowManager().execute(definition)


async def a_workflow_whose_group_fails(definition=workflow(fails)):  # noqa: B008
    await WorkflowManager().execute(definition)


@pytest.mark.parametrize(
    "scene",
    [
        losers,
        losers_that_fail,
        time_limits,
        decided_as_the_caller_is_cancelled,
        a_workflow_with_a_group,
        a_workflow_whose_group_fails,
    ],
)
def test_nothing_is_left_to_the_garbage_collector(scene):
    async def main():
        await scene()
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                await scene()
            return gc.collect()
        finally:
            gc.enable()

    assert run_virtual(main, seed=1) == 0


def test_an_error_that_is_kept_keeps_no_other_steps_value():
    async def main():
        result = await run({"a": slow, "b": quick}, "all_settled", step_timeout=2)
        return result.errors["a"], weakref.ref(result.results["b"])

    error, value = run_virtual(main)
    assert isinstance(error, hocket.StepTimeout)
    assert value() is None

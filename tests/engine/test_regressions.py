"""What the reliability suite has found, each as small as it could be made."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
import types
import weakref
from contextlib import suppress

import pytest
import trio
import trio.testing

import hocket
from hocket import (
    GroupFailed,
    IfBranch,
    ParallelExecutionManager,
    ParallelGroup,
    WorkerPool,
    WorkerTask,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket._engine.group_accounts import GroupAccounts
from hocket._engine.supervisor import Host
from hocket.testing import assert_idle, assert_works_on, run_virtual

ISOLATIONS = pytest.mark.parametrize("isolation", ["shared", "task"])


class Broken(Exception):
    pass


# --- slots ----------------------------------------------------------------------------------------


async def cancelled_after_a_second(manager, isolation, cleanup):
    """Run a group whose steps clean up for so many seconds, by their ids."""

    async def cleans_up(step):
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
    seen = []  # adding to a number is no single step

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
                seen.append("served")
            except ExceptionGroup as group:
                seen.append("refused" if all_refused(group) else "broken")

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
    assert "served" in seen
    assert seen.count("served") + seen.count("refused") == 200
    assert_idle(pool)


# --- what a step sees of its surroundings ---------------------------------------------------------


@types.coroutine
def foreign():
    """A trap that Trio does not know, as an asyncio future's."""
    yield "a future"


@pytest.mark.parametrize("step_timeout", [None, 9])
async def test_ctrl_c_reaches_the_step_after_one_that_awaited_something_foreign(step_timeout):
    async def execute(step):
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

    async def execute(step):
        names[step] = [trio.lowlevel.current_task().name]
        if step != "a":
            return
        await trio.sleep(1)
        names[step].append(trio.lowlevel.current_task().name)

    me = trio.lowlevel.current_task()
    me.name = "caller"
    manager = ParallelExecutionManager(max_concurrent=1)
    await manager.execute_group(ParallelGroup("g", list("abc")), execute)
    assert names == {"a": ["a", "a"], "b": ["b"], "c": ["c"]}
    assert me.name == "caller"


@pytest.mark.parametrize("how", ["group", "execute"])
async def test_a_step_that_names_its_task_names_only_itself(how):
    async def renames(step=None):
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
    async def execute(step):
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
    async def exits(step=None):
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
    async def execute(step):
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


def fails_in_a_thread(step):
    raise Broken


async def functions_that_fail_in_threads():
    group = ParallelGroup("g", ["a", "b"], "all_settled", run_in="thread")
    await ParallelExecutionManager(max_concurrent=2).execute_group(group, fails_in_a_thread)


async def halves(item):
    await trio.sleep(item / 10)
    return 1 / (item % 3)


async def broken_input():
    for item in range(1, 3):
        yield item
    raise Broken


async def a_map_that_fails():
    with suppress(GroupFailed):
        await WorkerPool(max_concurrent=2).map(halves, range(1, 6))


async def a_stream_that_fails():
    with suppress(GroupFailed):
        async with WorkerPool(max_concurrent=2).stream(halves, range(1, 6)) as outcomes:
            async for _ in outcomes:
                pass


async def a_stream_whose_input_fails():
    with suppress(GroupFailed):
        stream = WorkerPool(max_concurrent=2).stream(halves, broken_input(), on_error="collect")
        async with stream as outcomes:
            async for _ in outcomes:
                pass


async def a_stream_that_is_cancelled():
    with trio.move_on_after(0.15):
        async with WorkerPool(max_concurrent=2).stream(halves, range(1, 6)) as outcomes:
            async for _ in outcomes:
                pass


def holders(execute):
    """A workflow with one of everything that holds steps; each has a limit that is worked out."""
    limit = {"timeout": "$context.limit"}

    def one(id):
        return WorkflowStep(id, execute=execute, **limit)

    return WorkflowDefinition(
        "w",
        [
            WorkflowStep.parallel("g", [one("a")], **limit),
            WorkflowStep.for_each("each", [1, 2], one("b"), max_concurrent="$context.limit"),
            WorkflowStep.for_each("blocks", [1, 2], steps=[one("c")]),
            WorkflowStep.repeat("again", one("d"), until="true"),
            WorkflowStep("block", sequence=[one("e")], **limit),
            WorkflowStep("branch", branch=IfBranch("true", [one("f")]), **limit),
            WorkflowStep("inner", workflow=workflow(execute), **limit),
        ],
        fail_fast=False,
        max_duration="$context.limit",
        finally_=[one("last")],
    )


async def everything_that_holds_steps(definition=holders(returns)):  # noqa: B008
    await WorkflowManager().execute(definition, {"limit": 5})


async def everything_that_holds_steps_that_fail(definition=holders(fails)):  # noqa: B008
    await WorkflowManager().execute(definition, {"limit": 5})


@pytest.mark.parametrize(
    "scene",
    [
        everything_that_holds_steps,
        everything_that_holds_steps_that_fail,
        functions_that_fail_in_threads,
        a_map_that_fails,
        a_stream_that_fails,
        a_stream_whose_input_fails,
        a_stream_that_is_cancelled,
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


# --- found by torture/suites/faults.py; no fault is built in here ---------------------------------

CALLS = pytest.mark.parametrize("call", ["group", "execute"])


class Struck(Exception):
    pass


async def start(call: str, pool: WorkerPool, step, **options):
    """Run one step, in one of two ways."""
    if call == "execute":
        return await pool.execute(WorkerTask("a", step, options.get("step_timeout")))
    manager = ParallelExecutionManager()
    manager._pool = pool
    return await manager.execute_group(ParallelGroup("g", ["a"], **options), lambda step_id: step())


class FailingClock(trio.abc.Clock):
    """A clock that at some time hocket cannot read any more, though Trio can."""

    broken = False

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        # Rust makes no frame: when hocket's core asks, the caller is one of hocket's.
        if self.broken and sys._getframe(1).f_globals["__name__"].startswith("hocket."):
            raise Struck("the clock")
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


def chain(error):
    """An exception, and those that it came out of."""
    while error is not None:
        yield error
        error = error.__context__


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@CALLS
@pytest.mark.parametrize("fatal", [False, True])
def test_a_clock_that_fails_at_the_end_leaves_nothing_in_the_pool(call, fatal):
    clock = FailingClock()
    pool = WorkerPool(max_concurrent=1)

    async def step():
        clock.broken = True
        if fatal:
            raise KeyboardInterrupt

    async def main():
        # What was fatal is not lost: it is there, or it is what the other error came from.
        with pytest.raises((Struck, KeyboardInterrupt)) as caught:
            await start(call, pool, step)
        clock.broken = False
        if fatal:
            assert any(isinstance(error, KeyboardInterrupt) for error in chain(caught.value))
        await assert_works_on(pool)

    trio.run(main, clock=clock)


@pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")
@CALLS
@pytest.mark.parametrize("step_timeout", [None, 100])
@pytest.mark.parametrize("ending", ["returns", "is fatal"])
async def test_leftovers_are_tidied_also_when_something_else_fails(
    autojump_clock, call, step_timeout, ending
):
    class Failing(logging.Handler):
        def emit(self, record):
            raise Struck("the log")

    async def step():
        trio.CancelScope(deadline=trio.current_time() + 0.5).__enter__()
        if ending == "is fatal":
            raise KeyboardInterrupt

    pool = WorkerPool(max_concurrent=1)
    handler = Failing()
    logger = logging.getLogger("hocket")
    logger.addHandler(handler)
    try:
        with trio.CancelScope() as own, pytest.raises((Struck, KeyboardInterrupt)):
            await start(call, pool, step, step_timeout=step_timeout)
        assert not own.cancelled_caught
    finally:
        logger.removeHandler(handler)
    # The scope that the step left open strikes nobody.
    await trio.sleep(1)
    await assert_works_on(pool)


async def test_a_step_is_not_torn_out_of_its_nursery_when_no_worker_can_be_started(
    autojump_clock, monkeypatch
):
    trail = []
    start_task = Host._start

    def fail(crew, *args, name):
        monkeypatch.setattr(Host, "_start", start_task)
        raise MemoryError

    async def child():
        try:
            await trio.sleep(5)
        finally:
            trail.append("the child has ended")

    async def execute(step):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child)
                await trio.sleep(5)
        finally:
            trail.append("the step has ended")

    monkeypatch.setattr(Host, "_start", fail)
    manager = ParallelExecutionManager(max_concurrent=2)
    with pytest.raises(MemoryError):
        await manager.execute_group(ParallelGroup("g", ["a", "b"]), execute)
    assert trail == ["the child has ended", "the step has ended"]
    await assert_works_on(manager)


async def test_a_waiter_that_could_not_be_woken_at_first_is_woken_later(
    autojump_clock, monkeypatch
):
    pool = WorkerPool(max_concurrent=1)
    reschedule = trio.lowlevel.reschedule

    def fail(task):
        monkeypatch.setattr(trio.lowlevel, "reschedule", reschedule)
        raise MemoryError

    async def first():
        await trio.sleep(1)
        monkeypatch.setattr(trio.lowlevel, "reschedule", fail)

    values = []

    async def second():
        await trio.sleep(0.5)
        values.append(await pool.execute(trio.sleep, 1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(second)
        with pytest.raises(MemoryError):
            await pool.execute(first)
    assert values == [None]
    assert_idle(pool)


async def test_a_waiter_that_is_cancelled_while_it_is_woken_harms_nobody(
    autojump_clock, monkeypatch
):
    pool = WorkerPool(max_concurrent=1)
    reschedule = trio.lowlevel.reschedule
    scope = trio.CancelScope()

    def cancel_first(task):
        # As the finalizer of some garbage might, which is collected just now.
        monkeypatch.setattr(trio.lowlevel, "reschedule", reschedule)
        scope.cancel()
        reschedule(task)

    async def first():
        await trio.sleep(1)
        monkeypatch.setattr(trio.lowlevel, "reschedule", cancel_first)
        return "fine"

    async def second():
        with scope:
            await trio.sleep(0.5)
            await pool.execute(trio.sleep, 1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(second)
        assert await pool.execute(first) == "fine"
    assert scope.cancelled_caught
    await assert_works_on(pool)


async def test_a_group_that_cannot_be_counted_in_leaves_the_pool_in_order(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(GroupAccounts, "begin", fail)
    manager = ParallelExecutionManager()
    with pytest.raises(MemoryError):
        await manager.execute_group(ParallelGroup("g", ["a"]), returns)
    await assert_works_on(manager.pool)


async def test_what_a_key_raises_says_for_which_step():
    group = ParallelGroup("g", [1, 2], key=lambda step: "one" if step == 1 else step.name)
    with pytest.raises(AttributeError) as caught:
        await ParallelExecutionManager().execute_group(group, returns)
    assert caught.value.__notes__ == ["in key, for group 'g': steps[1]"]

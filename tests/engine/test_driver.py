"""A step looks like itself: its context, its frames, its name, its traps; and the driver is a good coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import types
import weakref
from functools import partial

import pytest
import trio

import hocket
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    WorkerPool,
    WorkerTask,
    _core,
)
from hocket._engine.run import CallSpec
from hocket.testing import assert_idle, assert_works_on, run_virtual

KINDS = [
    pytest.param({}, id="shared"),
    pytest.param({"step_timeout": 100}, id="timed"),
    pytest.param({"isolation": "task"}, id="isolated"),
]
EVERY_KIND = pytest.mark.parametrize("options", KINDS)

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")


class Broken(Exception):
    pass


async def run_steps(steps, execute, limit=10, **options):
    manager = ParallelExecutionManager(max_concurrent=limit)
    group = ParallelGroup("g", steps, "all_settled", **options)
    result = await manager.execute_group(group, execute)
    for error in result.errors.values():
        raise error
    return result


# --- context variables ----------------------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize("limit", [1, 3])
async def test_every_step_has_a_context_of_its_own(autojump_clock, options, limit):
    variable.set("caller")

    async def execute(step):
        assert variable.get() == "caller"
        variable.set(step)
        if int(step) % 2:
            await trio.sleep(int(step))
            assert variable.get() == step
            variable.set(step + "!")
            await trio.lowlevel.checkpoint()
            assert variable.get() == step + "!"

    await run_steps([str(i) for i in range(8)], execute, limit, **options)
    assert variable.get() == "caller"
    await trio.lowlevel.checkpoint()
    assert variable.get() == "caller"


@pytest.mark.parametrize("timeout", [None, 100])
async def test_a_single_call_runs_in_its_callers_own_context(autojump_clock, timeout):
    pool = WorkerPool(timeout=timeout)
    variable.set("caller")

    async def step(suspends):
        assert variable.get() == "caller"
        variable.set("step")
        if suspends:
            await trio.sleep(1)
            assert variable.get() == "step"

    for suspends in (False, True):
        await pool.execute(step, suspends)
        assert variable.get() == "step", "as after `await step(suspends)`"
        await trio.lowlevel.checkpoint()
        assert variable.get() == "step"
        variable.set("caller")

    async def fail():
        variable.set("step")
        await trio.sleep(1)
        raise Broken

    with pytest.raises(Broken):
        await pool.execute(fail)
    assert variable.get() == "step"
    variable.set("caller")
    with trio.move_on_after(0.5):
        await pool.execute(fail)
    assert variable.get() == "step"


async def test_each_of_many_tasks_has_a_context_of_its_own(autojump_clock):
    variable.set("caller")

    async def step():
        assert variable.get() == "caller"
        variable.set("step")
        await trio.sleep(1)

    await WorkerPool(max_concurrent=1).execute_many([WorkerTask("a", step), WorkerTask("b", step)])
    assert variable.get() == "caller"


async def test_a_step_that_did_not_suspend_leaves_no_variable_and_no_context_to_the_next():
    tokens = []

    async def execute(step):
        assert variable.get() == "default"
        if int(step) % 3 == 1:
            variable.set(step)
        if int(step) % 3 == 2:
            token = variable.set(step)
            variable.reset(token)
            tokens.append(variable.set("default"))  # keeps the context, which looks as it did
        for token in tokens[:-1]:
            with pytest.raises(ValueError, match="different Context"):
                variable.reset(token)

    await run_steps([str(n) for n in range(9)], execute, limit=1)


async def test_the_tasks_context_is_the_steps_from_its_first_instruction():
    pool = WorkerPool()
    task = trio.lowlevel.current_task()
    caller = task.context

    async def execute(step):
        own = trio.lowlevel.current_task().context
        assert own is not caller
        variable.set(step)
        assert own[variable] == step, "what is current is what the task has"
        if int(step) % 2:
            await trio.lowlevel.checkpoint()
            assert trio.lowlevel.current_task().context is own

    async def call():
        assert trio.lowlevel.current_task().context is caller

    await run_steps([str(n) for n in range(9)], execute, limit=1)
    assert task.context is caller
    await pool.execute(call)
    assert task.context is caller


async def test_a_context_that_a_step_gives_its_task_is_no_other_steps():
    kept = []

    async def execute(step):
        task = trio.lowlevel.current_task()
        assert all(task.context is not other for other in kept)
        assert variable.get() == "default"
        kept.append(task.context)
        if step == "a":
            task.context = contextvars.copy_context()
            task.context.run(variable.set, "a")
            kept.append(task.context)

    caller = trio.lowlevel.current_task().context
    await run_steps(["a", "b", "a again", "c"], execute, limit=1)
    assert trio.lowlevel.current_task().context is caller


@pytest.mark.parametrize("observed", ["step", "nothing"])
async def test_an_observer_finds_one_context_in_its_task_and_around_it(observed):
    def observer(event):
        token = mark.set(len(found))
        found.append(trio.lowlevel.current_task().context.get(mark))
        mark.reset(token)

    async def execute(step):
        variable.set(step)
        if observed == "step":
            await trio.lowlevel.checkpoint()

    found: list[int | None] = []
    mark: contextvars.ContextVar[int] = contextvars.ContextVar("mark")
    manager = ParallelExecutionManager(max_concurrent=1)
    group = ParallelGroup("g", ["a", "b", "c"])
    (await manager.execute_group(group, execute, observer=observer)).raise_for_failure()
    assert found == list(range(6))


@EVERY_KIND
async def test_a_token_can_be_reset_in_the_segment_that_follows(autojump_clock, options):
    async def execute(step):
        token = variable.set(step)
        await trio.sleep(1)
        variable.reset(token)  # ValueError if this were another context
        assert variable.get() == "default"

    await run_steps(["a", "b"], execute, **options)


@EVERY_KIND
async def test_tasks_that_a_step_starts_inherit_its_context(autojump_clock, options):
    async def execute(step):
        variable.set(step)
        seen = []

        async def child():
            seen.append(variable.get())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
        assert seen == [step]
        assert await trio.to_thread.run_sync(variable.get) == step

    await run_steps(["a", "b", "c"], execute, 2, **options)


@EVERY_KIND
async def test_threads_that_come_back_see_what_they_see_in_plain_trio(options):
    async def execute(step):
        variable.set(step)
        seen = []

        async def inside():
            # from_thread.run swaps the context of the task that waits for the thread.
            seen.append(variable.get())
            variable.set("inside")
            await trio.lowlevel.checkpoint()
            seen.append(variable.get())

        def in_thread():
            seen.append(variable.get())
            variable.set("thread")
            trio.from_thread.run(inside)
            seen.append(trio.from_thread.run_sync(variable.get))
            seen.append(variable.get())

        await trio.to_thread.run_sync(in_thread)
        seen.append(variable.get())
        await trio.lowlevel.checkpoint()
        seen.append(variable.get())
        return seen

    result = await run_steps(["a", "b", "c"], execute, 2, **options)
    assert variable.get() == "default"
    plain = {}

    async def in_plain_trio(step):
        plain[step] = await execute(step)

    async with trio.open_nursery() as nursery:
        for step in "abc":
            nursery.start_soon(in_plain_trio, step)
    assert dict(result.results) == plain
    assert plain["a"][-2:] == ["a", "a"]


@EVERY_KIND
@pytest.mark.parametrize("first", [True, False])
async def test_a_group_inside_a_steps_first_segment_sees_the_steps_context(
    autojump_clock, options, first
):
    manager = ParallelExecutionManager(max_concurrent=1)

    async def inner(step, outer):
        assert variable.get() == outer
        variable.set("inner")
        await trio.sleep(1)
        return variable.get()

    async def outer(step):
        variable.set(step)
        if not first:
            await trio.sleep(1)
        group = ParallelGroup("inner", ["x", "y"], **options)
        result = await manager.execute_group(group, partial(inner, outer=step))
        result.raise_for_failure()
        assert variable.get() == step
        await trio.lowlevel.checkpoint()
        assert variable.get() == step
        await manager.pool.execute(inner, "z", step)
        assert variable.get() == "inner", "a single call runs in its caller's own context"

    group = ParallelGroup("outer", ["a", "b"], **options)
    (await manager.execute_group(group, outer)).raise_for_failure()
    assert variable.get() == "default"
    await assert_works_on(manager)


async def test_the_callers_later_changes_are_its_own(autojump_clock):
    async def execute(step):
        await trio.sleep(1)

    await run_steps(["a"], execute)
    variable.set("after")
    await trio.lowlevel.checkpoint()
    assert variable.get() == "after"


# --- frames and names -----------------------------------------------------------------------------


async def deep_inside():
    await trio.sleep(5)


async def a_step(step):
    await deep_inside()


def await_frames(task):
    return [frame.f_code.co_name for frame, _ in task.iter_await_frames() if frame is not None]


@pytest.mark.skipif(
    tuple(map(int, trio.__version__.split(".")[:2])) < (0, 32),
    reason="before 0.32 Trio does not walk past a coroutine that shows no frame",
)
@EVERY_KIND
async def test_trio_walks_through_the_driver_into_the_suspended_step(autojump_clock, options):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_steps(["a", "b", "c"], a_step, **options))
        await trio.sleep(1)
        walks = [await_frames(task) for task in all_tasks_below(nursery)]
        inside = [walk for walk in walks if "deep_inside" in walk]
        assert len(inside) == 3
        for walk in inside:
            assert walk[walk.index("a_step") :][:3] == ["a_step", "deep_inside", "sleep"]


def all_tasks_below(nursery):
    for task in nursery.child_tasks:
        yield task
        for inner in task.child_nurseries:
            yield from all_tasks_below(inner)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its own, on 3.13
@EVERY_KIND
async def test_stackscope_sees_the_step(autojump_clock, options):
    stackscope = pytest.importorskip("stackscope")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_steps(["a", "b"], a_step, **options))
        await trio.sleep(1)
        found = 0
        for task in all_tasks_below(nursery):
            stack = stackscope.extract(task)
            names = [frame.pyframe.f_code.co_name for frame in stack.frames]
            assert stack.error is None
            if "deep_inside" in names:
                found += 1
                assert names.index("a_step") < names.index("deep_inside")
        assert found == 2


async def test_stackscope_is_available_here():
    # Otherwise the test above proves nothing; it is one of the development extras.
    pytest.importorskip("stackscope")


@EVERY_KIND
async def test_a_suspended_steps_task_has_the_steps_id_for_a_name(autojump_clock, options):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: run_steps(["one", "two"], a_step, **options), name="caller")
        await trio.sleep(1)
        tasks = list(all_tasks_below(nursery))
        assert {"one", "two"} <= {task.name for task in tasks}
        (caller,) = nursery.child_tasks
        assert caller.name == ("one" if options.get("isolation") is None else "caller")


async def test_the_callers_name_is_put_back(autojump_clock):
    task = trio.lowlevel.current_task()
    task.name = "mine"
    pool = WorkerPool()
    names = []

    async def step():
        await trio.sleep(1)
        names.append(task.name)

    await pool.execute(WorkerTask("steps", step))
    assert (names, task.name) == (["steps"], "mine")
    await run_steps(["a", "b", "c"], a_step, 1)
    assert task.name == "mine"
    with trio.move_on_after(1):
        await run_steps(["a", "b", "c"], a_step, 2)
    assert task.name == "mine"

    async def fatal(step):
        await trio.sleep(1)
        raise SystemExit

    with contextlib.suppress(SystemExit):
        await run_steps(["a"], fatal)
    assert task.name == "mine"


@EVERY_KIND
async def test_a_step_has_its_name_from_its_first_instruction(options):
    async def inner():
        assert trio.lowlevel.current_task().name == "inner"

    async def execute(step):
        task = trio.lowlevel.current_task()
        assert task.name == step
        await pool.execute(WorkerTask("inner", inner))
        assert task.name == step

    pool = WorkerPool()
    task = trio.lowlevel.current_task()
    task.name = "caller"
    await run_steps(["a", "b", "c"], execute, limit=1, **options)
    assert task.name == "caller"


@EVERY_KIND
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("suspends", [False, True])
async def test_a_name_that_a_step_gives_its_task_ends_with_the_step(options, fails, suspends):
    async def execute(step):
        task = trio.lowlevel.current_task()
        assert task.name == step
        task.name = "named by a step"
        if suspends:
            await trio.lowlevel.checkpoint()
            assert task.name == "named by a step"
        if fails:
            raise Broken

    task = trio.lowlevel.current_task()
    task.name = "caller"
    manager = ParallelExecutionManager(max_concurrent=1)
    group = ParallelGroup("g", ["a", "b", "c"], "all_settled", **options)
    result = await manager.execute_group(group, execute)
    assert [type(error) for error in result.errors.values()] == [Broken] * (3 * fails)
    with contextlib.suppress(Broken):
        await manager.pool.execute(WorkerTask("d", partial(execute, "d")))
    assert task.name == "caller"


@EVERY_KIND
@pytest.mark.parametrize("suspends", [False, True])
async def test_a_traceback_shows_the_steps_frames_only(autojump_clock, options, suspends):
    async def inner():
        if suspends:
            await trio.sleep(1)
        raise Broken

    async def execute(step):
        await inner()

    manager = ParallelExecutionManager()
    group = ParallelGroup("g", ["a", "b"], "all_settled", **options)
    result = await manager.execute_group(group, execute)
    for error in result.errors.values():
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert names == ["execute", "inner"]


# --- cooperation ----------------------------------------------------------------------------------


@EVERY_KIND
async def test_a_ticker_beside_a_run_of_steps_that_never_suspend_keeps_ticking(options):
    ticks = 0
    done = False

    async def ticker():
        nonlocal ticks
        while not done:
            ticks += 1
            await trio.lowlevel.checkpoint()

    async def execute(step):
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticker)
        n = 20_000 if options.get("isolation") else 200_000
        result = await run_steps([str(i) for i in range(n)], execute, **options)
        done = True
    assert len(result.completed_steps) == n
    # 200,000 steps take 30 ms at the very least, and a checkpoint is due after every one.
    assert ticks >= 15


async def test_a_ticker_in_virtual_time_keeps_ticking_too(autojump_clock):
    ticks = 0

    async def ticker():
        nonlocal ticks
        while True:
            ticks += 1
            await trio.lowlevel.checkpoint()

    async def execute(step):
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticker)
        await run_steps([str(i) for i in range(10_000)], execute)
        nursery.cancel_scope.cancel()
    assert ticks >= 10_000 // 1000


# --- what a step may be ---------------------------------------------------------------------------


class Awaitable:
    """An awaitable that is no coroutine."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __await__(self):
        yield from trio.sleep(self.seconds).__await__()  # noqa: ASYNC105
        return "awaited"


@types.coroutine
def generator_based(seconds):
    yield from trio.sleep(seconds).__await__()  # noqa: ASYNC105
    return "generated"


@EVERY_KIND
@pytest.mark.parametrize(
    ("make", "value"), [(Awaitable, "awaited"), (generator_based, "generated")]
)
async def test_any_awaitable_will_do(autojump_clock, options, make, value):
    result = await run_steps(["a", "b"], lambda step: make(1), **options)
    assert result.results == {"a": value, "b": value}
    assert result.duration == 1
    with trio.move_on_after(1) as scope:
        await run_steps(["a", "b"], lambda step: make(9), **options)
    assert scope.cancelled_caught
    pool = WorkerPool()
    assert await pool.execute(make, 1) == value


@EVERY_KIND
async def test_an_awaitable_that_trio_does_not_know_gets_trios_own_error(options):
    async def execute(step):
        loop = asyncio.new_event_loop()
        try:
            await loop.create_future()
        except TypeError as error:
            return str(error)
        finally:
            loop.close()

    result = await run_steps(["a"], execute, **options)
    assert "asyncio" in result.results["a"]


async def test_a_step_may_catch_what_trio_throws_in_and_go_on(autojump_clock):
    @types.coroutine
    def nonsense():
        yield "nonsense"

    async def execute(step):
        with pytest.raises(TypeError):
            await nonsense()
        await trio.sleep(1)
        return "still here"

    result = await run_steps(["a"], execute)
    assert result.results == {"a": "still here"}


@EVERY_KIND
async def test_steps_may_use_everything_that_trio_has(autojump_clock, options):  # noqa: C901
    send, receive = trio.open_memory_channel(0)
    event, limiter, semaphore = trio.Event(), trio.CapacityLimiter(1), trio.Semaphore(1)

    async def execute(step):
        match step:
            case "send":
                async with send:
                    await send.send(1)
            case "receive":
                assert [x async for x in receive] == [1]
            case "event":
                await event.wait()
            case "set":
                event.set()
            case "limiter":
                async with limiter:
                    await trio.sleep(1)
            case "semaphore":
                async with semaphore:
                    await trio.sleep(1)
            case "timeout":
                with pytest.raises(trio.TooSlowError):
                    with trio.fail_after(1):
                        await trio.sleep(2)
            case "nursery":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, 1)
                    await nursery.start(started)

    async def started(task_status):
        task_status.started()

    steps = ["send", "receive", "event", "set", "limiter", "semaphore", "timeout", "nursery"]
    result = await run_steps(steps, execute, **options)
    assert result.duration == 1


# --- the coroutine protocol -----------------------------------------------------------------------


def a_spec(steps):
    return CallSpec(None, [f"s{i}" for i in range(len(steps))], steps)


@contextlib.contextmanager
def a_driver(step, *, steps=1):
    """A driver that sits in the current task, outside any supervisor."""
    core = _core.Pool(1, None, False, True)
    task = trio.lowlevel.current_task()
    spec = a_spec([step] * steps)
    run = _core.Run(core, trio.lowlevel.current_trio_token(), task, task.context, None, spec)
    driver = _core.Driver(run)
    driver.enter(task, None, (None, None, None, None, None))
    try:
        yield driver, spec.results, spec.errors, core
    finally:
        driver.exit()
        run.close(False)
        assert core.active == core.queue_length == core.runs == 0


async def test_a_driver_is_a_coroutine_to_whoever_awaits_it():
    async def step():
        await trio.lowlevel.checkpoint()
        return "value"

    with a_driver(step) as (driver, results, _, _):
        assert driver.cr_frame is None
        assert driver.cr_await is None
        await driver
        assert results == {"s0": "value"}
        await driver  # nothing is left: it returns at once
        assert driver.__await__() is driver
        assert iter(driver) is driver


async def test_throw_goes_into_the_step_and_close_closes_it():
    log = []

    @types.coroutine
    def trap(value):
        return (yield value)

    async def step():
        try:
            log.append(await trap("first"))
            await trap("second")
        except Broken as error:
            log.append(error)
            await trap("third")
        finally:
            log.append("closed")

    with a_driver(step) as (driver, results, errors, core):
        assert driver.send(None) == "first"
        assert driver.cr_await is not None
        assert driver.send("answer") == "second"
        error = Broken("thrown")
        assert driver.throw(error) == "third"
        assert core.active == 1
        driver.close()
        assert core.active == 0
        assert log == ["answer", error, "closed"]
        assert results == errors == {}
        driver.close()


@pytest.mark.parametrize(
    "arguments", [(Broken,), (Broken, "text"), (Broken, Broken("x")), (Broken("x"), None, None)]
)
async def test_throw_takes_what_throw_takes(arguments):
    async def step():
        await trap()

    @types.coroutine
    def trap():
        yield "trap"

    with a_driver(step) as (driver, _, errors, _):
        assert driver.send(None) == "trap"
        with pytest.raises(StopIteration):
            driver.throw(*arguments)
        assert isinstance(errors["s0"], Broken)


async def test_a_driver_does_not_resume_itself():
    seen = []

    async def step():
        for call in (lambda: driver.send(None), driver.close, lambda: driver.throw(Broken())):
            with pytest.raises(RuntimeError, match="running already"):
                call()
        assert driver.cr_running
        seen.append(driver.cr_await)
        return "fine"

    with a_driver(step) as (driver, results, _, _):
        await driver
        assert results == {"s0": "fine"}
        assert not driver.cr_running


async def test_a_driver_that_was_never_entered_says_so():
    core = _core.Pool(1, None, False, True)
    task = trio.lowlevel.current_task()

    async def step():
        pass

    token = trio.lowlevel.current_trio_token()
    run = _core.Run(core, token, task, task.context, None, a_spec([step]))
    driver = _core.Driver(run)
    with pytest.raises(hocket.InternalError, match="bug in hocket: please report"):
        await driver
    run.close(False)
    assert core.active == 0


async def test_a_run_is_refused_in_another_thread():
    async def step():
        await trio.lowlevel.checkpoint()

    with a_driver(step) as (driver, results, _, _):
        errors = []

        def elsewhere():
            try:
                driver.send(None)
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert "another thread" in errors[0]
        await driver
        assert results == {"s0": None}


async def test_a_driver_dropped_in_another_thread_does_no_harm():
    async def step():
        pass

    with a_driver(step) as (driver, *_):
        await driver
    held = [driver]
    del driver
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()


class PanicException(BaseException):
    """Stands in for the one that PyO3 makes of a panic in another extension."""


@EVERY_KIND
async def test_a_foreign_panic_passes_through(options):
    async def execute(step):
        raise PanicException("not ours")

    with pytest.raises(PanicException, match="not ours"):
        await run_steps(["a"], execute, **options)


# --- memory ---------------------------------------------------------------------------------------


class Marker:
    pass


@EVERY_KIND
@pytest.mark.parametrize("ending", ["returns", "raises", "times out", "is cancelled", "is lost"])
def test_a_run_that_is_over_leaves_nothing_alive(options, ending):
    markers = []

    async def execute(step):
        marker = Marker()
        markers.append(weakref.ref(marker))
        await trio.sleep(1)
        if ending == "raises":
            raise Broken
        if ending != "returns":
            await trio.sleep(50)

    async def main():
        manager = ParallelExecutionManager()
        timeout = 3 if ending == "times out" else None
        strategy = "race" if ending == "is lost" else "all_settled"
        steps = ["a", "b", "c"]
        group = ParallelGroup("g", steps, strategy, **(options | {"timeout": timeout}))
        with trio.move_on_after(2 if ending == "is cancelled" else 20):
            await manager.execute_group(group, execute)
        del manager

    gc.collect()
    gc.disable()
    try:
        run_virtual(main)
        gc.collect()
        assert [marker() for marker in markers] == [None] * 3
        run_virtual(main)
        gc.collect()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("suspends", [False, True])
def test_a_group_that_ends_well_leaves_no_cycle_of_ours(suspends):
    async def execute(step):
        if suspends:
            await trio.lowlevel.checkpoint()

    async def main(manager):
        for _ in range(20):
            await manager.execute_group(ParallelGroup("g", ["a", "b"]), execute)
            await manager.pool.execute(execute, 1)

    manager = ParallelExecutionManager()
    run_virtual(main, manager)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run_virtual(main, manager)
        gc.collect()
        ours = [
            object_
            for object_ in gc.garbage
            if type(object_).__module__.startswith("hocket") or isinstance(object_, Marker)
        ]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert ours == []


def test_a_run_abandoned_by_a_crash_is_collected():
    reference = []

    async def execute(step):
        reference.append(weakref.ref(trio.lowlevel.current_task()))
        await trio.sleep(1)
        raise SystemExit

    manager = ParallelExecutionManager()
    with pytest.raises(SystemExit):
        run_virtual(manager.execute_group, ParallelGroup("g", ["a", "b"]), execute)
    gc.collect()
    assert reference[0]() is None
    assert_idle(manager)


def test_values_and_errors_are_held_by_the_result_alone():
    async def execute(step):
        marker = Marker()
        held.append(weakref.ref(marker))
        return marker

    held = []
    manager = ParallelExecutionManager()
    result = run_virtual(manager.execute_group, ParallelGroup("g", ["a"]), execute)
    assert held[0]() is not None
    del result
    gc.collect()
    assert held[0]() is None


# --- depth ----------------------------------------------------------------------------------------

NESTED = """
    import sys, threading
    sys.setrecursionlimit(100_000)
    import trio
    import hocket
    from hocket.testing import assert_works_on

    pool = hocket.WorkerPool(max_concurrent=1)
    deepest = 0

    async def single(depth):
        global deepest
        deepest = depth
        await pool.execute(single, depth + 1)

    async def group(depth):
        global deepest
        deepest = depth
        manager = hocket.ParallelExecutionManager(max_concurrent=1)
        inner = hocket.ParallelGroup("g", [depth + 1])
        result = await manager.execute_group(inner, group)
        raise result.errors[result.failed_steps[0]]

    async def main():
        try:
            await KIND(0)
        except RecursionError as error:
            print(type(error).__name__, deepest > 5)
        await assert_works_on(pool)

    def run():
        trio.run(main)

    if SIZE:
        threading.stack_size(SIZE)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
"""


@pytest.mark.parametrize("kind", ["single", "group"])
@pytest.mark.parametrize("size", [0, 256 << 10, 1 << 20])
def test_steps_inside_steps_meet_a_recursion_error_before_the_stack_ends(kind, size):
    program = textwrap.dedent(NESTED).replace("KIND", kind).replace("SIZE", str(size))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "RecursionError True\n"), done.stderr[-2000:]


# --- other processes, other interpreters ----------------------------------------------------------


def python(program):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    return result.stdout, result.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("suspends", [False, True])
def test_a_child_forked_inside_a_step_does_not_run_the_rest(suspends):
    output, errors = python(f"""
        import os, trio, hocket
        manager = hocket.ParallelExecutionManager(max_concurrent=1)
        async def execute(step):
            if {suspends}:
                await trio.lowlevel.checkpoint()
            if step == "b" and os.fork() == 0:
                step = "child"
            elif step == "b":
                os.wait()
            print(step, flush=True)
            return step
        async def main():
            group = hocket.ParallelGroup("g", ["a", "b", "c", "d"])
            try:
                await manager.execute_group(group, execute)
            except RuntimeError as error:
                print(str(error)[:46], flush=True)
                os._exit(0)  # Trio itself cannot go on after a fork: the epoll object is shared
        trio.run(main)
        print("end", flush=True)
    """)
    assert output.splitlines() == [
        "a",
        "child",
        "this pool was busy when the process forked: it",
        "b",
        "c",
        "d",
        "end",
    ], errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_pool_that_was_idle_when_the_process_forked_works_in_the_child():
    # A pool made at import, and a server that forks its workers.
    output, errors = python("""
        import os, trio, hocket
        pool = hocket.WorkerPool()
        async def step():
            return "works"
        trio.run(pool.execute, step)
        if os.fork() == 0:
            print(trio.run(pool.execute, step), flush=True)
            os._exit(0)
        os.wait()
        print(trio.run(pool.execute, step), flush=True)
    """)
    assert output.splitlines() == ["works", "works"], errors


@pytest.mark.parametrize("isolated", [False, True])
def test_a_sub_interpreter_is_refused_with_a_clear_error(isolated):
    output, errors = python(f"""
        import hocket._core
        program = '''if True:
            from importlib.machinery import ExtensionFileLoader
            from importlib.util import module_from_spec, spec_from_loader
            loader = ExtensionFileLoader("hocket._core", "FILE")
            loader.exec_module(module_from_spec(spec_from_loader("hocket._core", loader)))
            '''.replace("FILE", hocket._core.__file__)
        try:
            import _xxsubinterpreters as interpreters  # until Python 3.12
            created = interpreters.create(isolated={isolated})
        except ImportError:
            import _interpreters as interpreters
            created = interpreters.create("isolated" if {isolated} else "legacy")
        try:
            print(interpreters.run_string(created, program) or "imported")
        except BaseException as error:
            print(error)
    """)
    assert "ImportError" in output, output + errors
    assert "interpreter" in output


async def test_busy_steps_bring_no_more_workers_than_the_limit():
    # A worker that makes room for others between two long steps still counts as one.
    manager = ParallelExecutionManager(max_concurrent=3)
    before = most = trio.lowlevel.current_statistics().tasks_living

    async def busy(step):
        nonlocal most
        time.sleep(0.0015)  # noqa: ASYNC251 - a step that computes
        most = max(most, trio.lowlevel.current_statistics().tasks_living)
        if int(step) % 10 == 0:
            await trio.lowlevel.checkpoint()

    group = ParallelGroup("g", [str(i) for i in range(300)])
    assert (await manager.execute_group(group, busy)).success
    assert most <= before + 3


async def test_a_coroutine_that_is_in_use_is_refused_as_await_refuses_it(autojump_clock):
    manager = ParallelExecutionManager()

    async def fetch():
        await trio.sleep(1)
        return "value"

    shared = fetch()
    group = ParallelGroup("g", ["first", "second"], wait_strategy="all_settled")
    result = await manager.execute_group(group, lambda step: shared)
    assert result.results == {"first": "value"}
    assert "being awaited already" in str(result.errors["second"])


async def test_a_workers_context_has_nothing_of_a_step(autojump_clock):
    request = contextvars.ContextVar("request", default="nobody's")
    manager = ParallelExecutionManager(max_concurrent=2)
    seen = set()

    async def step(step):
        request.set(f"a step of {step[0]}")
        await trio.sleep(1)

    async def caller(name):
        request.set(name)
        group = ParallelGroup(name, [f"{name}{i}" for i in range(4)])
        tell = lambda event: seen.add((event.step[0], request.get()[-1]))  # noqa: E731
        await manager.execute_group(group, step, observer=tell)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller, "a")
        nursery.start_soon(caller, "b")
    assert seen == {("a", "a"), ("b", "b")}


async def test_a_fatal_group_is_fatal_beside_leftovers():
    lock = trio.Lock()

    async def step(step):
        await lock.acquire()
        raise BaseExceptionGroup("from a nursery", [KeyboardInterrupt()])

    with pytest.raises(KeyboardInterrupt):
        await ParallelExecutionManager().execute_group(ParallelGroup("g", ["a"]), step)

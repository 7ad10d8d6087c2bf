"""What a step leaves open on the task that it shares: it fails with that, and nobody else suffers."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, StepLeftovers, WorkerPool
from hocket.testing import assert_works_on

# It is what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")

ISOLATIONS = pytest.mark.parametrize("isolation", ["shared", "task"])
LIMITS = pytest.mark.parametrize("step_timeout", [None, 100])
# The first worker is the caller's own task; with a step that sleeps beside it, others are spawned.
PLACES = pytest.mark.parametrize("place", ["callers task", "spawned worker"])
SUSPENDS = pytest.mark.parametrize("suspends", [False, True])


async def run(leave, *, place="callers task", suspends=True, limit=2, **options):
    """Run one step that leaves something behind among others; return (result, manager, log)."""
    manager = ParallelExecutionManager(max_concurrent=limit)
    log = []

    async def execute(step):
        if step == "first":
            await trio.sleep(0.5)  # the caller's own task is busy meanwhile
            return step
        if suspends:
            await trio.sleep(0.1)
        if step == "leaves":
            await leave()
            if suspends:
                await trio.lowlevel.checkpoint()
            return step
        await trio.sleep(0.1)
        task = trio.lowlevel.current_task()
        log.append((step, len(task.child_nurseries)))
        with trio.move_on_after(0.1) as scope:
            await trio.sleep(5)
        assert scope.cancelled_caught
        return step

    steps = ["leaves"] + [f"s{i}" for i in range(6)]
    if place == "spawned worker":
        steps = ["first", *steps]
    group = ParallelGroup("g", steps, "all_settled", **options)
    before = trio.lowlevel.current_statistics().tasks_living
    result = await manager.execute_group(group, execute)
    assert trio.lowlevel.current_statistics().tasks_living <= before
    assert result.failed_steps in (["leaves"], [])
    assert len(result.completed_steps) >= len(steps) - 1
    await trio.lowlevel.checkpoint()
    await assert_works_on(manager)
    return result, manager, log


@PLACES
@SUSPENDS
@LIMITS
@ISOLATIONS
async def test_an_open_cancel_scope_fails_its_step_alone(
    autojump_clock, place, suspends, step_timeout, isolation
):
    async def leave():
        trio.CancelScope(shield=True).__enter__()

    result, *_ = await run(
        leave, place=place, suspends=suspends, step_timeout=step_timeout, isolation=isolation
    )
    error = result.errors["leaves"]
    assert isinstance(error, StepLeftovers)
    assert "step 'leaves' ended and left behind an open cancel scope." in str(error)
    assert "'with'" in str(error)


@PLACES
@LIMITS
async def test_a_cancelled_open_scope_strikes_no_other_step(autojump_clock, place, step_timeout):
    async def leave():
        trio.CancelScope(deadline=trio.current_time() + 0.25).__enter__()
        trio.CancelScope().__enter__().cancel()
        with pytest.raises(trio.Cancelled):
            await trio.lowlevel.checkpoint()

    for suspends in (False,):
        result, *_ = await run(leave, place=place, suspends=suspends, step_timeout=step_timeout)
        assert "an open cancel scope" in str(result.errors["leaves"])


@PLACES
@SUSPENDS
@LIMITS
@ISOLATIONS
async def test_an_open_nursery_is_closed_and_its_tasks_awaited(
    autojump_clock, place, suspends, step_timeout, isolation
):
    ended = []

    async def child():
        try:
            await trio.sleep(100)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.3)
            ended.append(trio.current_time())

    async def leave():
        nursery = await trio.open_nursery().__aenter__()
        nursery.start_soon(child)
        nursery.start_soon(child)
        await trio.lowlevel.checkpoint()

    result, *_ = await run(
        leave, place=place, suspends=suspends, step_timeout=step_timeout, isolation=isolation
    )
    assert "left behind an open nursery." in str(result.errors["leaves"])
    assert len(ended) == 2


@PLACES
@SUSPENDS
@LIMITS
@pytest.mark.parametrize("kind", ["Lock", "StrictFIFOLock", "Condition"])
async def test_a_held_lock_fails_its_step_and_whoever_waits_is_told(
    autojump_clock, place, suspends, step_timeout, kind
):
    lock = getattr(trio, kind)()
    told = []

    async def leave():
        await lock.acquire()

    async def wait():
        await trio.sleep(0.2 if suspends else 0.05)
        try:
            await lock.acquire()
        except trio.BrokenResourceError:
            told.append("broken")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        result, *_ = await run(leave, place=place, suspends=suspends, step_timeout=step_timeout)
    assert "a lock that it still holds" in str(result.errors["leaves"])
    assert "nursery" not in str(result.errors["leaves"])
    assert 'isolation="task"' in str(result.errors["leaves"])
    assert told == ["broken"]


async def test_several_leftovers_are_all_named(autojump_clock):
    lock = trio.Lock()

    async def leave():
        await lock.acquire()
        trio.CancelScope().__enter__()
        await trio.open_nursery().__aenter__()
        trio.CancelScope().__enter__()

    for place in ("callers task", "spawned worker"):
        lock = trio.Lock()
        result, *_ = await run(leave, place=place)
        text = str(result.errors["leaves"])
        assert "an open nursery" in text
        assert "a lock that it still holds" in text


async def test_what_the_step_raised_is_the_cause(autojump_clock):
    manager = ParallelExecutionManager()

    async def execute(step):
        trio.CancelScope().__enter__()
        await trio.sleep(1)
        raise ValueError("why")

    result = await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), execute)
    assert isinstance(result.errors["a"], StepLeftovers)
    assert str(result.errors["a"].__cause__) == "why"
    await assert_works_on(manager)


@PLACES
@LIMITS
async def test_a_lock_of_the_callers_is_no_leftover(autojump_clock, place, step_timeout):
    lock, condition = trio.Lock(), trio.Condition()

    async def leave():
        pass

    async with lock, condition:
        result, *_ = await run(leave, place=place, step_timeout=step_timeout)
        assert result.success
        assert not result.errors
        assert lock.statistics().owner is trio.lowlevel.current_task()
    await lock.acquire()
    lock.release()


async def test_a_nursery_and_a_scope_of_the_callers_are_no_leftovers(autojump_clock):
    async def leave():
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 3)
        with trio.CancelScope(), trio.move_on_after(50):
            result, *_ = await run(leave)
            assert not result.errors
            nested, *_ = await run(leave, step_timeout=9)
            assert not nested.errors


async def test_the_callers_lock_survives_a_step_that_keeps_one(autojump_clock):
    mine, theirs = trio.Lock(), trio.Lock()

    async def leave():
        await theirs.acquire()

    async with mine:
        result, *_ = await run(leave)
        assert isinstance(result.errors["leaves"], StepLeftovers)
        assert mine.statistics().owner is trio.lowlevel.current_task()
    async with mine:
        pass


async def test_every_worker_may_have_to_be_replaced(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=3)

    async def execute(step):
        await trio.sleep(0.1)
        trio.CancelScope().__enter__()

    steps = [str(i) for i in range(30)]
    for options in ({}, {"step_timeout": 9}, {"isolation": "task"}):
        group = ParallelGroup("g", steps, "all_settled", **options)
        result = await manager.execute_group(group, execute)
        assert len(result.failed_steps) == 30
        assert result.duration == pytest.approx(1)
    await assert_works_on(manager)


async def test_leftovers_decide_like_any_failure(autojump_clock):
    manager = ParallelExecutionManager()

    async def execute(step):
        await trio.sleep(1 if step == "a" else 9)
        trio.CancelScope().__enter__()

    result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), execute)
    assert (result.success, result.duration) == (False, 1)
    assert (result.failed_steps, result.cancelled_steps) == (["a"], ["b"])
    await assert_works_on(manager)


async def test_leftovers_of_a_late_step(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)

    async def execute(step):
        if step == "a":
            trio.CancelScope().__enter__()
        await trio.sleep(9 if step == "a" else 1)

    group = ParallelGroup("g", ["a", "b"], "all_settled", step_timeout=2)
    result = await manager.execute_group(group, execute)
    assert isinstance(result.errors["a"], StepLeftovers)
    assert result.completed_steps == ["b"]
    await assert_works_on(manager)


@ISOLATIONS
async def test_leftovers_of_a_step_that_the_caller_cancels(autojump_clock, isolation):
    manager = ParallelExecutionManager(max_concurrent=1)
    lock = trio.Lock()

    async def execute(step):
        await lock.acquire()
        trio.CancelScope().__enter__()
        await trio.sleep(9)

    with trio.move_on_after(1) as scope:
        group = ParallelGroup("g", ["a", "b"], "all_settled", isolation=isolation)
        await manager.execute_group(group, execute)
    assert scope.cancelled_caught
    assert trio.current_time() == 1
    await assert_works_on(manager)


async def test_with_isolation_every_step_has_a_task_of_its_own(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=3)
    tasks = []

    async def execute(step):
        tasks.append(trio.lowlevel.current_task())
        if int(step) % 2:
            await trio.sleep(1)

    steps = [str(i) for i in range(12)]
    group = ParallelGroup("g", steps, isolation="task")
    await manager.execute_group(group, execute)
    assert len({id(task) for task in tasks}) == 12
    assert trio.lowlevel.current_task() not in tasks
    tasks.clear()
    await manager.execute_group(ParallelGroup("g", steps), execute)
    assert len({id(task) for task in tasks}) <= 3


async def test_with_isolation_locks_follow_trios_own_rules(autojump_clock):
    # Whoever exits with a lock breaks it, and its step is not to blame.
    manager = ParallelExecutionManager(max_concurrent=1)
    lock = trio.Lock()

    async def execute(step):
        await lock.acquire()
        return step

    group = ParallelGroup("g", ["a", "b"], "all_settled", isolation="task")
    result = await manager.execute_group(group, execute)
    assert result.completed_steps == ["a"]
    assert isinstance(result.errors["b"], trio.BrokenResourceError)


async def test_steps_that_share_a_lock_properly_wait_for_each_other(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=5)
    lock = trio.Lock()

    async def execute(step):
        async with lock:
            await trio.sleep(1)

    result = await manager.execute_group(ParallelGroup("g", list("abcde")), execute)
    assert (result.success, result.duration) == (True, 5)


@pytest.mark.parametrize("timeout", [None, 100])
@pytest.mark.parametrize("what", ["scope", "nursery", "lock"])
async def test_a_single_task_leaves_nothing_to_its_caller(autojump_clock, timeout, what):
    pool = WorkerPool(timeout=timeout)
    lock = trio.Lock()

    async def leave():
        match what:
            case "scope":
                trio.CancelScope(deadline=trio.current_time() + 1).__enter__()
            case "nursery":
                (await trio.open_nursery().__aenter__()).start_soon(trio.sleep, 100)
            case "lock":
                await lock.acquire()

    before = trio.lowlevel.current_task().child_nurseries
    with pytest.raises(StepLeftovers):
        await pool.execute(leave)
    assert trio.lowlevel.current_task().child_nurseries == before
    await trio.sleep(2)
    await assert_works_on(pool)


class Dropped:
    """Async context managers with nurseries inside, entered and dropped: Trio exits them later."""

    def __init__(self, child):
        self.child = child
        self.exited = []

    @asynccontextmanager
    async def manager(self, nested):
        try:
            async with trio.open_nursery() as nursery:
                self.start(nursery)
                if not nested:
                    yield
                    return
                async with trio.open_nursery() as inner:
                    self.start(inner)
                    yield
        finally:
            self.exited.append(trio.lowlevel.current_task())

    def start(self, nursery):
        if self.child is not None:
            nursery.start_soon(self.child)

    async def drop(self, shape):
        manager = self.manager(nested=shape == "nested")
        await manager.__aenter__()
        if shape == "cycle":
            manager.itself = manager  # only the garbage collector finds it
        if shape == "two":
            await self.manager(nested=False).__aenter__()


async def stubborn():
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.3)


async def assert_closed_by_trio(dropped, shape):
    gc.collect()
    await trio.testing.wait_all_tasks_blocked()
    assert len(dropped.exited) == (2 if shape == "two" else 1)
    for nursery in trio.lowlevel.current_root_task().child_nurseries:
        assert not set(dropped.exited) & nursery.child_tasks


SHAPES = pytest.mark.parametrize("shape", ["one", "nested", "two", "cycle"])
CHILDREN = pytest.mark.parametrize("child", [None, trio.sleep_forever, stubborn])
DROPS = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")


@DROPS
@SHAPES
@CHILDREN
@SUSPENDS
@LIMITS
@ISOLATIONS
@pytest.mark.parametrize("limit", [1, 3])
async def test_a_nursery_in_a_dropped_generator_is_closed_once(
    autojump_clock, shape, child, suspends, step_timeout, isolation, limit
):
    dropped = Dropped(child)
    async with trio.open_nursery() as mine:
        mine.start_soon(trio.sleep, 1)
        before = trio.lowlevel.current_task().child_nurseries
        result, *_ = await run(
            partial(dropped.drop, shape),
            suspends=suspends,
            limit=limit,
            step_timeout=step_timeout,
            isolation=isolation,
        )
        assert trio.lowlevel.current_task().child_nurseries == before
        assert "left behind an open nursery." in str(result.errors["leaves"])
        await assert_closed_by_trio(dropped, shape)


@DROPS
@SHAPES
@CHILDREN
@pytest.mark.parametrize("timeout", [None, 100])
async def test_a_dropped_generator_takes_no_nursery_of_the_caller(
    autojump_clock, shape, child, timeout
):
    dropped = Dropped(child)
    pool = WorkerPool(timeout=timeout)
    async with trio.open_nursery() as mine:
        mine.start_soon(trio.sleep, 1)
        before = trio.lowlevel.current_task().child_nurseries
        with pytest.raises(StepLeftovers):
            await pool.execute(dropped.drop, shape)
        assert trio.lowlevel.current_task().child_nurseries == before
        await assert_closed_by_trio(dropped, shape)
    await assert_works_on(pool)


@DROPS
@LIMITS
@ISOLATIONS
@pytest.mark.parametrize("limit", [1, 3])
async def test_trio_may_close_a_dropped_generator_while_its_step_still_runs(
    autojump_clock, step_timeout, isolation, limit
):
    dropped = Dropped(stubborn)

    async def leave():
        await dropped.drop("one")
        await trio.sleep(1)  # Trio begins meanwhile, waits for the child, and cancels this too

    result, *_ = await run(leave, limit=limit, step_timeout=step_timeout, isolation=isolation)
    assert "left behind an open nursery." in str(result.errors["leaves"])
    await assert_closed_by_trio(dropped, "one")


@ISOLATIONS
async def test_another_step_cannot_close_what_a_step_has_left_behind(autojump_clock, isolation):
    manager = ParallelExecutionManager(max_concurrent=1)
    kept = trio.open_nursery()

    async def execute(step):
        if step == "opens":
            await kept.__aenter__()
        else:
            await kept.__aexit__(None, None, None)

    group = ParallelGroup("g", ["opens", "closes"], "all_settled", isolation=isolation)
    async with trio.open_nursery():
        before = trio.lowlevel.current_task().child_nurseries
        result = await manager.execute_group(group, execute)
        assert trio.lowlevel.current_task().child_nurseries == before
    assert "left behind an open nursery" in str(result.errors["opens"])
    assert "has ended without closing it" in str(result.errors["closes"])
    await assert_works_on(manager)

"""What the faults of `torture/suites/faults.py` have found, in a form that needs no faults built in."""

from __future__ import annotations

import logging
import sys
import time

import pytest
import trio

from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool, WorkerTask
from hocket._engine.supervisor import _Crew
from hocket.testing import assert_idle, assert_works_on

CALLS = pytest.mark.parametrize("call", ["group", "execute"])


class Struck(Exception):
    pass


async def start(call: str, pool: WorkerPool, step, **options):
    """Run one step, in one of two ways."""
    if call == "execute":
        return await pool.execute(WorkerTask("a", step, options.get("step_timeout")))
    manager = ParallelExecutionManager()
    manager._pool = pool
    return await manager.execute_group(
        ParallelGroup("g", ["a"], **options), lambda step_id, context: step()
    )


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
    start_task = _Crew._start

    def fail(crew, *args, name):
        monkeypatch.setattr(_Crew, "_start", start_task)
        raise MemoryError

    async def child():
        try:
            await trio.sleep(5)
        finally:
            trail.append("the child has ended")

    async def execute(step, context):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child)
                await trio.sleep(5)
        finally:
            trail.append("the step has ended")

    monkeypatch.setattr(_Crew, "_start", fail)
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

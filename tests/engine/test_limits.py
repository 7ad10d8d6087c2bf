"""When a time limit strikes: at its very instant, by every clock, and before what is due then."""

import math
import random
import time
from functools import partial

import attrs
import pytest
import trio

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    StepTimeout,
    WorkerPool,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket.testing import ReferenceManager, run_virtual

BEGINNINGS = [-1e12, -1e6, -0.5, 0.0, 1e7, 3e7, 1e8, 1e9, 1.85e10, 1e12]


class JumpingClock(trio.abc.Clock):
    """It begins anywhere, and when all tasks sleep it is time for the first to wake."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.rounds = 0

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        self.rounds += 1
        assert self.rounds < 1000, "the loop spins"
        if self.now < deadline < math.inf:
            self.now = deadline
        return 0 if deadline <= self.now else 1


def mock_clock(now: float) -> trio.testing.MockClock:
    clock = trio.testing.MockClock(autojump_threshold=0)
    clock.jump(now)
    return clock


@attrs.frozen
class Schedule:
    sleeps: list[list[float]]
    """What each step sleeps, one after the other; nothing is a checkpoint."""
    step_timeout: float
    timeout: float | None
    limit: int


def any_time(rng: random.Random) -> float:
    """Whole nanoseconds up to the second, as limits are."""
    return round(10 ** rng.uniform(-9, 6), 9)


def make_schedule(seed: int, grain: float) -> Schedule:
    rng = random.Random(seed)
    step_timeout = any_time(rng)
    choose = [lambda: any_time(rng), lambda: step_timeout, lambda: 0.0]
    sleeps = [[rng.choice(choose)() for _ in range(rng.randrange(1, 4))] for _ in range(5)]
    timeout = any_time(rng)
    # A group whose limit is nothing by this clock may start a step before it ends, or none.
    limited = rng.random() < 0.5 and timeout > 2 * grain
    return Schedule(sleeps, step_timeout, timeout if limited else None, rng.randrange(1, 6))


async def live_through(schedule: Schedule, kind: type) -> tuple[object, ...]:
    manager = kind(max_concurrent=schedule.limit)
    ends = {}

    async def step(name: str) -> None:
        try:
            for seconds in schedule.sleeps[int(name)]:
                await trio.sleep(seconds)
        finally:
            ends[name] = trio.current_time()

    names = [str(n) for n in range(len(schedule.sleeps))]
    began = trio.current_time()
    result = await manager.execute_group(
        ParallelGroup(
            "g",
            names,
            "all_settled",
            step_timeout=schedule.step_timeout,
            timeout=schedule.timeout,
        ),
        step,
    )
    assert result.duration == pytest.approx(trio.current_time() - began, rel=1e-12, abs=2e-9)
    if isinstance(manager, ParallelExecutionManager):
        stats, window = manager.get_stats(), manager.get_stats(window=60)
        assert stats.tasks_submitted == len(names)
        assert stats.tasks_timed_out == len(result.errors)
        for figure in (stats.wait_time.max, stats.run_time.max, window.run_time.max):
            assert 0 <= figure <= result.duration * (1 + 1e-12) + 2e-9
        assert 0 <= window.tasks_submitted <= len(names)
    errors = {name: str(error) for name, error in result.errors.items()}
    return sorted(result.completed_steps), errors, sorted(result.skipped_steps), ends


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_limits_strike_at_the_same_instant_as_a_scope_of_trio_wherever_the_clock_begins(beginning):
    kinds = [JumpingClock, mock_clock] if beginning >= 0 else [JumpingClock]
    for seed in range(40):
        schedule = make_schedule(seed, math.ulp(beginning))
        for make_clock in kinds:
            ours, theirs = (
                trio.run(live_through, schedule, kind, clock=make_clock(beginning))
                for kind in (ParallelExecutionManager, ReferenceManager)
            )
            assert ours == theirs, f"{schedule} seed {seed}"


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_step_that_hangs_is_stopped_after_a_few_rounds_of_the_loop(beginning):
    clock = JumpingClock(beginning)

    async def main():
        manager = ParallelExecutionManager(max_concurrent=3)
        group = ParallelGroup("g", ["a", "b", "c"], "all_settled", step_timeout=1e-9)

        async def hang(step):
            await trio.sleep_forever()

        return await manager.execute_group(group, hang)

    assert len(trio.run(main, clock=clock).errors) == 3
    assert clock.rounds < 50


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_single_call_is_stopped_at_its_limit_wherever_the_clock_begins(beginning):
    async def main():
        began = trio.current_time()
        with pytest.raises(StepTimeout):
            await WorkerPool(timeout=5).execute(trio.sleep_forever)
        return trio.current_time() - began

    assert trio.run(main, clock=JumpingClock(beginning)) == pytest.approx(5, abs=1e-3)


# A limit and a wake-up at one instant: every kind of limit, and every kind of waiting.


def wakes_at(seconds):
    async def step(*_):
        await trio.sleep(seconds)

    return step


def is_told_at(seconds):
    async def step(*_):
        told = trio.Event()

        async def tell():
            await trio.sleep(seconds)
            told.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            await told.wait()

    return step


async def step_of_a_group(step, limit, isolation):
    group = ParallelGroup("g", ["a"], "all_settled", step_timeout=limit, isolation=isolation)
    await ended_late(group, step)


async def step_of_a_limited_group(step, limit):
    await ended_late(ParallelGroup("g", ["a"], "all_settled", timeout=limit), step)


async def ended_late(group, step):
    result = await ParallelExecutionManager().execute_group(group, step)
    for error in result.errors.values():
        raise error


async def single_call(step, limit):
    await WorkerPool(timeout=limit).execute(step)


async def step_of_a_workflow(step, limit):
    await run_workflow(WorkflowDefinition("w", [WorkflowStep("a", execute=step, timeout=limit)]))


async def step_of_a_limited_workflow(step, limit):
    await run_workflow(
        WorkflowDefinition("w", [WorkflowStep("a", execute=step)], max_duration=limit)
    )


async def run_workflow(definition):
    run = await WorkflowManager().execute(definition)
    for error in run.errors.values():
        raise error


EVERY_LIMIT = pytest.mark.parametrize(
    "call",
    [
        partial(step_of_a_group, isolation="shared"),
        partial(step_of_a_group, isolation="task"),
        step_of_a_limited_group,
        single_call,
        step_of_a_workflow,
        step_of_a_limited_workflow,
    ],
)


@EVERY_LIMIT
@pytest.mark.parametrize("waits", [wakes_at, is_told_at])
@pytest.mark.parametrize("limit", [1.0, 0.1 + 0.2, 1e-9])
def test_what_still_waits_at_the_instant_of_its_limit_has_timed_out(call, waits, limit):
    for seed in range(10):
        with pytest.raises(StepTimeout):
            run_virtual(call, waits(limit), limit, seed=seed)


@EVERY_LIMIT
def test_what_was_woken_before_the_limit_has_ended_in_time(call):
    for seed in range(10):
        run_virtual(call, wakes_at(1 - 1e-9), 1.0, seed=seed)


def test_many_limits_that_pass_together_let_others_run_in_between():
    """Every other task runs once in each round of Trio's: count what struck between two rounds."""
    steps, limit = 1000, 0.5
    struck = [0]

    async def step(name):
        if name == str(steps - 1):
            time.sleep(limit)  # noqa: ASYNC251 - so that all of them are late
        try:
            await trio.sleep_forever()
        finally:
            struck[-1] += 1

    async def count():
        while True:
            await trio.lowlevel.checkpoint()
            struck.append(0)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            manager = ParallelExecutionManager(max_concurrent=steps)
            names = [str(n) for n in range(steps)]
            group = ParallelGroup("g", names, "all_settled", step_timeout=limit)
            result = await manager.execute_group(group, step)
            nursery.cancel_scope.cancel()
        assert len(result.errors) == steps

    trio.run(main)
    assert max(struck) <= 300


def test_a_limit_raised_for_many_waiters_lets_others_run_in_between():
    calls = 1000
    started = [0]

    async def step():
        started[-1] += 1
        await trio.lowlevel.checkpoint()

    async def count():
        while True:
            await trio.lowlevel.checkpoint()
            started.append(0)

    async def main():
        pool = WorkerPool(max_concurrent=1)
        pool.pause()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            async with trio.open_nursery() as callers:
                for _ in range(calls):
                    callers.start_soon(pool.execute, step)
                while pool.get_status().queue_length < calls:
                    await trio.lowlevel.checkpoint()
                pool.max_concurrent = calls
                pool.resume()
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert sum(started) == calls
    assert max(started) <= 300

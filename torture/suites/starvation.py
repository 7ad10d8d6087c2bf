"""Starvation: a task that ticks every millisecond, beside as many steps as there can be.

Gaps between ticks are measured in processor time of this thread: what else runs on the machine is
not hocket's doing. The garbage collector is off, because its pauses grow with the whole program.

A call checks and opens all its steps in one go, and hands over their results in one go. Nobody is
starved by that while it is a matter of some ten thousand steps, as it is here.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio
import trio.lowlevel

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from torture.suite import Suite

STEPS = 20_000  # at once
TIMES = 10
IDS = [str(n) for n in range(STEPS)]
TICK = 0.001  # seconds
GAP = 0.020  # seconds: twice what was seen, for slower machines
TRIES = 10  # noise only adds: the best counts

LIMITS = [1, 10, 100]


def trial(seed: int) -> Mapping[str, float]:
    load = LOADS[seed % len(LOADS)](random.Random(seed))
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        gaps: list[float] = []
        while not gaps or (min(gaps) >= GAP and len(gaps) < TRIES):
            steps, gap = trio.run(beside_a_ticker, load)
            gaps.append(gap)
    finally:
        gc.enable()
        gc.unfreeze()
    assert min(gaps) < GAP, f"the loop was blocked for {min(gaps) * 1e3:.1f} ms of processor time"
    return {"steps": steps, "worst gap, ms": round(min(gaps) * 1e3, 1)}


async def beside_a_ticker(load: Load) -> tuple[int, float]:
    """Return how many steps the load ran, and the longest time between two ticks."""
    worst = 0.0

    async def tick() -> None:
        nonlocal worst
        last = time.thread_time()
        while True:
            await trio.sleep(TICK)
            now = time.thread_time()
            worst, last = max(worst, now - last), now

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        await trio.sleep(5 * TICK)
        steps = await load()
        await trio.sleep(5 * TICK)
        nursery.cancel_scope.cancel()
    return steps, worst


Load = Callable[[], Awaitable[int]]


class Broken(Exception):
    """A step's own error."""


async def returns(step: str) -> str:
    return step


async def raises(step: str) -> None:
    raise Broken


async def suspends(step: str) -> None:
    await trio.lowlevel.checkpoint()


async def sleeps_at_first(step: str) -> None:
    """Then all workers are there, and none of them has a reason to suspend."""
    if int(step) < 100:
        await trio.sleep(0.001)


def one_group(rng: random.Random) -> Load:
    manager = ParallelExecutionManager(max_concurrent=rng.choice(LIMITS))
    group = ParallelGroup("group", IDS, "all_settled", step_timeout=rng.choice([None, 60]))
    observer = rng.choice([None, lambda event: None])
    act = rng.choice([returns, raises, suspends, sleeps_at_first])

    async def load() -> int:
        for _ in range(TIMES):
            await manager.execute_group(group, act, observer=observer)
        return TIMES * STEPS

    return load


def many_groups(rng: random.Random) -> Load:
    callers = rng.choice([2, 10, 100])
    manager = ParallelExecutionManager(max_concurrent=rng.choice(LIMITS))
    group = ParallelGroup("group", IDS[: STEPS // callers], "all_settled")
    act = rng.choice([returns, raises, suspends])

    async def call() -> None:
        for _ in range(TIMES):
            await manager.execute_group(group, act)

    async def load() -> int:
        await at_once(callers, call)
        return TIMES * STEPS

    return load


def many_callers(rng: random.Random) -> Load:
    callers = rng.choice([1, 10, 100])
    pool = WorkerPool(max_concurrent=rng.choice(LIMITS), timeout=rng.choice([None, 60]))
    act = rng.choice([returns, suspends])

    async def call() -> None:
        for step in IDS[:: callers * 2]:
            await pool.execute(act, step)

    async def load() -> int:
        await at_once(callers, call)
        return STEPS // 2

    return load


def one_list(rng: random.Random) -> Load:
    pool = WorkerPool(max_concurrent=rng.choice(LIMITS))
    act = rng.choice([returns, suspends, sleeps_at_first])
    tasks = [WorkerTask(step, partial(act, step)) for step in IDS[: STEPS // 2]]

    async def load() -> int:
        for _ in range(TIMES):
            await pool.execute_many(tasks)
        return TIMES * len(tasks)

    return load


def one_workflow(rng: random.Random) -> Load:
    """Each step makes some more steps ready."""

    async def execute(context: object) -> None:
        pass

    fan = rng.choice([1, 2, 10, 1000])
    steps = [
        WorkflowStep(step, execute=execute, depends_on=[IDS[(n - 1) // fan]] if n else [])
        for n, step in enumerate(IDS[: STEPS // 5])
    ]
    limits = WorkerPoolConfig(max_concurrent=rng.choice(LIMITS))
    definition = WorkflowDefinition("workflow", steps, parallel_config=limits)
    # Checked once for all runs; for so many steps that takes a while.
    definition.validate()

    async def load() -> int:
        for _ in range(TIMES):
            await WorkflowManager().execute(definition)
        return TIMES * len(steps)

    return load


def limits_that_pass_at_once(rng: random.Random) -> Load:
    """All steps are past their limits when the watchdog comes: the whole thread was held up."""
    manager = ParallelExecutionManager(max_concurrent=STEPS)
    limit = 10.0
    kept: list[object] = []  # to free so many errors takes its time, and is the caller's affair
    isolation = rng.choice(["shared", "task"])
    group = ParallelGroup("group", IDS, "all_settled", step_timeout=limit, isolation=isolation)

    async def load() -> int:
        started = 0

        async def sleeps(step: str) -> None:
            nonlocal started
            started += 1
            if started == STEPS:
                time.sleep(limit)  # noqa: ASYNC251 - takes no processor time
            await trio.sleep_forever()

        result = await manager.execute_group(group, sleeps)
        assert len(result.errors) == STEPS
        kept.append(result)
        return STEPS

    return load


def a_limit_raised_for_many(rng: random.Random) -> Load:
    """Every step is a run of its own, that waits for its slot."""

    async def load() -> int:
        pool = WorkerPool(max_concurrent=1)
        act = rng.choice([suspends, sleeps_at_first])
        hold = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.execute, hold.wait)
            await trio.lowlevel.checkpoint()
            for n, step in enumerate(IDS):
                nursery.start_soon(pool.execute, act, step)
                if n % 100 == 0:
                    # Trio itself takes its time to start so many.
                    await trio.lowlevel.checkpoint()
            while pool.get_status().queue_length < STEPS:
                await trio.sleep(TICK)
            rng.choice([raise_limit, pause_and_resume])(pool)
            hold.set()
        return STEPS

    return load


def raise_limit(pool: WorkerPool) -> None:
    pool.max_concurrent = STEPS


def pause_and_resume(pool: WorkerPool) -> None:
    pool.pause()
    raise_limit(pool)
    pool.resume()


async def at_once(callers: int, call: Callable[[], Awaitable[None]]) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(callers):
            nursery.start_soon(call)


LOADS = [
    one_group,
    many_groups,
    many_callers,
    one_list,
    one_workflow,
    limits_that_pass_at_once,
    a_limit_raised_for_many,
]

SUITE = Suite(
    name="starvation",
    promise="beside groups of 20,000 steps, a task that ticks every millisecond waits less than 20 ms",
    unit="loads",
    trial=trial,
    small=14,
    large=400,
    alone=True,
)

"""Memory: once it is warm, a process that runs steps stays as big as it is.

The garbage collector is off while the steps run. What they leave behind in reference cycles stays
in memory then, and is counted and named in the end.
"""

from __future__ import annotations

import gc
import logging
import mmap
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from hocket import (
    GroupFailed,
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    Retry,
    RetryBudget,
    StepLeftovers,
    StepTimeout,
    WaitStrategy,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
    quorum,
)
from hocket.testing import run_virtual
from torture.suite import Suite

STEPS = 1_000_000
WARM_UP = 100_000
GROWTH = 1 << 20  # bytes
BLOCKS = 1000  # of Python's allocator; its own free lists still grow a little
STATM = Path("/proc/self/statm")  # where it is missing, only blocks and objects are counted

STRATEGIES = [*WaitStrategy, quorum(2)]
AGAIN = Retry(3, on=Exception, wait_initial=0.01)
OURS = ("hocket", "trio", "_contextvars")


@attrs.frozen
class Size:
    """How big the process is, in bytes and in blocks of Python's allocator."""

    bytes: int
    blocks: int


# At the end of the first trial's warm-up: what later trials leak piece by piece counts as well.
_warm: Size | None = None


def trial(seed: int) -> Mapping[str, float]:
    global _warm
    logging.getLogger("hocket").setLevel(logging.CRITICAL)
    rng = random.Random(seed)
    if _warm is None:
        run_virtual(mix, rng, WARM_UP, seed=seed)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        if _warm is None:
            _warm = size()
        figures, garbage = run_virtual(mix, rng, STEPS, seed=seed)
        gc.collect()
        now = size()
        alive = names(o for o in gc.get_objects() if type(o).__module__.startswith(OURS))
    finally:
        gc.enable()
        gc.unfreeze()
    grown, blocks = now.bytes - _warm.bytes, now.blocks - _warm.blocks
    assert not garbage, f"in reference cycles: {garbage.most_common(20)}"
    assert not alive, f"still alive: {alive.most_common(20)}"
    assert grown < GROWTH, f"{grown:,} bytes more than after the warm-up of the first trial"
    assert blocks < BLOCKS, f"{blocks:,} blocks more than after the warm-up of the first trial"
    return {**figures, "worst growth, KiB": grown // 1024, "worst growth, blocks": blocks}


def size() -> Size:
    pages = int(STATM.read_text(encoding="ascii").split()[1]) if STATM.exists() else 0
    return Size(pages * mmap.PAGESIZE, sys.getallocatedblocks())


def cycles() -> Counter[str]:
    """Collect the garbage; return what it consisted of."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return names(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.collect()


def names(objects: Iterable[object]) -> Counter[str]:
    return Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in objects)


async def mix(rng: random.Random, steps: int) -> tuple[dict[str, int], Counter[str]]:
    """Run so many steps of every kind; return figures, and what is left in reference cycles."""
    budget = RetryBudget(share=0.5)
    manager = ParallelExecutionManager(max_concurrent=8, timeout=50, retry_budget=budget)
    stats = manager.get_stats()
    while stats.tasks_submitted < steps:
        await at_once(manager, rng)
        for part in rng.choices([group, group, single, many, stream, cancelled, workflow], k=20):
            await part(manager, rng)
        stats = manager.get_stats()
    figures = {
        "failed": stats.tasks_failed,
        "timed out": stats.tasks_timed_out,
        "cancelled": stats.tasks_cancelled,
        "retried": stats.tasks_retried,
    }
    # Before the run ends: Trio itself leaves a cycle then.
    return figures, cycles()


class Broken(Exception):
    """A step's own error."""


@attrs.frozen
class Step:
    """What a step does: ``act`` for ``seconds``."""

    id: str
    act: Callable[[Step, ParallelExecutionManager], Any]
    seconds: float


async def returns(step: Step, manager: ParallelExecutionManager) -> str:
    return step.id


async def suspends(step: Step, manager: ParallelExecutionManager) -> str:
    await trio.lowlevel.checkpoint()
    return step.id


async def sleeps(step: Step, manager: ParallelExecutionManager) -> None:
    await trio.sleep(step.seconds)


async def raises(step: Step, manager: ParallelExecutionManager) -> None:
    raise Broken


async def raises_late(step: Step, manager: ParallelExecutionManager) -> None:
    await trio.sleep(step.seconds)
    raise Broken


async def hangs(step: Step, manager: ParallelExecutionManager) -> None:
    await trio.sleep(1000)


async def fails_as_it_is_cancelled(step: Step, manager: ParallelExecutionManager) -> None:
    try:
        await trio.sleep(1000)
    finally:
        raise Broken


async def cleans_up(step: Step, manager: ParallelExecutionManager) -> None:
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1000)
            nursery.start_soon(trio.sleep, step.seconds)
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(step.seconds)


async def leaves_a_scope(step: Step, manager: ParallelExecutionManager) -> None:
    await trio.sleep(step.seconds)
    trio.CancelScope().__enter__()


async def leaves_a_nursery(step: Step, manager: ParallelExecutionManager) -> None:
    nursery = await trio.open_nursery().__aenter__()
    nursery.start_soon(fails_as_it_is_cancelled, step, manager)
    await trio.sleep(step.seconds)


async def leaves_a_lock(step: Step, manager: ParallelExecutionManager) -> None:
    await trio.Lock().acquire()


async def nests(step: Step, manager: ParallelExecutionManager) -> None:
    acts = [suspends, sleeps, raises_late]
    inner = [Step(act.__name__, act, step.seconds) for act in acts]
    result = await manager.execute_group(
        ParallelGroup(step.id, inner), partial(act, manager=manager)
    )
    result.raise_for_failure()


async def rests(step: Step, manager: ParallelExecutionManager) -> None:
    with suppress(RuntimeError):  # now and then it is a step of another pool
        async with manager.pool.released():
            await trio.sleep(step.seconds)


ACTS = {
    returns: 20,
    suspends: 10,
    sleeps: 10,
    raises: 2,
    raises_late: 2,
    hangs: 2,
    fails_as_it_is_cancelled: 1,
    cleans_up: 1,
    leaves_a_scope: 1,
    leaves_a_nursery: 1,
    leaves_a_lock: 1,
    nests: 1,
    rests: 3,
}


async def act(step: Step, manager: ParallelExecutionManager) -> object:
    return await step.act(step, manager)


def some_steps(rng: random.Random, most: int) -> list[Step]:
    acts = rng.choices([*ACTS], [*ACTS.values()], k=rng.randint(1, most))
    return [Step(str(index), act, rng.random()) for index, act in enumerate(acts)]


async def at_once(manager: ParallelExecutionManager, rng: random.Random) -> None:
    """Many steps that are soon over."""
    kind = rng.choice([returns, suspends, raises])
    steps = [Step(str(index), kind, 0) for index in range(rng.randint(500, 2000))]
    group = ParallelGroup("many", steps, "all_settled")
    await manager.execute_group(group, partial(kind, manager=manager))


async def group(manager: ParallelExecutionManager, rng: random.Random) -> None:
    steps = some_steps(rng, 20)
    result = await manager.execute_group(
        ParallelGroup(
            "group",
            steps,
            rng.choice(STRATEGIES[: None if len(steps) > 1 else -1]),
            max_concurrent=rng.choice([None, 1, 3]),
            continue_on_error=rng.random() < 0.2,
            timeout=rng.choice([None, None, 0.7]),
            step_timeout=rng.choice([None, 0.5]),
            isolation=rng.choice(["shared", "shared", "task"]),
            retry=rng.choice([None, AGAIN]),
        ),
        partial(act, manager=manager),
        observer=rng.choice([None, lambda event: None]),
    )
    try:
        result.raise_for_failure()
    except* (Broken, StepLeftovers, StepTimeout):
        pass


async def single(manager: ParallelExecutionManager, rng: random.Random) -> None:
    """Several callers, each with one step; for some of them the queue may be full."""
    pool = rng.choice([manager.pool, WorkerPool(max_concurrent=1, queue_size=5)])

    async def call(step: Step) -> None:
        with suppress(Broken, GroupFailed, QueueFull, StepLeftovers, StepTimeout):
            await pool.execute(WorkerTask(step.id, partial(act, step, manager), timeout=5))

    async with trio.open_nursery() as nursery:
        for step in some_steps(rng, 20):
            nursery.start_soon(call, step)


async def many(manager: ParallelExecutionManager, rng: random.Random) -> None:
    steps = some_steps(rng, 20)
    tasks = [WorkerTask(step.id, partial(act, step, manager)) for step in steps]
    with suppress(GroupFailed):
        await manager.pool.execute_many(tasks)


async def one_by_one(steps: list[Step]) -> AsyncIterator[Step]:
    for step in steps:
        yield step
        await trio.sleep(step.seconds / 100)


async def stream(manager: ParallelExecutionManager, rng: random.Random) -> None:
    """What comes in one by one, in either kind of input; now and then it is left early."""
    steps = some_steps(rng, 30)
    source = rng.choice([steps, iter(steps), one_by_one(steps)])
    retry = rng.choice([None, AGAIN])
    ordered, left_after = rng.random() < 0.5, rng.choice([1000, 3])
    on_error = rng.choice(["raise", "collect"])
    with suppress(GroupFailed):
        async with manager.pool.stream(
            partial(act, manager=manager),
            source,
            ordered=ordered,
            on_error=on_error,
            buffer=rng.choice([None, 1, 5]),
            step_timeout=0.5,
            retry=retry,
        ) as outcomes:
            async for outcome in outcomes:
                if outcome.index >= left_after:
                    break


async def cancelled(manager: ParallelExecutionManager, rng: random.Random) -> None:
    with trio.move_on_after(rng.random()):
        await rng.choice([group, single, many, stream])(manager, rng)


async def workflow(manager: ParallelExecutionManager, rng: random.Random) -> None:
    async def good(context: object) -> None:
        await trio.sleep(rng.random())

    async def bad(context: object) -> None:
        # Or the error would hold this frame, the frame the context, and the context the error.
        del context
        raise Broken

    kinds = rng.choices([good, bad], [10, 1], k=5)
    a, b, c, d, e = (WorkflowStep(f"{n}", execute=kind) for n, kind in enumerate(kinds))
    members = ParallelGroup("members", [c, d], rng.choice(STRATEGIES))
    definition = WorkflowDefinition(
        "workflow",
        [a, b, WorkflowStep("group", group=members, depends_on=[a]), e],
        max_duration=rng.choice([None, 0.5]),
        parallel_config=WorkerPoolConfig(max_concurrent=2),
    )
    result = await WorkflowManager().execute(definition)
    with suppress(GroupFailed):
        result.raise_for_failure()


SUITE = Suite(
    name="memory",
    promise="a process that runs steps grows by less than 1 MiB, and leaves no reference cycles",
    unit="million steps",
    trial=trial,
    small=1,
    large=10,
    alone=True,
    patience=600,
)

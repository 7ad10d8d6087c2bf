"""hocket: groups, the pool and workflows, each with a time limit for every step and statistics."""

from functools import partial

import trio

import hocket
from benches.work.frame import ATTEMPTS, CALLERS, LIMIT, STEP_TIMEOUT, threes

PACKAGES = []
RUNTIMES = ["trio"]
SOURCE = "README.md"
TIME_LIMIT = True


async def each(step, names):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    group = hocket.ParallelGroup("each", names, step_timeout=STEP_TIMEOUT)
    result = await manager.execute_group(group, step)
    result.raise_for_failure()
    return result.results


async def settle(step, names):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    group = hocket.ParallelGroup(
        "settle", names, wait_strategy="all_settled", step_timeout=STEP_TIMEOUT
    )
    result = await manager.execute_group(group, step)
    return result.results, result.errors


async def race(step, names):
    manager = hocket.ParallelExecutionManager(max_concurrent=len(names))
    group = hocket.ParallelGroup("race", names, wait_strategy="race", step_timeout=STEP_TIMEOUT)
    result = await manager.execute_group(group, step)
    return result.value


async def groups(step, names):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    values = {}
    for three in threes(names):
        group = hocket.ParallelGroup("three", three, step_timeout=STEP_TIMEOUT)
        result = await manager.execute_group(group, step)
        values.update(result.results)
    return values


async def calls(step, names):
    pool = hocket.WorkerPool(max_concurrent=LIMIT, timeout=STEP_TIMEOUT)
    values = {}
    left = iter(names)

    async def caller():
        for name in left:
            values[name] = await pool.execute(step, name)

    async with trio.open_nursery() as nursery:
        for _ in range(CALLERS):
            nursery.start_soon(caller)
    return values


async def beside(step, names, small):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT, timeout=STEP_TIMEOUT)

    async def group(names):
        await manager.execute_group(hocket.ParallelGroup("small", names), step)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute_group, hocket.ParallelGroup("batch", names), step)
        found = await small(group)
        nursery.cancel_scope.cancel()
    return found


async def graph(step, dependencies):
    workflow = hocket.WorkflowDefinition(
        "graph",
        [
            hocket.WorkflowStep(name, execute=partial(step, name), depends_on=before)
            for name, before in dependencies.items()
        ],
        parallel_config=hocket.WorkerPoolConfig(max_concurrent=LIMIT, timeout=STEP_TIMEOUT),
    )
    result = await hocket.WorkflowManager().execute(workflow)
    result.raise_for_failure()
    return result.results


async def stream(step, names):
    values = {}
    async with hocket.stream(
        step, names, max_concurrent=LIMIT, step_timeout=STEP_TIMEOUT
    ) as outcomes:
        async for outcome in outcomes:
            values[outcome.item] = outcome.value
    return values


async def rated(step, names, per_second):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT, rate=hocket.Rate(per_second))
    group = hocket.ParallelGroup("rated", names, step_timeout=STEP_TIMEOUT)
    result = await manager.execute_group(group, step)
    result.raise_for_failure()
    return result.results


async def retried(step, names):
    retry = hocket.Retry(ATTEMPTS, on=ValueError, wait_initial=0, wait_jitter=0)
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    group = hocket.ParallelGroup("retried", names, retry=retry, step_timeout=STEP_TIMEOUT)
    result = await manager.execute_group(group, step)
    result.raise_for_failure()
    return result.results

"""Calls of all kinds, to be struck at any line: what a test does with them is its own affair."""

from __future__ import annotations

import pytest
import trio

from hocket import ParallelGroup, WorkerTask


async def step(step=None):
    await trio.sleep(1 if step != "bad" else 0.5)
    if step == "bad":
        raise ValueError(step)
    return step


async def sync(step):
    return step


async def a_group(manager):
    await manager.execute_group(ParallelGroup("g", ["a", "b", "c"]), step)


async def a_group_of_sync_steps(manager):
    await manager.execute_group(ParallelGroup("g", ["a", "b", "c"]), sync)


async def a_group_with_time_limits(manager):
    group = ParallelGroup("g", ["a", "b", "c"], "all_settled", step_timeout=0.7, timeout=5)
    await manager.execute_group(group, step)


async def a_race(manager):
    await manager.execute_group(ParallelGroup("g", ["a", "bad", "c"], "race"), step)


async def tasks_of_their_own(manager):
    await manager.execute_group(ParallelGroup("g", ["a", "bad", "c"], isolation="task"), step)


async def leftovers(manager):
    async def leave(step):
        trio.CancelScope().__enter__()

    await manager.execute_group(ParallelGroup("g", ["a", "b"], "all_settled"), leave)


async def a_single_task(manager):
    await manager.pool.execute(step)


async def a_late_task(manager):
    with pytest.raises(trio.TooSlowError):
        await manager.pool.execute(WorkerTask("t", step, timeout=0.5))


async def pages():
    for page in ("a", "b", "c", "d"):
        await trio.sleep(0.1)
        yield page


async def a_stream(manager):
    async with manager.pool.stream(step, pages(), ordered=True, on_error="collect") as outcomes:
        async for _ in outcomes:
            pass


async def a_stream_that_is_left(manager):
    async with manager.pool.stream(step, iter("abcd"), step_timeout=5, buffer=3) as outcomes:
        async for _ in outcomes:
            break


async def contenders(manager):
    group = ParallelGroup("g", ["bad", "b", "c"], "any", stagger=0.2)
    await manager.execute_group(group, step)

"""A task for each step in an asyncio TaskGroup, under a Semaphore and `asyncio.timeout`."""

import asyncio

from benches.work.frame import CALLERS, LIMIT, STEP_TIMEOUT, threes

PACKAGES = []
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://docs.python.org/3/library/asyncio-task.html#asyncio.timeout"
TIME_LIMIT = True


async def each(step, names):
    limit, values = asyncio.Semaphore(LIMIT), {}

    async def one(name):
        async with limit:
            async with asyncio.timeout(STEP_TIMEOUT):
                values[name] = await step(name)

    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(one(name))
    return values


async def settle(step, names):
    limit, values, errors = asyncio.Semaphore(LIMIT), {}, {}

    async def one(name):
        async with limit:
            try:
                async with asyncio.timeout(STEP_TIMEOUT):
                    values[name] = await step(name)
            except (ValueError, TimeoutError) as error:
                errors[name] = error

    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(one(name))
    return values, errors


async def race(step, names):
    winners = []

    async def one(name):
        async with asyncio.timeout(STEP_TIMEOUT):
            winners.append(await step(name))

    # The group itself waits for all; leaving it waits until the cancelled ones have cleaned up.
    async with asyncio.TaskGroup() as tasks:
        runners = [tasks.create_task(one(name)) for name in names]
        _, losers = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
        for loser in losers:
            loser.cancel()
    return winners[0]


async def groups(step, names):
    limit, values = asyncio.Semaphore(LIMIT), {}

    async def one(name):
        async with limit:
            async with asyncio.timeout(STEP_TIMEOUT):
                values[name] = await step(name)

    for group in threes(names):
        async with asyncio.TaskGroup() as tasks:
            for name in group:
                tasks.create_task(one(name))
    return values


async def calls(step, names):
    limit, values = asyncio.Semaphore(LIMIT), {}
    left = iter(names)

    async def caller():
        for name in left:
            async with limit:
                async with asyncio.timeout(STEP_TIMEOUT):
                    values[name] = await step(name)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(caller())
    return values


async def beside(step, names, small):
    limit = asyncio.Semaphore(LIMIT)

    async def one(name):
        async with limit:
            async with asyncio.timeout(STEP_TIMEOUT):
                await step(name)

    async def group(names):
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(one(name))

    async with asyncio.TaskGroup() as tasks:
        batch = [tasks.create_task(one(name)) for name in names]
        found = await small(group)
        for task in batch:
            task.cancel()
    return found

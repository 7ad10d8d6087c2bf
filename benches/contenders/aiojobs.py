"""aiojobs: a Scheduler with a limit; each step is a job. Its only race is to close the scheduler."""

import asyncio

import aiojobs

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = ["aiojobs>=1.4"]
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://aiojobs.readthedocs.io/en/stable/api.html"
TIME_LIMIT = False


async def each(step, names):
    async with aiojobs.Scheduler(limit=LIMIT) as scheduler:
        return await run(scheduler, step, names)


async def run(scheduler, step, names):
    jobs = [await scheduler.spawn(step(name)) for name in names]
    return {name: await job.wait() for name, job in zip(names, jobs, strict=True)}


async def settle(step, names):
    values, errors = {}, {}

    async def one(name):
        try:
            values[name] = await step(name)
        except ValueError as error:
            errors[name] = error

    # Leaving it waits for the jobs.
    async with aiojobs.Scheduler(limit=LIMIT) as scheduler:
        for name in names:
            await scheduler.spawn(one(name))
    return values, errors


async def race(step, names):
    winner = asyncio.get_running_loop().create_future()

    async def one(name):
        value = await step(name)
        if not winner.done():
            winner.set_result(value)

    # By default jobs that are still cleaning up after 0.1 s are left alone.
    async with aiojobs.Scheduler(limit=None, close_timeout=None) as scheduler:
        for name in names:
            await scheduler.spawn(one(name))
        value = await winner
        await scheduler.close()
    return value


async def groups(step, names):
    values = {}
    async with aiojobs.Scheduler(limit=LIMIT) as scheduler:
        for group in threes(names):
            values |= await run(scheduler, step, group)
    return values


async def calls(step, names):
    values = {}
    left = iter(names)

    async with aiojobs.Scheduler(limit=LIMIT) as scheduler, asyncio.TaskGroup() as callers:

        async def caller():
            for name in left:
                job = await scheduler.spawn(step(name))
                values[name] = await job.wait()

        for _ in range(CALLERS):
            callers.create_task(caller())
    return values


async def beside(step, names, small):
    # As many may wait as there are; by default spawning waits as well from the 10,000th on.
    async with aiojobs.Scheduler(limit=LIMIT, pending_limit=0, close_timeout=None) as scheduler:
        for name in names:
            await scheduler.spawn(step(name))
        found = await small(lambda group: run(scheduler, step, group))
        await scheduler.close()
    return found

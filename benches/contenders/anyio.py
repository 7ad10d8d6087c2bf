"""AnyIO: a task for each step in a task group, under a CapacityLimiter and `fail_after`."""

import anyio

from benches.work.frame import CALLERS, LIMIT, STEP_TIMEOUT, threes

PACKAGES = ["anyio>=4.16"]
RUNTIMES = ["trio", "asyncio", "uvloop"]
SOURCE = "https://anyio.readthedocs.io/en/stable/synchronization.html#capacity-limiters"
TIME_LIMIT = True


async def each(step, names):
    limiter, values = anyio.CapacityLimiter(LIMIT), {}

    async def one(name):
        async with limiter:
            with anyio.fail_after(STEP_TIMEOUT):
                values[name] = await step(name)

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return values


async def settle(step, names):
    limiter, values, errors = anyio.CapacityLimiter(LIMIT), {}, {}

    async def one(name):
        async with limiter:
            try:
                with anyio.fail_after(STEP_TIMEOUT):
                    values[name] = await step(name)
            except (ValueError, TimeoutError) as error:
                errors[name] = error

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return values, errors


async def race(step, names):
    winners = []

    async def one(name):
        with anyio.fail_after(STEP_TIMEOUT):
            winners.append(await step(name))
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return winners[0]


async def groups(step, names):
    limiter, values = anyio.CapacityLimiter(LIMIT), {}

    async def one(name):
        async with limiter:
            with anyio.fail_after(STEP_TIMEOUT):
                values[name] = await step(name)

    for group in threes(names):
        async with anyio.create_task_group() as tasks:
            for name in group:
                tasks.start_soon(one, name)
    return values


async def calls(step, names):
    limiter, values = anyio.CapacityLimiter(LIMIT), {}
    left = iter(names)

    async def caller():
        for name in left:
            async with limiter:
                with anyio.fail_after(STEP_TIMEOUT):
                    values[name] = await step(name)

    async with anyio.create_task_group() as tasks:
        for _ in range(CALLERS):
            tasks.start_soon(caller)
    return values


async def beside(step, names, small):
    limiter = anyio.CapacityLimiter(LIMIT)

    async def one(name):
        async with limiter:
            with anyio.fail_after(STEP_TIMEOUT):
                await step(name)

    async def group(names):
        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(one, name)

    async with anyio.create_task_group() as batch:
        for name in names:
            batch.start_soon(one, name)
        found = await small(group)
        batch.cancel_scope.cancel()
    return found

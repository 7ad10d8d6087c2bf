"""A task for each step in a Trio nursery, under a CapacityLimiter."""

import trio

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = []
RUNTIMES = ["trio"]
SOURCE = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.CapacityLimiter"
TIME_LIMIT = False


async def each(step, names):
    limiter, values = trio.CapacityLimiter(LIMIT), {}

    async def one(name):
        async with limiter:
            values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return values


async def settle(step, names):
    limiter, values, errors = trio.CapacityLimiter(LIMIT), {}, {}

    async def one(name):
        async with limiter:
            try:
                values[name] = await step(name)
            except ValueError as error:
                errors[name] = error

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return values, errors


async def race(step, names):
    winners = []

    async def one(name):
        winners.append(await step(name))
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return winners[0]


async def groups(step, names):
    limiter, values = trio.CapacityLimiter(LIMIT), {}

    async def one(name):
        async with limiter:
            values[name] = await step(name)

    for group in threes(names):
        async with trio.open_nursery() as nursery:
            for name in group:
                nursery.start_soon(one, name)
    return values


async def calls(step, names):
    limiter, values = trio.CapacityLimiter(LIMIT), {}
    left = iter(names)

    async def caller():
        for name in left:
            async with limiter:
                values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for _ in range(CALLERS):
            nursery.start_soon(caller)
    return values


async def beside(step, names, small):
    limiter = trio.CapacityLimiter(LIMIT)

    async def one(name):
        async with limiter:
            await step(name)

    async def group(names):
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(one, name)

    async with trio.open_nursery() as batch:
        for name in names:
            batch.start_soon(one, name)
        found = await small(group)
        batch.cancel_scope.cancel()
    return found

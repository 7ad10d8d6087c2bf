"""asyncio.gather over coroutines that share a Semaphore. It does not end when the first one has."""

import asyncio
import contextlib

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = []
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather"
TIME_LIMIT = False


def limited(step):
    limit = asyncio.Semaphore(LIMIT)

    async def one(name):
        async with limit:
            return await step(name)

    return one


async def each(step, names):
    values = await asyncio.gather(*map(limited(step), names))
    return dict(zip(names, values, strict=True))


async def settle(step, names):
    found = await asyncio.gather(*map(limited(step), names), return_exceptions=True)
    values, errors = {}, {}
    for name, value in zip(names, found, strict=True):
        (errors if isinstance(value, BaseException) else values)[name] = value
    return values, errors


async def groups(step, names):
    one, values = limited(step), {}
    for group in threes(names):
        found = await asyncio.gather(*map(one, group))
        values.update(zip(group, found, strict=True))
    return values


async def calls(step, names):
    one, values = limited(step), {}
    left = iter(names)

    async def caller():
        for name in left:
            values[name] = await one(name)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return values


async def beside(step, names, small):
    one = limited(step)

    async def group(names):
        await asyncio.gather(*map(one, names))

    # With their errors returned it waits for all, also when it is cancelled.
    batch = asyncio.gather(*map(one, names), return_exceptions=True)
    found = await small(group)
    batch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await batch
    return found

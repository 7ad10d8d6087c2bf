"""AnyIO's `amap`: a task for each value, under a CapacityLimiter, as it has no limit of its own."""

import anyio

from benches.work.frame import LIMIT, threes

PACKAGES = ["anyio>=4.16"]
RUNTIMES = ["trio", "asyncio", "uvloop"]
SOURCE = "https://anyio.readthedocs.io/en/stable/api.html#anyio.amap"
TIME_LIMIT = False


async def each(step, names):
    limiter = anyio.CapacityLimiter(LIMIT)

    async def one(name):
        async with limiter:
            return await step(name)

    return dict(zip(names, await anyio.amap(one, names), strict=True))


async def groups(step, names):
    values = {}
    for group in threes(names):
        values.update(zip(group, await anyio.amap(step, group), strict=True))
    return values

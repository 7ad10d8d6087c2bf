"""aiostream: `stream.map` with a task limit, which is the stream's own: there is none to share."""

import aiostream
from aiostream import pipe

from benches.work.frame import LIMIT, threes

PACKAGES = ["aiostream>=0.7"]
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://aiostream.readthedocs.io/en/stable/operators.html#aiostream.stream.map"
TIME_LIMIT = False


async def each(step, names):
    values = aiostream.stream.iterate(names) | pipe.map(step, task_limit=LIMIT)
    return dict(zip(names, await aiostream.stream.list(values), strict=True))


async def settle(step, names):
    errors = {}

    async def one(name):
        try:
            return name, await step(name)
        except ValueError as error:
            errors[name] = error
            return None

    found = aiostream.stream.iterate(names) | pipe.map(one, ordered=False, task_limit=LIMIT)
    values = await aiostream.stream.list(found | pipe.filter(lambda pair: pair is not None))
    return dict(values), errors


async def race(step, names):
    return await (aiostream.stream.iterate(names) | pipe.map(step, ordered=False) | pipe.take(1))


async def groups(step, names):
    values = {}
    for group in threes(names):
        values |= await each(step, group)
    return values


async def stream(step, names):
    async def one(name):
        return name, await step(name)

    found = aiostream.stream.iterate(names) | pipe.map(one, ordered=False, task_limit=LIMIT)
    async with found.stream() as streamer:
        return {name: value async for name, value in streamer}

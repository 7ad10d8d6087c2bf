"""aiostream: `stream.map` with a task limit, which is the stream's own: there is none to share."""

from aiostream import pipe, stream

from benches.work.frame import LIMIT, threes

PACKAGES = ["aiostream>=0.7"]
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://aiostream.readthedocs.io/en/stable/operators.html#aiostream.stream.map"
TIME_LIMIT = False


async def each(step, names):
    values = stream.iterate(names) | pipe.map(step, task_limit=LIMIT)
    return dict(zip(names, await stream.list(values), strict=True))


async def settle(step, names):
    errors = {}

    async def one(name):
        try:
            return name, await step(name)
        except ValueError as error:
            errors[name] = error
            return None

    found = stream.iterate(names) | pipe.map(one, ordered=False, task_limit=LIMIT)
    values = await stream.list(found | pipe.filter(lambda pair: pair is not None))
    return dict(values), errors


async def race(step, names):
    return await (stream.iterate(names) | pipe.map(step, ordered=False) | pipe.take(1))


async def groups(step, names):
    values = {}
    for group in threes(names):
        values |= await each(step, group)
    return values

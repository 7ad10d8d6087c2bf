"""Ten tasks over one shared iterator, written by hand: the floor of steps that suspend."""

import trio

from benches.work.frame import ATTEMPTS, LIMIT, threes

PACKAGES = []
RUNTIMES = ["trio"]
SOURCE = "https://trio.readthedocs.io/en/stable/reference-core.html#tasks-let-you-do-multiple-things-at-once"
TIME_LIMIT = False


async def each(step, names):
    values = {}
    left = iter(names)

    async def work():
        for name in left:
            values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for _ in range(LIMIT):
            nursery.start_soon(work)
    return values


async def settle(step, names):
    values, errors = {}, {}
    left = iter(names)

    async def work():
        for name in left:
            try:
                values[name] = await step(name)
            except ValueError as error:
                errors[name] = error

    async with trio.open_nursery() as nursery:
        for _ in range(LIMIT):
            nursery.start_soon(work)
    return values, errors


async def beside(step, names, small):
    limiter = trio.CapacityLimiter(LIMIT)
    left = iter(names)

    async def work(names):
        for name in names:
            async with limiter:
                await step(name)

    async def group(names):
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(work, [name])

    async with trio.open_nursery() as batch:
        for _ in range(LIMIT):
            batch.start_soon(work, left)
        found = await small(group)
        batch.cancel_scope.cancel()
    return found


async def groups(step, names):
    # A nursery of three: nothing to share out, and no limit to keep.
    values = {}

    async def one(name):
        values[name] = await step(name)

    for group in threes(names):
        async with trio.open_nursery() as nursery:
            for name in group:
                nursery.start_soon(one, name)
    return values


async def stream(step, names):
    # Who asks a generator for its next item while another does, is refused.
    turn = trio.Lock()
    send, receive = trio.open_memory_channel(0)

    async def work(send):
        async with send:
            while True:
                async with turn:
                    name = await anext(names, None)
                if name is None:
                    return
                await send.send((name, await step(name)))

    async with trio.open_nursery() as nursery:
        async with send:
            for _ in range(LIMIT):
                nursery.start_soon(work, send.clone())
        return {name: value async for name, value in receive}


async def rated(step, names, per_second):
    values = {}
    left = iter(names)
    free = trio.current_time()

    async def work():
        nonlocal free
        for name in left:
            now = trio.current_time()
            start = max(now, free)
            free = start + 1 / per_second
            if start > now:
                await trio.sleep_until(start)
            values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for _ in range(LIMIT):
            nursery.start_soon(work)
    return values


async def retried(step, names):
    values = {}
    left = iter(names)

    async def work():
        for name in left:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    values[name] = await step(name)
                    break
                except ValueError:
                    if attempt == ATTEMPTS:
                        raise

    async with trio.open_nursery() as nursery:
        for _ in range(LIMIT):
            nursery.start_soon(work)
    return values

"""AnyIO: a task for each step in a task group, under a CapacityLimiter and `fail_after`; streams by ten workers."""

import anyio

from benches.work.frame import ATTEMPTS, CALLERS, LIMIT, STEP_TIMEOUT, threes

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


async def stream(step, names):
    send_name, receive_name = anyio.create_memory_object_stream(LIMIT)
    send_value, receive_value = anyio.create_memory_object_stream(LIMIT)

    async def feed():
        async with send_name:
            async for name in names:
                await send_name.send(name)

    async def work(taken, done):
        async with taken, done:
            async for name in taken:
                with anyio.fail_after(STEP_TIMEOUT):
                    value = await step(name)
                await done.send((name, value))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed)
        async with receive_name, send_value:
            for _ in range(LIMIT):
                tasks.start_soon(work, receive_name.clone(), send_value.clone())
        async with receive_value:
            values = {name: value async for name, value in receive_value}
    return values


async def rated(step, names, per_second):
    limiter, values = anyio.CapacityLimiter(LIMIT), {}
    free = anyio.current_time()

    async def one(name):
        nonlocal free
        async with limiter:
            now = anyio.current_time()
            start = max(now, free)
            free = start + 1 / per_second
            if start > now:
                await anyio.sleep_until(start)
            with anyio.fail_after(STEP_TIMEOUT):
                values[name] = await step(name)

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return values


async def retried(step, names):
    limiter, values = anyio.CapacityLimiter(LIMIT), {}

    async def one(name):
        async with limiter:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    with anyio.fail_after(STEP_TIMEOUT):
                        values[name] = await step(name)
                    break
                except ValueError:
                    if attempt == ATTEMPTS:
                        raise

    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(one, name)
    return values

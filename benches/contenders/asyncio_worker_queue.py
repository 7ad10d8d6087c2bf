"""An asyncio.Queue and ten workers, which a TaskGroup keeps."""

import asyncio
import contextlib

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = []
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://docs.python.org/3/library/asyncio-queue.html#examples"
TIME_LIMIT = False


@contextlib.asynccontextmanager
async def working(work):
    queue = asyncio.Queue()

    async def worker():
        while True:
            item = await queue.get()
            await work(item)
            queue.task_done()

    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(worker()) for _ in range(LIMIT)]
        yield queue
        for task in workers:
            task.cancel()


async def each(step, names):
    return (await in_turn(step, [names]))[0]


async def settle(step, names):
    return await in_turn(step, [names], ValueError)


async def groups(step, names):
    return (await in_turn(step, threes(names)))[0]


async def in_turn(step, groups, expected=()):
    values, errors = {}, {}

    async def work(name):
        try:
            values[name] = await step(name)
        except expected as error:
            errors[name] = error

    async with working(work) as queue:
        for group in groups:
            for name in group:
                queue.put_nowait(name)
            await queue.join()
    return values, errors


# Who wants to know when a single step is done puts a future with it into the queue.


def answering(step):
    async def work(item):
        name, answer = item
        answer.set_result(await step(name))

    return working(work)


def ask(queue, name):
    answer = asyncio.get_running_loop().create_future()
    queue.put_nowait((name, answer))
    return answer


async def calls(step, names):
    values = {}
    left = iter(names)

    async with answering(step) as queue, asyncio.TaskGroup() as callers:

        async def caller():
            for name in left:
                values[name] = await ask(queue, name)

        for _ in range(CALLERS):
            callers.create_task(caller())
    return values


async def beside(step, names, small):
    async with answering(step) as queue:

        async def group(names):
            await asyncio.gather(*(ask(queue, name) for name in names))

        for name in names:
            ask(queue, name)
        return await small(group)

"""graphlib.TopologicalSorter from the standard library, with an asyncio TaskGroup and a Semaphore."""

import asyncio
from graphlib import TopologicalSorter

from benches.work.frame import LIMIT

PACKAGES = []
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://docs.python.org/3/library/graphlib.html"
TIME_LIMIT = False


async def graph(step, dependencies):
    sorter = TopologicalSorter(dependencies)
    sorter.prepare()
    limit, values = asyncio.Semaphore(LIMIT), {}

    def start_ready():
        for name in sorter.get_ready():
            tasks.create_task(one(name))

    async def one(name):
        async with limit:
            values[name] = await step(name)
        sorter.done(name)
        start_ready()

    async with asyncio.TaskGroup() as tasks:
        start_ready()
    return values

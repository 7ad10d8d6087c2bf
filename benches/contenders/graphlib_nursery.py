"""graphlib.TopologicalSorter from the standard library, with a Trio nursery and a CapacityLimiter."""

from graphlib import TopologicalSorter

import trio

from benches.work.frame import LIMIT

PACKAGES = []
RUNTIMES = ["trio"]
SOURCE = "https://docs.python.org/3/library/graphlib.html"
TIME_LIMIT = False


async def graph(step, dependencies):
    sorter = TopologicalSorter(dependencies)
    sorter.prepare()
    limiter, values = trio.CapacityLimiter(LIMIT), {}

    def start_ready():
        for name in sorter.get_ready():
            nursery.start_soon(one, name)

    async def one(name):
        async with limiter:
            values[name] = await step(name)
        sorter.done(name)
        start_ready()

    async with trio.open_nursery() as nursery:
        start_ready()
    return values

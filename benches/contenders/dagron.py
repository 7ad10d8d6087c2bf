"""dagron: a Rust graph, whose nodes its `AsyncDAGExecutor` runs on asyncio. It needs Python 3.12."""

from functools import partial

import dagron

from benches.work.frame import LIMIT

PACKAGES = ["dagron>=0.1.1"]
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://pypi.org/project/dagron/"
TIME_LIMIT = False


async def each(step, names):
    return await graph(step, {name: [] for name in names})


async def graph(step, dependencies):
    dag = dagron.DAG()
    dag.add_nodes(list(dependencies))
    dag.add_edges([(before, name) for name, all_ in dependencies.items() for before in all_])
    executor = dagron.AsyncDAGExecutor(dag, max_workers=LIMIT)
    found = await executor.execute({name: partial(step, name) for name in dependencies})
    return {name: one.result for name, one in found.node_results.items()}

"""dask: a graph of its own making, computed by its threaded scheduler with ten threads."""

import dask.threaded

from benches.work.frame import LIMIT

PACKAGES = ["dask>=2025.1"]
RUNTIMES = ["threads"]
SOURCE = "https://docs.dask.org/en/stable/custom-graphs.html"
TIME_LIMIT = False


def graph(step, dependencies):
    # Not the names themselves are the keys: the argument of a step has to remain a name.
    keys = {name: ("step", name) for name in dependencies}

    def run(name, before):
        return step(name)

    tasks = {
        keys[name]: (run, name, [keys[other] for other in before])
        for name, before in dependencies.items()
    }
    values = dask.threaded.get(tasks, list(keys.values()), num_workers=LIMIT)
    return dict(zip(dependencies, values, strict=True))

"""dask.distributed: a local cluster in the same process, one worker with ten threads, started before."""

import functools
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor

from dask.distributed import Client, LocalCluster, wait

from benches.work.frame import CALLERS, LIMIT, threes

PACKAGES = ["dask>=2025.1", "distributed>=2025.1"]
RUNTIMES = ["threads"]
SOURCE = "https://distributed.dask.org/en/stable/client.html"
TIME_LIMIT = False
SLOW = True

STEPS = {}


@functools.cache
def client():
    cluster = LocalCluster(
        n_workers=1,
        threads_per_worker=LIMIT,
        processes=False,
        # No dashboard; its web server is there all the same, at a port that is free.
        dashboard_address="localhost:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )
    return Client(cluster)


def here(step):
    # It pickles what it is given, also when that stays in the process; not each step can be.
    STEPS[id(step)] = step
    return functools.partial(run, id(step))


def run(at, name, before=None):
    return STEPS[at](name)


def start(step, names):
    # Not pure: or the result of an earlier call is used again.
    return client().map(here(step), names, pure=False)


def each(step, names):
    return dict(zip(names, client().gather(start(step, names)), strict=True))


def settle(step, names):
    futures = dict(zip(names, start(step, names), strict=True))
    wait(list(futures.values()))
    errors = {name: one.exception() for name, one in futures.items() if one.status == "error"}
    good = {name: one for name, one in futures.items() if name not in errors}
    return client().gather(good), errors


def groups(step, names):
    values = {}
    for group in threes(names):
        values |= each(step, group)
    return values


def calls(step, names):
    step, cluster, values = here(step), client(), {}
    left = iter(names)

    def caller():
        for name in left:
            values[name] = cluster.submit(step, name, pure=False).result()

    with ThreadPoolExecutor(CALLERS) as callers:
        for future in [callers.submit(caller) for _ in range(CALLERS)]:
            future.result()
    return values


def graph(step, dependencies):
    # Keys of their own for each call, or the result of an earlier one is used again.
    step, call = here(step), uuid.uuid4().hex
    tasks = {
        (call, name): (step, name, [(call, other) for other in before])
        for name, before in dependencies.items()
    }
    return dict(zip(dependencies, client().get(tasks, list(tasks)), strict=True))

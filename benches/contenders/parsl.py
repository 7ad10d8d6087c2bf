"""Parsl: an app for each step on its executor of ten threads, started before."""

import functools
import tempfile

import parsl
from parsl.config import Config
from parsl.executors.threads import ThreadPoolExecutor

from benches.work.frame import LIMIT, threes

PACKAGES = ["parsl>=2025.1.13"]
RUNTIMES = ["threads"]
SOURCE = "https://parsl.readthedocs.io/en/stable/userguide/apps/python.html"
TIME_LIMIT = False
SLOW = True


@functools.cache
def kernel():
    return parsl.load(
        Config(
            executors=[ThreadPoolExecutor(max_threads=LIMIT)],
            # There are no machines to be added or taken away.
            strategy="none",
            run_dir=tempfile.gettempdir() + "/parsl-of-the-benchmarks",
            initialize_logging=False,
            usage_tracking=0,
        )
    )


def app(step):
    # It waits for the futures in `inputs`, which a step does not have.
    @parsl.python_app(data_flow_kernel=kernel())
    def run(name, inputs=()):
        return step(name)

    return run


def each(step, names):
    run = app(step)
    futures = [run(name) for name in names]
    return {name: future.result() for name, future in zip(names, futures, strict=True)}


def settle(step, names):
    run = app(step)
    futures = {name: run(name) for name in names}
    errors = {name: future.exception() for name, future in futures.items() if future.exception()}
    return {name: one.result() for name, one in futures.items() if name not in errors}, errors


def groups(step, names):
    values = {}
    for group in threes(names):
        values |= each(step, group)
    return values


def graph(step, dependencies):
    run = app(step)
    futures = {}
    for name, before in dependencies.items():
        futures[name] = run(name, inputs=[futures[other] for other in before])
    return {name: future.result() for name, future in futures.items()}

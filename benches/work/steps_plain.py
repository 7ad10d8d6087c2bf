"""The steps of steps_async.py for threads: ordinary functions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from benches.work.files import digest
from benches.work.runtimes import Runtime
from benches.work.steps_async import SLEEP


def no_op(runtime: Runtime, url: str):
    def step(name, context=None):
        return name

    return contextlib.nullcontext(step)


def one_checkpoint(runtime: Runtime, url: str):
    def step(name, context=None):
        time.sleep(0)
        return name

    return contextlib.nullcontext(step)


def ten_checkpoints(runtime: Runtime, url: str):
    def step(name, context=None):
        for _ in range(10):
            time.sleep(0)
        return name

    return contextlib.nullcontext(step)


def sleeping(runtime: Runtime, url: str):
    def step(name, context=None):
        time.sleep(SLEEP)
        return name

    return contextlib.nullcontext(step)


def failing(runtime: Runtime, url: str):
    def step(name, context=None):
        time.sleep(0)
        if name.endswith("00"):
            raise ValueError(name)
        return name

    return contextlib.nullcontext(step)


def hashing(runtime: Runtime, url: str):
    def step(name, context=None):
        return digest(name)

    return contextlib.nullcontext(step)


@contextlib.contextmanager
def getting(runtime: Runtime, url: str) -> Iterator:
    import httpx

    with httpx.Client(base_url=url, trust_env=False) as client:

        def step(name, context=None):
            return client.get(f"/{name}").raise_for_status().text

        yield step

"""The steps of steps_async.py for threads: ordinary functions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from benches.work.files import digest
from benches.work.runtimes import Pipe, Runtime
from benches.work.steps_async import ITEMS, SLEEP


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


def through_a_channel(runtime: Runtime, url: str):
    pipes: dict[int, Pipe] = {}

    def step(name, context=None):
        pair, is_second = divmod(int(name.removeprefix("step-")) - 1, 2)
        # One operation, as several threads may come here at once.
        pipe = pipes.setdefault(pair, runtime.pipe(ITEMS))
        for item in range(ITEMS):
            if is_second:
                pipe.receive()
            else:
                pipe.send(item)
        return name

    return contextlib.nullcontext(step)


def under_a_lock(runtime: Runtime, url: str):
    lock = runtime.lock()

    def step(name, context=None):
        with lock:
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


def failing_once(runtime: Runtime, url: str):
    failed: set[str] = set()

    def step(name, context=None):
        time.sleep(0)
        if name.endswith("0") and name not in failed:
            failed.add(name)
            raise ValueError(name)
        # The warm-up has the same names.
        failed.discard(name)
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

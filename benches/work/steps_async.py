"""The steps, for runtimes with a loop. Each function opens one kind of step; all return the name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from benches.work.files import digest
from benches.work.runtimes import Pipe, Runtime

SLEEP = 0.005
FOREVER = 3600.0
ITEMS = 20


def no_op(runtime: Runtime, url: str):
    async def step(name, context=None):
        return name

    return contextlib.nullcontext(step)


def one_checkpoint(runtime: Runtime, url: str):
    checkpoint = runtime.checkpoint

    async def step(name, context=None):
        await checkpoint()
        return name

    return contextlib.nullcontext(step)


def ten_checkpoints(runtime: Runtime, url: str):
    checkpoint = runtime.checkpoint

    async def step(name, context=None):
        for _ in range(10):
            await checkpoint()
        return name

    return contextlib.nullcontext(step)


def through_a_channel(runtime: Runtime, url: str):
    pipes: dict[int, Pipe] = {}

    async def step(name, context=None):
        pair, is_second = divmod(int(name.removeprefix("step-")) - 1, 2)
        if pair not in pipes:
            pipes[pair] = runtime.pipe(ITEMS)
        pipe = pipes[pair]
        if is_second:
            for _ in range(ITEMS):
                await pipe.receive()
        else:
            for item in range(ITEMS):
                await pipe.send(item)
        return name

    return contextlib.nullcontext(step)


def under_a_lock(runtime: Runtime, url: str):
    checkpoint = runtime.checkpoint
    lock = runtime.lock()

    async def step(name, context=None):
        async with lock:
            await checkpoint()
        return name

    return contextlib.nullcontext(step)


def sleeping(runtime: Runtime, url: str):
    sleep = runtime.sleep

    async def step(name, context=None):
        await sleep(SLEEP)
        return name

    return contextlib.nullcontext(step)


def waiting(runtime: Runtime, url: str):
    sleep = runtime.sleep

    async def step(name, context=None):
        await sleep(FOREVER)

    return contextlib.nullcontext(step)


def failing(runtime: Runtime, url: str):
    checkpoint = runtime.checkpoint

    async def step(name, context=None):
        await checkpoint()
        if name.endswith("00"):
            raise ValueError(name)
        return name

    return contextlib.nullcontext(step)


def failing_once(runtime: Runtime, url: str):
    checkpoint = runtime.checkpoint
    failed: set[str] = set()

    async def step(name, context=None):
        await checkpoint()
        if name.endswith("0") and name not in failed:
            failed.add(name)
            raise ValueError(name)
        # The warm-up has the same names.
        failed.discard(name)
        return name

    return contextlib.nullcontext(step)


def hashing(runtime: Runtime, url: str):
    in_thread = runtime.in_thread

    async def step(name, context=None):
        return await in_thread(digest, name)

    return contextlib.nullcontext(step)


@contextlib.asynccontextmanager
async def getting(runtime: Runtime, url: str) -> AsyncIterator:
    import httpx

    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:

        async def step(name, context=None):
            response = await client.get(f"/{name}")
            return response.raise_for_status().text

        yield step

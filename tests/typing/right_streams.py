"""What map and stream are for, typed: `test_typing.py` asks the checkers whether every value has its type.

Nothing here is run.
"""

# pyright: strict

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import assert_type

import trio

import hocket
from hocket import GroupFailed, Outcome, StepEvent, Stream, WorkerPool


async def length(text: str) -> int:
    return len(text)


async def fetch(base: str, page: int) -> bytes:
    return f"{base}{page}".encode()


async def lines() -> AsyncIterator[str]:
    yield "line"


def watch(event: StepEvent) -> None:
    print(event.step)


class Client:
    async def get(self, page: int) -> bytes:
        return bytes(page)


async def maps(pool: WorkerPool, some: Iterable[str], client: Client) -> None:
    assert_type(await pool.map(length, ["a", "b"]), list[int])
    assert_type(await pool.map(length, some), list[int])
    assert_type(await pool.map(length, lines(), buffer=5), list[int])
    assert_type(await pool.map(partial(fetch, "/"), range(3)), list[bytes])
    assert_type(await pool.map(client.get, {1, 2}, step_timeout=0.5), list[bytes])
    assert_type(await hocket.map(length, ["a"], max_concurrent=math.inf), list[int])
    assert_type(await hocket.map(length, lines(), step_timeout=timedelta(seconds=1)), list[int])
    channel: trio.MemoryReceiveChannel[str] = trio.open_memory_channel[str](1)[1]
    assert_type(await pool.map(length, channel, observer=watch, key=str.upper), list[int])


async def streams(pool: WorkerPool) -> None:
    stream = pool.stream(length, lines(), ordered=True, buffer=20, on_error="collect")
    assert_type(stream, Stream[str, int])
    async with stream as outcomes:
        assert_type(outcomes, Stream[str, int])
        async for outcome in outcomes:
            assert_type(outcome, Outcome[str, int])
            assert_type(outcome.index, int)
            assert_type(outcome.id, str)
            assert_type(outcome.item, str)
            assert_type(outcome.value, int | None)
            assert_type(outcome.error, Exception | None)
            assert_type(outcome.ok, bool)
            assert_type(outcome.wait, float)
            assert_type(outcome.duration, float)
            assert_type(outcome.attempts, int)
            assert_type(outcome.unwrap(), int)
            wider: Outcome[object, float] = outcome
            print(wider)
    async with hocket.stream(partial(fetch, "/"), range(3), max_concurrent=5) as pages:
        assert_type([page.unwrap() async for page in pages], list[bytes])
        assert_type(await anext(pages), Outcome[int, bytes])


async def ping() -> str:
    return "pong"


async def handful(several: Iterable[Callable[[], Awaitable[bytes]]]) -> None:
    budget = hocket.HedgingBudget(share=0.2, burst=5)
    assert_type(await hocket.first_success([ping, ping], stagger=0.05), str)
    assert_type(await hocket.first_success(several, hedging_budget=budget, stagger=1), bytes)
    assert_type(await hocket.race([ping], stagger=timedelta(seconds=1), max_hedges=1), str)
    assert_type(await hocket.race([partial(length, "a"), partial(length, "b")]), int)
    assert_type(await hocket.quorum_of(2, [ping, ping, ping]), list[str])
    async with hocket.as_completed([ping], on_error="collect", step_timeout=5) as outcomes:
        assert_type([outcome.unwrap() async for outcome in outcomes], list[str])
    hocket.ParallelGroup("g", ["a"], "any", stagger=0.5, max_hedges=2, hedging_budget=budget)
    assert_type(budget.left, float)


async def in_time(pool: WorkerPool, rate: hocket.Rate, retry: hocket.Retry) -> None:
    assert_type(await pool.map(length, ["a"], rate=rate, retry=retry), list[int])
    assert_type(await hocket.map(length, ["a"], rate=rate, retry=None), list[int])
    budget = hocket.RetryBudget(share=0.2, burst=5)
    assert_type(WorkerPool(rate=rate, retry_budget=budget).retry_budget, hocket.RetryBudget | None)
    assert_type(budget.left, float)
    async with pool.released() as nothing:
        assert_type(nothing, None)
    assert_type(WorkerPool(rate=hocket.Rate(5, per=60, burst=2)).rate, hocket.Rate | None)
    task = hocket.WorkerTask("a", partial(length, "a"), retry=retry)
    assert_type(await pool.execute(task, rate=rate), int)
    async with hocket.stream(length, ["a"], rate=None, retry=retry) as outcomes:
        assert_type((await anext(outcomes)).attempts, int)


async def after_an_async_with(pool: WorkerPool) -> int:
    # A stream keeps no exception of the block back, so that this returns or raises.
    async with pool.stream(length, ["a"]) as outcomes:
        return (await anext(outcomes)).unwrap()


def failed(error: GroupFailed) -> None:
    for index, value in error.finished.items():
        assert_type(index, int)
        print(value)


def size(path: str) -> int:
    return len(path)


async def functions_that_block(pool: WorkerPool) -> None:
    assert_type(await pool.map(size, ["a"], run_in="thread"), list[int])
    assert_type(await hocket.map(size, lines(), run_in="thread"), list[int])
    assert_type(pool.stream(size, ["a"], run_in="thread"), Stream[str, int])
    assert_type(hocket.stream(size, lines(), run_in="thread", ordered=True), Stream[str, int])
    assert_type(await pool.map(length, ["a"], run_in="trio"), list[int])

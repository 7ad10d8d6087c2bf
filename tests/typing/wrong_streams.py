"""What is wrong with map and stream as their types say it: every line that is marked must be refused.

`test_typing.py` asks the type checkers, and compares the lines. Nothing here is run.
"""

from collections.abc import AsyncIterator

import hocket
from hocket import WorkerPool


async def length(text: str) -> int:
    return len(text)


async def pair(one: str, two: str) -> int:
    return len(one + two)


async def lines() -> AsyncIterator[str]:
    yield "line"


def sync_length(text: str) -> int:
    return len(text)


async def maps(pool: WorkerPool) -> None:
    await pool.map(length, [1, 2])  # refused
    await pool.map(sync_length, ["a"])  # refused
    await pool.map(pair, ["a"])  # refused
    await pool.map(["a"], length)  # refused
    await pool.map(length("a"), ["a"])  # refused
    await pool.map(length, 3)  # refused
    await pool.map(length, lines)  # refused
    await pool.map(length, ["a"], 5)  # refused
    await pool.map(length, ["a"], ordered=True)  # refused
    await pool.map(length, ["a"], max_concurrent=5)  # refused
    await pool.map(length, ["a"], key=len)  # refused
    texts: list[str] = await pool.map(length, ["a"])  # refused
    print(texts)


async def threads(pool: WorkerPool) -> None:
    await pool.map(sync_length, [1], run_in="thread")  # refused
    await pool.map(sync_length, ["a"], run_in="trio")  # refused
    pool.stream(sync_length, [1], run_in="thread")  # refused
    await hocket.map(sync_length, ["a"], run_in="threads")  # refused
    numbers: list[str] = await pool.map(sync_length, ["a"], run_in="thread")  # refused
    print(numbers)


async def streams(pool: WorkerPool) -> None:
    pool.stream(length, ["a"], on_error="ignore")  # refused
    pool.stream(length, ["a"], buffer="many")  # refused
    pool.stream(length, ["a"], step_timeout="5s")  # refused
    pool.stream(length, ["a"], rate=400)  # refused
    WorkerPool(rate=400)  # refused
    WorkerPool(retry_budget=0.2)  # refused
    WorkerPool(retry=hocket.Retry(on=OSError))  # refused
    hocket.WorkerTask("a", ping, retry=3)  # refused
    hocket.Retry(3)  # refused
    hocket.RetryBudget("a tenth")  # refused
    hocket.stream(length, ["a"], retry=OSError)  # refused
    pool.stream(sync_length, ["a"])  # refused
    hocket.stream(length, range(3))  # refused
    await pool.stream(length, ["a"])  # refused
    with pool.stream(length, ["a"]):  # refused
        pass
    async with pool.stream(length, lines()) as outcomes:
        for _ in outcomes:  # refused
            pass
        outcome = await anext(outcomes)
        text: str = outcome.unwrap()  # refused
        outcome.index = 3  # refused
        number: int = (await anext(outcomes)).value  # refused
        print(text, number)


async def ping() -> str:
    return "pong"


def sync_ping() -> str:
    return "pong"


async def handful() -> None:
    await hocket.first_success(ping)  # refused
    await hocket.first_success([ping()])  # refused
    await hocket.first_success([length])  # refused
    await hocket.first_success([sync_ping])  # refused
    await hocket.race([ping], stagger="1s")  # refused
    await hocket.race([ping], hedging_budget=0.1)  # refused
    await hocket.quorum_of([ping], 2)  # refused
    number: int = await hocket.race([ping])  # refused
    await hocket.as_completed([ping])  # refused
    hocket.ParallelGroup("g", ["a"], "any", max_hedges="one")  # refused
    print(number)

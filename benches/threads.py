"""What functions that block cost in threads, beside what people use for them.

``python -m benches.threads``: a loop, ``ThreadPoolExecutor.map``, ``trio.to_thread`` under a limit and hocket,
turn by turn in one process; and how long a small group waits beside a large one of functions.

Where a function releases the interpreter's lock, or waits, a loop is what the others are measured by; where
it does neither, threads can only cost.
"""

from __future__ import annotations

import gc
import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import trio

import hocket
from benches.work.files import digest, library

LIMIT = 10
ROUNDS = 5
BATCH = 1_000_000

Items = Sequence[Any]
Function = Callable[[Any], Any]


def loop(function: Function, items: Items) -> list[Any]:
    return [function(item) for item in items]


def executor(function: Function, items: Items) -> list[Any]:
    with ThreadPoolExecutor(LIMIT) as threads:
        return list(threads.map(function, items))


def to_thread(function: Function, items: Items) -> list[Any]:
    async def main() -> list[Any]:
        limiter = trio.CapacityLimiter(LIMIT)
        values: dict[int, Any] = {}
        left = iter(enumerate(items))

        async def worker() -> None:
            for index, item in left:
                values[index] = await trio.to_thread.run_sync(function, item, limiter=limiter)

        async with trio.open_nursery() as nursery:
            for _ in range(LIMIT):
                nursery.start_soon(worker)
        return [values[index] for index in range(len(items))]

    return trio.run(main)


def by_hocket(function: Function, items: Items) -> list[Any]:
    async def main() -> list[Any]:
        return await hocket.map(function, items, run_in="thread", max_concurrent=LIMIT)

    return trio.run(main)


def no_op(item: Any) -> Any:
    return item


BLOCK = os.urandom(1 << 20)


def hash_block(_: object) -> str:
    return hashlib.sha256(BLOCK).hexdigest()


def wait_shortly(item: Any) -> Any:
    time.sleep(0.0002)
    return item


def wait(item: Any) -> Any:
    time.sleep(0.005)
    return item


WAYS = [loop, executor, to_thread, by_hocket]
WORK: dict[str, tuple[Function, Items]] = {
    "20,000 functions that return at once": (no_op, range(20_000)),
    "the files of the standard library": (digest, library(2_000)),
    "200 blocks of 1 MiB, by functions that release the GIL": (hash_block, range(200)),
    "1,000 functions that wait for 0.2 ms": (wait_shortly, range(1_000)),
    "200 functions that wait for 5 ms": (wait, range(200)),
}


async def on_trio(item: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return item


SMALL: list[tuple[str, hocket.ParallelGroup[Any], Function]] = [
    ("async steps", hocket.ParallelGroup("small", [*"abc"]), on_trio),
    ("functions", hocket.ParallelGroup("small", [*"abc"], run_in="thread"), no_op),
]


def measure(function: Function, items: Items, ways: Iterable[Any]) -> dict[str, float]:
    """Return the median of several rounds, in microseconds an item."""
    expected = loop(function, items)
    found: dict[str, list[float]] = {way.__name__: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            gc.collect()
            began = time.perf_counter()
            values = way(function, items)
            found[way.__name__].append((time.perf_counter() - began) / len(items) * 1e6)
            assert values == expected
    return {name: statistics.median(times) for name, times in found.items()}


async def wait_beside(batch: int, small: hocket.ParallelGroup[Any], step: Function) -> list[float]:
    """Return how many milliseconds a small group took, again and again, beside one of so many functions."""
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    waits: list[float] = []

    async with trio.open_nursery() as nursery:
        large = hocket.ParallelGroup("large", range(batch), run_in="thread")
        nursery.start_soon(manager.execute_group, large, no_op)
        await trio.sleep(0.05)
        for _ in range(50):
            assert manager.get_status().queue_length, "the large group has ended"
            began = time.perf_counter()
            await manager.execute_group(small, step)
            waits.append((time.perf_counter() - began) * 1e3)
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    return waits


def main() -> None:
    for name, (function, items) in WORK.items():
        costs = measure(function, items, WAYS)
        print(f"{name}: µs each")
        for way, cost in costs.items():
            print(
                f"  {way:12}{cost:10.2f}{cost / costs['executor']:8.3f} of ThreadPoolExecutor.map"
                f"{costs['loop'] / cost:8.2f} times as fast as a loop"
            )
    for place, group, step in SMALL:
        waits = trio.run(wait_beside, BATCH, group, step)
        cuts = statistics.quantiles(waits, n=10)
        print(
            f"a group of three {place} beside a million functions: {cuts[4]:.2f} ms, nine of ten "
            f"under {cuts[8]:.2f}, all under {max(waits):.2f}"
        )


if __name__ == "__main__":
    main()

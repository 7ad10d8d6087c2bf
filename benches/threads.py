"""What functions that block cost in threads, beside what people use for them.

``python -m benches.threads``: a loop, ``ThreadPoolExecutor.map``, ``trio.to_thread`` under a limit and hocket,
turn by turn in one process; and how long a small group waits beside a large one of functions.
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


WAYS = [loop, executor, to_thread, by_hocket]
WORK: dict[str, tuple[Function, Items]] = {
    "20,000 functions that return at once": (no_op, range(20_000)),
    "the files of the standard library": (digest, library(2_000)),
    "200 blocks of 1 MiB, by functions that release the GIL": (hash_block, range(200)),
}


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


async def wait_beside(batch: int) -> list[float]:
    """Return how many milliseconds small groups took beside a group of so many functions."""
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    waits: list[float] = []

    async def small(name: str) -> None:
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        large = hocket.ParallelGroup("large", range(batch), run_in="thread")
        nursery.start_soon(manager.execute_group, large, no_op)
        await trio.sleep(0.05)
        for _ in range(50):
            began = time.perf_counter()
            await manager.execute_group(hocket.ParallelGroup("small", ["a", "b", "c"]), small)
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
            )
    cuts = statistics.quantiles(trio.run(wait_beside, BATCH), n=10)
    print(
        f"a small group beside a million functions: {cuts[4]:.2f} ms, nine of ten under {cuts[8]:.2f}"
    )


if __name__ == "__main__":
    main()

"""How late an outside task comes that sleeps for a millisecond, beside ten steps that checkpoint.

``python -m benches.late``: percentiles in milliseconds, of hocket with turns and without, and of ten
workers written by hand, turn by turn in one process. Trio and the machine are late by themselves:
what counts is how far the rows are apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio

import hocket
from benches.contenders import worker_loop

SLEEP = 0.001
SECONDS = 2.0
ROUNDS = 5
# More than anybody gets through.
GROUP = hocket.ParallelGroup("steps", [str(n) for n in range(1_000_000)])


async def step(name: str) -> None:
    for _ in range(10):
        await trio.lowlevel.checkpoint()


async def by_hand() -> None:
    await worker_loop.each(step, GROUP.steps)


async def by_hocket(*, turns: bool) -> None:
    manager = hocket.ParallelExecutionManager(max_concurrent=10, turns=turns)
    await manager.execute_group(GROUP, step)


async def lateness(load: Callable[[], Awaitable[None]]) -> list[float]:
    """Return by how many milliseconds each sleep was too long."""
    late = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load)
        await trio.sleep(1)
        until = time.perf_counter() + SECONDS
        while (began := time.perf_counter()) < until:
            await trio.sleep(SLEEP)
            late.append((time.perf_counter() - began - SLEEP) * 1e3)
        nursery.cancel_scope.cancel()
    return late


LOADS = {
    "hocket": partial(by_hocket, turns=True),
    "hocket, turns=False": partial(by_hocket, turns=False),
    "ten workers by hand": by_hand,
}


def main() -> None:
    late: dict[str, list[float]] = {name: [] for name in LOADS}
    for _ in range(ROUNDS):
        for name, load in LOADS.items():
            late[name] += trio.run(lateness, load)
    print(f"{'late by, ms':22}{'median':>8}{'90 %':>8}{'99 %':>8}")
    for name, found in late.items():
        cuts = statistics.quantiles(found, n=100)
        print(f"{name:22}{cuts[49]:8.3f}{cuts[89]:8.3f}{cuts[98]:8.3f}")


if __name__ == "__main__":
    main()

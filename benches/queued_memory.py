"""Bytes that one queued step takes beyond its id: `queued_memory.py hocket_group 1000000`.

A process of its own, because memory that was used before is used again. The first step looks: then
all are submitted, and nearly all are queued. Linux only.
"""

import gc
import os
import sys
from pathlib import Path

import trio

import hocket

seen: list[int] = []


def resident() -> int:
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def step(name: str, context: object = None) -> None:
    await trio.lowlevel.checkpoint()
    if not seen:
        seen.append(resident())


async def hocket_group(ids: list[str]) -> None:
    manager = hocket.ParallelExecutionManager(max_concurrent=10, timeout=30)
    result = await manager.execute_group(hocket.ParallelGroup("queue", ids), step)
    assert len(result.results) == len(ids)


async def nursery(ids: list[str]) -> None:
    async with trio.open_nursery() as tasks:
        for name in ids:
            tasks.start_soon(step, name)


if __name__ == "__main__":
    how = {"hocket_group": hocket_group, "nursery": nursery}[sys.argv[1]]
    names = [f"step-{i}" for i in range(int(sys.argv[2]))]
    before = resident()
    trio.run(how, names)
    print((seen[0] - before) / len(names))

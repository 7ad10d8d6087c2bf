"""What hocket costs on top of the steps, beside its peers in the same process.

    python -m pytest benches                    pytest-benchmark's tables, then the ratios
    python benches/test_overhead.py [WORD]      the ratios only, of the rows that have WORD

A ratio of two figures from different minutes says little on a noisy machine. The ratios here come
from rounds in which all contenders of a row run one after the other: each is compared with the
first of its row in the same round, and the median over the rounds is shown. Every contender is
checked to have done its work. Nothing here passes or fails on a figure.

The ratios are measured in a process whose allocator keeps freed memory (glibc; elsewhere it makes
no difference). Otherwise a contender that frees much at the top of the heap has the next one pay
for the page faults: that alone has moved the ratio of the bare loop from 2.2 to 1.8.
"""

from __future__ import annotations

import functools
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import aiometer
import anyio
import pytest
import trio

import hocket

LIMIT = 10
STEP_TIMEOUT = 30.0
ROUNDS = 9
Results: TypeAlias = dict[str, str]


async def no_op(step: str, context: object = None) -> str:
    return step


async def suspends_once(step: str, context: object = None) -> str:
    await trio.lowlevel.checkpoint()
    return step


@functools.cache
def ids(n: int) -> list[str]:
    return [f"step-{i}" for i in range(n)]


async def hocket_group(step, n: int) -> Results:
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT, timeout=STEP_TIMEOUT)
    result = await manager.execute_group(hocket.ParallelGroup("bench", ids(n)), step)
    assert result.success
    assert manager.get_stats().tasks_completed == n
    return result.results


async def bare_loop(step, n: int) -> Results:
    results = {}
    for name in ids(n):
        results[name] = await step(name, None)
    return results


async def ten_workers(step, n: int) -> Results:
    """The fastest there is to write by hand: no time limit, no statistics, errors end it all."""
    names, results = iter(ids(n)), {}

    async def work() -> None:
        for name in names:
            results[name] = await step(name, None)

    async with trio.open_nursery() as nursery:
        for _ in range(LIMIT):
            nursery.start_soon(work)
    return results


async def nursery_and_limiter(step, n: int) -> Results:
    return await _task_for_each(trio, trio.open_nursery(), step, n)


async def anyio_and_limiter(step, n: int) -> Results:
    return await _task_for_each(anyio, anyio.create_task_group(), step, n)


async def _task_for_each(library, tasks, step, n: int) -> Results:
    limiter, results = library.CapacityLimiter(LIMIT), {}

    async def one(name: str) -> None:
        async with limiter:
            with library.fail_after(STEP_TIMEOUT):
                results[name] = await step(name, None)

    async with tasks as running:
        for name in ids(n):
            running.start_soon(one, name)
    return results


async def aiometer_run_all(step, n: int) -> Results:
    values = await aiometer.run_all([partial(step, name) for name in ids(n)], max_at_once=LIMIT)
    return dict(zip(ids(n), values, strict=True))


async def groups_of_three(step, n: int) -> Results:
    manager, results = hocket.ParallelExecutionManager(max_concurrent=LIMIT), {}
    for start in range(0, n, 3):
        group = hocket.ParallelGroup("three", ids(n)[start : start + 3])
        results.update((await manager.execute_group(group, step)).results)
    return results


async def nurseries_of_three(step, n: int) -> Results:
    results = {}

    async def one(name: str) -> None:
        results[name] = await step(name)

    for start in range(0, n, 3):
        async with trio.open_nursery() as nursery:
            for name in ids(n)[start : start + 3]:
                nursery.start_soon(one, name)
    return results


async def _hundred_callers(call: Callable[[str], Awaitable[str]], n: int) -> Results:
    names, results = iter(ids(n)), {}

    async def caller() -> None:
        for name in names:
            results[name] = await call(name)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(caller)
    return results


async def pool_execute(step, n: int) -> Results:
    pool = hocket.WorkerPool(max_concurrent=LIMIT)
    return await _hundred_callers(partial(pool.execute, step), n)


async def capacity_limiter(step, n: int) -> Results:
    limiter = trio.CapacityLimiter(LIMIT)

    async def call(name: str) -> str:
        async with limiter:
            return await step(name)

    return await _hundred_callers(call, n)


# Row -> the step, and for each contender how many of them. The first one is what the others are
# compared with. Peers that take a hundred times as long get fewer steps.
ROWS = {
    "step that returns at once": (
        no_op,
        {
            bare_loop: 100_000,
            hocket_group: 100_000,
            nursery_and_limiter: 10_000,
            anyio_and_limiter: 10_000,
            aiometer_run_all: 10_000,
        },
    ),
    "step that suspends once": (
        suspends_once,
        {
            ten_workers: 20_000,
            hocket_group: 20_000,
            nursery_and_limiter: 10_000,
            aiometer_run_all: 10_000,
        },
    ),
    "one of three trivial steps": (no_op, {nurseries_of_three: 3_000, groups_of_three: 3_000}),
    "call from 100 tasks": (suspends_once, {capacity_limiter: 3_000, pool_execute: 3_000}),
}
CASES = [(row, run, n) for row, (_, contenders) in ROWS.items() for run, n in contenders.items()]


def measure(run, step, n: int) -> float:
    """Microseconds a step, without the start of Trio and the check."""

    async def timed() -> tuple[float, Results]:
        started = time.perf_counter()
        results = await run(step, n)
        return time.perf_counter() - started, results

    gc.collect()
    seconds, results = trio.run(timed)
    assert list(results.values()) == list(results)
    assert results.keys() == set(ids(n))
    return seconds / n * 1e6


@pytest.mark.parametrize(("row", "run", "n"), CASES)
def test_overhead(benchmark, row, run, n) -> None:
    benchmark.group = row
    benchmark.name = f"{run.__name__}, {n} steps"
    step = ROWS[row][0]

    def set_up() -> tuple[tuple[object, ...], dict[str, object]]:
        gc.collect()
        return (run, step, n), {}

    results = benchmark.pedantic(trio.run, setup=set_up, rounds=5, warmup_rounds=1)
    assert results.keys() == set(ids(n))
    benchmark.extra_info["us_per_step"] = benchmark.stats.stats.min / n * 1e6


def test_ratios(capsys) -> None:
    with capsys.disabled():
        print()
        subprocess.run([sys.executable, __file__], check=True)


def summary(word: str = "") -> Iterator[str]:
    """Measure in interleaved rounds; yield the lines of the table."""
    for row, (step, contenders) in ROWS.items():
        if word in row:
            yield f"{row}: µs (best of {ROUNDS} rounds), times the first (median)"
            rounds = [
                [measure(run, step, n) for run, n in contenders.items()] for _ in range(ROUNDS)
            ]
            for index, run in enumerate(contenders):
                ratio = statistics.median(times[index] / times[0] for times in rounds)
                yield _line(run.__name__, min(times[index] for times in rounds), ratio)
    if word in "memory":
        yield "memory of a queued step beyond its id: bytes"
        yield _line("nursery", _bytes_per_step("nursery", 100_000))
        yield _line("hocket_group", _bytes_per_step("hocket_group", 1_000_000))
    if word in "import":
        yield f"import in a fresh interpreter: ms (best of {2 * ROUNDS}), times the first (median)"
        pairs = [(_import_ms("trio"), _import_ms("hocket")) for _ in range(2 * ROUNDS + 1)][1:]
        yield _line("trio", min(theirs for theirs, _ in pairs), 1.0)
        ratio = statistics.median(ours / theirs for theirs, ours in pairs)
        yield _line("hocket", min(ours for _, ours in pairs), ratio)


def _line(name: str, figure: float, ratio: float | None = None) -> str:
    return f"    {name:<24}{figure:>10.3f}" + ("" if ratio is None else f"{ratio:>10.2f}")


def _bytes_per_step(how: str, n: int) -> float:
    if not Path("/proc/self/statm").exists():
        return float("nan")
    command = [sys.executable, str(Path(__file__).with_name("queued_memory.py")), how, str(n)]
    env = {key: value for key, value in os.environ.items() if key not in KEEP_MEMORY}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return float(found.stdout)


def _import_ms(module: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return (time.perf_counter() - started) * 1e3


KEEP_MEMORY = {
    "MALLOC_TOP_PAD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}

if __name__ == "__main__":
    if not KEEP_MEMORY.keys() <= os.environ.keys():
        # The allocator reads them once, when the process starts.
        command = [sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, check=False, env=os.environ | KEEP_MEMORY).returncode)
    for line in summary(*sys.argv[1:2]):
        print(line, flush=True)

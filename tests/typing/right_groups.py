"""What pools and groups are for, typed: `test_typing.py` asks the checkers whether every value has its type.

Nothing here is run.
"""

# pyright: strict

import enum
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, assert_type

import attrs
import trio

import hocket
from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelExecutionResult,
    ParallelGroup,
    PoolStats,
    PoolStatus,
    Quorum,
    StepEvent,
    StepState,
    WaitStrategy,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    WorkflowContext,
    quorum,
)
from hocket.testing import ReferenceManager, assert_idle, run_virtual

S = TypeVar("S")
R = TypeVar("R")


@attrs.frozen
class Page:
    id: str
    size: int


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Downloader:
    async def load(self, step: str) -> bytes:
        return step.encode()

    async def __call__(self, step: str) -> Path:
        return Path(step)


async def ping() -> str:
    return "pong"


async def repeat(text: str, times: int) -> str:
    return text * times


async def scale(text: str, times: int = 2) -> str:
    return text * times


async def total(*numbers: int) -> int:
    return sum(numbers)


async def length(step: str) -> int:
    return len(step)


async def half(step: int) -> float:
    return step / 2


async def show(step: object) -> str:
    return repr(step)


def later(step: str) -> Awaitable[int]:
    return length(step)


# --- single calls of a pool


async def single_calls(pool: WorkerPool) -> None:
    assert_type(await pool.execute(ping), str)
    assert_type(await pool.execute(length, "a"), int)
    assert_type(await pool.execute(repeat, "a", 3), str)
    assert_type(await pool.execute(total), int)
    assert_type(await pool.execute(total, 1, 2, 3), int)
    assert_type(await pool.execute(partial(repeat, "a", times=3)), str)
    assert_type(await pool.execute(later, "a"), int)
    assert_type(await pool.execute(Downloader().load, "a"), bytes)
    assert_type(await pool.execute(Downloader(), "a"), Path)
    assert_type(await pool.execute(lambda: length("a")), int)
    assert_type(await pool.execute(WorkerTask("ping", ping)), str)
    assert_type(await pool.execute(WorkerTask("half", partial(half, 3), timeout=1)), float)
    assert_type(await pool.execute(WorkerTask("half", lambda: half(3))), float)


async def an_argument_that_has_a_default(pool: WorkerPool) -> None:
    assert_type(await pool.execute(scale, "a"), str)
    assert_type(await pool.execute(scale, "a", 3), str)


async def single_calls_of_any_function(
    pool: WorkerPool, fn: Callable[[int], Awaitable[list[Page]]]
) -> None:
    assert_type(await pool.execute(fn, 1), list[Page])


# --- tasks


async def lists_of_tasks(pool: WorkerPool) -> None:
    tasks = [WorkerTask(name, partial(length, name)) for name in ("a", "b")]
    assert_type(tasks, list[WorkerTask[int]])
    assert_type(await pool.execute_many(tasks), list[int])
    assert_type(await pool.execute_many(task for task in tasks), list[int])
    assert_type(await pool.execute_many({task.id: task for task in tasks}.values()), list[int])

    result = await pool.execute_with_strategy(tasks, "any", timeout=5)
    assert_type(result, ParallelExecutionResult[int])
    assert_type(result.value, int | None)


async def tasks_of_several_types(pool: WorkerPool, anything: Sequence[WorkerTask[object]]) -> None:
    tasks: list[WorkerTask[str | int]] = []
    tasks.append(WorkerTask("ping", ping))
    tasks.append(WorkerTask("length", partial(length, "a")))
    assert_type(await pool.execute_many(tasks), list[str | int])

    assert_type(await pool.execute_many(anything), list[object])
    anything = [WorkerTask("ping", ping)]


# --- pools


def settings(pool: WorkerPool, config: WorkerPoolConfig) -> None:
    WorkerPool(max_concurrent=2, queue_size=10, timeout=1.5, when_full="wait")
    WorkerPoolConfig(max_concurrent=2, queue_size=None, timeout=5, when_full="raise")
    assert_type(WorkerPool.from_config(config), WorkerPool)
    assert_type(ParallelExecutionManager.from_config(config), ParallelExecutionManager)
    assert_type(pool.max_concurrent, float)
    pool.max_concurrent = 5
    pool.max_concurrent = math.inf
    pool.queue_size = None
    pool.when_full = "wait"
    pool.timeout = timedelta(seconds=5)
    assert_type(pool.timeout, float | None)
    WorkerTask("ping", ping, timeout=timedelta(seconds=5))
    ParallelGroup("g", [1], timeout=timedelta(seconds=5), step_timeout=2)


def figures(pool: WorkerPool) -> None:
    stats, status = pool.get_stats(), pool.get_status()
    assert_type(stats, PoolStats)
    assert_type(stats.tasks_completed, int)
    assert_type(stats.wait_time.p99, float)
    assert_type(status, PoolStatus)
    assert_type(status.utilization_rate, float)
    assert_type(pool.holders(), list[tuple[str, float]])


# --- groups


def groups_of_anything(numbers: Iterable[int], by_name: dict[str, Page]) -> None:
    assert_type(ParallelGroup("g", ["a", "b"]), ParallelGroup[str])
    assert_type(ParallelGroup("g", [("a", 1), ("b", 2)]), ParallelGroup[tuple[str, int]])
    assert_type(ParallelGroup("g", [Path("a")]), ParallelGroup[Path])
    assert_type(ParallelGroup("g", [Page("a", 1)]), ParallelGroup[Page])
    assert_type(ParallelGroup("g", range(3)), ParallelGroup[int])
    assert_type(ParallelGroup("g", numbers), ParallelGroup[int])
    assert_type(ParallelGroup("g", (number for number in range(3))), ParallelGroup[int])
    assert_type(ParallelGroup("g", by_name), ParallelGroup[str])
    assert_type(ParallelGroup("g", by_name.keys()), ParallelGroup[str])
    assert_type(ParallelGroup("g", by_name.items()), ParallelGroup[tuple[str, Page]])
    assert_type(ParallelGroup("g", {1, 2}), ParallelGroup[int])
    assert_type(ParallelGroup("g", map(Path, by_name)), ParallelGroup[Path])
    assert_type(ParallelGroup("g", zip("ab", numbers, strict=True)), ParallelGroup[tuple[str, int]])
    assert_type(ParallelGroup("g", Colour), ParallelGroup[Colour])
    assert_type(ParallelGroup[str | int]("g", ["a", 1]), ParallelGroup[str | int])


def pages_of(context: WorkflowContext) -> list[Page]:
    return [Page("a", len(context.values))]


async def names_of(context: dict[str, int]) -> Iterable[str]:
    return context.keys()


def sizes_of(context: Any) -> Iterable[int]:
    yield from range(context)


def groups_that_are_made_as_they_start() -> None:
    assert_type(ParallelGroup("g", pages_of), ParallelGroup[Page])
    assert_type(ParallelGroup("g", names_of), ParallelGroup[str])
    assert_type(ParallelGroup("g", sizes_of), ParallelGroup[int])
    assert_type(ParallelGroup("g", lambda context: ["a"]), ParallelGroup[str])


def settings_of_a_group(wait_strategy: WaitStrategy | Quorum) -> None:
    ParallelGroup("g", ["a"], "all")
    ParallelGroup("g", ["a"], "any", 3, True, 5, 0.5)
    ParallelGroup("g", ["a"], wait_strategy="race", isolation="task")
    ParallelGroup("g", ["a"], wait_strategy="all_settled", isolation="shared")
    ParallelGroup("g", ["a"], wait_strategy="allSettled")
    ParallelGroup("g", ["a"], wait_strategy=quorum(1))
    ParallelGroup("g", ["a"], wait_strategy=WaitStrategy.RACE)
    ParallelGroup("g", ["a"], wait_strategy=wait_strategy)
    ParallelGroup("g", [Page("a", 1)], key=lambda page: page.id)
    ParallelGroup("g", [1, 2], key=str)
    ParallelGroup("g", [Path("a")], key=Path.as_posix)


async def executors(manager: ParallelExecutionManager) -> None:
    texts = ParallelGroup("texts", ["a", "b"])
    numbers = ParallelGroup("numbers", [1, 2])
    assert_type(await manager.execute_group(texts, length), ParallelExecutionResult[int])
    assert_type(await manager.execute_group(numbers, half), ParallelExecutionResult[float])
    assert_type(await manager.execute_group(texts, later), ParallelExecutionResult[int])
    # An executor of more than the steps are.
    assert_type(await manager.execute_group(texts, show), ParallelExecutionResult[str])
    assert_type(await manager.execute_group(numbers, show), ParallelExecutionResult[str])
    # Methods, objects, and functions with arguments bound.
    assert_type(
        await manager.execute_group(texts, Downloader().load), ParallelExecutionResult[bytes]
    )
    assert_type(await manager.execute_group(texts, Downloader()), ParallelExecutionResult[Path])
    assert_type(
        await manager.execute_group(texts, partial(repeat, times=3)), ParallelExecutionResult[str]
    )
    assert_type(
        await manager.execute_group(texts, lambda step: repeat(step, 3)),
        ParallelExecutionResult[str],
    )
    # A tuple, whose literals stay in its type; and a default for what else the executor takes.
    tuples = ParallelGroup("tuples", (1, 2))
    assert_type(await manager.execute_group(tuples, half), ParallelExecutionResult[float])
    assert_type(await manager.execute_group(texts, scale), ParallelExecutionResult[str])


async def a_group_in_the_call(manager: ParallelExecutionManager) -> None:
    result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), length)
    assert_type(result, ParallelExecutionResult[int])
    made = await manager.execute_group(ParallelGroup("g", names_of), length, {"a": 1})
    assert_type(made, ParallelExecutionResult[int])


async def passed_on_to_trio(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    pool = manager.pool
    assert_type(
        await pool.execute(manager.execute_group, group, length), ParallelExecutionResult[int]
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, ping)
        nursery.start_soon(pool.execute, length, "a")
        nursery.start_soon(pool.execute, WorkerTask("ping", ping))
        nursery.start_soon(manager.execute_group, group, length)


def run_by_trio(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    assert_type(trio.run(manager.pool.execute, length, "a"), int)
    assert_type(trio.run(manager.pool.execute, WorkerTask("ping", ping)), str)
    assert_type(trio.run(manager.execute_group, group, length), ParallelExecutionResult[int])


async def a_union_of_values(manager: ParallelExecutionManager) -> None:
    async def find(step: str) -> Page | None:
        return Page(step, 1) if step else None

    result = await manager.execute_group(ParallelGroup("g", ["a"]), find)
    assert_type(result.results["a"], Page | None)


async def covariance(
    manager: ParallelExecutionManager,
    texts: ParallelGroup[str],
    numbers: ParallelExecutionResult[int],
) -> None:
    async def takes_any_group(group: ParallelGroup[object]) -> None:
        await manager.execute_group(group, show)

    def takes_any_result(result: ParallelExecutionResult[object]) -> None:
        result.raise_for_failure()

    await takes_any_group(texts)
    takes_any_result(numbers)


def a_result(result: ParallelExecutionResult[int]) -> None:
    assert_type(result.group_id, str)
    assert_type(result.wait_strategy, WaitStrategy | Quorum)
    assert_type(result.success, bool)
    assert_type(result.steps, Sequence[str])
    assert_type(result.completed_steps, Sequence[str])
    assert_type(result.skipped_steps, Sequence[str])
    assert_type(result.results, Mapping[str, int])
    assert_type(result.errors, Mapping[str, Exception])
    assert_type(result.value, int | None)
    assert_type(result.winner, str | None)
    assert_type(result.duration, float)
    assert_type(result.timed_out, bool)
    assert_type(result.outcomes, list[int | Exception])
    for outcome in result.outcomes:
        if isinstance(outcome, Exception):
            assert_type(outcome, Exception)
        else:
            assert_type(outcome, int)
    result.raise_for_failure()


# --- functions of one's own, generic as hocket's


async def values_of(pool: WorkerPool, functions: Sequence[Callable[[], Awaitable[R]]]) -> list[R]:
    return await pool.execute_many(
        WorkerTask(str(place), function) for place, function in enumerate(functions)
    )


async def for_each(steps: Iterable[S], function: Callable[[S], Awaitable[R]]) -> Mapping[str, R]:
    group = ParallelGroup("each", steps, step_timeout=5)
    result = await ParallelExecutionManager().execute_group(group, function)
    return result.results


async def generic_functions(pool: WorkerPool) -> None:
    assert_type(await values_of(pool, [ping, ping]), list[str])
    assert_type(await for_each([1, 2], half), Mapping[str, float])


def a_strategy_from_outside(text: str, chosen: Literal["all", "race"]) -> None:
    ParallelGroup("g", ["a"], WaitStrategy(text))
    ParallelGroup("g", ["a"], chosen)


# --- observers


async def observers(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    events: list[StepEvent] = []

    def count(event: StepEvent) -> int:
        assert_type(event.kind, EventKind)
        assert_type(event.kind.state, StepState)
        assert_type(event.group, str | None)
        assert_type(event.seconds, float)
        assert_type(event.error, BaseException | None)
        assert_type(event.attempt, int)
        return len(event.step)

    observer: hocket.Observer = count
    await manager.execute_group(group, length, observer=events.append)
    await manager.execute_group(group, length, observer=[events.append, count, observer])
    await manager.execute_group(group, length, observer=lambda event: event.step)
    await manager.execute_group(group, length, observer=None)


# --- tests of what runs on hocket


def in_virtual_time(group: ParallelGroup[str], manager: ParallelExecutionManager) -> None:
    ours = run_virtual(manager.execute_group, group, length)
    theirs = run_virtual(ReferenceManager().execute_group, group, length)
    assert_type(ours, ParallelExecutionResult[int])
    assert_type(theirs, ParallelExecutionResult[int])
    assert_type(run_virtual(repeat, "a", 2, seed=7), str)
    assert_idle(manager.pool)


async def stream() -> AsyncIterator[str]:
    yield "a"


async def steps_from_what_is_async(manager: ParallelExecutionManager) -> None:
    group = ParallelGroup("g", [name async for name in stream()])
    assert_type(group, ParallelGroup[str])


def size(path: str, unit: int = 1) -> int:
    return len(path) // unit


async def functions_that_block(pool: WorkerPool, manager: ParallelExecutionManager) -> None:
    assert_type(await pool.execute(partial(size, "a"), run_in="thread"), int)
    assert_type(await pool.execute(str.upper, "a", run_in="thread"), str)
    task = WorkerTask("t", partial(size, "a"), timeout=1, run_in="thread")
    assert_type(task, WorkerTask[int])
    assert_type(await pool.execute(task), int)
    assert_type(
        await pool.execute_many([task, WorkerTask("p", partial(size, "b"), run_in="thread")]),
        list[int],
    )
    group = ParallelGroup("g", ["a", "b"], "race", run_in="thread")
    assert_type(await manager.execute_group(group, size), ParallelExecutionResult[int])

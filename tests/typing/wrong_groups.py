"""What is wrong with pools and groups as its types say it: every line that is marked must be refused.

`test_typing.py` asks the type checkers, and compares the lines. Nothing here is run.
"""

from functools import partial
from typing import Any

import hocket
from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelExecutionResult,
    ParallelGroup,
    StepEvent,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    WorkflowContext,
    quorum,
)
from hocket.testing import run_virtual


async def ping() -> str:
    return "pong"


async def length(step: str) -> int:
    return len(step)


async def half(step: int) -> float:
    return step / 2


async def repeat(text: str, times: int) -> str:
    return text * times


async def with_context(step: str, context: dict[str, Any]) -> int:
    return len(step) + len(context)


def sync_length(step: str) -> int:
    return len(step)


def sync_ping() -> str:
    return "pong"


async def threads(pool: WorkerPool, manager: ParallelExecutionManager) -> None:
    await pool.execute(sync_length, 1, run_in="thread")  # refused
    await pool.execute(sync_length, "a", run_in="process")  # refused
    await pool.execute(WorkerTask("t", sync_ping, run_in="thread"), run_in="thread")  # refused
    WorkerTask("t", sync_ping)  # refused
    WorkerTask("t", sync_ping, run_in="trio")  # refused
    ParallelGroup("g", ["a"], run_in="process")  # refused
    ParallelGroup("g", ["a"], run_in="thread", isolation="task")  # refused
    await manager.execute_group(ParallelGroup("g", [1], run_in="thread"), sync_length)  # refused
    text: str = await pool.execute(sync_length, "a", run_in="thread")  # refused
    print(text)


async def single_calls(pool: WorkerPool) -> None:
    await pool.execute(length, 1)  # refused
    await pool.execute(length)  # refused
    await pool.execute(length, "a", "b")  # refused
    await pool.execute(repeat, 3, "a")  # refused
    await pool.execute(sync_length, "a")  # refused
    await pool.execute(ping())  # refused
    await pool.execute("ping")  # refused
    await pool.execute(WorkerTask("ping", ping), "a")  # refused
    await pool.execute(length, step="a")  # refused
    number: int = await pool.execute(ping)  # refused
    text: str = await pool.execute(WorkerTask("length", partial(length, "a")))  # refused
    print(number, text)


async def tasks(pool: WorkerPool) -> None:
    WorkerTask("ping", sync_ping)  # refused
    WorkerTask("length", length)  # refused
    WorkerTask("ping", ping())  # refused
    WorkerTask(1, ping)  # refused
    WorkerTask("ping", ping, timeout="5s")  # refused
    task = WorkerTask("ping", ping)
    task.timeout = 5  # refused
    await pool.execute_many([ping])  # refused
    await pool.execute_many(task)  # refused
    numbers: list[int] = await pool.execute_many([task])  # refused
    await pool.execute_with_strategy([task], "al")  # refused
    await pool.execute_with_strategy([task], "quorum(1)")  # refused
    await pool.execute_with_strategy([task], timeout="5s")  # refused
    print(numbers)


async def a_text_that_might_be_a_strategy(pool: WorkerPool, text: str) -> None:
    await pool.execute_with_strategy([WorkerTask("ping", ping)], text)  # refused


def pools(pool: WorkerPool) -> None:
    WorkerPool(max_concurrent="3")  # refused
    WorkerPool(max_concurrent=None)  # refused
    WorkerPool(when_full="block")  # refused
    WorkerPool(timeout="5s")  # refused
    WorkerPool(queue_size="10")  # refused
    WorkerPool(10)  # refused
    WorkerPool(max_workers=3)  # refused
    WorkerPoolConfig(when_full="block")  # refused
    WorkerPool.from_config({"max_concurrent": 3})  # refused
    ParallelExecutionManager(max_concurrent="3")  # refused
    pool.max_concurrent = "3"  # refused
    pool.get_stats().tasks_completed = 5  # refused


def groups() -> None:
    ParallelGroup(1, ["a"])  # refused
    ParallelGroup("g", None)  # refused
    ParallelGroup("g", 3)  # refused
    ParallelGroup("g", ["a"], "al")  # refused
    ParallelGroup("g", ["a"], "allsettled")  # refused
    ParallelGroup("g", ["a"], "quorum(2)")  # refused
    ParallelGroup("g", ["a"], None)  # refused
    ParallelGroup("g", ["a"], quorum)  # refused
    ParallelGroup("g", ["a"], quorum("2"))  # refused
    ParallelGroup("g", ["a"], max_concurrent="3")  # refused
    ParallelGroup("g", ["a"], timeout="5s")  # refused
    ParallelGroup("g", ["a"], isolation="tsk")  # refused
    ParallelGroup("g", ["a"], continue_on_error="yes")  # refused
    ParallelGroup("g", ["a"], key=len)  # refused
    ParallelGroup("g", ["a"], key=lambda step: 1)  # refused
    ParallelGroup("g", lambda: ["a"])  # refused
    ParallelGroup("g", lambda context: 3)  # refused
    group = ParallelGroup("g", ["a"])
    group.timeout = 5  # refused


async def executors(manager: ParallelExecutionManager) -> None:
    texts = ParallelGroup("g", ["a", "b"])
    await manager.execute_group(texts, with_context)  # refused
    await manager.execute_group(texts, half)  # refused
    await manager.execute_group(texts, sync_length)  # refused
    await manager.execute_group(texts, ping)  # refused
    await manager.execute_group(texts, length("a"))  # refused
    await manager.execute_group(texts, None)  # refused
    await manager.execute_group(texts, lambda step, context: length(step))  # refused
    await manager.execute_group(["a", "b"], length)  # refused
    await manager.execute_group(ParallelGroup("g", [1]), length)  # refused
    await manager.execute_group(ParallelGroup("g", ["a", 1]), length)  # refused
    await manager.execute_group(ParallelGroup("g", [("a", 1)]), repeat)  # refused


async def steps_of_a_function(manager: ParallelExecutionManager) -> None:
    def names(context: WorkflowContext) -> list[str]:
        return list(context.results)

    async def later_names(context: WorkflowContext) -> list[str]:
        return list(context.results)

    await manager.execute_group(ParallelGroup("g", names), half)  # refused
    await manager.execute_group(ParallelGroup("g", later_names), half)  # refused


def takes_kind(kind: EventKind) -> None:
    print(kind)


async def observers(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    await manager.execute_group(group, length, observer=takes_kind)  # refused
    await manager.execute_group(group, length, observer=[takes_kind])  # refused
    await manager.execute_group(group, length, observer="print")  # refused
    await manager.execute_group(group, length, observer=lambda event, step: None)  # refused


async def results(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    result = await manager.execute_group(group, length)
    text: str = result.results["a"]  # refused
    number: int = result.value  # refused
    numbers: list[int] = result.outcomes  # refused
    other: ParallelExecutionResult[str] = result  # refused
    result.success = True  # refused
    result.results["a"] = 1  # refused
    result.steps.append("c")  # refused
    result.outcome  # noqa: B018  # refused
    result.results["a"].upper()  # refused
    print(text, number, numbers, other)


def an_event(event: StepEvent) -> None:
    event.kind = EventKind.FAILED  # refused
    event.kind.upper()  # refused
    event.group.upper()  # refused


def in_virtual_time(manager: ParallelExecutionManager, group: ParallelGroup[str]) -> None:
    run_virtual(length, 1)  # refused
    run_virtual(manager.execute_group, group, half)  # refused
    text: str = run_virtual(length, "a")  # refused
    hocket.no_such_name  # noqa: B018  # refused
    print(text)

"""What workflows are for, typed: `test_typing.py` asks the checkers whether every value has its type.

Nothing here is run.
"""

# pyright: strict

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

import attrs

from hocket import (
    Edge,
    ParallelExecutionResult,
    ParallelGroup,
    PoolStats,
    ToolRegistry,
    WorkerPoolConfig,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowResult,
    WorkflowStep,
    load_workflow,
    tool,
    workflow_from_dict,
)


@attrs.frozen
class Page:
    id: str
    size: int


async def fetch(context: WorkflowContext) -> list[Page]:
    return [Page("a", len(context.results))]


async def publish(page: Page) -> Path:
    return Path(page.id)


def steps_of_every_kind() -> None:
    by_function = WorkflowStep("fetch", execute=fetch, timeout=5, continue_on_error=True)
    by_tool = WorkflowStep("load", tool="http_request", input={"url": "$results.fetch"})
    by_group = WorkflowStep("all", group=ParallelGroup("all", ["fetch", "load"]))
    assert_type(by_function, WorkflowStep[list[Page]])
    assert_type(by_tool, WorkflowStep[Any])
    assert_type(by_group, WorkflowStep[ParallelExecutionResult[Any]])

    parallel = WorkflowStep.parallel("both", [by_function, "load"], "any", depends_on=["a"])
    assert_type(parallel, WorkflowStep[ParallelExecutionResult[Any]])
    later = WorkflowStep("last", execute=fetch, depends_on=[by_function, by_tool, "all"])
    assert_type(later.depends_on, Sequence[str | Edge])


def steps_that_are_made_as_their_group_starts() -> None:
    def parts(context: WorkflowContext) -> list[WorkflowStep[Any]]:
        return [WorkflowStep("part", execute=fetch)] if context.results else []

    async def later_parts(context: WorkflowContext) -> Iterable[WorkflowStep[Path]]:
        async def part(context: WorkflowContext) -> Path:
            return Path()

        return [WorkflowStep(name, execute=part) for name in context.results]

    WorkflowStep.parallel("parts", parts)
    WorkflowStep.parallel("parts", later_parts)


async def values_by_step(context: WorkflowContext, result: WorkflowResult) -> None:
    step = WorkflowStep("fetch", execute=fetch)
    assert_type(step.value_in(context), list[Page])
    assert_type(step.value_in(result), list[Page])
    assert_type(await publish(step.value_in(context)[0]), Path)
    parallel = WorkflowStep.parallel("both", [step])
    assert_type(parallel.value_in(result), ParallelExecutionResult[Any])


@tool
async def search(words: str, *, most: int = 10) -> list[str]:
    return words.split()[:most]


async def workflows(path: Path) -> None:
    registry = ToolRegistry()
    assert_type(await registry.register(search)("a", most=3), list[str])
    manager = WorkflowManager(registry)
    definition = WorkflowDefinition(
        "pages",
        [WorkflowStep("fetch", execute=fetch), WorkflowStep("load", tool="http_request")],
        max_duration=60,
        parallel_config=WorkerPoolConfig(max_concurrent=2),
        output="$results.fetch",
    )
    result = await manager.execute(definition, {"region": "eu"}, observer=print)
    assert_type(result, WorkflowResult)
    assert_type(result.errors, Mapping[str, Exception])
    assert_type(result.stats, PoolStats | None)
    assert_type(load_workflow(path), WorkflowDefinition)
    assert_type(workflow_from_dict({}), WorkflowDefinition)


def load(context: WorkflowContext) -> bytes:
    return repr(context).encode()


def steps_that_block() -> None:
    assert_type(WorkflowStep("load", execute=load, run_in="thread"), WorkflowStep[bytes])
    assert_type(WorkflowStep("tool", tool="hash", run_in="thread"), WorkflowStep[Any])


# --- steps that run others, whose values nobody has said the type of


def makers() -> list[WorkflowStep[Any]]:
    one = WorkflowStep("one", execute=fetch)
    assert_type(one, WorkflowStep[list[Page]])
    each = WorkflowStep.for_each("each", "$context.names", one)
    cells = WorkflowStep.matrix("cells", {"os": ["a"]}, one)
    again = WorkflowStep.repeat("again", one, until="true")
    both = WorkflowStep.sequence("both", [each, cells])
    return [each, cells, again, both]

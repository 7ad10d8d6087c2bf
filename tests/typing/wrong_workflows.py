"""What is wrong with workflows as its types say it: every line that is marked must be refused.

`test_typing.py` asks the type checkers, and compares the lines. Nothing here is run.
"""

from pathlib import Path

import hocket
from hocket import (
    EventKind,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowResult,
    WorkflowStep,
)


async def ping() -> str:
    return "pong"


async def half(step: int) -> float:
    return step / 2


def takes_kind(kind: EventKind) -> None:
    print(kind)


async def fetch(context: WorkflowContext) -> list[int]:
    return [len(context.results)]


def sync_fetch(context: WorkflowContext) -> list[int]:
    return [len(context.results)]


def steps(context: WorkflowContext, result: WorkflowResult) -> None:
    WorkflowStep("a")  # refused
    WorkflowStep("a", tool=1)  # refused
    WorkflowStep("a", tool="search", execute=fetch)  # refused
    WorkflowStep("a", execute=fetch, input=3)  # refused
    WorkflowStep("a", execute=sync_fetch)  # refused
    WorkflowStep("a", execute=ping)  # refused
    WorkflowStep("a", execute=half)  # refused
    WorkflowStep("a", group=["b"])  # refused
    WorkflowStep("a", execute=fetch, depends_on=[1])  # refused
    WorkflowStep("a", execute=fetch, timeout=b"5s")  # refused
    WorkflowStep("a", execute=fetch, continue_on_error="yes")  # refused
    WorkflowStep.parallel("a", [1, 2])  # refused
    WorkflowStep.parallel("a", ["b"], "al")  # refused
    WorkflowStep.parallel("a", ["b"], key=str)  # refused
    step = WorkflowStep("a", execute=fetch)
    step.timeout = 5  # refused
    number: int = step.value_in(context)  # refused
    text: str = step.value_in(result)  # refused
    step.value_in({"a": [1]})  # refused
    print(number, text)


async def workflows(manager: WorkflowManager) -> None:
    WorkflowDefinition("w", ["a"])  # refused
    WorkflowDefinition("w", [fetch])  # refused
    WorkflowDefinition(1, [])  # refused
    WorkflowDefinition("w", [], max_duration="60s")  # refused
    WorkflowDefinition("w", [], parallel_config={"max_concurrent": 3})  # refused
    definition = WorkflowDefinition("w", [WorkflowStep("a", execute=fetch)])
    definition.name = "v"  # refused
    await manager.execute("w.yaml")  # refused
    await manager.execute(definition, 3)  # refused
    result = await manager.execute(definition, observer=takes_kind)  # refused
    result.success = True  # refused
    WorkflowManager([fetch])  # refused
    hocket.load_workflow(3)  # refused
    hocket.workflow_from_dict(Path("w.yaml"))  # refused

"""The guarantees of workflows in the words of the specification: dependencies, inputs, groups, tools, files.

Each test is one sentence of what whoever ordered this expects, and knows nothing of how it is done.
"""

from __future__ import annotations

import pytest
import trio

from hocket import (
    ParallelGroup,
    StepTimeout,
    ToolRegistry,
    WorkerPoolConfig,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
    load_workflow,
)


class Broken(Exception):
    pass


class Steps:
    """Makes steps that last so long and end so, and notes when each started and was cancelled."""

    def __init__(self):
        self.started, self.cancelled = {}, {}

    def __call__(self, id, seconds=1, outcome=None, **settings):
        async def execute(context):
            self.started[id] = trio.current_time()
            try:
                await trio.sleep(seconds)
            except trio.Cancelled:
                self.cancelled[id] = trio.current_time()
                raise
            if isinstance(outcome, Exception):
                raise outcome
            return outcome or id.upper()

        return WorkflowStep(id, execute=execute, **settings)


@pytest.fixture
def step():
    return Steps()


@pytest.fixture
def tools():
    registry = ToolRegistry()

    @registry.register
    async def greet(name, delay=0):
        await trio.sleep(delay)
        return f"hello {name}"

    return registry


async def run(steps, context=None, tools=None, **settings):
    workflow = WorkflowDefinition("w", steps, **settings)
    return await WorkflowManager(tools).execute(workflow, context)


# --- order


async def test_steps_that_do_not_depend_on_each_other_run_side_by_side(autojump_clock, step):
    result = await run([step("a", 2), step("b", 3)])
    assert step.started == {"a": 0, "b": 0}
    assert result.duration == 3


async def test_a_step_starts_the_moment_that_all_it_depends_on_have_ended(autojump_clock, step):
    await run(
        [step("a", 2), step("b", 5), step("c", depends_on=["a"]), step("d", depends_on=["a", "b"])]
    )
    assert step.started == {"a": 0, "b": 0, "c": 2, "d": 5}


async def test_the_pools_limit_is_for_all_steps_of_a_workflow(autojump_clock, step):
    steps = [step("a"), step("b"), step("c"), WorkflowStep.parallel("g", [step("d"), step("e")])]
    result = await run(steps, parallel_config=WorkerPoolConfig(max_concurrent=1))
    assert sorted(step.started.values()) == [0, 1, 2, 3, 4]
    assert result.stats.tasks_completed == 5


# --- values


async def test_a_step_uses_the_values_of_those_it_depends_on(autojump_clock, step):
    async def join(context):
        return context.results["a"] + context.results["b"]

    last = WorkflowStep("join", execute=join, depends_on=["a", "b"])
    assert (await run([step("a"), step("b"), last])).output == "AB"


async def test_a_tool_is_called_by_name_with_inputs_from_earlier_results(
    autojump_clock, step, tools
):
    greet = WorkflowStep("hi", tool="greet", input={"name": "$results.a"}, depends_on=["a"])
    assert (await run([step("a"), greet], tools=tools)).output == "hello A"


async def test_an_input_may_come_from_what_the_caller_passed(autojump_clock, tools):
    greet = WorkflowStep("hi", tool="greet", input={"name": "$context.user"})
    assert (await run([greet], {"user": "Ann"}, tools)).output == "hello Ann"


async def test_an_input_may_be_worked_out_as_the_step_starts(autojump_clock, step, tools):
    def name(context):
        return {"name": context.results["a"] * 2}

    greet = WorkflowStep("hi", tool="greet", input=name, depends_on=["a"])
    assert (await run([step("a"), greet], tools=tools)).output == "hello AA"


# --- groups


async def test_a_group_of_a_workflow_ends_as_its_strategy_says(autojump_clock, step):
    fastest = WorkflowStep("fastest", group=ParallelGroup("g", ["slow", "fast"], "any"))
    result = await run([fastest, step("slow", 60), step("fast", 2)])
    assert result.success
    assert result.results["fastest"].value == "FAST"
    assert step.cancelled == {"slow": 2}


async def test_a_group_may_hold_a_group(autojump_clock, step):
    inner = WorkflowStep.parallel("inner", [step("a", 5), step("b", 2)], "race")
    result = await run([WorkflowStep.parallel("outer", [inner, step("c", 1)])])
    assert result.success
    assert result.results["inner"].value == "B"
    assert sorted(result.results["outer"].results) == ["c", "inner"]
    assert result.duration == 2


async def test_the_steps_of_a_group_may_be_made_from_earlier_results(autojump_clock, step):
    def one_for_each(context):
        return [step(f"load {page}") for page in context.results["pages"]]

    pages = step("pages", 1, ["x", "y"])
    load = WorkflowStep.parallel("load", one_for_each, depends_on=["pages"])
    result = await run([pages, load])
    assert result.results["load"].results == {"load x": "LOAD X", "load y": "LOAD Y"}


# --- failures


async def test_a_step_that_fails_stops_the_workflow(autojump_clock, step):
    error = Broken()
    result = await run([step("a", 2, error), step("b", 60), step("c", depends_on=["a"])])
    assert (result.success, result.output, result.duration) == (False, None, 2)
    assert result.errors == {"a": error}
    assert step.cancelled == {"b": 2}
    assert sorted(result.skipped_steps) == ["b", "c"]


async def test_with_continue_on_error_the_workflow_goes_on(autojump_clock, step):
    steps = [step("a", 1, Broken(), continue_on_error=True), step("b", 3)]
    result = await run(steps)
    assert (result.success, result.failed_steps) == (True, ["a"])
    assert result.results == {"b": "B"}


async def test_a_group_that_fails_stops_the_workflow_unless_it_goes_on(autojump_clock, step):
    async def with_group(**settings):
        members = [step("a", 1, Broken()), step("b", 2)]
        result = await run([WorkflowStep.parallel("g", members, **settings), step("c", 3)])
        return result.success, sorted(result.completed_steps)

    assert await with_group() == (False, [])
    assert await with_group(continue_on_error=True) == (True, ["b", "c", "g"])


async def test_a_step_has_a_time_limit_of_its_own(autojump_clock, step):
    result = await run([step("slow", 60, timeout=2)])
    assert isinstance(result.errors["slow"], StepTimeout)
    assert result.duration == 2


async def test_a_workflow_has_a_time_limit_over_all_and_keeps_what_has_ended(autojump_clock, step):
    steps = [step("a"), step("slow", 60), step("never", depends_on=["slow"])]
    result = await run(steps, max_duration=2)
    assert (result.success, result.timed_out, result.duration) == (False, True, 2)
    assert result.results == {"a": "A"}
    assert step.cancelled == {"slow": 2}
    assert "never" in result.skipped_steps


# --- files

FILE = """
name: greetings
maxDuration: 10000
parallelConfig: {maxConcurrent: 5}
steps:
  - id: fastest
    parallelGroup:
      steps: [near, far]
      waitStrategy: any
      maxConcurrent: 2
      timeout: 5000
  - id: near
    toolName: greet
    input: {name: $context.city, delay: 1}
  - id: far
    toolName: greet
    input: {name: the moon, delay: 60}
  - id: last
    dependsOn: [fastest]
    toolName: greet
    input: {name: $results.fastest.value}
"""


async def test_a_workflow_is_read_from_a_yaml_file_and_run(autojump_clock, tools, tmp_path):
    path = tmp_path / "greetings.yaml"
    path.write_text(FILE, encoding="utf-8")
    result = await WorkflowManager(tools).execute(load_workflow(path), {"city": "Ghent"})
    assert result.output == "hello hello Ghent"
    assert result.duration == 1

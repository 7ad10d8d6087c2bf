"""Limits of a workflow that are worked out in the run: references in time limits and numbers at once."""

from __future__ import annotations

import math
import textwrap

import pytest
import trio

import hocket
from hocket import (
    ExpressionError,
    Retry,
    StepContext,
    StepState,
    StepTimeout,
    WorkflowInvalid,
    WorkflowStep,
    load_workflow,
    tool,
)
from hocket.tools import ToolRegistry
from tests.runner import steps
from tests.runner.steps import waits

SPELLINGS = ["$context.patience", "${context.patience}", "${context.none ?? 2}", "$context.a + 1"]
VALUES = {"patience": 2, "a": 1, "n": 2, "word": "soon", "nothing": None, "zero": 0}


async def two(context):
    return 2


async def now(context):
    await trio.sleep(1)
    return trio.current_time()


def step(id, *before, execute=waits, **options):
    return steps.step(id, *before, execute=execute, **options)


async def run(*given, values=VALUES, **options):
    return await steps.run(*given, context=values, **options)


@pytest.mark.parametrize("timeout", [*SPELLINGS, lambda context: context.values["patience"]])
@pytest.mark.parametrize("looks_on", [False, True])
async def test_a_steps_time_limit_is_worked_out_as_it_starts(timeout, looks_on, autojump_clock):
    result = await run(
        step("before", execute=now),
        step("a", "before", timeout=timeout),
        observer=(lambda event: None) if looks_on else None,
    )
    assert result.states["a"] is StepState.TIMED_OUT
    assert isinstance(result.errors["a"], StepTimeout)
    assert result.errors["a"].limit == 2
    assert result.duration == 3


async def test_a_limit_may_be_what_an_earlier_step_has_said_and_waits_for_it(autojump_clock):
    result = await run(step("a", timeout="$results.b"), step("b", execute=two))
    assert result.duration == 2
    assert result.states["a"] is StepState.TIMED_OUT


async def test_steps_beside_it_keep_their_own_limits(autojump_clock):
    result = await run(
        step("a", timeout="$context.patience"),
        step("b", timeout=5),
        step("c"),
        fail_fast=False,
        parallel_config=hocket.WorkerPoolConfig(timeout=7),
    )
    assert {id_: error.limit for id_, error in result.errors.items()} == {"a": 2, "b": 5, "c": 7}


async def test_it_is_worked_out_only_if_the_step_runs(autojump_clock):
    asked = []
    result = await run(step("a", when=False, timeout=asked.append))
    assert result.states["a"] is StepState.SKIPPED
    assert asked == []


async def test_each_attempt_has_it(autojump_clock):
    retry = Retry(2, on=trio.TooSlowError, wait_initial=0, wait_jitter=0)
    result = await run(step("a", timeout="$context.patience", retry=retry))
    assert result.duration == 4


async def test_a_tool_is_told_of_it(autojump_clock):
    @tool
    async def asks(step: StepContext) -> float:
        return step.deadline - trio.current_time()

    tools = ToolRegistry()
    tools.register(asks)
    result = await run(
        WorkflowStep("a", tool="asks", timeout="$context.patience"), tools=tools, max_duration=9
    )
    assert result.output == 2


@pytest.mark.parametrize(
    ("timeout", "kind", "text"),
    [
        ("$context.word", ExpressionError, "must be a number of seconds, a timedelta, or None"),
        ("$context.zero", ExpressionError, "must be more than 0 seconds; got 0"),
        ("$context.nothing", ExpressionError, "came to None: give it a default"),
        ("$results.skipped", ExpressionError, "was skipped"),
        (lambda context: "soon", TypeError, "step 'a': timeout must be a number of seconds"),
        (lambda context: None, ValueError, "step 'a': timeout came to None"),
    ],
)
async def test_what_is_no_limit_fails_the_step(timeout, kind, text, autojump_clock):
    result = await run(
        step("skipped", when=False, execute=two),
        step("a", timeout=timeout, retry=Retry(on=ExpressionError)),
        fail_fast=False,
    )
    assert type(result.errors["a"]) is kind
    assert text in str(result.errors["a"])
    assert result.duration == 0


async def test_infinity_is_no_limit(autojump_clock):
    result = await run(
        step("a", timeout=lambda context: math.inf),
        parallel_config=hocket.WorkerPoolConfig(timeout=3),
    )
    assert result.success
    assert result.duration == 10


async def test_the_limits_of_a_group_are_worked_out_as_it_starts(autojump_clock):
    group = WorkflowStep.parallel(
        "g",
        [step(f"m{n}", execute=now) for n in range(4)],
        max_concurrent="$results.b",
        depends_on=["b"],
    )
    result = await run(step("b", execute=two), group)
    assert [result.results[f"m{n}"] for n in range(4)] == [1, 1, 2, 2]


@pytest.mark.parametrize("name", ["timeout", "step_timeout"])
async def test_so_are_its_time_limits(name, autojump_clock):
    members = [step("m1"), step("m2", timeout="$context.a")]
    group = WorkflowStep.parallel("g", members, fail_fast=False, **{name: "$context.patience"})
    result = await run(group)
    assert result.errors["m2"].limit == 1
    assert result.errors["m1"].limit == 2
    assert result.errors["m1"].limited == ("group" if name == "timeout" else "step")
    assert result.duration == 2


async def test_a_group_whose_limit_is_none_fails_and_nothing_of_it_runs(autojump_clock):
    result = await run(WorkflowStep.parallel("g", [step("m")], max_concurrent="$context.word"))
    assert "max_concurrent must be a whole number" in str(result.errors["g"])
    assert result.states["m"] is StepState.NOT_REACHED


async def test_a_loop_asks_how_many_at_once(autojump_clock):
    inner = step("inner", execute=now)
    loop = WorkflowStep.for_each("l", [1, 2, 3, 4], inner, max_concurrent="$context.n")
    result = await run(loop)
    assert sorted(result.results["l"].results.values()) == [1, 1, 2, 2]


async def test_each_pass_of_a_loop_has_a_limit_of_its_own(autojump_clock):
    loop = WorkflowStep.for_each(
        "l",
        [3, 20, 1, 20],
        step("inner", timeout="$item", execute=waits),
        continue_on_error=True,
        max_concurrent=2,
    )
    result = await run(loop)
    assert {key: error.limit for key, error in result.results["l"].errors.items()} == {
        "0": 3,
        "2": 1,
    }
    assert sorted(result.results["l"].results) == ["1", "3"]


async def test_the_workflows_own_limits_are_worked_out_as_a_run_begins(autojump_clock):
    result = await run(step("a"), max_duration="$context.patience")
    assert result.timed_out
    assert result.duration == 2
    result = await run(step("a"), max_duration=lambda context: context.values["patience"])
    assert result.duration == 2


async def test_what_they_cannot_be_is_said_before_anything_runs():
    with pytest.raises(WorkflowInvalid) as caught:
        await run(step("a"), max_duration="$context.word")
    assert str(caught.value).startswith(
        "what workflow 'w' is given has 1 mistake:\nmax_duration: $context.word: column 1: "
        "max_duration must be a number of seconds"
    )
    with pytest.raises(WorkflowInvalid, match=r"max_duration: .*no step has run when this limit"):
        await run(step("a"), max_duration="$results.a")


@pytest.mark.parametrize("given", ["2s", "soon", "", [1]])
def test_a_text_that_refers_to_nothing_is_no_limit(given):
    with pytest.raises(TypeError, match="step 'a': timeout must be a number of seconds"):
        step("a", timeout=given)


async def not_this(context):
    return 1


def test_an_async_function_is_refused():
    with pytest.raises(TypeError, match="step 'a': timeout must be an ordinary function"):
        step("a", timeout=not_this)
    with pytest.raises(ExpressionError) as caught:
        step("a", timeout="$context.a +")
    assert caught.value.__notes__ == ["in step 'a': timeout"]


# --- in files -------------------------------------------------------------------------------------
NATIVE = """\
    name: x
    parameters: {patience: {default: 2s}, n: {type: int, default: 2}}
    max_duration: $context.patience
    parallel_config: {max_concurrent: $context.n, timeout: "${context.none ?? '7s'}"}
    steps:
      - {id: a, tool: t, timeout: $context.patience}
      - id: g
        group: {timeout: $context.patience, step_timeout: $results.a, max_concurrent: $context.n, steps: [b]}
      - {id: b, tool: t}
    """
CAMEL = """\
    name: x
    parameters: {patience: {default: 2000}, n: {type: int, default: 2}}
    maxDuration: $context.patience
    parallelConfig: {maxConcurrent: $context.n, timeout: "${context.none ?? 7000}"}
    steps:
      - {id: a, toolName: t, timeout: $context.patience}
      - id: g
        parallelGroup: {timeout: $context.patience, stepTimeout: $results.a, maxConcurrent: $context.n, steps: [b]}
      - {id: b, toolName: t}
    """


@pytest.mark.parametrize("text", [NATIVE, CAMEL], ids=["native", "camel"])
def test_files_say_so_in_their_own_units(text, tmp_path):
    path = tmp_path / "workflow.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    workflow = load_workflow(path)
    patience = workflow.parameters["patience"].default
    context = hocket.WorkflowContext(
        values={"patience": patience, "n": 2, "none": None},
        results={"a": patience},
    )
    made = workflow.worked_out(context)
    assert made.max_duration == 2
    assert (made.parallel_config.max_concurrent, made.parallel_config.timeout) == (2, 7)
    assert workflow.step("a").limits["timeout"].value(context) == 2
    group = {name: one.value(context) for name, one in workflow.step("g").limits.items()}
    assert group == {"group.timeout": 2, "group.step_timeout": 2, "group.max_concurrent": 2}
    workflow.validate()
    assert workflow.plan().dependencies == [[], [0]]


UNITS = """\
    name: x
    parameters: {n: {type: int, default: 2}}
    max_duration: 1m${context.n}s
    steps:
      - {id: a, tool: t, timeout: "${context.n}s"}
      - {id: b, tool: t, timeout: "${results.a}00ms"}
      - id: c
        repeat: {until: $index > 3, delay: "${index}0ms", max: $context.n}
        step: {tool: t}
    """


def test_in_a_file_a_duration_may_be_a_text_with_references_in_it(tmp_path):
    path = tmp_path / "workflow.yaml"
    path.write_text(textwrap.dedent(UNITS), encoding="utf-8")
    workflow = load_workflow(path)
    context = hocket.WorkflowContext(values={"n": 2}, results={"a": 5})
    assert workflow.worked_out(context).max_duration == 62
    assert workflow.step("a").limits["timeout"].value(context) == 2
    assert workflow.step("b").limits["timeout"].value(context) == 0.5
    assert workflow.plan().dependencies == [[], [0], []]
    loop = workflow.step("c").loop
    assert loop.most(context) == 2
    assert [loop.wait(context.inside({"index": n}, apart=False)) for n in (1, 7)] == [0.01, 0.07]
    context.values["n"] = "soon"
    with pytest.raises(ExpressionError, match=r"\$\{context.n\}s: column 1: .*found 'soons'"):
        workflow.step("a").limits["timeout"].value(context)
    with pytest.raises(ExpressionError, match=r"column 1: .*results has no 'a'"):
        workflow.step("b").limits["timeout"].value(hocket.WorkflowContext())


@pytest.mark.parametrize("spelling", ["native", "camel"])
def test_infinity_is_no_limit_in_a_file_wherever_none_is(spelling, tmp_path):
    text = """\
        name: x
        max_duration: .inf
        parallel_config: {max_concurrent: .inf, timeout: .inf}
        steps:
          - {id: a, tool: t, timeout: .inf, retry: {on: [OSError], attempts: .inf, timeout: .inf}}
          - {id: g, group: {timeout: .inf, step_timeout: .inf, max_concurrent: .inf, steps: [b]}}
          - {id: b, tool: t}
          - {id: r, repeat: {until: $index > 3, max: .inf}, step: {tool: t}}
        """
    if spelling == "camel":
        for native, camel in {**CAMEL_KEYS, "group": "parallelGroup", "tool": "toolName"}.items():
            text = text.replace(f"{native}:", f"{camel}:")
    path = tmp_path / "workflow.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    workflow = load_workflow(path)
    assert (workflow.max_duration, workflow.parallel_config.timeout) == (math.inf, math.inf)
    assert (workflow.step("a").timeout, workflow.step("a").retry.timeout) == (math.inf, math.inf)
    group = workflow.step("g").group
    assert (group.timeout, group.step_timeout, group.max_concurrent) == (math.inf, math.inf, None)
    assert workflow.step("r").loop.max is None


CAMEL_KEYS = {
    "max_duration": "maxDuration",
    "parallel_config": "parallelConfig",
    "max_concurrent": "maxConcurrent",
    "step_timeout": "stepTimeout",
}


async def test_a_steps_infinity_counts_more_than_the_limit_of_all(autojump_clock, tmp_path):
    @tool
    async def t():
        await trio.sleep(10)

    tools = ToolRegistry()
    tools.register(t)
    path = tmp_path / "workflow.yaml"
    path.write_text(
        "name: x\nmax_duration: .inf\nparallel_config: {timeout: 2}\n"
        "steps:\n  - {id: a, tool: t, timeout: .inf}\n  - {id: b, tool: t, on_error: continue}\n"
    )
    result = await hocket.WorkflowManager(tools).execute(load_workflow(path, tools))
    assert {id_: state.value for id_, state in result.states.items()} == {
        "a": "succeeded",
        "b": "timed_out",
    }

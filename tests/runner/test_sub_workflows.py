"""Steps that run another workflow: from a file, or one that was made in Python."""

from __future__ import annotations

import textwrap

import pytest
import trio

import hocket
from hocket import Parameter, StepState, ToolRegistry, WorkflowDefinition, WorkflowStep
from hocket.testing import run_virtual


def tools():
    registry = ToolRegistry()

    @registry.register
    async def say(text: str = "", seconds: float = 1):
        await trio.sleep(seconds)
        return f"said {text}"

    @registry.register
    async def fail(text: str = "broken"):
        raise OSError(text)

    return registry


def step(id, seconds=1.0, **options):
    async def execute(context):
        await trio.sleep(seconds)
        return context.values.get("x", id)

    return WorkflowStep(id, execute=execute, **options)


def run(*steps, registry=None, limit=10, observer=(), **options):
    config = hocket.WorkerPoolConfig(max_concurrent=limit)
    workflow = WorkflowDefinition("w", steps, parallel_config=config, **options)
    manager = hocket.WorkflowManager(registry or tools())
    return run_virtual(lambda: manager.execute(workflow, observer=observer))


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


def loaded(path="main.yaml"):
    registry = tools()
    workflow = hocket.load_workflow(path, registry)
    return run_virtual(hocket.WorkflowManager(registry).execute, workflow)


def mistakes(path="main.yaml"):
    with pytest.raises(hocket.WorkflowFileError) as caught:
        hocket.load_workflow(path, tools())
    return str(caught.value).splitlines()[1:]


# --- in Python


def test_the_output_of_a_workflow_is_the_value_of_its_step():
    inner = WorkflowDefinition("inner", [step("a"), step("b")], output=["$results.a", "$results.b"])
    result = run(WorkflowStep("s", workflow=inner), step("after", depends_on=["s"]))
    assert result.results["s"] == ["a", "b"]
    assert result.duration == 2


def test_a_workflow_sees_what_it_is_given_and_nothing_else():
    async def look(context):
        return dict(context.values), dict(context.results), context.run_values["workflow"]

    inner = WorkflowDefinition("inner", [WorkflowStep("look", execute=look)])
    result = run(step("a"), WorkflowStep("s", workflow=inner, with_={"x": "$results.a", "y": [1]}))
    assert result.results["s"] == ({"x": "a", "y": [1]}, {}, "inner")


def test_ids_inside_are_its_own():
    inner = WorkflowDefinition("inner", [step("s"), step("a")])
    result = run(step("a"), WorkflowStep("s", workflow=inner))
    assert set(result.states) == {"a", "s"}


def test_its_parameters_have_defaults_and_are_checked_before_the_run():
    parameters = {"x": Parameter(type="str", required=True), "n": Parameter(type="int", default=3)}
    inner = WorkflowDefinition(
        "inner", [step("a")], parameters=parameters, output=["$context.x", "$context.n"]
    )
    assert run(WorkflowStep("s", workflow=inner, with_={"x": "v"})).results["s"] == ["v", 3]
    with pytest.raises(hocket.WorkflowInvalid) as caught:
        run(WorkflowStep("s", workflow=inner, with_={"n": "four", "y": 1}))
    assert str(caught.value).splitlines()[1:] == [
        "steps[0].with_.n: expected a whole number; found 'four'",
        "steps[0].with_.y: there is no such parameter (parameters: x, n)",
        "steps[0].workflow: 'x': the workflow needs this parameter",
    ]


def test_what_is_known_only_in_the_run_is_checked_then():
    inner = WorkflowDefinition("i", [step("a")], parameters={"x": Parameter(type="int")})
    result = run(step("a"), WorkflowStep("s", workflow=inner, with_={"x": "$results.a"}))
    assert "x: expected a whole number; found 'a'" in str(result.errors["s"])


def test_a_failure_inside_fails_the_step_and_says_why():
    inner = WorkflowDefinition("inner", [WorkflowStep("f", tool="fail")])
    result = run(WorkflowStep("s", workflow=inner))
    assert result.explain("s") == "s failed: workflow 'inner' failed: 1 of 1 steps: broken"
    assert run(WorkflowStep("s", workflow=inner, on_error="continue")).success


def test_it_runs_on_the_pool_of_its_caller_within_its_own_share():
    inner = WorkflowDefinition("inner", [step(f"a{n}") for n in range(4)])
    narrow = WorkflowDefinition(
        "narrow",
        [step(f"a{n}") for n in range(4)],
        parallel_config=hocket.WorkerPoolConfig(max_concurrent=1),
    )
    assert run(WorkflowStep("s", workflow=inner)).duration == 1
    assert run(WorkflowStep("s", workflow=inner), limit=2).duration == 2
    assert run(WorkflowStep("s", workflow=narrow)).duration == 4


def test_time_limits_hold_from_outside_and_from_inside():
    inner = WorkflowDefinition("inner", [step("a", 10)], max_duration=5)
    result = run(WorkflowStep("s", workflow=inner))
    assert (result.states["s"], result.duration) == (StepState.FAILED, 5)
    result = run(WorkflowStep("s", workflow=inner, timeout=2))
    assert (result.states["s"], result.duration) == (StepState.TIMED_OUT, 2)


def test_its_handlers_run_also_as_its_step_is_stopped():
    ran = []

    async def note(context):
        ran.append(context.run_values["status"])

    inner = WorkflowDefinition(
        "inner", [step("a", 10)], on_cancel=[WorkflowStep("n", execute=note)]
    )
    run(WorkflowStep("s", workflow=inner, timeout=2))
    assert ran == ["cancelled"]


def test_workflows_stand_in_blocks_groups_loops_and_each_other():
    deep = WorkflowDefinition("deep", [step("a")], output="$context.n")
    inner = WorkflowDefinition(
        "inner", [WorkflowStep("d", workflow=deep, with_={"n": "$context.n"})]
    )
    each = WorkflowStep("each", workflow=inner, with_={"n": "$item"})
    result = run(WorkflowStep.for_each("l", [1, 2], each))
    assert list(result.results["l"].results.values()) == [1, 2]


def test_mistakes_inside_are_found_before_the_run():
    inner = WorkflowDefinition("inner", [WorkflowStep("a", tool="nope")])
    with pytest.raises(hocket.WorkflowInvalid, match=r"steps\[0\].workflow.steps\[0\].tool"):
        run(WorkflowStep("s", workflow=inner))


def test_observers_are_told_of_steps_inside():
    told = []
    inner = WorkflowDefinition("inner", [step("a")])
    run(WorkflowStep("s", workflow=inner), observer=told.append)
    assert [(e.step, e.inside) for e in told] == [
        ("s", None),
        ("s.a", "s"),
        ("s.a", "s"),
        ("s", None),
    ]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            lambda: WorkflowStep("s", workflow="other.yaml"),
            "step 's': workflow must be a WorkflowDefinition; got 'other.yaml'; load_workflow reads one from a file",
        ),
        (
            lambda: WorkflowStep("s", tool="t", with_={}),
            "step 's': with_ is for a step that runs a workflow",
        ),
    ],
)
def test_a_step_that_cannot_be_is_refused(made, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        made()
    assert str(caught.value) == text


# --- in files

MAIN = """
    name: main
    steps:
      - {id: one, tool: say, input: x}
      - {id: other, workflow: parts/other.yaml, with: {text: $results.one}}
    output: $results.other
"""
OTHER = """
    name: other
    parameters: {text: {type: str, required: true}}
    steps:
      - {id: one, tool: say, input: $context.text}
"""


def test_paths_are_seen_from_the_folder_of_the_file(write):
    write("main.yaml", MAIN)
    write(
        "parts/other.yaml",
        OTHER.replace("$context.text", "$results.deep")
        + "      - {id: deep, workflow: deep.yaml}\n    output: $results.one\n",
    )
    write("parts/deep.yaml", "{name: deep, steps: [{id: a, tool: say, input: deep}]}")
    assert loaded().output == "said said deep"


def test_a_file_that_is_missing_is_a_mistake_of_the_line_that_names_it(write):
    write("main.yaml", MAIN)
    write("parts/othr.yaml", OTHER)
    assert mistakes() == [
        (
            "main.yaml:5:27: steps[1].workflow: 'parts/other.yaml': cannot read the file: No such file or directory; did you "
            "mean 'parts/othr.yaml'?"
        )
    ]


def test_mistakes_of_all_files_are_reported_at_once_each_in_its_own(write):
    write("main.yaml", MAIN.replace("input: x", "inptu: x"))
    write("parts/other.yaml", OTHER.replace("tool: say", "tool: sya"))
    found = mistakes()
    assert found[0].startswith("main.yaml:4:")
    assert found[1].startswith("parts/other.yaml:5:21: steps[0].tool: there is no tool 'sya'")
    assert len(found) == 2


def test_what_is_given_is_checked_at_the_callers_line(write):
    write("main.yaml", MAIN.replace("with: {text: $results.one}", "with: {text: 5, more: 1}"))
    write("parts/other.yaml", OTHER)
    assert mistakes() == [
        "main.yaml:5:58: steps[1].with.text: expected text; found 5",
        "main.yaml:5:67: steps[1].with.more: there is no such parameter (parameters: text)",
    ]
    write("main.yaml", MAIN.replace(", with: {text: $results.one}", ""))
    assert mistakes() == [
        "main.yaml:5:27: steps[1].workflow: 'text': the workflow needs this parameter"
    ]


def test_a_workflow_may_run_itself_and_is_stopped_where_it_has_no_end(write):
    write(
        "main.yaml",
        """
        name: main
        parameters: {n: {type: int, default: 0}}
        steps:
          - {id: one, tool: say, input: {text: "$context.n", seconds: 0.1}}
          - id: again
            when: $context.n < 3
            depends_on: [one]
            sequence:
              - {id: next, tool: say, input: {text: "$context.n", seconds: 0.1}}
              - {id: self, workflow: main.yaml, with: {n: "${context.n ?? 0}"}}
        """,
    )
    result = loaded()
    assert not result.success
    assert "workflows run each other more than 50 deep: main -> main -> main -> main" in str(
        list(hocket_leaves(result.errors["self"]))[-1]
    )


def hocket_leaves(error):
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from hocket_leaves(inner)
    else:
        yield error


def test_the_values_for_a_workflow_that_runs_itself_are_checked_too(write):
    text = """
        name: main
        parameters: {n: {type: int, default: 0}}
        steps:
          - {id: self, workflow: main.yaml, with: {n: no}}
        """
    write("main.yaml", text)
    assert mistakes() == ["main.yaml:5:47: steps[0].with.n: expected a whole number; found 'no'"]


def test_the_same_file_is_read_once(write):
    write("main.yaml", MAIN + "\n")
    write("parts/other.yaml", OTHER)
    steps = "".join(
        f"  - {{id: s{n}, workflow: parts/other.yaml, with: {{text: x}}}}\n" for n in range(3)
    )
    write("main.yaml", "name: main\nsteps:\n" + steps)
    made = hocket.load_workflow("main.yaml")
    assert len({id(one.workflow.definition) for one in made.steps}) == 1


def _cleans_up(id, seconds, error=None):
    async def execute(context):
        try:
            await trio.sleep(100)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
            if error is not None:
                raise error

    return WorkflowStep(id, execute=execute)


@pytest.mark.parametrize("own", [None, 5, 6, 100])
def test_what_a_limit_around_a_workflow_stops_is_cancelled_whenever_its_own_limit_passes(own):
    seen = {}

    async def look(context):
        seen.update({id_: state.value for id_, state in context.states.items()})

    inner = WorkflowDefinition(
        "inner",
        [_cleans_up("a", 3, OSError("no")), _cleans_up("b", 4)],
        max_duration=own,
        finally_=[WorkflowStep("look", execute=look)],
    )
    workflow = WorkflowDefinition("w", [WorkflowStep("part", workflow=inner)], max_duration=5)
    result = run_virtual(lambda: hocket.WorkflowManager().execute(workflow))
    assert seen == {"a": "failed", "b": "cancelled"}
    assert result.duration == 9

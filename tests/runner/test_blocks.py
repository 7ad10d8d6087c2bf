"""Blocks: steps that are one step for everything outside of them, as a graph or in order."""

from __future__ import annotations

import pytest
import trio

import hocket
from hocket import IfBranch, ParallelGroup, StepState, WorkflowStep
from hocket.testing import run_virtual


def step(id, seconds=1.0, *, fails=False, **options):
    async def execute(context):
        await trio.sleep(seconds)
        if fails:
            raise OSError("disk full")
        return id.upper()

    return WorkflowStep(id, execute=execute, **options)


def run(*steps, **options):
    workflow = hocket.WorkflowDefinition("w", steps, **options)
    return run_virtual(hocket.WorkflowManager().execute, workflow)


def mistakes(*steps, **options):
    workflow = hocket.WorkflowDefinition("w", steps, **options)
    return [str(one) for one in workflow.analysis.mistakes]


def test_steps_without_edges_run_side_by_side_and_give_their_values_by_id():
    result = run(WorkflowStep("both", steps=[step("a"), step("b")]), step("c", depends_on=["both"]))
    assert result.results["both"] == {"a": "A", "b": "B"}
    assert result.duration == 2


def test_a_sequence_runs_in_order_whatever_kind_its_steps_are():
    inner = WorkflowStep("inner", steps=[step("b"), step("c", 1.5)])
    group = WorkflowStep.parallel("group", [step("d"), step("e", 1.5)])
    result = run(WorkflowStep("all", sequence=[step("a"), inner, group]))
    assert result.completed_steps == ["a", "b", "c", "inner", "d", "e", "group", "all"]
    assert result.duration == 4


@pytest.mark.parametrize("limit", [1, 2])
def test_a_block_takes_no_slot(limit):
    deep = step("deep")
    for n in range(5):
        deep = WorkflowStep(f"b{n}", sequence=[deep])
    config = hocket.WorkerPoolConfig(max_concurrent=limit)
    result = run(deep, step("beside"), parallel_config=config)
    assert result.success
    assert result.duration == 2 / limit


def test_blocks_are_members_of_groups_and_of_branches():
    def block(name):
        return WorkflowStep(name, sequence=[step(f"{name}1"), step(f"{name}2")])

    result = run(
        WorkflowStep("g", group=ParallelGroup("g", [block("a"), block("b")])),
        WorkflowStep("i", branch=IfBranch("true", [block("c")], [block("d")])),
    )
    assert result.results["g"].results["b"] == {"b1": "B1", "b2": "B2"}
    assert result.results["i"].results["c"] == {"c1": "C1", "c2": "C2"}
    assert result.states["d1"] is StepState.OMITTED


def test_a_sequence_goes_on_after_a_step_that_was_skipped():
    result = run(WorkflowStep("s", sequence=[step("a", when=False), step("b"), step("c")]))
    assert result.results["s"] == {"b": "B", "c": "C"}


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_sequence_stops_at_a_failure_however_long_it_is(fail_fast):
    steps = [step("a", fails=True), step("b"), step("c"), step("d")]
    result = run(WorkflowStep("s", sequence=steps), fail_fast=fail_fast)
    assert result.failed_steps == ["a", "s"]
    assert all(result.explain(one).endswith("disk full") for one in "bcd")
    assert result.duration == 1


@pytest.mark.parametrize(
    ("on_error", "ends"),
    [("continue", ["c", "s"]), ("skip_dependents", ["s"])],
)
def test_a_tolerated_failure_stops_a_sequence_only_where_dependents_are_skipped(on_error, ends):
    steps = [step("b", fails=True, on_error=on_error), step("c")]
    assert run(WorkflowStep("s", sequence=steps)).completed_steps == ends


def test_a_step_for_a_failure_does_not_hold_up_a_sequence_without_one():
    steps = [
        step("a", on_error="skip_dependents"),
        step("b", depends_on=[hocket.Edge("a", "failed")]),
        step("c"),
    ]
    result = run(WorkflowStep("s", sequence=steps))
    assert result.states["b"] is StepState.SKIPPED
    assert result.states["c"] is StepState.SUCCEEDED


def test_steps_in_a_block_see_what_is_outside_and_wait_for_it():
    inner = step("in", when="$results.out == 'OUT'")
    result = run(WorkflowStep("b", sequence=[WorkflowStep("c", steps=[inner])]), step("out"))
    assert result.results["b"] == {"c": {"in": "IN"}}
    assert result.duration == 2


def test_from_outside_only_the_block_is_seen():
    block = WorkflowStep("b", steps=[step("x"), WorkflowStep("deep", steps=[step("y")])])
    found = mistakes(
        block,
        step("c", depends_on=["x"]),
        step("d", when="has($results.x)"),
        step("e", when="$states.y == 'failed'"),
        output="$results.x",
    )
    assert found == [
        "steps[1].depends_on[0]: step 'x' is inside step 'b', which hides it: depend on 'b'",
        "steps[2].when: $results.x: step 'x' is inside step 'b', which hides it; write $results.b.x",
        "steps[3].when: $states.y: step 'y' is inside step 'b', which hides it; write $results.b",
        "output: $results.x: step 'x' is inside step 'b', which hides it; write $results.b.x",
    ]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            lambda: [WorkflowStep("s", sequence=[step("a", depends_on=["b"]), step("b")])],
            (
                "steps[0].sequence[0].depends_on[0]: these steps wait for each other: a -> b -> a ('a' "
                "depends on 'b' in steps[0].sequence[0].depends_on[0], 'b' comes after 'a' in its sequence)"
            ),
        ),
        (
            lambda: [WorkflowStep("s", steps=[step("a"), "t"]), WorkflowStep("t", steps=["s"])],
            "steps[0].steps: steps run each other in a circle: s -> t -> s",
        ),
        (
            lambda: [WorkflowStep("s", steps=["a"]), WorkflowStep("t", sequence=["a"]), step("a")],
            "steps[1].sequence[0]: step 'a' already runs in the block of step 's'; a step is in one block only",
        ),
        (
            lambda: [WorkflowStep("s", steps=["a", "a"]), step("a")],
            "steps[0].steps[1]: step 'a' is named twice by the block of step 's'",
        ),
        (
            lambda: [WorkflowStep("s", steps=[step("a", depends_on=["s"])])],
            "steps[0].steps[0].depends_on[0]: this step runs inside step 's', which cannot end before it",
        ),
        (
            lambda: [WorkflowStep("s", steps=["b"])],
            "steps[0].steps[0]: there is no step 'b'",
        ),
    ],
)
def test_a_block_that_cannot_be_is_refused(made, text):
    assert mistakes(*made()) == [text]


@pytest.mark.parametrize("key", ["steps", "sequence"])
def test_an_empty_block_is_refused(key):
    with pytest.raises(ValueError, match=f"step 's': {key} needs at least one step"):
        WorkflowStep("s", **{key: []})


def test_a_file_has_blocks_in_both_spellings():
    inner = [{"id": "a", "tool": "t"}, "b"]
    native = {"id": "s", "sequence": inner, "depends_on": []}
    camel = {"id": "s", "sequence": [{"id": "a", "toolName": "t"}, "b"], "dependsOn": []}
    for block, tool in ((native, "tool"), (camel, "toolName")):
        made = hocket.workflow_from_dict({"name": "w", "steps": [block, {"id": "b", tool: "t"}]})
        assert [one.id for one in made.plan().sides["s"][0].steps] == ["a", "b"]

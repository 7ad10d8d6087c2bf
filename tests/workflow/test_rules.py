"""Every row of the published table of rules, in the table, in the guide and in a run."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import trio

import hocket
from hocket import Edge, IfBranch, Rule, StepState, WorkflowStep
from hocket._workflow import rules
from hocket._workflow.rules import is_obstacle, is_success, rule_holds

GUIDE = Path(__file__).parents[2] / "docs/guides/workflow-files.md"

GOOD, BAD, NEITHER = "good", "obstacle", "neither"
SUCCEEDED, FAILED, FINISHED, ENDED = Rule
# How a step ended, and whether that is tolerated: plainly, and the rules that hold.
TABLE = {
    (StepState.SUCCEEDED, False): (GOOD, {SUCCEEDED, FINISHED, ENDED}),
    (StepState.FAILED, False): (BAD, {FAILED, FINISHED, ENDED}),
    (StepState.TIMED_OUT, False): (BAD, {FAILED, FINISHED, ENDED}),
    (StepState.FAILED, True): (GOOD, {SUCCEEDED, FAILED, FINISHED, ENDED}),
    (StepState.TIMED_OUT, True): (GOOD, {SUCCEEDED, FAILED, FINISHED, ENDED}),
    (StepState.SKIPPED, False): (NEITHER, {ENDED}),
    (StepState.OMITTED, False): (NEITHER, {ENDED}),
    (StepState.CANCELLED, False): (BAD, {ENDED}),
    (StepState.NOT_REACHED, False): (BAD, {ENDED}),
}


@pytest.mark.parametrize(("row", "expected"), TABLE.items(), ids=str)
def test_a_row_of_the_table_is_what_the_functions_say(row, expected):
    state, tolerated = row
    plain, holding = expected
    assert is_success(state, tolerated=tolerated) == (plain == GOOD)
    assert is_obstacle(state, tolerated=tolerated) == (plain == BAD)
    assert {rule for rule in Rule if rule_holds(rule, state, tolerated=tolerated)} == holding


def rows_of(text, columns):
    for line in text.splitlines():
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if len(cells) == columns and cells[1] in ("good", "success", "obstacle", "neither"):
            yield cells


@pytest.mark.parametrize(
    ("text", "mark"), [(rules.__doc__, "holds"), (GUIDE.read_text("utf-8"), "holds")]
)
def test_the_published_tables_say_the_same(text, mark):
    found = {}
    for what, plain, *cells in rows_of(text, 6):
        holding = {rule for rule, cell in zip(Rule, cells, strict=True) if cell == mark}
        tolerated = "continue" in what
        names = re.findall(
            r"succeeded|failed|timed out|skipped|omitted|cancelled|not reached", what
        )
        for name in ["failed", "timed out"] if tolerated else names:
            state = StepState(name.replace(" ", "_"))
            found[state, tolerated] = plain.replace("success", GOOD), holding
    assert found == TABLE


async def works(context):
    return 1


async def breaks(context):
    raise OSError("disk full")


async def waits(context):
    await trio.sleep(10)


def step(id, *before, **options):
    return WorkflowStep(id, execute=options.pop("execute", works), depends_on=before, **options)


# What makes a step `x` end so, in a workflow that goes on.
ENDS = {
    (StepState.SUCCEEDED, False): [step("x", on_error="skip_dependents")],
    (StepState.FAILED, False): [step("x", execute=breaks, on_error="skip_dependents")],
    (StepState.TIMED_OUT, False): [
        step("x", execute=waits, timeout=0.1, on_error="skip_dependents")
    ],
    (StepState.FAILED, True): [step("x", execute=breaks, on_error="continue")],
    (StepState.TIMED_OUT, True): [step("x", execute=waits, timeout=0.1, continue_on_error=True)],
    (StepState.SKIPPED, False): [step("x", when=False, on_error="skip_dependents")],
    (StepState.OMITTED, False): [WorkflowStep("b", branch=IfBranch("false", [step("x")]))],
    (StepState.CANCELLED, False): [
        WorkflowStep(
            "b",
            branch=IfBranch("true", [step("x", execute=waits), step("y", execute=breaks)]),
            on_error="continue",
        )
    ],
    (StepState.NOT_REACHED, False): [
        WorkflowStep(
            "b",
            branch=IfBranch("true", [step("y", execute=breaks), step("x", Edge("y", "ended"))]),
            on_error="continue",
        )
    ],
}


async def run(*steps, **options):
    workflow = hocket.WorkflowDefinition("w", steps, **options)
    return await hocket.WorkflowManager().execute(workflow)


@pytest.mark.parametrize(("row", "steps"), ENDS.items(), ids=str)
async def test_a_row_of_the_table_is_what_runs(row, steps, autojump_clock):
    plain, holding = TABLE[row]
    ruled = [step(rule.value, Edge("x", rule)) for rule in Rule]
    alone = step("alone", "x")
    beside = [step("good"), step("beside", "x", "good")]
    result = await run(*steps, *ruled, alone, *beside)
    assert result.states["x"] is row[0]
    ran = set(result.completed_steps)
    assert {rule for rule in Rule if rule.value in ran} == holding
    assert ("alone" in ran) == (plain == GOOD)
    assert ("beside" in ran) == (plain != BAD)
    assert set(result.skipped_steps) >= {rule.value for rule in set(Rule) - holding}
    for id_, state in result.states.items():
        assert result.explain(id_).startswith(f"{id_} ")
        assert (state is StepState.SKIPPED) == ("was skipped" in result.explain(id_).split(":")[0])


@pytest.mark.parametrize("pair", list(itertools.product(TABLE, repeat=2)), ids=str)
def test_plain_dependencies_are_judged_together(pair):
    kinds = {TABLE[row][0] for row in pair}
    bad = any(is_obstacle(state, tolerated=may) for state, may in pair)
    good = any(is_success(state, tolerated=may) for state, may in pair)
    assert (not bad and good) == (BAD not in kinds and GOOD in kinds)


async def test_edges_with_a_rule_must_each_hold():
    a, b = step("a"), step("b", execute=breaks, on_error="continue")
    result = await run(a, b, step("c", "a", Edge("a", "succeeded"), Edge(b, "failed")))
    assert "c" in result.completed_steps
    result = await run(a, b, step("c", Edge("b", "failed"), Edge("a", "failed")), fail_fast=False)
    assert result.explain("c") == "c was skipped: it needs a to fail, which succeeded"


def test_a_wrong_rule_is_refused_at_the_door():
    with pytest.raises(ValueError, match="did you mean 'failed'"):
        Edge("a", "faild")


def test_to_wait_for_a_failure_that_stops_the_workflow_is_a_mistake():
    workflow = hocket.WorkflowDefinition("w", [step("a"), step("b", Edge("a", "failed"))])
    with pytest.raises(hocket.WorkflowInvalid, match="the failure of step 'a' stops the workflow"):
        workflow.validate()
    hocket.WorkflowDefinition("w", workflow.steps, fail_fast=False).validate()

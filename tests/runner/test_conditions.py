"""Steps that do not always run: conditions, branches, rules, implied order, and why."""

from __future__ import annotations

import pytest
import trio

import hocket
from hocket import (
    Edge,
    IfBranch,
    ParallelGroup,
    StepState,
    SwitchBranch,
    SwitchCase,
    WorkflowContext,
    WorkflowStep,
)
from tests.runner.steps import fails, run, soon, step, waits


def states(result):
    return {id_: state.value for id_, state in result.states.items()}


# --- conditions


async def test_a_condition_is_an_expression_a_function_or_a_value():
    result = await run(
        step("a"),
        step("text", "a", when="$results.a == 1"),
        step("function", "a", when=lambda context: context.results["a"] > 1),
        step("value", "a", when=False),
    )
    assert result.completed_steps == ["a", "text"]
    assert result.explain("function") == "function was skipped: its condition said no"
    assert result.explain("value") == "value was skipped: its condition said no: false"


async def test_a_condition_is_not_asked_where_the_dependencies_do_not_hold():
    asked = []
    result = await run(
        step("a", execute=fails, on_error="skip_dependents"), step("b", "a", when=asked.append)
    )
    assert (states(result)["b"], asked) == ("skipped", [])


async def test_a_condition_that_cannot_be_worked_out_fails_its_step():
    result = await run(step("a", when="1 < 'a'"), step("b", Edge("a", "ended")), fail_fast=False)
    assert states(result) == {"b": "succeeded", "a": "failed"}
    assert isinstance(result.errors["a"], hocket.ExpressionError)
    broken = step("m", when=lambda context: context.results["nothing"])
    result = await run(WorkflowStep.parallel("g", [broken, step("n")], "all_settled"))
    assert states(result) == {"m": "failed", "n": "succeeded", "g": "succeeded"}


async def test_observers_see_that_a_step_is_skipped_and_never_that_it_starts():
    seen = []
    branch = WorkflowStep("b", branch=IfBranch("true", [step("x")], [step("y")]))
    result = await run(
        step("a"),
        step("s", "a", when=False),
        step("t", "s"),
        branch,
        observer=lambda event: seen.append((event.step, event.kind.value)),
    )
    ends = [(id_, kind) for id_, kind in seen if id_ in "sty"]
    assert sorted(ends) == [("s", "skipped"), ("t", "skipped"), ("y", "omitted")]
    assert ("a", "started") in seen
    assert set(result.states) == {"a", "s", "t", "b", "x", "y"}


async def test_a_skipped_step_is_nowhere_among_the_results():
    seen = []

    async def look(context):
        seen.append(dict(context.results))

    context = WorkflowContext()
    result = await run(
        step("a", when=False), step("b", Edge("a", "ended"), execute=look), context=context
    )
    assert seen == [{}]
    assert (list(result.results), list(context.results)) == (["b"], ["b"])
    assert result.skipped_steps == ["a"]


async def test_a_skipped_member_leaves_its_group_and_the_strategy_follows(autojump_clock):
    members = [step("m", when=False), step("n", execute=soon), step("o", execute=waits)]
    result = await run(WorkflowStep.parallel("g", members, hocket.quorum(1)))
    group = result.results["g"]
    assert (group.steps, group.skipped_steps) == (["m", "n", "o"], ["m", "o"])
    assert group.cancelled_steps == ["o"]
    assert result.explain("o") == "o was cancelled: group 'g' was decided: n succeeded"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("all", None),
        ("all_settled", None),
        ("any", "any needs 1 of its 2 steps to succeed, and 0 were left to run: m, n skipped"),
        ("race", "race needs 1 of its 2 steps to succeed, and 0 were left to run: m, n skipped"),
        (hocket.quorum(2), "quorum(2) needs 2 of its 2 steps to succeed, and 0 were left"),
    ],
)
async def test_a_group_of_which_nobody_is_left_succeeds_or_says_why_not(strategy, expected):
    members = [step("m", when=False), step("n", when=False)]
    result = await run(WorkflowStep.parallel("g", members, strategy))
    if expected is None:
        assert result.success
        assert result.results["g"].skipped_steps == ["m", "n"]
    else:
        assert expected in str(result.errors["g"])


async def test_a_quorum_that_too_few_are_left_for_fails_and_starts_nobody():
    members = [step("m", when=False), step("n")]
    result = await run(WorkflowStep.parallel("g", members, hocket.quorum(2)))
    assert states(result) == {"g": "failed", "m": "skipped", "n": "not_reached"}
    assert "and 1 was left to run: m skipped" in result.explain("n")


# --- branches


async def test_the_join_behind_a_branch_runs_when_the_taken_side_succeeded():
    for value, taken in ((True, "yes"), (False, "no")):
        branch = WorkflowStep("b", branch=IfBranch(str(value).lower(), [step("yes")], [step("no")]))
        result = await run(branch, step("join", "yes", "no"), step("only", "no"))
        assert "join" in result.completed_steps
        assert ("only" in result.completed_steps) == (taken == "no")
        assert result.results["b"].results == {taken: 1}


async def test_the_join_behind_a_branch_does_not_run_when_the_taken_side_failed():
    branch = WorkflowStep(
        "b",
        branch=IfBranch("true", [step("yes", execute=fails)], [step("no")]),
        on_error="continue",
    )
    result = await run(branch, step("join", "yes", "no"))
    assert result.explain("join") == "join was skipped: it needs yes, which failed: disk full"


async def test_a_switch_takes_the_first_case_that_is_strictly_equal():
    cases = [
        SwitchCase("1", ["text"]),
        SwitchCase("$context.n", ["number"]),
        SwitchCase(1, ["late"]),
    ]
    switch = SwitchBranch("1", cases, ["other"])
    listed = [step(id_) for id_ in ("text", "number", "late", "other")]
    result = await run(WorkflowStep("b", branch=switch), *listed, context={"n": 1})
    assert result.results["b"] == hocket.BranchResult("cases[1]", {"number": 1})
    assert result.explain("late") == "late was omitted: b took cases[1]"


async def test_a_branch_without_a_side_to_take_succeeds_with_none():
    branch = SwitchBranch("5", [SwitchCase(1, [step("a")])])
    result = await run(WorkflowStep("b", branch=branch), step("c", "b"), step("d", "a"))
    assert result.results["b"].taken is None
    assert states(result) == {"b": "succeeded", "c": "succeeded", "a": "omitted", "d": "skipped"}


async def test_exclusive_sides_may_name_the_same_step_with_an_order_of_their_own():
    shared = step("shared", "first")
    branch = IfBranch("$context.on", [step("first"), "shared"], [step("second"), "shared"])
    steps = [WorkflowStep("b", branch=branch), shared]
    result = await run(*steps, context={"on": True})
    assert result.results["b"].results == {"first": 1, "shared": 1}
    result = await run(*steps, context={"on": False})
    assert states(result) == {
        "second": "succeeded",
        "b": "succeeded",
        "first": "omitted",
        "shared": "skipped",
    }


async def test_sides_are_graphs_with_groups_and_branches_inside():
    inner = WorkflowStep("inner", branch=IfBranch("$results.g.winner == 'm'", [step("deep", "g")]))
    group = WorkflowStep.parallel("g", [step("m"), step("n", execute=waits)], "race")
    result = await run(WorkflowStep("b", branch=IfBranch("true", [inner, group])))
    assert states(result)["n"] == "not_reached"
    assert result.results["b"].results["inner"] == hocket.BranchResult("then_steps", {"deep": 1})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: IfBranch("1 = 1", ["a"]), "column 3: write == to compare"),
        (lambda: IfBranch(5, ["a"]), "condition must be an expression as text"),
        (lambda: IfBranch(waits, ["a"]), "condition must be an ordinary function"),
        (lambda: IfBranch("true", "a"), "then_steps must be a list of step ids, or of steps"),
        (lambda: SwitchBranch("1", [1]), "cases must hold SwitchCase objects; cases[0] is 1"),
        (lambda: WorkflowStep("x", branch="if"), "branch must be an IfBranch or a SwitchBranch"),
        (lambda: step("x", when=5), "step 'x': when must be an expression as text"),
        (lambda: step("x", on_error="ignore"), "on_error must be 'fail', 'continue' or 'skip_depe"),
        (lambda: step("x", on_error="fail", continue_on_error=True), "contradict each other"),
        (lambda: ParallelGroup("g", ["a"], "any", fail_fast=False), "is for groups that need all"),
        (
            lambda: ParallelGroup("g", ["a"], continue_on_error=True, fail_fast=False),
            "leave one of them out",
        ),
    ],
)
def test_a_wrong_argument_is_refused_at_the_door(make, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert text in str(caught.value)


# --- order


async def test_a_reference_puts_steps_in_order_whatever_way_the_first_one_ends():
    @hocket.tool
    async def tell(text):
        return text

    tools = hocket.ToolRegistry()
    tools.register(tell)
    steps = [
        WorkflowStep("late", tool="tell", input="$results.early ?? 'nothing'"),
        WorkflowStep("later", tool="tell", input="got ${results.late ?? 0}, ${results.early ?? 0}"),
        WorkflowStep("broken", tool="tell", input="$results.early", on_error="continue"),
        WorkflowStep("early", tool="tell", input="x", when=False),
    ]
    workflow = hocket.WorkflowDefinition("w", steps)
    assert workflow.plan().implied["later"] == ["late", "early"]
    result = await hocket.WorkflowManager(tools).execute(workflow)
    assert result.results == {"late": "nothing", "later": "got nothing, 0"}
    assert str(result.errors["broken"]) == (
        "$results.early: step 'early' has no result: early was skipped: its condition said no: false"
    )


async def test_a_reference_into_a_group_waits_for_the_step_that_runs_it():
    group = WorkflowStep.parallel("g", [step("m"), step("n")])
    result = await run(step("a", when="$results.m == 1"), group)
    assert result.completed_steps == ["m", "n", "g", "a"]


# --- failures


async def test_a_workflow_that_is_patient_runs_everything_and_then_fails(autojump_clock):
    group = WorkflowStep.parallel("g", [step("m", execute=fails), step("n")], fail_fast=False)
    result = await run(step("a", execute=fails), step("b", "a"), step("c"), group, fail_fast=False)
    assert not result.success
    assert set(result.completed_steps) == {"c", "n"}
    assert result.explain("b") == "b was skipped: it needs a, which failed: disk full"


async def test_a_patient_group_on_a_pool_runs_everything_and_then_fails():
    async def work(name):
        if name == "bad":
            raise OSError
        return name

    group = ParallelGroup("g", ["bad", "good", "best"], fail_fast=False)
    result = await hocket.ParallelExecutionManager(max_concurrent=1).execute_group(group, work)
    assert (result.success, result.completed_steps) == (False, ["good", "best"])
    whole = ParallelGroup("g", ["good"], fail_fast=False)
    assert (await hocket.ParallelExecutionManager().execute_group(whole, work)).success


# --- why


async def test_the_chain_of_causes_is_told_to_its_end():
    result = await run(
        step("e", execute=waits),
        step("a", execute=fails),
        step("b", "a"),
        step("c", "b"),
        step("d", "c"),
    )
    assert result.explain("d") == (
        "d was skipped: no step that it depends on succeeded: c was skipped: no step that it "
        "depends on succeeded: b was skipped: it needs a, which failed: disk full"
    )
    assert result.explain("e") == "e was cancelled: the run stopped: a failed: disk full"
    with pytest.raises(KeyError, match="there is no step 'f'"):
        result.explain("f")


async def test_time_limits_and_cancellation_are_causes_too(autojump_clock):
    late = step("late", execute=waits, timeout=1, on_error="skip_dependents")
    result = await run(late, step("after", "late"))
    assert result.explain("after") == (
        "after was skipped: it needs late, which timed out: step 'late' was still running after "
        "its time limit of 1 s"
    )
    result = await run(step("a", execute=waits), step("b", Edge("a", "ended")), max_duration=1)
    assert result.states["a"] is StepState.TIMED_OUT
    assert result.explain("b") == "b was not reached: the run ran out of time"
    context = WorkflowContext()
    with trio.move_on_after(1):
        await run(step("a", execute=waits), step("b", "a"), context=context)
    assert context.states == {"a": StepState.CANCELLED, "b": StepState.SKIPPED}


async def test_what_an_earlier_run_gave_says_nothing_of_how_a_step_ends():
    context = WorkflowContext(results={"a": 5}, errors={"b": OSError("old")})
    result = await run(
        step("a", execute=fails, on_error="skip_dependents"),
        step("b"),
        step("c", "a"),
        step("d", "b"),
        context=context,
    )
    assert states(result) == {"b": "succeeded", "d": "succeeded", "a": "failed", "c": "skipped"}


def test_a_long_chain_of_skipped_steps_is_judged_without_recursion():
    n = 20_000
    steps = [step("s0", execute=fails)] + [step(f"s{i}", f"s{i - 1}") for i in range(1, n)]
    result = trio.run(lambda: run(*steps))
    assert len(result.skipped_steps) == n - 1
    assert result.explain(f"s{n - 1}").endswith(": ...")


# --- parameters


async def test_parameters_are_checked_and_filled_in_before_anything_runs():
    parameters = {
        "city": hocket.Parameter(type="str", enum=["Ghent", "Lima"], required=True),
        "n": hocket.Parameter(type="int", default=3),
        "tags": hocket.Parameter(type="list[str]"),
    }

    async def look(context):
        return dict(context.values)

    result = await run(step("a", execute=look), parameters=parameters, context={"city": "Lima"})
    assert result.output == {"city": "Lima", "n": 3, "tags": None}
    wrong = {"city": "lima", "n": True, "tags": ["a", 1], "town": 1}
    with pytest.raises(hocket.WorkflowInvalid) as caught:
        await run(step("a", execute=look), parameters=parameters, context=wrong)
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "city: expected one of 'Ghent', 'Lima'; found 'lima'; did you mean 'Lima'?",
        "n: expected a whole number; found True",
        "tags: expected a list of str; found ['a', 1]",
        "town: there is no such parameter (parameters: city, n, tags)",
    ]
    with pytest.raises(hocket.WorkflowInvalid, match="city: the run needs this parameter"):
        await run(step("a", execute=look), parameters=parameters)

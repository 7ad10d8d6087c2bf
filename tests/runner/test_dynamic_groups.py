"""Groups inside groups, and groups whose members a function makes: where every step is listed."""

from __future__ import annotations

import pytest
import trio

from hocket import (
    Edge,
    HocketError,
    ParallelGroup,
    ToolRegistry,
    WorkflowDefinition,
    WorkflowInvalid,
    WorkflowManager,
    WorkflowStep,
)

parallel = WorkflowStep.parallel


def step(name, seconds=1.0, *, error=None, **options):
    async def execute(context):
        if seconds:
            await trio.sleep(seconds)
        if error is not None:
            raise error
        return name

    return WorkflowStep(name, execute=execute, **options)


async def run(*steps, **settings):
    return await WorkflowManager().execute(WorkflowDefinition("test", steps, **settings))


async def test_members_that_a_function_makes_settle_among_all_others(autojump_clock):
    result = await run(
        parallel("made", lambda context: [step("m1", 1), step("m3", 3), step("m5", 5)]),
        parallel("listed", [step("l2", 2), step("l4", 4)]),
        step("alone", 2.5),
    )
    assert list(result.completed_steps) == [
        "m1", "l2", "alone", "m3", "l4", "listed", "m5", "made",
    ]  # fmt: skip


async def test_so_do_those_of_groups_inside_the_ones_that_it_makes(autojump_clock):
    def members(context):
        return [
            step("m1", 1),
            parallel("inner", [step("i2", 2), step("i5", 5)]),
            parallel("inner made", lambda context: [step("j1", 1.5), step("j4", 4)]),
        ]

    result = await run(parallel("made", members), parallel("listed", [step("l3", 3)]))
    assert list(result.completed_steps) == [
        "m1", "j1", "i2", "l3", "listed", "j4", "inner made", "i5", "inner", "made",
    ]  # fmt: skip
    assert result.results["j4"] == "j4"
    assert result.results["made"].completed_steps == ["m1", "inner made", "inner"]


async def test_failures_among_them_are_in_the_order_of_settling_too(autojump_clock):
    def members(context):
        return [step(f"m{n}", n, error=ValueError(n)) for n in (1, 3)]

    settled = {"wait_strategy": "all_settled"}
    listed = [step("l2", 2, error=ValueError(2))]
    result = await run(parallel("made", members, **settled), parallel("listed", listed, **settled))
    assert list(result.failed_steps) == ["m1", "l2", "m3"]


async def test_steps_that_the_limit_of_their_group_stops_fail_as_it_ends(autojump_clock):
    def members(context):
        return [step("m1", 1), step("m9", 9)]

    made = WorkflowStep(
        "made", group=ParallelGroup("made", members, timeout=2), continue_on_error=True
    )
    result = await run(made, step("alone", 3))
    assert list(result.completed_steps) == ["m1", "alone"]
    assert list(result.failed_steps) == ["m9", "made"]


@pytest.mark.parametrize("bad_first", [True, False])
async def test_members_of_a_group_that_is_stopped_as_it_starts_are_skipped(
    autojump_clock, bad_first
):
    bad = step("bad", 0, error=ValueError("no"))
    group = parallel("g", [step("a"), parallel("inner", [step("b")])])
    result = await run(*([bad, group] if bad_first else [group, bad]))
    assert list(result.failed_steps) == ["bad"]
    assert sorted(result.skipped_steps) == ["a", "b", "g", "inner"]


async def test_so_are_those_inside_a_group_that_a_function_made(autojump_clock):
    def members(context):
        return [parallel("inner", [step("a"), step("b")]), step("bad", 0, error=ValueError("no"))]

    result = await run(parallel("made", members))
    assert list(result.failed_steps) == ["bad", "made"]
    assert sorted(result.skipped_steps) == ["a", "b", "inner"]


# --- what a function makes is checked as what is written is


async def greet(name):
    return f"hello {name}"


TOOLS = ToolRegistry()
TOOLS.register(greet)


def tool(id, input=None, *, name="greet", **options):
    return WorkflowStep(id, tool=name, input=input, **options)


def among_others(members, **settings):
    """A workflow in which a function makes members while others have, or have not, run."""
    made = parallel("made", lambda context: members, depends_on=["before"], **settings)
    listed = parallel("listed", [step("l1", 1)], depends_on=["before"])
    outer = parallel("outer", [step("beside"), parallel("within", lambda context: [])])
    late = step("late", depends_on=["made"])
    return WorkflowDefinition(
        "test", [step("before", 0), made, listed, outer, late, step("slow", 9)]
    )


MISTAKES = {
    "an id of the workflow": (
        [step("late")],
        "steps[0].id: the id 'late' is taken: steps[4] of the workflow has it",
    ),
    "an id of a written member": (
        [step("l1")],
        "the id 'l1' is taken: steps[2].group.steps[0] of the workflow has it",
    ),
    "its own group's id": ([step("made")], "the id 'made' is taken: steps[1] of the workflow"),
    "one id twice": ([step("a"), step("a")], "steps[1].id: the id 'a' is taken:"),
    "one id twice, once inside": (
        [step("a"), parallel("inner", [step("a")])],
        "steps[1].group.steps[0].id: step 'inner': the id 'a' is taken:",
    ),
    "no step": ([step("a", depends_on=["befor"])], "step 'a': there is no step 'befor'; did you"),
    "one beside it": (
        [step("y"), step("z", depends_on=["y"])],
        (
            "steps[1].depends_on[0]: step 'z': steps 'z' and 'y' both run in the group of step 'made', "
            "side by side; move one of them out of the group"
        ),
    ),
    "one inside another": (
        [step("y"), parallel("inner", [step("z", depends_on=["y"])])],
        "steps[1].group.steps[0].depends_on[0]: step 'z': steps 'z' and 'y' both run in",
    ),
    "itself": ([step("z", depends_on=["z"])], "step 'z' depends on itself"),
    "its group": ([step("z", depends_on=["made"])], "this step runs inside step 'made', which"),
    "one that comes later": (
        [step("z", depends_on=["late"])],
        (
            "step 'z': step 'late' may not have run before this step: write depends_on=['late'] for "
            "step 'made', whose group runs it"
        ),
    ),
    "one that still runs": (
        [step("z", depends_on=["slow"])],
        "step 'slow' may not have run before",
    ),
    "a member that still runs": ([step("z", depends_on=["l1"])], "step 'l1' may not have run"),
    "an unknown tool": (
        [tool("a", "x", name="great")],
        "steps[0].tool: step 'a': there is no tool ",
    ),
    "an input that does not fit": (
        [parallel("inner", [tool("a", {"name": "x", "nme": "y"})])],
        "steps[0].group.steps[0].input.nme: step 'a': tool 'greet' has no parameter 'nme'; did you",
    ),
    "an input that is missing": (
        [tool("a")],
        "steps[0].input: step 'a': tool 'greet' needs 'name'",
    ),
    "a reference to nothing": ([tool("a", "$results.nix")], "$results.nix: there is no step 'nix'"),
    "a reference to what comes later": (
        [tool("a", "$results.late")],
        "step 'late' may not have run",
    ),
    "a reference beside it": ([step("y"), tool("z", "$results.y")], "side by side"),
    "a reference to itself": ([tool("z", "$results.z")], "step 'z' cannot use its own result"),
    "a misspelt reference": ([tool("z", "$result.before")], "did you mean '$results.before'?"),
    "no step at all": ([5], "steps[0]: a member is a step id or a WorkflowStep; found 5"),
    "an id instead of a step": (
        ["before"],
        "steps[0]: 'before' runs elsewhere; a function of steps",
    ),
    "an unknown id": (["a"], "steps[0]: there is no step 'a'; a function of steps returns"),
    "an inner group of others' steps": (
        [parallel("inner", ["l1"])],
        "steps[0].group.steps[0]: step 'inner': 'l1' runs elsewhere",
    ),
    "an inner group of members": (
        [step("a"), parallel("inner", ["a"])],
        "step 'a' already runs in the group of step 'made'; a step is in one group only",
    ),
    "an inner quorum": (
        [parallel("inner", [step("a")], "quorum(2)")],
        "steps[0].group.wait_strategy: step 'inner': a quorum of 2 needs as many steps; the group",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_mistake_in_what_a_function_makes_fails_its_group_before_any_of_it_runs(
    name, autojump_clock
):
    members, text = MISTAKES[name]
    result = await WorkflowManager(TOOLS).execute(among_others(members))
    assert list(result.failed_steps) == ["made"]
    error = result.errors["made"]
    assert isinstance(error, WorkflowInvalid)
    assert isinstance(error, HocketError)
    assert str(error).startswith("group 'made', made by its function, has 1 mistake:\n")
    assert text in str(error)
    assert result.duration == 0


async def test_all_mistakes_are_told_at_once(autojump_clock):
    members = [step("late"), tool("a", name="great"), step("z", depends_on=["nothing"]), 5]
    result = await WorkflowManager(TOOLS).execute(among_others(members, wait_strategy="quorum(9)"))
    assert len(result.errors["made"].mistakes) == 5


async def test_members_may_depend_on_and_refer_to_what_has_ended(autojump_clock):
    members = [
        step("a", depends_on=["before"]),
        tool("b", "$results.before", depends_on=["before"]),
        parallel("inner", [tool("c", {"name": "${results.before}!"})]),
    ]
    result = await WorkflowManager(TOOLS).execute(among_others(members))
    assert result.success
    assert (result.results["b"], result.results["c"]) == ("hello before", "hello before!")


async def test_a_function_inside_what_a_function_made_knows_the_steps_around_it(autojump_clock):
    errors = {}

    def inner(context):
        return [
            step("made"),
            step("x"),
            step("a", depends_on=["m"]),
            step("b", depends_on=["made"]),
        ]

    def members(context):
        return [step("m"), parallel("inner", inner, continue_on_error=False)]

    result = await run(parallel("first", lambda context: [step("x", 0)]), parallel("made", members))
    errors = str(result.errors["inner"]).splitlines()
    assert errors[1:] == [
        "steps[0].id: the id 'made' is taken: steps[1] of the workflow has it",
        "steps[1].id: the id 'x' is taken: the group of step 'first' has made a step of that id",
        (
            "steps[2].depends_on[0]: step 'a': step 'm' runs in the group of step 'made' too, side by "
            "side with this step"
        ),
        (
            "steps[3].depends_on[0]: step 'b': this step runs inside step 'made', which cannot end "
            "before it"
        ),
    ]


async def test_members_may_depend_on_what_another_function_made_when_that_has_ended(
    autojump_clock,
):
    result = await run(
        parallel("first", lambda context: [step("x")]),
        parallel("made", lambda context: [step("y", depends_on=["x"])], depends_on=["first"]),
    )
    assert list(result.completed_steps) == ["x", "first", "y", "made"]


async def test_what_a_function_makes_may_use_the_tools_that_come_with_hocket(autojump_clock):
    made = tool("a", {"query": "select 1 as one", "database": ":memory:"}, name="database_query")
    result = await run(parallel("made", lambda context: [made]))
    assert result.output.results == {"a": [{"one": 1}]}


async def test_a_made_step_that_depends_on_a_member_of_another_group_is_judged_by_that(
    autojump_clock,
):
    first = parallel("first", [step("good"), step("bad", 2, error=OSError("no"))])
    made = [step("after", depends_on=["good"]), step("beside", depends_on=["alone"])]
    second = WorkflowStep(
        "second",
        group=ParallelGroup("second", lambda context: made, "all_settled"),
        depends_on=["alone", Edge("first", "ended")],
    )
    result = await run(first, step("alone"), second, fail_fast=False)
    assert result.explain("after").startswith("after was skipped: it needs first, which failed")
    assert result.states["beside"].value == "succeeded"

"""A workflow made in Python: its model, its plan, and its mistakes."""

from __future__ import annotations

import functools
import graphlib

import pytest
from hypothesis import given, strategies as st

from hocket._base.errors import WorkflowInvalid
from hocket._model.config import WorkerPoolConfig
from hocket._model.group import ParallelGroup
from hocket._model.strategy import quorum
from hocket._runner.manager import WorkflowManager
from hocket._workflow.analysis import analyse
from hocket._workflow.context import WorkflowContext
from hocket._workflow.definition import WorkflowDefinition
from hocket._workflow.step import WorkflowStep
from hocket.tools._registry import ToolRegistry


async def work(context):
    return context.values


def a_wrapper(inject):
    """A decorator of the usual kind, which gives the function one argument more."""

    @functools.wraps(inject)
    def wrapper(*args, **options):
        return inject(*args, "injected", **options)

    return wrapper


def step(id, *depends_on, **options):
    return WorkflowStep(id, tool="t", depends_on=depends_on, **options)


def group(id, *steps, depends_on=()):
    return WorkflowStep(id, group=ParallelGroup(f"{id}-group", steps), depends_on=depends_on)


def workflow(*steps, **options):
    return WorkflowDefinition("test", steps, **options)


def mistakes(definition, tools=None):
    with pytest.raises(WorkflowInvalid) as caught:
        definition.validate() if tools is None else WorkflowManager(tools).validate(definition)
    headline, *lines = str(caught.value).splitlines()
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    assert headline == f"workflow 'test' has {count}:"
    return lines


# --- the door


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        pytest.param(
            lambda: WorkflowStep("", tool="t"),
            TypeError,
            "id must be a text that is not empty; got ''",
            id="empty id",
        ),
        pytest.param(
            lambda: WorkflowStep("a"),
            ValueError,
            "step 'a' needs exactly one of tool, execute, group, branch, steps, sequence, workflow, loop; got none",
            id="nothing to do",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool="t", execute=work),
            ValueError,
            "step 'a' needs exactly one of tool, execute, group, branch, steps, sequence, workflow, loop; got tool and execute",
            id="two things to do",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool=work),
            TypeError,
            f"step 'a': tool must be the name of a tool; got {work!r}; "
            f"pass an async function of the context as execute",
            id="function as tool",
        ),
        pytest.param(
            lambda: WorkflowStep("a", execute="work"),
            TypeError,
            "step 'a': execute must be an async function; got 'work'",
            id="name as execute",
        ),
        pytest.param(
            lambda: WorkflowStep("a", group=["b"]),
            TypeError,
            "step 'a': group must be a ParallelGroup; got ['b']",
            id="list as group",
        ),
        pytest.param(
            lambda: WorkflowStep("a", execute=work, input={"x": 1}),
            ValueError,
            "step 'a': input is for tools; execute gets the context instead",
            id="input without tool",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool="t", depends_on="fetch"),
            TypeError,
            "step 'a': depends_on must be a list of step ids; got 'fetch': write ['fetch'] for one",
            id="text as depends_on",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool="t", depends_on=[5]),
            TypeError,
            "step 'a': depends_on must hold step ids; found 5",
            id="number in depends_on",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool="t", timeout=0),
            ValueError,
            "step 'a': timeout must be more than 0 seconds; got 0; leave it out, or pass None, "
            "for no limit",
            id="no time",
        ),
        pytest.param(
            lambda: WorkflowStep("a", tool="t", continue_on_error="yes"),
            TypeError,
            "step 'a': continue_on_error must be True or False; got 'yes'",
            id="text as flag",
        ),
        pytest.param(
            lambda: WorkflowDefinition("", [step("a")]),
            TypeError,
            "name must be a text that is not empty; got ''",
            id="no name",
        ),
        pytest.param(
            lambda: WorkflowDefinition("x", [step("a"), "b"]),
            TypeError,
            "steps must hold WorkflowStep objects; steps[1] is 'b'",
            id="text as step",
        ),
        pytest.param(
            lambda: WorkflowDefinition("x", [step("a")], max_duration="2m"),
            TypeError,
            "max_duration must be a number of seconds, a timedelta, or None for no limit; got '2m'; write 120",
            id="text as duration",
        ),
        pytest.param(
            lambda: WorkflowDefinition("x", [step("a")], parallel_config={"max_concurrent": 2}),
            TypeError,
            "parallel_config must be a WorkerPoolConfig; got {'max_concurrent': 2}",
            id="dict as config",
        ),
        pytest.param(
            lambda: WorkerPoolConfig(max_concurrent=0),
            ValueError,
            "max_concurrent must be at least 1; got 0; to start nothing for a while, call pool.pause()",
            id="limit of 0",
        ),
        pytest.param(
            lambda: WorkerPoolConfig(max_concurrent=2.5),
            TypeError,
            "max_concurrent must be a whole number of at least 1, or math.inf for no limit; got 2.5",
            id="half a slot",
        ),
        pytest.param(
            lambda: WorkerPoolConfig(queue_size=-1),
            ValueError,
            "queue_size must be at least 0; got -1",
            id="queue of -1",
        ),
        pytest.param(
            lambda: WorkerPoolConfig(when_full="block"),
            ValueError,
            "when_full must be 'raise' or 'wait'; got 'block'",
            id="unknown policy",
        ),
    ],
)
def test_a_wrong_argument_is_refused_at_the_door(make, kind, text):
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == text


def yields(context):
    yield context


async def yields_async(context):
    yield context


async def no_argument():
    return None


async def two(context, more):
    return more


async def by_name(context, *, more):
    return more


class Yields:
    async def __call__(self, context):
        yield context


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"execute": yields}, "'yields' yields (generator)"),
        ({"execute": yields_async}, "'yields_async' yields (async generator)"),
        ({"execute": functools.partial(yields_async)}, "yields (async generator)"),
        ({"execute": Yields()}, "must be an async function"),
        ({"execute": no_argument}, "no_argument() cannot be called with (context): too many"),
        ({"execute": lambda: work(None)}, "cannot be called with (context): too many"),
        (
            {"execute": two},
            "two(context, more) cannot be called with (context): missing a required",
        ),
        ({"execute": by_name}, "argument: 'more' (bind what else it takes with"),
        ({"execute": functools.partial(work, 1)}, "cannot be called with (context): too many"),
        ({"execute": functools.partial(two, context=1)}, "cannot be called with (context)"),
        ({"tool": "t", "input": lambda: 1}, "step 'a': input: "),
        ({"tool": "t", "input": two}, "input must be an ordinary function of the context, which"),
    ],
    ids=str,
)
def test_a_function_that_certainly_cannot_be_a_steps_is_refused_at_the_door(options, text):
    with pytest.raises(TypeError) as caught:
        WorkflowStep("a", **options)
    assert str(caught.value).startswith("step 'a': ")
    assert text in str(caught.value)


@functools.singledispatch
async def dispatched(context):
    return context


class Method:
    async def work(self, context):
        return context

    async def __call__(self, context, more=1):
        return context


@pytest.mark.parametrize(
    "execute",
    [
        work,
        lambda context: two(context, 1),
        lambda *args: two(*args, 1),
        a_wrapper(two),
        dispatched,
        functools.partial(two, more=1),
        functools.partial(by_name, more=1),
        functools.lru_cache(two),
        Method().work,
        Method(),
        print,
    ],
    ids=str,
)
def test_whatever_may_give_an_awaitable_is_taken(execute):
    assert WorkflowStep("a", execute=execute).execute is execute


def test_a_step_may_depend_on_step_objects():
    first = step("first")
    assert step("second", first, "other").depends_on == ("first", "other")


def test_an_input_may_be_a_function_of_the_context():
    made = step("a", input=lambda context: {"x": context.values["x"] + 1})
    assert made.resolve_input(WorkflowContext(values={"x": 1})) == {"x": 2}
    workflow(made).validate()


# --- the plan


def test_the_plan_has_the_steps_that_run_by_themselves_and_who_waits_for_whom():
    definition = workflow(step("a"), step("b", "a"), step("c", "a", "b", "a"))
    plan = definition.plan()
    assert [s.id for s in plan.steps] == ["a", "b", "c"]
    assert plan.dependencies == [[], [0], [0, 1]]
    assert plan.members == {}


def test_a_member_of_a_group_runs_only_through_it():
    definition = workflow(step("m"), group("g", "m", step("n")), step("z", "g"))
    plan = definition.plan()
    assert [s.id for s in definition.top_level_steps()] == ["g", "z"]
    assert list(plan.members) == ["m", "n"]
    assert plan.owners == {"m": "g", "n": "g"}
    assert plan.dependencies == [[], [0]]
    assert definition.step("n").id == "n"


def test_a_member_may_be_listed_among_the_steps_as_the_same_object():
    member = step("m")
    assert [s.id for s in workflow(group("g", member), member).top_level_steps()] == ["g"]


def test_a_group_may_be_a_member_of_a_group():
    inner = group("inner", "m", group("innermost", "n"))
    definition = workflow(group("outer", inner), step("m"), step("n"), step("z", "n"))
    plan = definition.plan()
    assert [s.id for s in plan.steps] == ["outer", "z"]
    assert plan.owners == {"inner": "outer", "m": "inner", "innermost": "inner", "n": "innermost"}
    assert plan.dependencies == [[], [0]]


def test_to_depend_on_a_member_is_to_depend_on_the_step_that_runs_it():
    definition = workflow(group("g", "m"), step("m"), step("z", "m", input="$results.m"))
    assert definition.plan().dependencies == [[], [0]]


def test_the_dependencies_of_members_are_those_of_their_group():
    definition = workflow(step("a"), group("g", "m"), step("m", "a", input="$results.a"))
    assert definition.plan().dependencies == [[], [0]]


def test_a_group_whose_steps_come_from_a_function_has_no_members_before_the_run():
    dynamic = WorkflowStep("g", group=ParallelGroup("g", lambda context: []))
    assert [s.id for s in workflow(dynamic, step("m")).top_level_steps()] == ["g", "m"]


def test_a_reference_needs_an_ancestor_near_or_far():
    definition = workflow(
        step("a"), step("b", "a"), step("c", "b"), step("d", "c", input=["$results.a", "$errors.b"])
    )
    definition.validate()


def test_the_names_of_all_tools_are_known_before_the_run():
    definition = workflow(group("g", WorkflowStep("m", tool="u")), step("a"))
    assert definition.tool_names() == {"t", "u"}


async def nothing(context):
    pass


@st.composite
def graphs_of_functions(draw):
    """Steps in any order, with dependencies on earlier, later, missing and repeated ones."""
    steps, known = [], [] if draw(st.booleans()) else ["x"]
    for id_ in draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6)):
        before = draw(st.lists(st.sampled_from([*known, *known, id_]), max_size=3))
        steps.append(WorkflowStep(id_, execute=nothing, depends_on=before))
        known.append(draw(st.sampled_from([id_, id_, id_, "f"])))
    return steps


@given(graphs_of_functions())
def test_a_graph_of_functions_is_planned_as_it_is_written_or_refused(steps):
    found = analyse(steps)
    at = {step.id: index for index, step in enumerate(steps)}
    graph = {step.id: step.depends_on for step in steps}
    sound = len(at) == len(steps) and at.keys() >= {
        id_ for before in graph.values() for id_ in before
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError:
        sound = False
    assert sound == (not found.mistakes)
    if sound:
        waits_for = [[at[id_] for id_ in dict.fromkeys(step.depends_on)] for step in steps]
        assert (found.plan.steps, found.plan.dependencies) == (steps, waits_for)


def test_a_chain_of_100_000_steps_is_planned_without_recursion():
    steps = [step("s0")] + [
        step(f"s{i}", f"s{i - 1}", input="$results.s0") for i in range(1, 100_000)
    ]
    plan = workflow(*steps).plan()
    assert plan.dependencies[99_999] == [99_998, 0]


def test_a_circle_of_100_000_steps_is_named_whole():
    steps = [step(f"s{i}", f"s{(i + 1) % 100_000}") for i in range(100_000)]
    (line,) = mistakes(workflow(*steps))
    assert line.count(" -> ") == 100_000


# --- mistakes


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([], ["steps: a workflow needs at least one step"], id="no steps"),
        pytest.param(
            [step("a"), step("a")],
            ["steps[1].id: the id 'a' is taken: steps[0] has it too"],
            id="doubled id",
        ),
        pytest.param(
            [step("m"), group("g", step("m"))],
            ["steps[1].group.steps[0].id: the id 'm' is taken: steps[0] has it too"],
            id="doubled id in a group",
        ),
        pytest.param(
            [step("fetch"), step("b", "fetch_")],
            ["steps[1].depends_on[0]: there is no step 'fetch_'; did you mean 'fetch'?"],
            id="unknown dependency",
        ),
        pytest.param(
            [group("g", "m"), step("m"), step("z", "g-group")],
            [("steps[2].depends_on[0]: 'g-group' is a group, not a step; the step that runs it is "
             "'g'")],
            id="dependency on a group's own id",
        ),
        pytest.param(
            [group("g", 5)],
            ["steps[0].group.steps[0]: a member is a step id or a WorkflowStep; found 5"],
            id="member of another kind",
        ),
        pytest.param(
            [group("g", "g")],
            ["steps[0].group.steps[0]: the group of step 'g' cannot run that step itself"],
            id="group in itself",
        ),
        pytest.param(
            [group("g", "h"), group("h", "g")],
            ["steps[0].group: groups run each other in a circle: g -> h -> g"],
            id="groups in each other",
        ),
        pytest.param(
            [group("g", "m"), group("h", "m"), step("m")],
            [("steps[1].group.steps[0]: step 'm' already runs in the group of step 'g'; a step is "
             "in one group only")],
            id="member of two groups",
        ),
        pytest.param(
            [group("g", "m", "n"), step("m", "n"), step("n")],
            [("steps[1].depends_on[0]: steps 'm' and 'n' both run in the group of step 'g', side "
             "by side; move one of them out of the group")],
            id="member that waits for its sibling",
        ),
        pytest.param(
            [group("g", "m"), step("m", "g")],
            ["steps[1].depends_on[0]: this step runs inside step 'g', which cannot end before it"],
            id="member that waits for its group",
        ),
        pytest.param(
            [group("g", "m"), step("m", "m")],
            ["steps[1].depends_on[0]: step 'm' depends on itself"],
            id="member that waits for itself",
        ),
        pytest.param(
            [step("a", "c"), step("b", "a"), step("c", "b"), step("x", "y"), step("y", "x")],
            [
                "steps[0].depends_on: these steps wait for each other: a -> c -> b -> a",
                "steps[3].depends_on: these steps wait for each other: x -> y -> x",
            ],
            id="two cycles",
        ),
        pytest.param(
            [step("a", "m"), group("g", "m", "n"), step("m"), step("n", "a")],
            [("steps[0].depends_on: these steps wait for each other: a -> g -> a "
             "('a' depends on 'm', 'n' depends on 'a')")],
            id="cycle through members",
        ),
        pytest.param(
            [step("a", "b"), step("b", input=["$results.a"]), step("c", input="$results.b")],
            [("steps[1].input[0]: these steps wait for each other: a -> b -> a ('a' depends on 'b' in "
              "steps[0].depends_on[0], 'b' refers to $results.a in steps[1].input[0])")],
            id="cycle through a reference",
        ),
        pytest.param(
            [group("g", step("m", input="$results.g"))],
            [("steps[0].group.steps[0].input: $results.g: this step runs inside step 'g', which "
             "cannot end before it")],
            id="reference to the group around",
        ),
        pytest.param(
            [WorkflowStep("g", group=ParallelGroup("g", ["m"], wait_strategy=quorum(2))), step("m")],
            ["steps[0].group.wait_strategy: a quorum of 2 needs as many steps; the group has 1"],
            id="quorum too large",
        ),
    ],
)  # fmt: skip
def test_mistakes_between_steps_are_found_all_at_once(steps, expected):
    assert mistakes(workflow(*steps)) == expected


def test_a_step_that_two_others_miss_is_missed_twice():
    assert len(mistakes(workflow(step("a", "q"), step("b", "q")))) == 2


def test_the_output_refers_to_steps_that_exist():
    definition = workflow(step("a"), output={"x": "$results.b"})
    assert mistakes(definition) == ["output.x: $results.b: there is no step 'b'"]


def test_a_definition_with_mistakes_has_no_plan():
    with pytest.raises(WorkflowInvalid):
        workflow().plan()


def test_tools_are_checked_when_there_is_a_registry():
    registry = ToolRegistry()

    @registry.register
    async def fetch(url, retries=3):
        return url

    definition = workflow(
        WorkflowStep("a", tool="fetch", input={"url": "x"}),
        WorkflowStep("b", tool="fetsh"),
        group("g", WorkflowStep("c", tool="fetch", input={"retrys": 1})),
        WorkflowStep("d", tool="fetch", input="$context.all"),
    )
    definition.validate()
    assert mistakes(definition, registry) == [
        "steps[1].tool: there is no tool 'fetsh'; did you mean 'fetch'? (tools: fetch)",
        (
            "steps[2].group.steps[0].input.retrys: tool 'fetch' has no parameter 'retrys'; did you "
            "mean 'retries'? (parameters: retries, url)"
        ),
        "steps[2].group.steps[0].input: tool 'fetch' needs 'url'",
    ]

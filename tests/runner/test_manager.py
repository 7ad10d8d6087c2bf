"""Running workflows, in virtual time: what runs when, what stops what, and what comes out."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
import trio

import hocket
from hocket import (
    GroupFailed,
    ParallelGroup,
    StepTimeout,
    ToolInputError,
    ToolRegistry,
    UnresolvedReference,
    WorkerPoolConfig,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowInvalid,
    WorkflowManager,
    WorkflowStep,
    workflow_from_dict,
)
from hocket._report.as_json import write_json, write_output
from hocket._report.output import Stream
from hocket._report.record import RunRecord
from hocket._report.table import write_report


class Trace:
    """Steps that write down when they start, end and are cancelled."""

    def __init__(self):
        self.events = []
        self.running = 0
        self.most = 0

    def step(self, id, seconds=1, *, value=None, error=None, **options):
        async def execute(context):
            self._note("start", id, +1)
            try:
                await trio.sleep(seconds)
            except trio.Cancelled:
                self._note("cancel", id, -1)
                raise
            self._note("end", id, -1)
            if error is not None:
                raise error
            return id if value is None else value

        return WorkflowStep(id, execute=execute, **options)

    def _note(self, what, id, change):
        self.running += change
        self.most = max(self.most, self.running)
        self.events.append((trio.current_time(), what, id))

    def times(self, what):
        return {step: time for time, event, step in self.events if event == what}

    def started(self):
        return [step for _, what, step in self.events if what == "start"]


@pytest.fixture
def trace():
    return Trace()


def group(id, *steps, depends_on=(), continue_on_error=False, **settings):
    made = ParallelGroup(f"{id}-group", steps, **settings)
    return WorkflowStep(id, group=made, depends_on=depends_on, continue_on_error=continue_on_error)


async def run(*steps, context=None, tools=None, observer=None, **settings):
    limit = settings.pop("max_concurrent", None)
    if limit is not None:
        settings["parallel_config"] = WorkerPoolConfig(max_concurrent=limit)
    definition = WorkflowDefinition("test", steps, **settings)
    return await WorkflowManager(tools).execute(definition, context, observer=observer)


def three_lists(result):
    return sorted(result.completed_steps), sorted(result.failed_steps), sorted(result.skipped_steps)


# --- order and limits


async def test_steps_without_dependencies_run_side_by_side(trace, autojump_clock):
    result = await run(trace.step("a", 1), trace.step("b", 2), trace.step("c", 3))
    assert result.success
    assert result.duration == 3
    assert trace.times("start") == {"a": 0, "b": 0, "c": 0}
    assert list(result.completed_steps) == ["a", "b", "c"]


async def test_a_step_starts_when_all_that_it_depends_on_have_ended(trace, autojump_clock):
    result = await run(
        trace.step("late", depends_on=["a", "b"]),
        trace.step("a", 1),
        trace.step("b", 2),
        trace.step("early", depends_on=["a"]),
    )
    assert trace.times("start") == {"a": 0, "b": 0, "early": 1, "late": 2}
    assert result.duration == 3


async def test_no_more_steps_run_than_the_limit_and_a_freed_slot_is_used_at_once(
    trace, autojump_clock
):
    result = await run(*(trace.step(f"s{n}", n % 3 + 1) for n in range(9)), max_concurrent=3)
    assert trace.most == 3
    assert result.duration == 7
    assert sorted(trace.started()) == [f"s{n}" for n in range(9)]


async def test_the_steps_of_groups_count_towards_the_one_limit(trace, autojump_clock):
    result = await run(
        group("g", *(trace.step(f"g{n}") for n in range(4))),
        group("h", *(trace.step(f"h{n}") for n in range(4))),
        trace.step("alone"),
        max_concurrent=3,
    )
    assert trace.most == 3
    assert result.duration == 3


async def test_a_group_may_have_a_smaller_limit_of_its_own(trace, autojump_clock):
    result = await run(group("g", *(trace.step(f"g{n}") for n in range(4)), max_concurrent=2))
    assert trace.most == 2
    assert result.duration == 2


async def test_a_group_takes_no_slot_however_deep(trace, autojump_clock):
    inner = group("inner", trace.step("a"), trace.step("b"))
    outer = group("outer", inner, trace.step("c"))
    result = await run(outer, max_concurrent=1)
    assert result.success
    assert trace.most == 1
    assert result.duration == 3


async def test_members_run_only_through_their_group_and_once(trace, autojump_clock):
    result = await run(
        trace.step("a"),
        group("g", "a", "b", depends_on=["first"]),
        trace.step("b"),
        trace.step("first", 5),
    )
    assert sorted(trace.started()) == ["a", "b", "first"]
    assert trace.times("start") == {"first": 0, "a": 5, "b": 5}
    assert three_lists(result) == (["a", "b", "first", "g"], [], [])


async def test_to_depend_on_a_member_is_to_wait_for_its_group(trace, autojump_clock):
    await run(
        group("g", trace.step("a", 1), trace.step("b", 3)),
        trace.step("after", depends_on=["a"]),
    )
    assert trace.times("start")["after"] == 3


async def test_lists_are_in_the_order_of_settling_across_groups(trace, autojump_clock):
    result = await run(
        group("g", trace.step("g3", 3), trace.step("g1", 1)),
        group("h", trace.step("h2", 2), trace.step("h4", 4)),
    )
    assert list(result.completed_steps) == ["g1", "h2", "g3", "g", "h4", "h"]


async def test_a_workflow_can_be_run_often_and_at_the_same_time(trace, autojump_clock):
    definition = WorkflowDefinition("test", [trace.step("a"), trace.step("b")])
    manager = WorkflowManager()
    results = []

    async def once():
        results.append(await manager.execute(definition))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(once)
    assert [result.duration for result in results] == [1] * 5
    assert len(trace.started()) == 10


# --- groups


@pytest.mark.parametrize(
    ("strategy", "success", "duration", "lists"),
    [
        ("all", False, 2, (["a"], ["b"], ["c"])),
        ("any", True, 1, (["a"], [], ["b", "c"])),
        ("race", True, 1, (["a"], [], ["b", "c"])),
        ("all_settled", True, 3, (["a", "c"], ["b"], [])),
        (hocket.quorum(2), True, 3, (["a", "c"], ["b"], [])),
    ],
)
async def test_a_group_decides_by_its_strategy(
    trace, autojump_clock, strategy, success, duration, lists
):
    members = [trace.step("a", 1), trace.step("b", 2, error=ValueError("b")), trace.step("c", 3)]
    result = await run(group("g", *members, wait_strategy=strategy))
    assert result.success is success
    assert result.duration == duration
    completed, failed, skipped = lists
    verdict = completed if success else failed
    verdict.append("g")
    assert three_lists(result) == (completed, failed, skipped)


async def test_a_race_that_is_lost_by_failing_first_fails(trace, autojump_clock):
    members = [trace.step("bad", 1, error=ValueError("no")), trace.step("good", 2)]
    result = await run(group("g", *members, wait_strategy="race"))
    assert not result.success
    assert result.duration == 1
    assert isinstance(result.errors["g"], GroupFailed)


async def test_any_fails_when_all_have_failed_and_says_why(trace, autojump_clock):
    members = [trace.step(f"m{n}", n, error=ValueError(f"no {n}")) for n in (1, 2, 3)]
    result = await run(
        group("g", *members, wait_strategy="any"), trace.step("after", depends_on=["g"])
    )
    assert not result.success
    assert result.duration == 3
    assert three_lists(result) == ([], ["g", "m1", "m2", "m3"], ["after"])
    failure = result.errors["g"]
    assert isinstance(failure, GroupFailed)
    assert [str(error) for error in failure.exceptions] == ["no 1", "no 2", "no 3"]
    assert failure.exceptions[0].__notes__ == ["in step 'm1' of group 'g-group'"]


async def test_the_value_of_a_group_is_its_result_and_members_have_their_own(trace, autojump_clock):
    result = await run(
        group("g", trace.step("a", 1, value=7), trace.step("b", 2), wait_strategy="any"),
        output={"winner": "$results.g.winner", "value": "$results.g.value", "member": "$results.a"},
    )
    assert result.output == {"winner": "a", "value": 7, "member": 7}
    assert result.results["g"].results == {"a": 7}
    assert result.results["g"].group_id == "g-group"


async def test_groups_may_be_nested(trace, autojump_clock):
    fast = group("fast", trace.step("a", 1), trace.step("b", 2))
    slow = group("slow", trace.step("c", 5), trace.step("d", 6))
    result = await run(group("outer", fast, slow, wait_strategy="any"))
    assert result.success
    assert result.duration == 2
    assert three_lists(result) == (["a", "b", "fast", "outer"], [], ["c", "d", "slow"])
    assert trace.times("cancel") == {"c": 2, "d": 2}
    assert result.results["outer"].winner == "fast"


async def test_the_members_of_a_group_may_come_from_a_function_of_the_context(
    trace, autojump_clock
):
    def members(context):
        return [trace.step(f"item {n}", n) for n in context.results["list"]]

    result = await run(
        trace.step("list", value=[1, 2, 3]),
        WorkflowStep("each", group=ParallelGroup("each", members), depends_on=["list"]),
        output="$results.each.completed_steps",
    )
    assert result.output == ["item 1", "item 2", "item 3"]
    assert result.duration == 4
    assert result.results["item 2"] == "item 2"


async def test_that_function_may_be_async_and_may_fail(trace, autojump_clock):
    async def members(context):
        await trio.sleep(1)
        raise LookupError("no list today")

    result = await run(WorkflowStep("each", group=ParallelGroup("each", members)))
    assert not result.success
    assert str(result.errors["each"]) == "no list today"


@pytest.mark.parametrize("returned", [None, "ab", 3])
async def test_a_function_of_steps_that_returns_no_list_is_told_so(returned, autojump_clock):
    result = await run(WorkflowStep("each", group=ParallelGroup("each", lambda context: returned)))
    assert str(result.errors["each"]).startswith(
        "group 'each': what the function of its steps returns must be a list of steps; got "
        f"{returned!r}"
    )


async def test_what_that_function_returns_must_be_steps(autojump_clock):
    result = await run(WorkflowStep("each", group=ParallelGroup("each", lambda context: ["a"])))
    assert str(result.errors["each"]) == (
        "group 'each', made by its function, has 1 mistake:\nsteps[0]: there is no step 'a'; a "
        "function of steps returns WorkflowStep objects, which are new"
    )


async def test_a_quorum_that_the_function_made_impossible_fails_the_group(trace, autojump_clock):
    made = ParallelGroup("g", lambda context: [trace.step("a")], wait_strategy=hocket.quorum(2))
    result = await run(WorkflowStep("g", group=made))
    assert list(result.failed_steps) == ["g"]
    assert trace.started() == []


# --- failure


async def test_the_first_failure_cancels_what_runs_and_skips_what_has_not_started(
    trace, autojump_clock
):
    result = await run(
        trace.step("bad", 1, error=ValueError("no")),
        trace.step("running", 5),
        trace.step("after bad", depends_on=["bad"]),
        group("g", trace.step("a"), depends_on=["running"]),
    )
    assert not result.success
    assert result.duration == 1
    assert result.output is None
    assert three_lists(result) == ([], ["bad"], ["a", "after bad", "g", "running"])
    assert list(result.cancelled_steps) == ["running"]
    assert trace.times("cancel") == {"running": 1}
    with pytest.raises(GroupFailed, match="workflow 'test' failed: 1 of 5 steps") as caught:
        result.raise_for_failure()
    assert isinstance(caught.value.exceptions[0], ValueError)


async def test_a_failure_elsewhere_cancels_a_running_group_and_all_its_steps(trace, autojump_clock):
    result = await run(
        trace.step("bad", 1, error=ValueError("no")),
        group("g", trace.step("done", 0.5), trace.step("a", 5), group("h", trace.step("b", 5))),
    )
    assert result.duration == 1
    assert three_lists(result) == (["done"], ["bad"], ["a", "b", "g", "h"])
    assert sorted(result.cancelled_steps) == ["a", "b", "g", "h"]
    assert result.results == {"done": "done"}


async def test_a_step_may_fail_without_harm(trace, autojump_clock):
    result = await run(
        trace.step("bad", 1, error=ValueError("no"), continue_on_error=True),
        trace.step("running", 5),
        trace.step("after", 1, depends_on=["bad"]),
    )
    assert result.success
    assert result.duration == 5
    assert three_lists(result) == (["after", "running"], ["bad"], [])
    assert trace.times("start")["after"] == 1
    result.raise_for_failure()


async def test_a_member_may_fail_without_harm(trace, autojump_clock):
    members = [
        trace.step("bad", 1, error=ValueError("no"), continue_on_error=True),
        trace.step("good", 2),
    ]
    result = await run(group("g", *members))
    assert result.success
    assert three_lists(result) == (["g", "good"], ["bad"], [])


async def test_a_group_with_continue_on_error_runs_on_and_succeeds(trace, autojump_clock):
    made = ParallelGroup(
        "g",
        [trace.step("bad", 1, error=ValueError("no")), trace.step("good", 2)],
        continue_on_error=True,
    )
    result = await run(WorkflowStep("g", group=made), trace.step("after", depends_on=["g"]))
    assert result.success
    assert result.duration == 3
    assert three_lists(result) == (["after", "g", "good"], ["bad"], [])


async def test_a_group_whose_step_continues_on_error_may_fail_as_a_whole(trace, autojump_clock):
    result = await run(
        group(
            "g",
            trace.step("bad", 1, error=ValueError("no")),
            trace.step("other", 2),
            continue_on_error=True,
        ),
        trace.step("after", depends_on=["g"]),
    )
    assert result.success
    assert three_lists(result) == (["after"], ["bad", "g"], ["other"])


async def test_the_error_of_a_step_can_be_used_by_those_after_it(trace, autojump_clock):
    result = await run(
        trace.step("bad", error=ValueError("no"), continue_on_error=True),
        trace.step("good"),
        output="$errors.bad.type: $errors.bad.message; $errors.good",
    )
    assert result.output == "ValueError: no; null"


# --- time limits


async def test_max_duration_ends_the_run_and_keeps_what_there_is(trace, autojump_clock):
    result = await run(
        trace.step("quick", 1, value="kept"),
        group("g", trace.step("a", 1), trace.step("b", 9)),
        trace.step("slow", 9),
        trace.step("after", depends_on=["slow"]),
        max_duration=2,
    )
    assert not result.success
    assert result.timed_out
    assert result.duration == 2
    assert result.results == {"quick": "kept", "a": "a"}
    assert {"quick", "a"} == set(result.completed_steps)
    assert "after" in result.skipped_steps
    error = result.errors["slow"]
    assert isinstance(error, StepTimeout)
    assert (error.limit, error.limited) == (2, "workflow")
    everything = [*result.completed_steps, *result.failed_steps, *result.skipped_steps]
    assert sorted(everything) == ["a", "after", "b", "g", "quick", "slow"]


async def test_a_limit_is_the_steps_own_or_its_groups_or_the_pools(trace, autojump_clock):
    settings = {"continue_on_error": True}
    members = [trace.step("own", 9, timeout=1), trace.step("of the group", 9)]
    made = ParallelGroup("g", members, continue_on_error=True, step_timeout=2)
    result = await run(
        WorkflowStep("g", group=made),
        trace.step("of the pool", 9, **settings),
        parallel_config=WorkerPoolConfig(timeout=3),
    )
    assert {step: error.limit for step, error in result.errors.items()} == {
        "own": 1,
        "of the group": 2,
        "of the pool": 3,
    }
    assert result.duration == 3


async def test_the_pools_limit_is_for_steps_and_not_for_groups(trace, autojump_clock):
    result = await run(
        group("g", *(trace.step(f"g{n}", 2) for n in range(3))),
        parallel_config=WorkerPoolConfig(max_concurrent=1, timeout=3),
    )
    assert result.success
    assert result.duration == 6


async def test_the_time_limit_of_a_group_fails_what_runs_and_skips_the_rest(trace, autojump_clock):
    members = [trace.step("a", 1), trace.step("b", 9), trace.step("c", 9)]
    result = await run(group("g", *members, timeout=3, max_concurrent=1))
    assert result.duration == 3
    assert three_lists(result) == (["a"], ["b", "g"], ["c"])
    assert result.errors["b"].limited == "group"


# --- tools and inputs


def registry(*tools):
    made = ToolRegistry()
    for one in tools:
        made.register(one)
    return made


async def double(number):
    await trio.sleep(1)
    return 2 * number


async def describe(text, context):
    return f"{text} after {sorted(context.results)}"


async def fail(why):
    raise OSError(why)


TOOLS = registry(double, describe, fail)


async def test_inputs_refer_to_results_and_keep_their_type(autojump_clock):
    result = await run(
        WorkflowStep("a", tool="double", input={"number": "$context.start"}),
        WorkflowStep("b", tool="double", input={"number": "$results.a"}, depends_on=["a"]),
        WorkflowStep("c", tool="describe", input="$results.b is it", depends_on=["b"]),
        tools=TOOLS,
        context={"start": 5},
    )
    assert result.results == {"a": 10, "b": 20, "c": "20 is it after ['a', 'b']"}
    assert result.output == "20 is it after ['a', 'b']"


async def test_an_input_may_be_a_function_of_the_context(autojump_clock):
    result = await run(
        WorkflowStep("a", tool="double", input={"number": 1}),
        WorkflowStep(
            "b",
            tool="double",
            input=lambda context: {"number": context.results["a"] + 1},
            depends_on=["a"],
        ),
        tools=TOOLS,
    )
    assert result.output == 6


async def test_a_tools_exception_is_the_steps_error(autojump_clock):
    result = await run(WorkflowStep("a", tool="fail", input={"why": "no net"}), tools=TOOLS)
    assert not result.success
    assert isinstance(result.errors["a"], OSError)
    assert str(result.errors["a"]) == "no net"


async def test_an_input_that_fits_only_at_first_sight_is_the_steps_error(autojump_clock):
    result = await run(
        WorkflowStep("a", tool="double", input=lambda context: {"nmber": 1}), tools=TOOLS
    )
    assert isinstance(result.errors["a"], ToolInputError)
    assert "tool 'double' has no parameter 'nmber'; did you mean 'number'?" in str(
        result.errors["a"]
    )


async def test_a_reference_that_leads_to_nothing_is_the_steps_error(trace, autojump_clock):
    result = await run(
        trace.step("a", value={"x": 1}),
        WorkflowStep("b", tool="describe", input="$results.a.y", depends_on=["a"]),
        tools=TOOLS,
    )
    assert isinstance(result.errors["b"], UnresolvedReference)


async def test_an_output_that_leads_to_nothing_is_raised(trace, autojump_clock):
    with pytest.raises(UnresolvedReference, match="has no 'y'"):
        await run(trace.step("a", value={"x": 1}), output="$results.a.y")


async def test_mistakes_are_found_before_anything_runs(trace, autojump_clock):
    with pytest.raises(WorkflowInvalid, match="there is no tool 'dubble'; did you mean 'double'"):
        await run(trace.step("a"), WorkflowStep("b", tool="dubble", input=1), tools=TOOLS)
    assert trace.started() == []


async def test_a_class_of_tools_has_one_instance_a_run_closed_also_after_a_failure(
    autojump_clock,
):
    log = []

    class Connection:
        async def __aenter__(self):
            log.append("open")
            return self

        async def __aexit__(self, *error):
            log.append("close")

        async def __call__(self, text):
            log.append(text)
            raise OSError(text)

    steps = [WorkflowStep("a", tool="Connection", input={"text": "used"})]
    result = await run(*steps, tools=registry(Connection))
    assert not result.success
    assert log == ["open", "used", "close"]


# --- context, output, observer


async def test_the_clock_of_the_context_is_what_now_says(autojump_clock):
    context = WorkflowContext(now=lambda: datetime(2030, 1, 31, 12, tzinfo=UTC))
    step = WorkflowStep("a", tool="describe", input="$now")
    result = await run(step, tools=TOOLS, context=context, output="made at $now: $results.a")
    assert result.output == ("made at 2030-01-31T12:00:00.000Z: 2030-01-31T12:00:00.000Z after []")


async def test_steps_see_the_values_of_the_run(autojump_clock):
    async def read(context):
        return context.values["region"]

    result = await run(WorkflowStep("a", execute=read), context={"region": "eu"})
    assert result.output == "eu"


async def test_the_output_is_by_default_the_value_of_the_last_step_that_runs_by_itself(
    trace, autojump_clock
):
    result = await run(
        trace.step("a", 3, value="the last one"),
        group("g", "b"),
        trace.step("c", 1),
        trace.step("b"),
    )
    assert result.output == "c"


@pytest.mark.parametrize("context", [5, ["a"], "region=eu"])
async def test_a_context_that_is_none_is_refused(trace, autojump_clock, context):
    with pytest.raises(TypeError, match="context must be a WorkflowContext or a mapping of values"):
        await run(trace.step("a"), context=context)


async def test_only_a_definition_is_run():
    with pytest.raises(TypeError, match="execute takes a WorkflowDefinition; got"):
        await WorkflowManager().execute([])


async def test_an_observer_sees_every_start_and_end(trace, autojump_clock):
    seen = []
    await run(
        group("g", trace.step("a", 1), trace.step("b", 2), wait_strategy="any"),
        trace.step("bad", 4, error=ValueError("no"), depends_on=["g"]),
        observer=lambda event: seen.append((event.kind.value, event.step, event.seconds)),
        max_concurrent=5,
    )
    assert seen[0] == ("started", "g", 0)
    assert sorted(seen[1:3]) == [("started", "a", 0), ("started", "b", 0)]
    assert sorted(seen[3:5]) == [("cancelled", "b", 1), ("succeeded", "a", 1)]
    assert seen[5:] == [("succeeded", "g", 1), ("started", "bad", 0), ("failed", "bad", 4)]


async def test_an_observer_that_fails_is_removed_and_the_run_goes_on(trace, autojump_clock, caplog):
    def observer(event):
        raise RuntimeError("blind")

    result = await run(trace.step("a"), observer=observer)
    assert result.success
    assert "failed and was removed" in caplog.text


async def test_a_cancelled_caller_leaves_nothing_running(trace, autojump_clock):
    context = WorkflowContext()
    with trio.move_on_after(2) as scope:
        await run(
            group("g", trace.step("a", 1), trace.step("b", 9)), trace.step("c", 9), context=context
        )
    assert scope.cancelled_caught
    assert trace.running == 0
    assert trace.times("cancel") == {"b": 2, "c": 2}
    assert context.results == {"a": "a"}  # partial results are kept


async def test_the_statistics_are_those_of_the_run(trace, autojump_clock):
    result = await run(trace.step("a", 1), trace.step("b", 2), trace.step("c", 1), max_concurrent=2)
    stats = result.stats
    assert (stats.tasks_completed, stats.tasks_failed, stats.active_workers) == (3, 0, 0)
    assert stats.total_wait_time == 1
    assert stats.run_time.max == 2


# --- a file in the other spelling

CAMEL = {
    "name": "Harvest",
    "maxDuration": 60_000,
    "parallelConfig": {"maxConcurrent": 2, "timeout": 5_000},
    "steps": [
        {"id": "plan", "toolName": "work", "input": {"ms": 100, "result": {"fields": 3}}},
        {
            "id": "reap",
            "dependsOn": ["plan"],
            "parallelGroup": {
                "id": "reaping",
                "waitStrategy": "all",
                "maxConcurrent": 2,
                "timeout": 10_000,
                "steps": ["north", "south", "east"],
            },
        },
        {"id": "north", "toolName": "work", "input": {"ms": 1_000, "result": 10}},
        {"id": "south", "toolName": "work", "input": {"ms": 2_000, "result": 20}},
        {"id": "east", "toolName": "work", "input": {"ms": 1_000, "result": 30}},
        {
            "id": "clean",
            "dependsOn": ["reap"],
            "parallelGroup": {
                "id": "cleaning",
                "waitStrategy": "allSettled",
                "continueOnError": True,
                "steps": ["sift", "wash"],
            },
        },
        {"id": "sift", "toolName": "work", "input": {"ms": 1_000, "error": "sieve broke"}},
        {"id": "wash", "toolName": "work", "input": {"ms": 1_000, "result": "$results.south"}},
        {
            "id": "sell",
            "dependsOn": ["clean"],
            "parallelGroup": {
                "id": "selling",
                "waitStrategy": "any",
                "steps": ["town", "village"],
            },
        },
        {"id": "town", "toolName": "work", "input": {"ms": 500, "error": "road closed"}},
        {"id": "village", "toolName": "work", "input": {"ms": 1_000, "result": "sold"}},
        {
            "id": "carry",
            "dependsOn": ["sell"],
            "parallelGroup": {"id": "carrying", "waitStrategy": "race", "steps": ["cart", "boat"]},
        },
        {"id": "cart", "toolName": "work", "input": {"ms": 800, "result": "by cart"}},
        {"id": "boat", "toolName": "work", "input": {"ms": 900, "result": "by boat"}},
        {
            "id": "tell",
            "dependsOn": ["carry"],
            "toolName": "work",
            "input": {
                "ms": 100,
                "result": {
                    "text": "$results.village, $results.carry.value",
                    "cleaned": "$results.clean.completedSteps.length",
                    "fields": "$results.plan.fields",
                },
            },
        },
    ],
}


async def test_a_camel_case_workflow_with_all_four_strategies_runs_in_its_milliseconds(
    autojump_clock,
):
    async def work(ms, result=None, error=None):
        await trio.sleep(ms / 1000)
        if error is not None:
            raise RuntimeError(error)
        return result

    tools = registry(work)
    definition = workflow_from_dict(CAMEL, tools=tools)
    result = await WorkflowManager(tools).execute(definition)
    assert result.success
    assert result.output == {"text": "sold, by cart", "cleaned": 1, "fields": 3}
    # 0.1 plan, 2 reap (two at once), 1 clean, 1 sell, 0.8 carry, 0.1 tell
    assert result.duration == pytest.approx(5.0, abs=1e-6)
    assert sorted(result.failed_steps) == ["sift", "town"]
    assert list(result.skipped_steps) == ["boat"]
    assert result.results["reap"].results == {"north": 10, "south": 20, "east": 30}


async def test_a_workflow_that_was_loaded_with_the_same_tools_is_not_checked_again(
    monkeypatch, autojump_clock
):
    async def work(ms, result=None, error=None):
        await trio.sleep(ms / 1000)

    tools = registry(work)
    steps = [{"id": "a", "tool": "work", "input": {"ms": 5}}]
    definition = workflow_from_dict({"name": "once", "steps": steps}, tools=tools)

    def again(*_):
        raise AssertionError("it was checked as it was loaded")

    monkeypatch.setattr(ToolRegistry, "check_input", again)
    assert (await WorkflowManager(tools).execute(definition)).success
    with pytest.raises(AssertionError):
        await WorkflowManager(registry(work)).execute(definition)


async def test_a_workflow_and_its_reports_take_values_and_errors_whose_methods_raise():
    def refuse(*_):
        raise LookupError("odd")

    odd = {"__str__": refuse, "__repr__": refuse, "__eq__": refuse, "__hash__": None}
    value = type("Value", (), {**odd, "__class__": property(refuse)})()
    error = type("Odd", (Exception,), {**odd, "__setattr__": refuse})()

    async def returns(context):
        return value

    async def raises(context):
        raise error

    steps = [
        WorkflowStep("a", execute=returns),
        WorkflowStep.parallel("g", [WorkflowStep("b", execute=raises)], "all_settled"),
    ]
    workflow = WorkflowDefinition("w", steps, output={"value": "$results.a"})
    record = RunRecord(workflow)
    result = await WorkflowManager().execute(workflow, observer=record.observe)
    assert result.output["value"] is value
    assert result.errors["b"] is error
    assert "output=<dict; its repr failed: LookupError>" in repr(result)
    record.result = result
    record.close(result._context)
    for write in (write_json, write_report, write_output):
        file = io.StringIO()
        write(record, Stream(file))
        assert ("(its text failed: LookupError)" in file.getvalue()) == (write is not write_output)

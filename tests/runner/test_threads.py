"""Workflow steps that block run in threads, as functions or as tools, from Python and from files."""

from __future__ import annotations

import threading

import pytest
import trio

from hocket import (
    ParallelGroup,
    Retry,
    StepTimeout,
    ToolRegistry,
    WorkflowDefinition,
    WorkflowInvalid,
    WorkflowManager,
    WorkflowStep,
    workflow_from_dict,
)

# Long enough for a machine at work on something else; nothing waits so long where all is well.
PATIENCE = 30


def where(context=None):
    return threading.get_ident()


def add(a: int, b: int = 1) -> int:
    return a + b


async def on_trio(context=None):
    return threading.get_ident()


def wait_until_cancelled():
    while True:
        trio.from_thread.check_cancelled()


def registry_of(*functions):
    registry = ToolRegistry()
    for function in functions:
        registry.register(function)
    return registry


async def run(*steps, tools=None):
    workflow = WorkflowDefinition("w", steps)
    return await WorkflowManager(tools=tools or ToolRegistry()).execute(workflow)


async def test_functions_and_async_steps_depend_on_each_other():
    result = await run(
        WorkflowStep("one", execute=where, run_in="thread"),
        WorkflowStep("two", execute=on_trio, depends_on=["one"]),
        WorkflowStep(
            "three", execute=lambda c: c.results["two"], depends_on=["two"], run_in="thread"
        ),
    )
    here = threading.get_ident()
    assert result.results["one"] != here == result.results["two"] == result.results["three"]


async def test_a_plain_function_is_a_tool_for_steps_that_run_in_threads():
    text = {
        "name": "sums",
        "steps": [
            {"id": "first", "tool": "add", "input": {"a": 1}, "run_in": "thread"},
            {"id": "group", "group": {"steps": ["second", "third"]}, "depends_on": ["first"]},
            {
                "id": "second",
                "tool": "add",
                "input": {"a": "$results.first", "b": 5},
                "run_in": "thread",
            },
            {"id": "third", "tool": "add", "input": {"a": 0}, "run_in": "thread"},
        ],
    }
    tools = registry_of(add)
    result = await WorkflowManager(tools=tools).execute(workflow_from_dict(text, tools=tools))
    assert result.results["second"] == 7
    assert result.results["third"] == 1


async def test_a_step_that_returns_past_its_limit_has_timed_out(mock_clock):
    def step(context):
        trio.from_thread.run_sync(mock_clock.jump, 3)
        with pytest.raises(trio.Cancelled):
            wait_until_cancelled()

    result = await run(
        WorkflowStep("late", execute=step, timeout=3, run_in="thread", on_error="continue")
    )
    assert isinstance(result.errors["late"], StepTimeout)


async def test_a_step_past_its_limit_has_failed_at_once_and_those_that_wait_for_it_go_on(
    mock_clock,
):
    release, told = threading.Event(), []

    def late(context):
        trio.from_thread.run_sync(mock_clock.jump, 3)
        assert release.wait(PATIENCE)
        return "too late"

    async def after(context):
        told.append(("after", trio.current_time() - began))
        release.set()

    began = trio.current_time()
    workflow = WorkflowDefinition(
        "w",
        [
            WorkflowStep("late", execute=late, timeout=3, run_in="thread", on_error="continue"),
            WorkflowStep("after", execute=after, depends_on=["late"]),
        ],
    )
    result = await WorkflowManager().execute(
        workflow, observer=lambda event: told.append((event.step, event.kind.value))
    )
    assert isinstance(result.errors["late"], StepTimeout)
    assert list(result.results) == ["after"]
    assert told == [
        ("late", "started"),
        ("late", "timed_out"),
        ("after", "started"),
        ("after", 3),
        ("after", "succeeded"),
    ]


async def test_what_a_step_raises_after_its_limit_is_the_cause_of_its_error(mock_clock):
    def late(context):
        trio.from_thread.run_sync(mock_clock.jump, 3)
        for _ in range(3):
            trio.from_thread.run(trio.lowlevel.cancel_shielded_checkpoint)
        raise OSError("too late")

    result = await run(
        WorkflowStep("late", execute=late, timeout=3, run_in="thread", on_error="continue")
    )
    assert isinstance(result.errors["late"], StepTimeout)
    assert repr(result.errors["late"].__cause__) == "OSError('too late')"


async def test_what_a_step_raises_past_its_limit_is_judged_before_it_is_tried_again(mock_clock):
    calls = []

    def late(context):
        calls.append(None)
        trio.from_thread.run_sync(mock_clock.jump, 3)
        raise OSError("too late")

    retry = Retry(2, on=StepTimeout, wait_initial=0, wait_jitter=0)
    result = await run(
        WorkflowStep(
            "late", execute=late, timeout=3, run_in="thread", on_error="continue", retry=retry
        )
    )
    assert len(calls) == 2
    assert isinstance(result.errors["late"], StepTimeout)
    assert repr(result.errors["late"].__cause__) == "OSError('too late')"


async def test_a_stray_stop_iteration_is_that_of_the_function():
    def step(context):
        return next(iter([]))

    result = await run(WorkflowStep("odd", execute=step, run_in="thread", on_error="continue"))
    assert repr(result.errors["odd"]) == "RuntimeError('function raised StopIteration')"
    assert isinstance(result.errors["odd"].__cause__, StopIteration)


async def test_the_first_limit_that_passes_stops_the_workflow_at_once(mock_clock):
    release = threading.Event()

    def late(context):
        trio.from_thread.run_sync(mock_clock.jump, 3)
        assert release.wait(PATIENCE)

    async def other(context):
        try:
            await trio.sleep_forever()
        finally:
            release.set()  # only now does the function return

    result = await run(
        WorkflowStep("late", execute=late, timeout=3, run_in="thread"),
        WorkflowStep("other", execute=other),
    )
    assert result.failed_steps == ["late"]
    assert result.cancelled_steps == ["other"]


@pytest.mark.parametrize("members", ["by id", "inside", "made"])
async def test_the_functions_and_tools_of_a_group_run_where_the_group_says(members):
    steps = [WorkflowStep("one", execute=where), WorkflowStep("two", tool="where_am_i")]

    def where_am_i() -> int:
        return threading.get_ident()

    def group(steps):
        return WorkflowStep.parallel("g", steps, run_in="thread")

    tools = registry_of(where_am_i)
    if members == "by id":
        result = await run(*steps, group(["one", "two"]), tools=tools)
    elif members == "inside":
        result = await run(group(steps), tools=tools)
    else:
        result = await run(group(lambda context: steps), tools=tools)
    assert threading.get_ident() not in (result.results["one"], result.results["two"])
    assert [step.run_in for step in steps] == ["trio", "trio"]


async def test_a_group_of_a_file_runs_its_tools_where_it_says():
    text = {
        "name": "sums",
        "steps": [
            {"id": "g", "group": {"steps": ["first", "second"], "run_in": "thread"}},
            {"id": "first", "tool": "add", "input": {"a": 1}},
            {"id": "second", "tool": "add", "input": {"a": 2}},
        ],
    }
    tools = registry_of(add)
    result = await WorkflowManager(tools=tools).execute(workflow_from_dict(text, tools=tools))
    assert (result.results["first"], result.results["second"]) == (2, 3)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [WorkflowStep.parallel("g", [WorkflowStep("s", execute=on_trio)], run_in="thread")],
            r"steps\[0\]\.group\.run_in: step 's' is async, and the group of step 'g' runs in threads",
        ),
        (
            [WorkflowStep.parallel("g", [WorkflowStep("s", tool="on_trio")], run_in="thread")],
            "tool 'on_trio' is async, and 'thread' is for functions that block",
        ),
    ],
)
async def test_async_steps_of_a_group_in_threads_are_refused(steps, message):
    with pytest.raises(WorkflowInvalid, match=message):
        await run(*steps, tools=registry_of(on_trio))


def test_a_group_runs_in_threads_or_isolated_and_not_both():
    with pytest.raises(ValueError, match="isolation='task' is for async steps"):
        WorkflowStep.parallel("g", [], run_in="thread", isolation="task")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: WorkflowStep("s", execute=on_trio, run_in="thread"),
            "step 's': execute is async, and",
        ),
        (
            lambda: WorkflowStep("s", execute=where, run_in="process"),
            "step 's': run_in must be 'trio'",
        ),
        (
            lambda: WorkflowStep("s", group=ParallelGroup("g", []), run_in="thread"),
            "step 's': run_in='thread' is for a function or a tool; a group is none",
        ),
    ],
)
def test_steps_that_cannot_run_in_a_thread_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"tool": "add", "input": {"a": 1}},
            "tool 'add' is a sync function: write 'async def', or in",
        ),
        ({"tool": "on_trio", "run_in": "thread"}, "tool 'on_trio' is async, and 'thread' is for"),
        ({"tool": "add", "input": {"a": 1}, "run_in": "threads"}, "run_in"),
        ({"group": {"steps": []}, "run_in": "thread"}, "only a step with 'tool' runs in a thread"),
    ],
)
def test_files_that_ask_for_it_wrongly_are_refused_at_the_place(step, message):
    tools = registry_of(add, on_trio)
    with pytest.raises(WorkflowInvalid, match=message):
        workflow_from_dict({"name": "w", "steps": [{"id": "s", **step}]}, tools=tools)

"""What a tool knows of its step, and what it runs as part of it, in virtual time."""

from __future__ import annotations

import logging
import math

import pytest
import trio
from trio.testing import MockClock

from hocket import (
    EventKind,
    ParallelGroup,
    Retry,
    StepContext,
    ToolRegistry,
    WorkerPool,
    WorkerPoolConfig,
    WorkflowContext,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket.testing import assert_idle

HOUR = 3600


async def run(tool, *, pool=None, observer=None, context=None, step=None, **settings):
    """Run a workflow of one step, which calls the tool."""
    tools = ToolRegistry()
    tools.register(tool, name="tool")
    definition = WorkflowDefinition(
        "flow", [WorkflowStep("own", tool="tool", **(step or {}))], **settings
    )
    return await WorkflowManager(tools, pool=pool).execute(definition, context, observer=observer)


# --- what it knows


async def test_a_tool_that_asks_for_its_step_is_told_which_it_is(autojump_clock):
    pool = WorkerPool()
    context = WorkflowContext(values={"who": "ada"})

    async def look(step: StepContext):
        return step

    step = (await run(look, pool=pool, context=context)).output
    assert (step.id, step.workflow, step.attempt) == ("own", "flow", 1)
    assert step.pool is pool
    assert step.context is context


async def test_without_a_shared_pool_it_is_the_pool_of_the_run(autojump_clock):
    async def look(step: StepContext):
        return step.pool.max_concurrent, step.pool.holders()

    result = await run(look, parallel_config=WorkerPoolConfig(max_concurrent=3))
    assert result.output == (3, [("own", 0.0)])


async def test_each_step_is_told_of_itself(autojump_clock):
    tools = ToolRegistry()

    @tools.register
    async def who(step: StepContext):
        await trio.sleep(1)
        return step.id

    members = [WorkflowStep(f"member {n}", tool="who") for n in range(3)]
    steps = [WorkflowStep.parallel("g", members), WorkflowStep("alone", tool="who")]
    result = await WorkflowManager(tools).execute(WorkflowDefinition("flow", steps))
    assert {id_: result.results[id_] for id_ in ("member 0", "member 2", "alone")} == {
        "member 0": "member 0",
        "member 2": "member 2",
        "alone": "alone",
    }


async def test_a_class_of_tools_may_ask_for_its_step(autojump_clock):
    class Connection:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

        async def __call__(self, text, *, me: StepContext):
            return f"{text} for {me.id}"

    result = await run(Connection, step={"input": {"text": "news"}})
    assert result.output == "news for own"


# --- the attempt


THRICE = Retry(3, on=OSError)


def attempts_told(*steps, **settings):
    """Run steps whose tool fails twice; what it was told each time, and what its observer was."""
    told, seen = [], []
    tools = ToolRegistry()

    @tools.register
    async def flaky(step: StepContext):
        told.append((step.id, step.attempt))
        if step.attempt < 3:
            raise OSError("not yet")

    def observe(event):
        if event.kind is EventKind.STARTED and not event.step.endswith("holder"):
            seen.append((event.step, event.attempt))

    async def main():
        flow = WorkflowDefinition("flow", list(steps), **settings)
        result = await WorkflowManager(tools).execute(flow, observer=observe)
        assert result.success

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return told, seen


def flaky(id_, **more):
    return WorkflowStep(id_, tool="flaky", **more)


@pytest.mark.parametrize(
    ("step", "names"),
    [
        (flaky("s", retry=THRICE), ["s"]),
        (WorkflowStep.parallel("holder", [flaky("s")], retry=THRICE), ["s"]),
        (WorkflowStep.parallel("holder", [flaky("s", retry=THRICE)]), ["s"]),
        (WorkflowStep.sequence("holder", [flaky("s", retry=THRICE)]), ["s"]),
        (
            WorkflowStep.for_each("loop", ["a", "b"], flaky("s", retry=THRICE), key="$item"),
            ["loop[a]", "loop[b]"],
        ),
        (
            WorkflowStep.for_each("loop", ["a"], steps=[flaky("s", retry=THRICE)]),
            ["loop[0].s"],
        ),
        (
            WorkflowStep.repeat("loop", flaky("s", retry=THRICE), until="$index == 1"),
            ["loop[0]", "loop[1]"],
        ),
    ],
    ids=["step", "group's retry", "member", "sequence", "for_each", "block of a pass", "repeat"],
)
def test_a_tool_is_told_which_attempt_it_is(step, names):
    told, seen = attempts_told(step)
    own = [(name.removeprefix("loop[0].") if "." in name else name) for name in names]
    assert sorted(told) == [(name, attempt) for name in own for attempt in (1, 2, 3)]
    assert sorted(one for one in seen if one[0] in names) == [
        (name, attempt) for name in names for attempt in (1, 2, 3)
    ]


# --- the deadline


@pytest.mark.parametrize(
    ("step", "settings", "expected"),
    [
        pytest.param({}, {}, math.inf, id="no limit"),
        pytest.param({"timeout": 5}, {}, 5, id="its own"),
        pytest.param({}, {"parallel_config": WorkerPoolConfig(timeout=4)}, 4, id="the pool's"),
        pytest.param(
            {"timeout": 5}, {"parallel_config": WorkerPoolConfig(timeout=4)}, 5, id="its own first"
        ),
        pytest.param({"timeout": 5}, {"max_duration": 3}, 3, id="the workflow's ends before"),
        pytest.param({"timeout": 5}, {"max_duration": HOUR}, 5, id="the workflow's ends after"),
    ],
)
async def test_the_deadline_is_when_the_first_time_limit_passes(
    autojump_clock, step, settings, expected
):
    async def look(step: StepContext):
        return step.deadline - trio.current_time()

    assert (await run(look, step=step, **settings)).output == expected


async def test_the_deadline_counts_from_the_start_of_the_step(autojump_clock):
    tools = ToolRegistry()

    @tools.register
    async def look(step: StepContext):
        await trio.sleep(1)
        return step.deadline

    steps = [
        WorkflowStep("first", tool="look", timeout=5),
        WorkflowStep("second", tool="look", timeout=5, depends_on=["first"]),
    ]
    result = await WorkflowManager(tools).execute(WorkflowDefinition("flow", steps))
    assert result.results == {"first": 5, "second": 6}


@pytest.mark.parametrize(
    ("limits", "expected"), [({"step_timeout": 3}, 3), ({"step_timeout": 3, "timeout": 2}, 2)]
)
async def test_the_limits_of_its_group_count_too(autojump_clock, limits, expected):
    tools = ToolRegistry()

    @tools.register
    async def look(step: StepContext):
        return step.deadline

    group = WorkflowStep.parallel("g", [WorkflowStep("a", tool="look")], **limits)
    result = await WorkflowManager(tools).execute(WorkflowDefinition("flow", [group]))
    assert result.results["a"] == expected


@pytest.mark.parametrize("timeout", ["$item", lambda context: context.variables["item"]], ids=str)
async def test_a_limit_that_a_pass_works_out_is_its_deadline(autojump_clock, timeout):
    tools = ToolRegistry()

    @tools.register
    async def look(step: StepContext):
        await trio.sleep(1)
        return step.deadline - trio.current_time() + 1

    steps = [
        WorkflowStep.for_each("each", [2, 3], WorkflowStep("s", tool="look", timeout=timeout)),
        WorkflowStep.for_each("set", [2, 3], WorkflowStep("s", tool="look", timeout=7)),
        WorkflowStep.for_each("not said", [2, 3], WorkflowStep("s", tool="look")),
        WorkflowStep.repeat(
            "again",
            WorkflowStep("s", tool="look", timeout="$index + 4"),
            until=lambda context: context.variables["index"] == 1,
        ),
    ]
    config = WorkerPoolConfig(timeout=HOUR)
    flow = WorkflowDefinition("flow", steps, parallel_config=config)
    results = (await WorkflowManager(tools).execute(flow)).results
    assert list(results["each"].results.values()) == [2, 3]
    assert list(results["set"].results.values()) == [7, 7]
    assert list(results["not said"].results.values()) == [HOUR, HOUR]
    assert results["again"] == 5


async def test_the_deadline_of_who_runs_the_workflow_counts_too(autojump_clock):
    async def look(step: StepContext):
        return step.deadline

    with trio.fail_after(2):
        assert (await run(look, step={"timeout": 5})).output == 2


async def test_a_step_that_heeds_its_deadline_is_in_time(autojump_clock):
    async def careful(step: StepContext):
        with trio.CancelScope(deadline=step.deadline - 1):
            await trio.sleep(HOUR)
        return "what there is"

    result = await run(careful, step={"timeout": 5})
    assert result.output == "what there is"
    assert result.duration == 4


# --- the log


async def test_its_lines_in_the_log_name_workflow_and_step(autojump_clock, caplog):
    caplog.set_level(logging.INFO, logger="hocket.workflow")

    async def talk(step: StepContext):
        step.logger.info("%d of %d", 1, 2)
        step.logger.debug("nobody listens")
        step.logger.warning("100 %")

    await run(talk)
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("hocket.workflow", "INFO", "workflow 'flow', step 'own': 1 of 2"),
        ("hocket.workflow", "WARNING", "workflow 'flow', step 'own': 100 %"),
    ]
    assert {record.funcName for record in caplog.records} == {"talk"}


async def test_an_id_is_never_read_as_a_format(autojump_clock, caplog):
    tools = ToolRegistry()

    @tools.register
    async def talk(step: StepContext):
        step.logger.warning("done")
        step.logger.warning("done %s", "well")

    await WorkflowManager(tools).execute(
        WorkflowDefinition("w", [WorkflowStep("5%s", tool="talk")])
    )
    assert [record.getMessage() for record in caplog.records] == [
        "workflow 'w', step '5%s': done",
        "workflow 'w', step '5%s': done well",
    ]


# --- a group as part of the step


async def nap(step):
    await trio.sleep(1)
    return step.upper()


async def test_a_group_of_the_step_runs_in_its_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)

    async def split(step: StepContext):
        result = await step.run_group(ParallelGroup("letters", ["a", "b"]), nap)
        return result.results

    with trio.fail_after(10):
        result = await run(split, pool=pool)
    assert result.output == {"a": "A", "b": "B"}
    assert result.duration == 2
    assert_idle(pool)


async def test_it_is_inside_the_limit_of_the_workflow(autojump_clock):
    async def split(step: StepContext):
        await step.run_group(ParallelGroup("letters", list("abcd")), nap)

    config = WorkerPoolConfig(max_concurrent=2)
    result = await run(split, pool=WorkerPool(max_concurrent=9), parallel_config=config)
    assert result.duration == 2


async def test_its_steps_are_for_observers_and_not_for_the_result(autojump_clock):
    seen = []

    async def split(step: StepContext):
        await step.run_group(ParallelGroup("letters", ["a", "b"]), nap)

    def observe(event):
        if event.kind is EventKind.SUCCEEDED:
            seen.append((event.group, event.step))

    result = await run(split, observer=observe)
    assert sorted(seen) == [("flow", "own"), ("letters", "a"), ("letters", "b")]
    assert list(result.completed_steps) == ["own"]
    assert list(result.results) == ["own"]


async def test_a_failing_step_of_it_raises_nothing(autojump_clock):
    async def fail(step):
        raise ValueError(step)

    async def split(step: StepContext):
        result = await step.run_group(ParallelGroup("letters", ["a"]), fail)
        return result.failed_steps

    result = await run(split)
    assert result.success
    assert list(result.output) == ["a"]


async def test_its_steps_may_come_from_a_function_of_a_context(autojump_clock):
    async def split(step: StepContext):
        group = ParallelGroup("letters", lambda context: context.values["letters"])
        result = await step.run_group(group, nap, step.context)
        return result.results

    assert (await run(split, context={"letters": ["x"]})).output == {"x": "X"}


async def test_its_steps_have_the_time_limit_of_the_workflows_steps(autojump_clock):
    async def slow(step):
        await trio.sleep(HOUR)

    async def split(step: StepContext):
        result = await step.run_group(ParallelGroup("letters", ["a"]), slow)
        return result.errors["a"].limit

    config = WorkerPoolConfig(timeout=2)
    result = await run(
        split, pool=WorkerPool(timeout=1), parallel_config=config, step={"timeout": 9}
    )
    assert result.output == 2


async def test_it_is_cancelled_with_its_step(autojump_clock):
    pool = WorkerPool()
    cancelled = []

    async def slow(step):
        try:
            await trio.sleep(HOUR)
        finally:
            cancelled.append(step)

    async def split(step: StepContext):
        await step.run_group(ParallelGroup("letters", ["a", "b"]), slow)

    result = await run(split, pool=pool, step={"timeout": 1})
    assert list(result.failed_steps) == ["own"]
    assert sorted(cancelled) == ["a", "b"]
    assert_idle(pool)


@pytest.mark.parametrize(
    ("group", "executor", "text"),
    [
        (["a"], nap, "run_group takes a ParallelGroup; got ['a']"),
        (
            ParallelGroup("g", ["a"]),
            "nap",
            "step_executor must be an async function of a step; got 'nap'",
        ),
    ],
)
async def test_a_call_that_cannot_work_says_why(autojump_clock, group, executor, text):
    async def split(step: StepContext):
        await step.run_group(group, executor)

    result = await run(split)
    assert isinstance(result.errors["own"], TypeError)
    assert str(result.errors["own"]) == text


# --- what it costs


async def test_it_is_made_only_for_tools_that_ask(autojump_clock, monkeypatch):
    def refuse(*_):
        raise AssertionError("nobody has asked for it")

    async def plain(text=None):
        return "done"

    monkeypatch.setattr(StepContext, "__init__", refuse)
    assert (await run(plain)).output == "done"

"""Steps of a workflow that are tried again, and those that start at a rate."""

from __future__ import annotations

import subprocess
import textwrap

import pytest
import trio

import hocket
from hocket import (
    ParallelGroup,
    Rate,
    Retry,
    StepState,
    WorkflowStep,
    load_workflow,
    tool,
)
from hocket.tools import ToolRegistry
from hocket.tools.http import HttpRequestFailed
from tests.runner.steps import run

AGAIN = Retry(3, on=OSError, wait_initial=1, wait_jitter=0)


class Fails:
    """A step that fails so often, and then gives the times at which it was tried."""

    def __init__(self, failures, takes=0.0):
        self.failures = failures
        self.takes = takes
        self.times = []

    async def __call__(self, context):
        self.times.append(trio.current_time())
        await trio.sleep(self.takes)
        if len(self.times) <= self.failures:
            raise OSError("disk full")
        return self.times


def registry(*tools):
    made = ToolRegistry()
    for one in tools:
        made.register(one)
    return made


async def test_a_step_is_tried_again_and_those_that_depend_on_it_wait(autojump_clock):
    first = Fails(2)
    then = Fails(0)
    result = await run(
        WorkflowStep("first", execute=first, retry=AGAIN),
        WorkflowStep("then", execute=then, depends_on=["first"]),
    )
    assert result.results == {"first": [0, 1, 3], "then": [3]}
    assert result.completed_steps == ["first", "then"]
    assert result.failed_steps == []


async def test_a_step_that_waits_to_be_tried_again_has_no_slot(autojump_clock):
    result = await run(
        WorkflowStep("flaky", execute=Fails(1, takes=1), retry=AGAIN),
        WorkflowStep("other", execute=Fails(0, takes=1)),
        parallel_config=hocket.WorkerPoolConfig(max_concurrent=1),
    )
    assert result.results == {"flaky": [0, 2], "other": [1]}
    assert result.duration == 3


async def test_the_last_attempt_is_what_a_step_came_to(autojump_clock):
    result = await run(
        WorkflowStep("a", execute=Fails(9), retry=AGAIN, on_error="continue"),
        WorkflowStep("b", execute=Fails(0), depends_on=["a"]),
    )
    assert result.success
    assert str(result.errors["a"]) == "disk full"
    assert result.results == {"b": [3]}
    assert result.states["a"] is StepState.FAILED


async def test_each_attempt_has_the_whole_time_limit_of_its_step(autojump_clock):
    tried = Fails(0, takes=5)
    again = Retry(2, on=trio.TooSlowError, wait_initial=1, wait_jitter=0)
    result = await run(WorkflowStep("a", execute=tried, timeout=3, retry=again))
    assert tried.times == [0, 4]
    assert result.states["a"] is StepState.TIMED_OUT
    assert result.duration == 7


async def test_a_groups_retry_is_for_each_of_its_steps_that_does_not_say_so_itself(autojump_clock):
    never = Retry(1, on=OSError)
    steps = {"plain": Fails(1), "own": Fails(1), "inner": Fails(1)}
    inner = WorkflowStep.parallel(
        "nested", [WorkflowStep("inner", execute=steps["inner"])], continue_on_error=True
    )
    members = [
        WorkflowStep("plain", execute=steps["plain"]),
        WorkflowStep("own", execute=steps["own"], retry=never),
        inner,
    ]
    result = await run(
        WorkflowStep.parallel("g", members, continue_on_error=True, retry=AGAIN),
    )
    assert result.results["plain"] == [0, 1]
    assert sorted(result.errors) == ["inner", "own"]
    assert [len(one.times) for one in steps.values()] == [2, 1, 1]


@pytest.mark.parametrize("looks_on", [False, True])
@pytest.mark.parametrize("in_group", [False, True])
async def test_a_condition_is_asked_once_however_often_its_step_is_tried(
    in_group, looks_on, autojump_clock
):
    asked = []

    def condition(context):
        asked.append(trio.current_time())
        return len(asked) == 1

    step = WorkflowStep("a", execute=Fails(2), retry=AGAIN, when=condition)
    steps = [WorkflowStep.parallel("g", [step])] if in_group else [step]
    result = await run(*steps, observer=(lambda event: None) if looks_on else None)
    assert result.results["a"] == [0, 1, 3]
    assert asked == [0]


@pytest.mark.parametrize("looks_on", [False, True])
@pytest.mark.parametrize("in_group", [False, True])
async def test_a_step_whose_condition_fails_is_not_run_at_a_later_attempt(
    in_group, looks_on, autojump_clock
):
    def condition(context):
        raise OSError("no answer")

    tried = Fails(0)
    step = WorkflowStep("a", execute=tried, retry=AGAIN, when=condition)
    steps = [WorkflowStep.parallel("g", [step])] if in_group else [step]
    result = await run(*steps, observer=(lambda event: None) if looks_on else None)
    assert tried.times == []
    assert str(result.errors["a"]) == "no answer"


@tool
async def add(a: int, b: int) -> int:
    return a + b


async def test_a_mistake_is_not_tried_again(autojump_clock):
    result = await run(
        WorkflowStep("first", execute=Fails(0)),
        WorkflowStep(
            "sum",
            tool="add",
            input={"a": 1, "b": "$results.first.nothing"},
            depends_on=["first"],
            retry=Retry(on=Exception),
        ),
        tools=registry(add),
    )
    assert isinstance(result.errors["sum"], hocket.UnresolvedReference)
    assert result.duration == 0


async def test_an_observer_is_told_of_each_attempt(autojump_clock):
    seen = []
    await run(
        WorkflowStep("a", execute=Fails(1), retry=AGAIN),
        observer=lambda event: seen.append((event.kind.value, event.attempt)),
    )
    assert seen == [("started", 1), ("retrying", 1), ("started", 2), ("succeeded", 2)]


async def test_a_decided_group_tries_nothing_again(autojump_clock):
    slow = Fails(1, takes=1)
    members = [
        WorkflowStep("quick", execute=Fails(0, takes=2)),
        WorkflowStep("slow", execute=slow),
    ]
    again = Retry(on=OSError, wait_initial=5, wait_jitter=0)
    result = await run(WorkflowStep.parallel("g", members, "any", retry=again))
    assert result.duration == 2
    assert slow.times == [0]
    assert result.results["g"].skipped_steps == ["slow"]


@pytest.mark.parametrize("kind", ["group", "branch"])
def test_what_only_runs_others_is_not_run_again(kind):
    inner = WorkflowStep("a", execute=Fails(0))
    given = {
        "group": {"group": ParallelGroup("g", [inner])},
        "branch": {"branch": hocket.IfBranch("true", [inner])},
    }[kind]
    with pytest.raises(ValueError, match=rf"step 'x': .* a {kind} is not run again: give retry to"):
        WorkflowStep("x", retry=AGAIN, **given)


def test_a_retry_that_is_none_is_refused():
    with pytest.raises(
        TypeError, match=r"step 'x': retry must be a Retry, or None .*; write Retry"
    ):
        WorkflowStep("x", execute=Fails(0), retry=3)


async def test_a_groups_rate_holds_for_its_steps_and_for_no_others(autojump_clock):
    members = [WorkflowStep(f"m{n}", execute=Fails(0)) for n in range(4)]
    result = await run(
        WorkflowStep.parallel("g", members, rate=Rate(2)),
        *(WorkflowStep(f"s{n}", execute=Fails(0)) for n in range(4)),
    )
    assert [result.results[f"m{n}"] for n in range(4)] == [[0], [0.5], [1], [1.5]]
    assert all(result.results[f"s{n}"] == [0] for n in range(4))


async def test_a_workflows_rate_counts_what_runs_and_not_what_only_runs_others(autojump_clock):
    inner = WorkflowStep.parallel("g", [WorkflowStep("a", execute=Fails(0))])
    result = await run(
        WorkflowStep.parallel("outer", [inner]),
        WorkflowStep("b", execute=Fails(0)),
        WorkflowStep("c", execute=Fails(0)),
        parallel_config=hocket.WorkerPoolConfig(rate=Rate(1)),
    )
    times = sorted(result.results[id_][0] for id_ in "abc")
    assert times == [0, 1, 2]


async def test_on_a_shared_pool_the_rate_is_that_of_the_pool():
    with pytest.raises(hocket.WorkflowInvalid, match=r"parallel_config\.rate: .* give the rate"):
        await run(
            WorkflowStep("a", execute=Fails(0)),
            pool=hocket.WorkerPool(max_concurrent=5),
            parallel_config=hocket.WorkerPoolConfig(rate=Rate(1)),
        )


# --- in files -------------------------------------------------------------------------------------
@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "workflow.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return load_workflow(path)

    return load


NATIVE = """\
    name: x
    parallel_config: {rate: {limit: 10, per: 1m, burst: 2}}
    steps:
      - id: g
        group:
          rate: {limit: 3}
          retry: {on: [OSError], attempts: .inf}
          steps: [a]
      - id: a
        tool: t
        retry:
          attempts: 4
          on: [OSError]
          wait_initial: 500ms
          wait_max: 10s
          wait_jitter: 2
          wait_exp_base: 3
          timeout: 1m
    """
CAMEL = """\
    name: x
    parallelConfig: {rate: {limit: 10, per: 60000, burst: 2}}
    steps:
      - id: g
        parallelGroup:
          rate: {limit: 3}
          retry: {on: [OSError], attempts: .inf}
          steps: [a]
      - id: a
        toolName: t
        retry:
          attempts: 4
          on: [OSError]
          waitInitial: 500
          waitMax: 10000
          waitJitter: 2000
          waitExpBase: 3
          timeout: 60000
    """


@pytest.mark.parametrize("text", [NATIVE, CAMEL], ids=["native", "camel"])
def test_files_say_the_same_as_python(text, load):
    workflow = load(text)
    rate = workflow.parallel_config.rate
    assert (rate.limit, rate.per, rate.burst) == (10, 60, 2)
    group = workflow.step("g").group
    assert (group.rate.limit, group.rate.per, group.rate.burst) == (3, 1, 1)
    assert group.retry.attempts is None
    retry = workflow.step("a").retry
    assert (retry.attempts, retry.wait_initial, retry.wait_max) == (4, 0.5, 10)
    assert (retry.wait_jitter, retry.wait_exp_base, retry.timeout) == (2, 3, 60)


def http(status, retry_after=None, reason="status"):
    error = HttpRequestFailed("GET", "http://localhost", reason, status)
    error.retry_after = retry_after
    return error


class Answered(Exception):
    """As the clients of HTTP have it that hocket does not know."""

    def __init__(self, status):
        super().__init__(status)
        self.response = type("Response", (), {"status_code": status})()


class ConnectError(Exception):
    """As httpx has it."""


ConnectError.__module__ = "httpx"
Transport = type("TransportError", (Exception,), {"__module__": "httpx"})

NAMED = [
    ("OSError", ConnectionError(), True),
    ("ConnectionError", OSError(), False),
    ("ConnectError", ConnectError(), True),
    ("httpx.ConnectError", ConnectError(), True),
    ("httpcore.ConnectError", ConnectError(), False),
    ("StepTimeout", hocket.StepTimeout("a", 1), True),
    ("TooSlowError", hocket.StepTimeout("a", 1), True),
    ("trio.TooSlowError", hocket.StepTimeout("a", 1), True),
    ("Exception", KeyError(), True),
    ("HTTP 503", http(503), True),
    ("HTTP 503", http(500), False),
    ("HTTP 5xx", http(599), True),
    ("HTTP 5xx", http(404), False),
    ("HTTP 5xx", http(None), False),
    ("HTTP 5xx", Answered(502), True),
    ("HTTP 4xx", Answered(502), False),
    ("HTTP 5xx", OSError(), False),
    ("HTTP no answer", http(None, reason="no answer, it broke"), True),
    ("HTTP no answer", http(None, reason="not sent: the method"), False),
    ("HTTP no answer", http(503), False),
    ("HTTP no answer", Transport(), True),
    ("HTTP no answer", OSError(), False),
    ("exit 75", subprocess.CalledProcessError(75, ["x"]), True),
    ("exit 75", subprocess.CalledProcessError(7, ["x"]), False),
    ("exit 75", OSError(), False),
    ("HTTP 429", http(429, 7.0), 7.0),
]


@pytest.mark.parametrize(("text", "error", "expected"), NAMED)
def test_a_text_names_failures(text, error, expected, load):
    workflow = load(f"""\
        name: x
        steps:
          - id: a
            tool: t
            retry: {{on: [NotThis, {text}]}}
        """)
    on = workflow.step("a").retry.on
    assert on(error) == expected
    assert type(on(error)) is type(expected)


async def test_a_server_that_asks_for_time_has_it(load, autojump_clock):
    asked = []

    @tool
    async def fetch() -> str:
        asked.append(trio.current_time())
        if len(asked) < 3:
            raise http(429, 30.0)
        return "text"

    workflow = load("""\
        name: x
        steps:
          - id: a
            tool: fetch
            retry: {on: [HTTP 429], wait_initial: 1, wait_jitter: 0.001}
        """)
    result = await hocket.WorkflowManager(registry(fetch)).execute(workflow)
    assert result.output == "text"
    assert asked == [0, 30, 60]


@pytest.mark.parametrize("zero", ["0", "0.0"])
def test_a_wait_may_be_none_at_all(zero, load):
    workflow = load(f"""\
        name: x
        steps:
          - {{id: a, tool: t, retry: {{on: [OSError], wait_initial: {zero}, wait_jitter: {zero}}}}}
        """)
    retry = workflow.step("a").retry
    assert (retry.wait_initial, retry.wait_jitter) == (0, 0)


# --- what is said of attempts


@pytest.mark.parametrize("grouped", [False, True])
async def test_an_explanation_says_how_often_a_step_was_tried(grouped, autojump_clock):
    steps = [
        WorkflowStep("never", execute=Fails(9), retry=AGAIN, on_error="skip_dependents"),
        WorkflowStep("third", execute=Fails(2), retry=AGAIN),
        WorkflowStep("once", execute=Fails(0), retry=AGAIN),
    ]
    if grouped:
        steps = [WorkflowStep.parallel("g", steps, "all_settled")]
    steps.append(WorkflowStep("after", execute=Fails(0), depends_on=["never"]))
    result = await run(*steps)
    assert result.explain("never") == "never failed after 3 attempts: disk full"
    assert result.explain("third") == "third succeeded after 3 attempts"
    assert result.explain("once") == "once succeeded"
    if not grouped:
        assert result.explain("after") == (
            "after was skipped: it needs never, which failed after 3 attempts: disk full"
        )

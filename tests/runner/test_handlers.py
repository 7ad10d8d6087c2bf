"""Handlers: steps that run after the rest, as that has ended, whatever stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import trio

import hocket
from hocket import Edge, StepState, WorkflowStep
from hocket.testing import run_virtual


def step(id, seconds=1.0, *, fails=False, **options):
    async def execute(context):
        await trio.sleep(seconds)
        if fails:
            raise OSError(f"{id} is broken")
        return id.upper()

    return WorkflowStep(id, execute=execute, **options)


def seen(id, **options):
    """A step that gives what it sees of the run."""

    async def execute(context):
        return dict(context.run_values)

    return WorkflowStep(id, execute=execute, **options)


ALL = {
    "on_success": [seen("good")],
    "on_failure": [seen("bad")],
    "on_cancel": [seen("gone")],
    "finally_": [seen("last")],
}


def run(*steps, context=None, observer=(), **options):
    workflow = hocket.WorkflowDefinition("w", steps, **options)
    return run_virtual(
        lambda: hocket.WorkflowManager().execute(workflow, context, observer=observer)
    )


def states(result):
    return {id_: state.value for id_, state in result.states.items()}


def test_after_success_only_its_handler_runs_and_then_the_last():
    result = run(step("a"), **ALL)
    assert result.success
    assert states(result) == {
        "a": "succeeded",
        "good": "succeeded",
        "bad": "omitted",
        "gone": "omitted",
        "last": "succeeded",
    }
    assert result.results["good"]["status"] == "succeeded"
    assert result.results["good"]["failures"] == []
    assert result.explain("bad") == "bad was omitted: the run succeeded"
    assert result.output == "A"


def test_after_a_failure_its_handler_sees_what_failed():
    result = run(step("a", fails=True), **ALL)
    assert not result.success
    assert states(result) | {"a": "failed"} == {
        "a": "failed",
        "good": "omitted",
        "bad": "succeeded",
        "gone": "omitted",
        "last": "succeeded",
    }
    for handler in ("bad", "last"):
        found = result.results[handler]
        assert found["status"] == "failed"
        assert found["failures"] == [
            {"step": "a", "state": "failed", "type": "OSError", "message": "a is broken"}
        ]


def test_a_run_out_of_time_is_a_failure_and_its_limit_is_not_for_handlers():
    handlers = {**ALL, "finally_": [step("slow", 20)]}
    result = run(step("a", 100), max_duration=5, **handlers)
    assert result.timed_out
    assert not result.success
    assert result.results["bad"]["status"] == "timed_out"
    assert result.states["slow"] is StepState.SUCCEEDED
    assert result.duration == 25


def test_a_cancelled_run_runs_its_handlers_before_the_cancellation_goes_on():
    context = hocket.WorkflowContext()
    workflow = hocket.WorkflowDefinition(
        "w", [step("a", 100)], **{**ALL, "finally_": [step("slow", 20)]}
    )

    async def main():
        with trio.move_on_after(5) as scope:
            await hocket.WorkflowManager().execute(workflow, context)
        assert scope.cancelled_caught
        return trio.current_time()

    assert run_virtual(main) == 25
    assert context.results["gone"]["status"] == "cancelled"
    assert context.results["slow"] == "SLOW"
    assert context.state_of("good") is StepState.OMITTED


@pytest.mark.parametrize("name", ["on_success", "finally_"])
def test_a_failing_handler_fails_a_run_that_had_succeeded(name):
    result = run(step("a"), **{name: [step("h", fails=True)]})
    assert not result.success
    assert result.output is None
    assert result.failed_steps == ["h"]
    with pytest.raises(hocket.GroupFailed):
        result.raise_for_failure()


def test_no_handler_makes_a_failure_a_success():
    result = run(step("a", fails=True), on_failure=[step("h")], finally_=[step("l")])
    assert not result.success


def test_the_last_runs_also_after_a_handler_that_failed():
    result = run(step("a"), on_success=[step("h", fails=True)], finally_=[step("l")])
    assert result.states["l"] is StepState.SUCCEEDED


def test_a_handler_whose_failure_is_tolerated_fails_nothing():
    assert run(step("a"), finally_=[step("h", fails=True, on_error="continue")]).success


@pytest.mark.parametrize(
    "slow",
    [
        lambda **options: step("h", 1000, **options),
        lambda **options: WorkflowStep("h", sequence=[step("x", 1000)], **options),
        lambda **options: WorkflowStep.for_each("h", [1], step("x", 1000), **options),
    ],
)
def test_a_handler_has_thirty_seconds_unless_it_says_otherwise(slow):
    result = run(step("a"), finally_=[slow()])
    assert result.duration == 31
    assert result.states["h"] is StepState.TIMED_OUT
    assert run(step("a"), finally_=[slow(timeout=2000)]).duration == 1001


def test_handlers_are_graphs_with_everything_that_steps_have():
    result = run(
        step("a"),
        step("b", fails=True, on_error="continue"),
        on_success=[
            step("x", depends_on=["a"]),
            step("y", depends_on=["x"]),
            step("never", depends_on=[Edge("a", "failed")]),
            step("told", when="$results.a == 'A' && $errors.b.type == 'OSError'"),
            WorkflowStep.for_each("l", "$run.failures", step("z"), key="$item.step"),
        ],
    )
    assert states(result) | {"never": "skipped"} == states(result)
    assert result.results["l"].results == {"b": "Z"}
    assert (result.states["y"], result.states["told"]) == (StepState.SUCCEEDED,) * 2
    assert result.duration == 3


def test_the_last_may_use_what_the_others_gave():
    last = step("l", when="($results.h ?? 'none') == 'none'")
    result = run(step("a"), on_failure=[step("h")], finally_=[last])
    assert result.states["l"] is StepState.SUCCEEDED


def test_observers_are_told_of_handlers():
    told = []
    run(step("a"), observer=told.append, **ALL)
    assert [e.step for e in told] == ["a", "a", "good", "good", "bad", "gone", "last", "last"]


def test_handlers_run_on_a_shared_pool_within_the_share():
    async def main():
        pool = hocket.WorkerPool(max_concurrent=2)
        handlers = [step("x"), step("y")]
        config = hocket.WorkerPoolConfig(max_concurrent=1)
        workflow = hocket.WorkflowDefinition(
            "w", [step("a")], finally_=handlers, parallel_config=config
        )
        return await hocket.WorkflowManager(pool=pool).execute(workflow)

    assert run_virtual(main).duration == 3


def test_before_the_end_a_run_is_running():
    result = run(seen("a"))
    assert result.results["a"]["status"] == "running"


@pytest.mark.parametrize(
    ("handlers", "text"),
    [
        (
            {"on_failure": [step("a")]},
            "on_failure[0].id: the id 'a' is taken: steps[0] has it too",
        ),
        (
            {"on_failure": [step("x")], "on_success": [step("x")]},
            "on_failure[0].id: the id 'x' is taken: on_success[0] has it too",
        ),
        (
            {"on_failure": [step("x")], "on_success": [step("y", when="has($results.x)")]},
            "on_success[0].when: $results.x: there is no step 'x'",
        ),
        (
            {"on_failure": [step("x", when="has($results.y)")], "on_success": [step("y")]},
            (
                "on_failure[0].when: $results.y: step 'y' runs in on_success, and on_failure runs only where "
                "that does not"
            ),
        ),
        (
            {"finally_": [step("x", depends_on=["b"])]},
            "finally_[0].depends_on[0]: there is no step 'b'",
        ),
        (
            {"finally_": [step("x", when="has($results.in)")]},
            "finally_[0].when: $results.in: step 'in' is inside step 'block', which hides it: use 'block'",
        ),
        (
            {"finally_": [WorkflowStep.parallel("g", ["a"])]},
            "finally_[0].group.steps[0]: step 'a' runs before finally does",
        ),
    ],
)
def test_a_handler_that_cannot_be_is_refused(handlers, text):
    steps = [step("a"), WorkflowStep("block", steps=[step("in")])]
    found = hocket.WorkflowDefinition("w", steps, **handlers).mistakes
    assert [str(one) for one in found] == [text]


def test_no_step_sees_a_handler():
    steps = [step("a", when="has($results.h)")]
    workflow = hocket.WorkflowDefinition("w", steps, finally_=[step("h")])
    assert [one.text for one in workflow.mistakes] == ["$results.h: there is no step 'h'"]


# --- the command

TOOLS = """
    import trio
    from hocket import tool

    @tool
    async def wait(seconds: float = 0, mark: str = ""):
        await trio.sleep(seconds)
        if mark:
            print(mark, flush=True)
        return mark
"""
FILE = """
    name: handled
    steps:
      - {id: begin, tool: wait, input: {mark: begun}}
      - {id: long, tool: wait, input: {seconds: 60}, depends_on: [begin]}
    on_cancel:
      - {id: undo, tool: wait, input: {mark: "undone: $run.status"}}
    finally:
      - {id: close, tool: wait, input: {seconds: %s, mark: closed}}
"""


@pytest.fixture
def start(tmp_path):
    processes = []

    def start(seconds):
        (tmp_path / "my_tools.py").write_text(textwrap.dedent(TOOLS))
        (tmp_path / "w.yaml").write_text(textwrap.dedent(FILE % seconds))
        command = [sys.executable, "-m", "hocket", "run", "w.yaml", "--tools", "my_tools"]
        process = subprocess.Popen(
            [*command, "--progress", "plain"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def until(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it never said {text!r}")


def test_ctrl_c_runs_the_handlers(start):
    process = start(0.05)
    until(process, "started    long")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "undone: cancelled" in err
    assert "closed" in err
    assert "undo " in out
    assert "interrupted" in out


def test_a_second_ctrl_c_abandons_them(start):
    process = start(60)
    until(process, "started    long")
    process.send_signal(signal.SIGINT)
    until(process, "started    close")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "abandoned: close" in out


def test_a_step_that_fails_keeps_no_other_from_cleaning_up():
    result = run(
        step("a"),
        finally_=[
            step("x", fails=True),
            step("y", 3),
            step("z", depends_on=[Edge("x", "failed")]),
            step("not", depends_on=["x"]),
        ],
    )
    assert not result.success
    assert states(result) == {
        "a": "succeeded",
        "x": "failed",
        "y": "succeeded",
        "z": "succeeded",
        "not": "skipped",
    }


def test_a_run_whose_output_cannot_be_worked_out_has_failed_before_its_handlers_run():
    context = hocket.WorkflowContext()
    with pytest.raises(hocket.UnresolvedReference, match="nothing"):
        run(step("a"), context=context, output="$results.a.nothing", **ALL)
    assert context.state_of("good") is StepState.OMITTED
    assert context.results["bad"]["status"] == "failed"
    assert context.results["last"]["status"] == "failed"


def test_the_last_handler_sees_that_the_one_before_has_failed_the_run():
    result = run(step("a"), on_success=[step("x", fails=True)], finally_=[seen("last")])
    assert result.results["last"]["status"] == "failed"


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit])
def test_a_handler_sees_the_state_of_a_step_that_has_raised_what_is_fatal(fatal):
    found = {}

    async def raises(context):
        await trio.sleep(1)
        raise fatal

    async def looks(context):
        found.update({id_: context.state_of(id_) for id_ in ("a", "b")})

    with pytest.raises(fatal):
        run(
            WorkflowStep("a", execute=raises),
            step("b", 5),
            finally_=[WorkflowStep("last", execute=looks)],
        )
    assert found == {"a": StepState.FAILED, "b": StepState.CANCELLED}


# --- from outside only the group is seen


@pytest.mark.parametrize("nested", [False, True])
def test_a_handler_that_depends_on_a_member_is_judged_by_the_outermost_group(nested):
    group = WorkflowStep.parallel("g", [step("a"), step("b", 2, fails=True)])
    if nested:
        group = WorkflowStep.parallel("outer", [group, step("c", 5)], "all_settled")
    seen = run(group, fail_fast=False, finally_=[step("end", depends_on=["a"])])
    # "a" has succeeded; its group has not, unless another one around it may fail.
    assert seen.states["a"] is StepState.SUCCEEDED
    assert states(seen)["end"] == ("succeeded" if nested else "skipped")
    if not nested:
        assert seen.explain("end").startswith("end was skipped: it needs g, which failed")


def test_so_it_is_where_it_waits_for_a_failure():
    group = WorkflowStep.parallel("g", [step("a"), step("b", 2, fails=True)])
    asks = [step(f"{id_}_failed", depends_on=[Edge(id_, "failed")]) for id_ in "ag"]
    found = states(run(group, on_failure=asks))
    assert (found["a_failed"], found["g_failed"]) == ("succeeded", "succeeded")


def test_a_step_on_a_side_of_a_branch_is_judged_by_itself():
    branch = WorkflowStep("b", branch=hocket.IfBranch("true", [step("a"), step("c", fails=True)]))
    result = run(branch, fail_fast=False, finally_=[step("end", depends_on=["a"])])
    assert states(result)["end"] == "succeeded"


def test_a_run_that_has_not_ended_is_running_for_its_steps():
    seen = []

    async def look(context):
        seen.append(context.run_values["status"])

    steps = [hocket.WorkflowStep("a", execute=look)]
    last = [hocket.WorkflowStep("z", execute=look)]
    workflow = hocket.WorkflowDefinition("w", steps, finally_=last, output="$run.status")
    result = run_virtual(lambda: hocket.WorkflowManager().execute(workflow))
    assert (seen, result.output) == (["running", "succeeded"], "running")

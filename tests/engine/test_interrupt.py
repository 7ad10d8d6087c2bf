"""Ctrl-C and SystemExit: straight through, promptly, with everything cleaned up and the books right."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trio

import hocket
from hocket import EventKind, ParallelExecutionManager, ParallelGroup, WorkerPool
from hocket.testing import assert_idle, run_virtual
from tests.engine.scenes import (
    a_group,
    a_group_of_sync_steps,
    a_group_with_time_limits,
    a_late_task,
    a_race,
    a_single_task,
    leftovers,
    step,
    tasks_of_their_own,
)

LEAKS = pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

# --- a real SIGINT to a real process --------------------------------------------------------------

PROGRAM = """
import os, signal, sys, threading, time
import trio
from hocket import *

manager = ParallelExecutionManager(max_concurrent=2, timeout={timeout})
pool = manager.pool
def say(text): print(text, flush=True)

async def shielded():
    with trio.CancelScope(shield=True):
        await trio.sleep(0.05)
    say("cleaned")

async def sleeping(*args):
    try:
        say("ready")
        await trio.sleep(60)
    finally:
        await shielded()

async def computing(*args):
    try:
        say("ready")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
    finally:
        say("cleaned")

async def nothing(*args):
    global n
    n += 1
    if n == 1000:
        say("ready")
n = 0

async def many():
    try:
        group = ParallelGroup("g", [str(i) for i in range(300_000)])
        while True:
            await manager.execute_group(group, nothing)
    finally:
        say("cleaned")

async def waiting():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, trio.sleep, 60)
        nursery.start_soon(pool.execute, trio.sleep, 60)
        await trio.testing.wait_all_tasks_blocked()
        try:
            say("ready")
            await pool.execute(nothing)
        finally:
            say("cleaned")

import trio.testing
steps = ["a", "b", "c"]
SCENES = dict(
    group_sleeping=lambda: manager.execute_group(ParallelGroup("g", steps), sleeping),
    isolated_sleeping=lambda: manager.execute_group(ParallelGroup("g", steps, isolation="task"), sleeping),
    group_computing=lambda: manager.execute_group(ParallelGroup("g", steps), computing),
    isolated_computing=lambda: manager.execute_group(ParallelGroup("g", steps, isolation="task"), computing),
    single_sleeping=lambda: pool.execute(sleeping),
    single_computing=lambda: pool.execute(computing),
    many=many,
    waiting=waiting,
)
try:
    trio.run(SCENES[{scene!r}])
except* KeyboardInterrupt as group:
    say("interrupted")
    if not {scene!r} == "waiting":
        say("wrapped" if type(group.exceptions[0]) is not KeyboardInterrupt else "bare")
status, stats = pool.get_status(), pool.get_stats()
say((status.active_workers, status.queue_length, pool.holders()))
say(stats.tasks_submitted - sum([stats.tasks_completed, stats.tasks_failed, stats.tasks_timed_out,
    stats.tasks_cancelled, stats.tasks_skipped]))
say(trio.run(pool.execute, trio.sleep, 0))
"""

SCENES = [
    "group_sleeping",
    "isolated_sleeping",
    "group_computing",
    "isolated_computing",
    "single_sleeping",
    "single_computing",
    "many",
    "waiting",
]


@posix
@pytest.mark.parametrize("timeout", [None, 50])
@pytest.mark.parametrize("scene", SCENES)
def test_ctrl_c_ends_a_program_promptly_with_everything_cleaned_up(scene, timeout):
    if sys.version_info[:3] == (3, 13, 0) and scene.endswith("computing"):
        pytest.skip(
            "CPython 3.13.0 may skip a finally that a signal interrupts, without hocket too"
        )
    program = textwrap.dedent(PROGRAM).format(scene=scene, timeout=timeout)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"{scene} hangs after Ctrl-C")
    lines = output.splitlines()
    at = lines.index("interrupted")
    bare = [] if scene == "waiting" else ["bare"]
    assert lines[at:] == ["interrupted", *bare, "(0, 0, [])", "0", "None"], output + errors
    # It may have struck a second step before that could say that it was ready.
    assert lines.count("cleaned") >= lines.count("ready") + 1, output + errors
    assert errors == ""


# --- at every line of ours ------------------------------------------------------------------------

PACKAGE = str(Path(hocket.__file__).parent)


async def a_task_that_waits(manager):
    pool = manager.pool
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(pool.execute, step)


class Interrupt:
    """A trace function that sends SIGINT at the nth line of ours that is run."""

    def __init__(self, at):
        self.at, self.lines, self.where = at, 0, None

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        return self.line

    def line(self, frame, event, arg):
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return self.line


@posix
@pytest.mark.parametrize(
    "scene",
    [
        a_group,
        a_group_of_sync_steps,
        a_group_with_time_limits,
        a_race,
        tasks_of_their_own,
        pytest.param(leftovers, marks=LEAKS),
        a_single_task,
        a_late_task,
        a_task_that_waits,
    ],
    ids=lambda scene: scene.__name__,
)
def test_ctrl_c_at_any_line_of_ours_leaves_the_pool_in_order(scene):
    at = 0
    while True:
        at += 1
        manager = ParallelExecutionManager(max_concurrent=2)
        interrupt = Interrupt(at)
        outcome = "came through"
        sys.settrace(interrupt)
        try:
            run_virtual(scene, manager)
        except* KeyboardInterrupt:
            outcome = "interrupted"
        finally:
            sys.settrace(None)
        if interrupt.where is None:
            break
        assert outcome == "interrupted", interrupt.where
        try:
            assert_idle(manager)
            run_virtual(a_task_that_waits, manager)
            assert_idle(manager)
        except BaseException as error:
            error.add_note(f"after Ctrl-C at {interrupt.where}")
            raise
    assert at > 20


# --- what is no step's failure --------------------------------------------------------------------


class Fatal(BaseException):
    pass


FATAL = pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, Fatal, GeneratorExit])


@FATAL
@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"step_timeout": 9}, {"isolation": "task"}, {"continue_on_error": True}],
    ids=str,
)
def test_what_is_fatal_passes_straight_through_unwrapped(kind, suspends, options):
    manager = ParallelExecutionManager(max_concurrent=3)
    cleaned = []
    fatal = kind("stop")

    async def execute(step):
        try:
            if suspends or step != "fatal":
                await trio.sleep(1 if step == "fatal" else 9)
            if step == "fatal":
                raise fatal
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1) if kind is not GeneratorExit or step != "fatal" else None
            cleaned.append(step)

    async def main():
        group = ParallelGroup("g", ["a", "fatal", "b", "c"], "all_settled", **options)
        await manager.execute_group(group, execute)

    with pytest.raises(kind) as caught:
        run_virtual(main)
    assert caught.value is fatal
    assert sorted(cleaned) == ["a", "b", "fatal"] or not suspends
    assert_idle(manager)
    assert manager.get_stats().tasks_failed == 1
    run_virtual(a_task_that_waits, manager)


@FATAL
@pytest.mark.parametrize("timeout", [None, 9])
def test_what_is_fatal_in_a_single_task_passes_through(kind, timeout):
    pool = WorkerPool(timeout=timeout)
    fatal = kind("stop")

    async def execute():
        await trio.sleep(1)
        raise fatal

    with pytest.raises(kind) as caught:
        run_virtual(pool.execute, execute)
    assert caught.value is fatal
    assert_idle(pool)


@FATAL
@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("options", [{}, {"step_timeout": 9}, {"isolation": "task"}], ids=str)
def test_an_observer_is_told_of_the_end_of_a_step_that_is_struck_by_it(kind, suspends, options):
    manager = ParallelExecutionManager(max_concurrent=3)
    fatal = kind("stop")
    told = []

    async def execute(step):
        if suspends or step != "fatal":
            await trio.sleep(1 if step == "fatal" else 9)
        if step == "fatal":
            raise fatal

    async def main():
        group = ParallelGroup("g", ["a", "fatal", "b", "c"], "all_settled", **options)
        await manager.execute_group(group, execute, observer=told.append)

    with pytest.raises(kind) as caught:
        run_virtual(main)
    assert caught.value is fatal
    assert_idle(manager)
    [end] = [event for event in told if event.step == "fatal" and event.kind.value != "started"]
    assert (end.kind, end.error, end.seconds) == (EventKind.FAILED, fatal, float(suspends))
    started = {event.step for event in told if event.kind is EventKind.STARTED}
    ended = [event.step for event in told if event.kind is not EventKind.STARTED]
    assert sorted(ended) == sorted(started), "each start has one end"


def test_an_observer_is_told_of_something_fatal_inside_a_group_of_exceptions():
    told = []

    async def execute(step):
        raise BaseExceptionGroup("both", [ValueError(1), SystemExit(3)])

    async def main():
        group = ParallelGroup("g", ["a"])
        await ParallelExecutionManager().execute_group(group, execute, observer=told.append)

    with pytest.raises(SystemExit):
        run_virtual(main)
    assert [event.kind for event in told] == [EventKind.STARTED, EventKind.FAILED]
    assert [str(error) for error in told[1].error.exceptions] == ["1", "3"]


@FATAL
@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("worse", [ValueError, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_observer_that_raises_then_costs_neither_the_fatal_error_nor_a_slot(
    kind, suspends, worse
):
    manager = ParallelExecutionManager(max_concurrent=1)
    fatal, told = kind("stop"), []

    def observer(event):
        told.append(event.kind)
        if event.kind is EventKind.FAILED:
            raise worse("an observer's")

    async def execute(step):
        if suspends:
            await trio.sleep(1)
        raise fatal

    async def main():
        group = ParallelGroup("g", ["a", "b"])
        await manager.execute_group(group, execute, observer=[observer, observer])

    with pytest.raises(kind) as caught:
        run_virtual(main)
    assert caught.value is fatal
    assert told == [EventKind.STARTED] * 2 + [EventKind.FAILED] * 2, "both, each once"
    assert_idle(manager)
    run_virtual(a_task_that_waits, manager)


@pytest.mark.parametrize("strikes", [EventKind.STARTED, EventKind.SUCCEEDED])
def test_ctrl_c_inside_one_observer_leaves_no_other_without_the_end_of_a_step(strikes):
    manager = ParallelExecutionManager(max_concurrent=1)
    told = []

    def struck(event):
        if event.kind is strikes:
            raise KeyboardInterrupt

    async def execute(step):
        return step

    async def main():
        group = ParallelGroup("g", ["a", "b"])
        await manager.execute_group(group, execute, observer=[struck, told.append])

    with pytest.raises(KeyboardInterrupt):
        run_virtual(main)
    end = EventKind.CANCELLED if strikes is EventKind.STARTED else strikes
    assert [(event.step, event.kind) for event in told] == [("a", EventKind.STARTED), ("a", end)]
    assert_idle(manager)
    run_virtual(a_task_that_waits, manager)


def test_a_group_that_holds_something_fatal_is_fatal():
    # trimeter #10: a KeyboardInterrupt captured as a result is swallowed.
    manager = ParallelExecutionManager()

    async def execute(step):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 5)
            await trio.sleep(1)
            if step == "a":
                raise SystemExit(3)

    async def main():
        group = ParallelGroup("g", ["a", "b"], "all_settled", continue_on_error=True)
        await manager.execute_group(group, execute)

    with pytest.raises(SystemExit) as caught:
        run_virtual(main)
    assert caught.value.code == 3
    assert_idle(manager)


@pytest.mark.parametrize("kind", [MemoryError, RecursionError, AssertionError, StopAsyncIteration])
def test_every_exception_is_an_ordinary_failure(kind):
    manager = ParallelExecutionManager()

    async def execute(step):
        raise kind(step)

    async def main():
        return await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), execute)

    assert isinstance(run_virtual(main).errors["a"], kind)


def test_a_stray_stop_iteration_is_a_runtime_error():
    manager = ParallelExecutionManager()

    async def execute(step):
        raise StopIteration(5)

    async def main():
        return await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), execute)

    assert isinstance(run_virtual(main).errors["a"], RuntimeError)
    assert_idle(manager)

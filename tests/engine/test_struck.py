"""An exception out of a signal handler, which may come anywhere: the pool is not left with the call."""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

import hocket
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    ToolRegistry,
    WorkflowDefinition,
    WorkflowManager,
    WorkflowStep,
)
from hocket.testing import assert_idle, assert_works_on, run_virtual
from tests.engine.scenes import (
    a_group,
    a_group_of_sync_steps,
    a_group_with_time_limits,
    a_late_task,
    a_race,
    a_single_task,
    a_stream,
    a_stream_that_is_left,
    contenders,
    leftovers,
    step,
    sync,
    tasks_of_their_own,
)

LEAKS = pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")

# Where something is open; the other rooms only look and compute.
ROOMS = tuple(
    str(Path(hocket.__file__).parent / room) + os.sep for room in ("_engine", "_runner", "tools")
)


@pytest.fixture(autouse=True)
def _torn_trio_complains_unheard(monkeypatch):
    """A Trio that was torn complains as its nurseries and tasks are deleted."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    yield
    gc.collect()


class Struck(Exception):
    """What the handler raises."""


class Strike:
    """A trace function that raises once, as a signal handler might: at a line of ours, or as a
    function of ours is called or returns, wherever none has struck in this scene before.

    Where a coroutine is suspended or goes on CPython looks for no signals. Any context manager may be
    struck as it begins to be left, and then is not left: there is nothing to be done about that.
    """

    def __init__(self, struck_before: set[str]) -> None:
        self.struck_before, self.where = struck_before, None

    def __call__(self, frame, event, arg):
        code = frame.f_code
        leaves = code.co_filename.endswith("_opening.py") and code.co_name != "_open"
        if leaves or not code.co_filename.startswith(ROOMS):
            return None
        return self.strike(frame, event, arg)

    def strike(self, frame, event, arg):
        in_coroutine = frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
        if event == "line" or (event in ("call", "return") and not in_coroutine):
            place = f"{event} {frame.f_code.co_filename}:{frame.f_lineno}"
            if self.where is None and place not in self.struck_before:
                self.struck_before.add(place)
                self.where = place
                sys.settrace(None)
                raise Struck(place)
        return self.strike


async def a_group_inside_a_step(manager):
    async def outer(step):
        await a_group(manager)

    await manager.execute_group(ParallelGroup("outer", ["x", "y"]), outer)


async def callers_beside_each_other(manager):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a_group, manager)
        for _ in range(4):
            nursery.start_soon(manager.pool.execute, step)


class Connection:
    """A tool that is opened for a run, and has to be closed after it."""

    open = 0

    async def __aenter__(self):
        type(self).open += 1
        return self

    async def __aexit__(self, *_):
        type(self).open -= 1

    async def __call__(self):
        await trio.sleep(1)


async def a_workflow(manager):
    tools = ToolRegistry()
    tools.register(Connection, "connection")
    group = ParallelGroup("members", [WorkflowStep("m", tool="connection")])
    steps = [
        WorkflowStep("a", tool="connection"),
        WorkflowStep("g", group=group, depends_on=["a"]),
    ]
    workflow = WorkflowDefinition("w", steps)
    await WorkflowManager(tools=tools, pool=manager.pool).execute(workflow)


SCENES = pytest.mark.parametrize(
    "scene",
    [
        a_group,
        a_group_of_sync_steps,
        a_group_with_time_limits,
        a_race,
        tasks_of_their_own,
        pytest.param(leftovers, marks=LEAKS),
        a_group_inside_a_step,
        a_single_task,
        a_late_task,
        a_stream,
        a_stream_that_is_left,
        contenders,
        callers_beside_each_other,
        a_workflow,
    ],
    ids=lambda scene: scene.__name__,
)


async def struck(strike: Strike, scene: Callable, manager: ParallelExecutionManager) -> None:
    """Run a scene that is struck; where that leaves Trio whole the pool works on at once."""
    sys.settrace(strike)
    try:
        await scene(manager)
    except* (Struck, ValueError, trio.TooSlowError):
        pass  # it may have struck beside a step's own error
    finally:
        sys.settrace(None)
    await assert_works_on(manager)


def is_torn(error: BaseException) -> bool:
    """Whether Trio says that something has come between a block and its end: in any program a handler
    may strike as a ``with`` is being left."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_torn(inner) for inner in error.exceptions)
    return isinstance(error, trio.TrioInternalError) or "stack corrupted" in str(error)


@SCENES
def test_an_exception_out_of_a_signal_handler_leaves_the_pool_in_order(scene):
    struck_before = set()
    while True:
        manager = ParallelExecutionManager(max_concurrent=2)
        strike = Strike(struck_before)
        Connection.open = 0
        kept = None
        try:
            try:
                run_virtual(struck, strike, scene, manager)
            except BaseException as error:
                if not is_torn(error):
                    raise
                kept = error  # and with it the tasks, none of which ends
                run_virtual(manager.pool.execute, sync, "the next call finds what was torn")
                run_virtual(assert_works_on, manager)
            assert_idle(manager)
            assert Connection.open == 0
            if kept is not None:
                kept = None
                gc.collect()
            assert not manager._accounts._open
        except BaseException as error:
            error.add_note(f"after a strike at: {strike.where}")
            raise
        if strike.where is None:
            break
    assert len(struck_before) > 40


# --- a trio.run that broke off --------------------------------------------------------------------


def test_a_pool_can_be_used_again_after_trio_has_been_torn():
    """Though an exception that is kept keeps the tasks of the old ``trio.run``, which never end."""
    manager = ParallelExecutionManager(max_concurrent=2)

    class Torn(trio.abc.Clock):
        def start_clock(self):
            self.looks = 0

        def current_time(self):
            return 0.0

        def deadline_to_sleep_time(self, deadline):
            self.looks += 1
            if self.looks > 4:
                raise Struck
            return 0.0

    async def wait(step=None):
        await trio.sleep_forever()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(manager.execute_group, ParallelGroup("g", ["a", "b", "c"]), wait)
            nursery.start_soon(manager.pool.execute, wait)

    with pytest.raises(trio.TrioInternalError) as kept:
        trio.run(main, clock=Torn())
    assert manager.get_status().active_workers == 2
    run_virtual(manager.execute_group, ParallelGroup("g", ["a", "b", "c"]), sync)
    run_virtual(assert_works_on, manager)
    del kept

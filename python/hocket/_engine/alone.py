"""A single step, which runs in its caller's own task."""

from __future__ import annotations

import sys
from functools import partial

import trio
from trio.lowlevel import Task, current_task, enable_ki_protection

from .. import _core
from . import leftovers, turns
from .supervisor import drive, judge, supervise

__all__ = ["run_alone", "run_alone_in_thread"]


@enable_ki_protection
async def run_alone(run: _core.Run) -> bool:
    """Run the only step of ``run`` in the task that we are in, and close it.

    Returns whether the step has suspended.
    """
    driver = _core.Driver(run)
    task = current_task()
    held = leftovers.locks(task)
    # What the caller handles is no context of others' steps.
    ring = turns.ring_of_caller() if run.takes_turns and sys.exception() is None else None
    try:
        if run.has_timeouts:
            await _within_limit(run, driver, task, ring)
        else:
            scope = leftovers.innermost_scope(task)
            left = leftovers.Leftovers(task, scope)
            driver.enter(task, scope, left.to_watch(), ring)
            try:
                await drive(driver)
            finally:
                await left.tidy()
        return driver.has_suspended
    finally:
        try:
            driver.exit()
            if driver.retire:
                leftovers.break_locks(task, held)
        finally:
            run.close(False)


async def _within_limit(
    run: _core.Run, driver: _core.Driver, task: Task, ring: _core.Ring | None
) -> None:
    """The same inside a cancel scope, whose deadline is set when the step suspends.

    Each attempt has a scope of its own.
    """
    again = True
    while again:
        try:
            with trio.CancelScope() as scope:
                run.attach(_nothing, _nothing, partial(_set_deadline, scope), False)
                left = leftovers.Leftovers(task, scope)
                driver.enter(task, scope, left.to_watch(), ring, trio_cancels=True)
                try:
                    await drive(driver)
                finally:
                    await left.tidy()
        except BaseException as error:  # noqa: BLE001 - the driver says what goes on
            judge(driver, error)
        else:
            if scope.cancelled_caught:
                judge(driver, None)
        again = driver.again and run.ready > 0


def _nothing() -> None:
    """A single step needs no more workers, and has nobody to stop."""


@enable_ki_protection
def _set_deadline(scope: trio.CancelScope, deadline: float) -> None:
    scope.deadline = deadline


@enable_ki_protection
async def run_alone_in_thread(run: _core.Run) -> bool:
    """Run the only step of ``run``, a function that blocks, and close it.

    Returns that it has been through Trio's scheduler.
    """
    try:
        await supervise(run, None, isolated=False)
        return True
    finally:
        run.close(False)

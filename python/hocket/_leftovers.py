"""What a step can leave behind on the Trio task that it shares with later steps.

The only file that looks at what is private to Trio. Each look is optional: where Trio has the
attribute no longer, that kind of leftover is not detected, and everything else works on.
"""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any

import trio
from trio.lowlevel import Task, enable_ki_protection

from ._errors import StepLeftovers

logger = logging.getLogger("hocket.leftovers")

__all__ = ["break_locks", "innermost_scope", "locks", "look", "tidy"]

_parking_lot = sys.modules.get("trio._core._parking_lot")
# The table by which Trio breaks the locks that an exiting task still holds: task -> parking lots.
_BREAKERS: dict[Task, list[Any]] | None = getattr(_parking_lot, "GLOBAL_PARKING_LOT_BREAKER", None)

_CLOSABLE_NURSERIES = hasattr(trio.Nursery, "_nested_child_finished")


def look(
    task: Task, scope: trio.CancelScope | None, *, own_task: bool = False
) -> tuple[Any, Any, Any, Any, Any]:
    """Return what the core watches while steps run on ``task`` inside ``scope``.

    These are the task's open nurseries, the scope's cancel status and the tasks in it, the table
    of held locks, and the function that makes the error. A step with a task of its own may end
    with a lock held: Trio breaks the lock as the task exits, which is what such a step asks for.
    """
    status = getattr(scope, "_cancel_status", None)
    # What could not be closed afterwards is not looked for either.
    closable = innermost_scope(task) is scope
    return (
        getattr(task, "_child_nurseries", None) if closable and _CLOSABLE_NURSERIES else None,
        status if hasattr(status, "effectively_cancelled") else None,
        getattr(status, "_tasks", None) if closable else None,
        None if own_task else _BREAKERS,
        partial(describe, task, scope, len(task.child_nurseries)),
    )


@enable_ki_protection
def describe(
    task: Task, scope: trio.CancelScope | None, nurseries: int, step: str
) -> StepLeftovers:
    """Return the error for a step that has left something open, naming what it is.

    ``nurseries`` is how many the task had open before the step.
    """
    found = []
    hint = "Close it inside the step: use 'with' or 'async with'."
    if len(task.child_nurseries) > nurseries:
        found.append("an open nursery")
    elif innermost_scope(task) is not scope:
        found.append("an open cancel scope")
    if locks(task):
        found.append("a lock that it still holds")
        hint = (
            "Steps share Trio tasks, and a lock belongs to a task: release it inside the step, or "
            'run it in a ParallelGroup with isolation="task".'
        )
    what = " and ".join(found) or "something open on its task"
    error = StepLeftovers(f"step {step!r} ended and left behind {what}. {hint}")
    # Logged too: where another step wins, nobody looks at this one's error.
    logger.warning("%s", error)
    return error


def locks(task: Task) -> int:
    """Return how many locks ``task`` holds."""
    return len(_BREAKERS.get(task, ())) if _BREAKERS else 0


def break_locks(task: Task, before: int) -> None:
    """Break the locks that a step took in the caller's own task, which lives on.

    Whoever waits for such a lock is told (``BrokenResourceError``), as when a task exits with it.
    """
    if _BREAKERS is None:
        return
    for lot in _BREAKERS.get(task, [])[before:]:
        lot.break_lot(task)
        trio.lowlevel.remove_parking_lot_breaker(task, lot)


@enable_ki_protection
async def tidy(task: Task, scope: trio.CancelScope | None) -> None:
    """Close what the step left open on ``task`` inside ``scope``; then the worker can exit.

    A nursery's tasks are cancelled and awaited, so that none outlives the step. Locks are not
    released here: when the worker exits, Trio breaks them, as it does for any task.
    """
    failures: list[BaseException] = []
    while (inner := innermost_scope(task)) is not scope and inner is not None:
        nursery = task.child_nurseries[-1] if task.child_nurseries else None
        if nursery is not None and nursery.cancel_scope is inner:
            inner.cancel(reason="the step that opened this nursery has ended")
            failures += await _join_children(nursery)
        inner.__exit__(None, None, None)
    fatal = [failure for failure in failures if not isinstance(failure, Exception)]
    if fatal:
        raise fatal[0]
    for failure in failures:
        # The step has failed with its own error already; these have no other way out.
        logger.error("a task that a step had left behind failed", exc_info=failure)


def innermost_scope(task: Task) -> trio.CancelScope | None:
    """Return the cancel scope that ``task`` is in; None where Trio does not let us see it."""
    status = getattr(task, "_cancel_status", None)
    return getattr(status, "_scope", None)


async def _join_children(nursery: trio.Nursery) -> list[BaseException]:
    """Wait for a nursery's tasks; return what they raised, without the cancellations."""
    failure = await nursery._nested_child_finished(None)
    if failure is None:
        return []
    # A run with strict_exception_groups=False gives a single exception as it is.
    group = (
        failure if isinstance(failure, BaseExceptionGroup) else BaseExceptionGroup("", [failure])
    )
    _, rest = group.split(trio.Cancelled)
    return list(rest.exceptions) if rest is not None else []

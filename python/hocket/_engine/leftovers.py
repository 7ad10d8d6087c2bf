"""What a step can leave behind on the Trio task that it shares with later steps.

The only file that looks at what is private to Trio. Each look is optional: where Trio has the
attribute no longer, that kind of leftover is not detected, and everything else works on.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, NoReturn

import trio
from trio.lowlevel import Task, enable_ki_protection

from .._base.errors import StepLeftovers
from .._base.exceptions import is_a, leaves

logger = logging.getLogger("hocket.leftovers")

__all__ = ["Leftovers", "break_locks", "innermost_scope", "is_scheduled", "locks"]

_parking_lot = sys.modules.get("trio._core._parking_lot")
# The table by which Trio breaks the locks that an exiting task still holds: task -> parking lots.
_BREAKERS: dict[Task, list[Any]] | None = getattr(_parking_lot, "GLOBAL_PARKING_LOT_BREAKER", None)

# A class with slots would not let us replace the method of one nursery.
_CLOSABLE_NURSERIES = (
    hasattr(trio.Nursery, "_nested_child_finished")
    and hasattr(Task, "_next_send_fn")
    and not hasattr(trio.Nursery, "__slots__")
)


class Leftovers:
    """What steps leave open on ``task`` inside ``scope``: named, taken over, and closed.

    A step with a task of its own may end with a lock held: Trio breaks the lock as the task exits,
    which is what such a step asks for.
    """

    def __init__(
        self, task: Task, scope: trio.CancelScope | None, *, own_task: bool = False
    ) -> None:
        self._task = task
        self._scope = scope
        self._own_task = own_task
        self._nurseries_before = len(task.child_nurseries)
        self._nurseries: dict[trio.CancelScope, Any] = {}
        self._closers: dict[Task, Any] = {}
        self._is_claimed = False

    def to_watch(self) -> tuple[Any, Any, Any, Any, Any]:
        """Return what the core watches while steps run.

        These are the task's open nurseries, the scope's cancel status and the tasks in it, the
        table of held locks, and the function that makes the error.
        """
        status = getattr(self._scope, "_cancel_status", None)
        # What could not be closed afterwards is not looked for either.
        closable = innermost_scope(self._task) is self._scope
        return (
            getattr(self._task, "_child_nurseries", None)
            if closable and _CLOSABLE_NURSERIES
            else None,
            status if hasattr(status, "effectively_cancelled") else None,
            getattr(status, "_tasks", None) if closable else None,
            None if self._own_task else _BREAKERS,
            self.found,
        )

    @enable_ki_protection
    def found(self, step: str) -> StepLeftovers:
        """Cancel what the step has left open; return the error that names it.

        The step has ended, and nobody else has run since. The worker may come to ``tidy`` later.
        """
        found = []
        hint = "Close it inside the step: use 'with' or 'async with'."
        if len(self._task.child_nurseries) > self._nurseries_before:
            found.append("an open nursery")
        elif innermost_scope(self._task) is not self._scope:
            found.append("an open cancel scope")
        if locks(self._task):
            found.append("a lock that it still holds")
            hint = (
                "Steps share Trio tasks, and a lock belongs to a task: release it inside the step, "
                'or run it in a ParallelGroup with isolation="task".'
            )
        what = " and ".join(found) or "something open on its task"
        error = StepLeftovers(f"step {step!r} ended and left behind {what}. {hint}")
        # Logged too: where another step wins, nobody looks at this one's error.
        logger.warning("%s", error)
        self._claim()
        return error

    @enable_ki_protection
    async def tidy(self) -> None:
        """Close what the step left open; then the worker can exit.

        A nursery's tasks are cancelled and awaited, so that none outlives the step. Locks are not
        released here: when the worker exits, Trio breaks them, as it does for any task.
        """
        if innermost_scope(self._task) is self._scope:
            return
        failures: list[BaseException] = []
        self._claim()
        try:
            inner = innermost_scope(self._task)
            while inner is not self._scope and inner is not None:
                if (nursery := self._nurseries.get(inner)) is not None:
                    failures += await _close(nursery, self._task)
                inner.__exit__(None, None, None)
                inner = innermost_scope(self._task)
            _report(failures)
        finally:
            self._let_closers_go()
            # What is cancelled from here and fails keeps this frame, which must not keep it in turn.
            failures.clear()

    def _claim(self) -> None:
        """Take over the nurseries that were left open, and cancel what runs in them."""
        if self._is_claimed or innermost_scope(self._task) is self._scope:
            return
        self._is_claimed = True
        self._closers = _tasks_closing(self._task)
        nurseries = {*self._task.child_nurseries, *self._closers.values()}
        self._nurseries = _take_over(nurseries, self._scope)
        for scope in self._nurseries:
            scope.cancel(reason="the step that opened this nursery has ended")

    def _let_closers_go(self) -> None:
        for other, nursery in self._closers.items():
            if nursery in self._nurseries.values():
                trio.lowlevel.reschedule(other)
        self._closers, self._nurseries, self._is_claimed = {}, {}, False


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


def _report(failures: list[BaseException]) -> None:
    fatal = [failure for failure in failures if not is_a(failure, Exception)]
    if fatal:
        raise fatal[0]
    for failure in failures:
        # The step has failed with its own error already; these have no other way out.
        logger.error("a task that a step had left behind failed", exc_info=failure)


def innermost_scope(task: Task) -> trio.CancelScope | None:
    """Return the cancel scope that ``task`` is in; None where Trio does not let us see it."""
    status = getattr(task, "_cancel_status", None)
    return getattr(status, "_scope", None)


def is_scheduled(task: Task) -> bool:
    """Whether Trio is about to resume ``task``; False where it does not let us see it."""
    return getattr(task, "_next_send_fn", None) is not None


def _tasks_closing(parent: Task) -> dict[Task, Any]:
    """Return the tasks that wait in order to close a nursery of ``parent``, with that nursery.

    Such a task is mostly Trio's: it closes a dropped async generator, with the nursery inside.
    """
    if not _CLOSABLE_NURSERIES:
        return {}
    code = trio.Nursery._nested_child_finished.__code__
    found: dict[Task, Any] = {}
    todo = [trio.lowlevel.current_root_task()]
    while todo:
        task: Any = todo.pop()
        todo += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        if task is parent or task._next_send_fn is not None:
            continue  # it runs, or is about to
        # An early Trio does not walk past a coroutine that shows no frame, as a driver may be.
        with suppress(AttributeError):
            for frame, _ in task.iter_await_frames():
                nursery = frame.f_locals.get("self") if frame.f_code is code else None
                if nursery is not None and nursery._parent_task is parent:
                    found[task] = nursery
    return found


def _take_over(nurseries: set[Any], scope: Any) -> dict[trio.CancelScope, Any]:
    """Return the nurseries inside ``scope``, by their scopes; only we close them from now on.

    A nursery wakes just one task when its last child has ended, and whoever closes it removes the
    last nursery from the list of the task that opened it, whichever that is.
    """
    claimed: dict[trio.CancelScope, Any] = {}
    if not _CLOSABLE_NURSERIES:
        return claimed
    for nursery in nurseries:
        if nursery.cancel_scope is scope or not scope._cancel_status.encloses(
            nursery._cancel_status
        ):
            continue
        claimed[nursery.cancel_scope] = nursery
        nursery._nested_child_finished = _refuse  # for whoever comes from now on
        nursery._parent_waiting_in_aexit = False  # for whoever waits: not to wake us
        if nursery._closed:
            nursery._parent_task = _NOBODY  # for whoever is about to remove it
    return claimed


async def _close(nursery: Any, task: Any) -> list[BaseException]:
    """Wait for a claimed nursery's tasks; return what they raised, without the cancellations."""
    raised = nursery._pending_excs
    if nursery in task._child_nurseries:
        task._child_nurseries.remove(nursery)
    if not nursery._closed:
        task._child_nurseries.append(nursery)  # Trio removes the last one
        await type(nursery)._nested_child_finished(nursery, None)
    nursery._parent_task = _NOBODY
    if not raised:
        return []
    # Closing a generator leaves a GeneratorExit with its nursery.
    found = leaves(BaseExceptionGroup("", raised))
    return [leaf for leaf in found if not is_a(leaf, trio.Cancelled, GeneratorExit)]


def _refuse(*_: object) -> NoReturn:
    raise StepLeftovers("the step that opened this nursery has ended without closing it")


class _Nobody:
    """The parent task of a closed nursery: refuses whoever is half-way through closing it again."""

    _child_nurseries = property(_refuse)


_NOBODY = _Nobody()

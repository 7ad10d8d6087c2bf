"""Turns that workers give each other, without going through Trio's scheduler.

What that needs of Trio is private. It is looked up and tried here; where Trio has it no longer, or
it works otherwise, every step goes through Trio.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from random import random
from typing import Any

from outcome import Value
from trio.lowlevel import (
    Abort,
    Task,
    cancel_shielded_checkpoint,
    enable_ki_protection,
    wait_task_rescheduled,
)

from .. import _core

__all__ = ["ring", "ring_of_caller"]

_NAME = "hocket_ring"
# In frames, of the thousand that Python allows.
_DEEP = 100


def _look_up() -> dict[str, Any] | None:
    """Return what is the same for every ``trio.run``; None where Trio is not as we know it."""
    run = sys.modules.get("trio._core._run")
    context = getattr(run, "GLOBAL_RUN_CONTEXT", None)
    slots = ("coro", "_next_send", "_next_send_fn", "_abort_func", "_schedule_points")
    deliver = ("_attempt_delivery_of_pending_ki", "_attempt_delivery_of_any_pending_cancel")
    names = (*slots, "_cancel_points", *deliver)
    if context is None or not all(hasattr(Task, name) for name in names):
        return None
    checkpoint = _trap(cancel_shielded_checkpoint)
    wait = _trap(wait_task_rescheduled, _abort)
    if not isinstance(checkpoint, type) or getattr(wait, "abort_func", None) is not _abort:
        return None
    found: dict[str, Any] = {"Task": Task, "checkpoint": checkpoint}
    found |= {"wait": type(wait), "value": Value}
    found |= {"deliver": _deliver, "tell": _tell, "is_due": _is_due}
    return found | {"random": getattr(getattr(run, "_r", None), "random", random)}


def _is_seeded() -> bool:
    run = sys.modules["trio._core._run"]
    return bool(getattr(run, "_ALLOW_DETERMINISTIC_SCHEDULING", False))


def _trap(function: Any, *args: Any) -> object:
    coroutine = function(*args)
    try:
        return coroutine.send(None)
    finally:
        coroutine.close()


def _abort(_raise_cancel: object) -> Abort:
    return Abort.FAILED


# The carrier calls these in the middle of a step's turn, where a KeyboardInterrupt may strike. Trio
# has its own bookkeeping, abort functions and instruments protected from it, and so have we.


@enable_ki_protection
def _deliver(runner: Any, task: Any) -> None:
    """Cancel a task that has begun to wait, or raise KeyboardInterrupt in it, if that is due."""
    if runner.ki_pending and task is runner.main_task:
        task._attempt_delivery_of_pending_ki()
    task._attempt_delivery_of_any_pending_cancel()


@enable_ki_protection
def _tell(instruments: Any, hook: str, task: Task) -> None:
    instruments.call(hook, task)


@enable_ki_protection
def _is_due(runner: Any) -> bool:
    """Whether Trio would cancel a scope now whose deadline has come."""
    return bool(runner.deadlines.next_deadline() <= runner.clock.current_time())


_FOUND = _look_up() if os.environ.get("HOCKET_TURNS", "on") != "off" else None


def ring_of_caller() -> _core.Ring | None:
    """The same for a caller's own task.

    Others' steps would stand on its stack: one that is deep already leaves them too little of it.
    """
    try:
        sys._getframe(_DEEP)
    except ValueError:
        return ring()
    return None


def ring() -> _core.Ring | None:
    """Return the ring of the present ``trio.run``; None where there can be none."""
    if _FOUND is None:
        return None
    here = sys.modules["trio._core._run"].GLOBAL_RUN_CONTEXT.__dict__
    if _NAME not in here:
        here[_NAME] = _open(_FOUND, here)
    known: _core.Ring | None = here[_NAME]
    return known


def _open(found: dict[str, Any], here: dict[str, Any]) -> _core.Ring | None:
    """Return a ring for the run of Trio whose global context has these attributes."""
    runner = here.get("runner")
    hooks = getattr(getattr(runner, "instruments", None), "data", None)
    has_all = (
        isinstance(getattr(runner, "runq", None), deque)
        and isinstance(hooks, dict)
        and hasattr(runner, "ki_pending")
        and hasattr(runner, "main_task")
        and hasattr(runner, "clock")
        and hasattr(getattr(runner, "deadlines", None), "next_deadline")
    )
    parts = {"current": here, "runner": runner, "is_seeded": _is_seeded()}
    return _core.Ring(found | parts) if has_all else None

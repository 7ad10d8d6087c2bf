"""What the calls of a pool are given to run, and what is said of what cannot be run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import CoroutineType
from typing import Any, TypeVar

from .._base.callables import name_of, uncalled_hint
from .._base.iterables import as_tuple
from .._base.shown import shown
from .._model.group import ParallelGroup
from .._model.retry import Retry
from .._model.run_in import RunIn, check_for_thread, check_run_in
from .._model.task import WorkerTask

__all__ = ["call_parts", "retries_of", "task_list"]

R = TypeVar("R")


def task_list(tasks: Iterable[WorkerTask[R]]) -> list[WorkerTask[R]]:
    """Return the tasks as a list.

    Raises:
        TypeError: one of them is none; the message says what to write.
    """
    works = list(as_tuple("tasks", "a list of WorkerTask objects", tasks))
    for work in works:
        if not isinstance(work, WorkerTask):
            text = f"tasks must be WorkerTask objects; found {shown(work)}{_as_task(work)}"
            for other in works:
                uncalled_hint(other)  # or Python warns, far from here, that it was never awaited
            raise TypeError(text)
    return works


def call_parts(
    task: WorkerTask[Any] | Callable[..., Any],
    args: tuple[Any, ...],
    named: Mapping[str, Any],
    run_in: RunIn | None,
) -> tuple[str, Callable[[], Any], float | None, Retry | None, bool]:
    """Return what to run: its name, a function without arguments, its time limit, its retry, and
    whether a thread runs it.

    Raises:
        TypeError: it cannot be run; the message says what to write.
    """
    if isinstance(task, WorkerTask):
        if args or named:
            given = shown(args) if args else shown(named)
            raise TypeError(
                f"execute(WorkerTask(...)) takes no further arguments; got {given} "
                "(bind them with functools.partial)"
            )
        if run_in is not None:
            raise TypeError(
                f"execute(WorkerTask(...)) runs it where the task says: write WorkerTask({task.id!r}, ..., "
                f"run_in={shown(run_in)})"
            )
        return task.id, task.execute, task.timeout, task.retry, task.run_in == "thread"
    if not callable(task):
        hint = uncalled_hint(task)
        if isinstance(task, ParallelGroup):
            hint = " (a group is run by ParallelExecutionManager.execute_group)"
        raise TypeError(f"execute takes a WorkerTask or an async function; got {shown(task)}{hint}")
    if named:
        function: Any = task
        while isinstance(function, partial):
            args, named = (*function.args, *args), {**function.keywords, **named}
            function = function.func
        where = "" if run_in is None else f", run_in={shown(run_in)}"
        raise TypeError(
            f"execute passes on arguments without names alone: write "
            f"execute({_bound(_name(function), args, named)}{where})"
        )
    in_thread = run_in is not None and check_run_in("run_in", run_in) == "thread"
    if in_thread:
        check_for_thread("the function of execute", task)
    return name_of(task), partial(task, *args) if args else task, None, None, in_thread


def retries_of(tasks: Iterable[WorkerTask[Any]]) -> list[Retry | None] | None:
    """Return how often each task is tried; None where each is tried once."""
    retries = [task.retry for task in tasks]
    return retries if any(retries) else None


def _as_task(work: object) -> str:
    """What to write instead of something that can be run and is no task; nothing of the rest."""
    if type(work) is CoroutineType:
        # It has not started, so all that it has are its arguments.
        function = _bound(work.__name__, (), inspect.getcoroutinelocals(work))
        return f": write WorkerTask({work.__name__!r}, {function})"
    if callable(work):
        return f": write WorkerTask({_name(work)!r}, {_name(work)})"
    return ""


def _bound(function: str, args: Iterable[object], named: Mapping[str, object]) -> str:
    given = [*map(shown, args), *(f"{name}={shown(value)}" for name, value in named.items())]
    return f"functools.partial({', '.join([function, *given])})" if given else function


def _name(function: object) -> str:
    name = name_of(function).rpartition(".")[2]
    return name if name.isidentifier() else "function"

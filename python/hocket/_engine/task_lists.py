"""The run of a list of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import _core
from .._base.durations import limit_to_ns
from .._model.strategy import Strategy, check_quorum
from .._model.task import WorkerTask
from .calls import retries_of
from .run import RunSpec
from .threads import call_in_thread

__all__ = ["tasks_spec"]


def tasks_spec(
    pool: _core.Pool,
    tasks: Sequence[WorkerTask[Any]],
    strategy: Strategy,
    *,
    default_timeout: float | None,
    timeout: float | None,
    rate: _core.Rate | None,
) -> RunSpec:
    """Return what runs these tasks together on the pool.

    Raises:
        ValueError: two of them have the same id, or there are too few.
    """
    ids = _core.step_ids(list(tasks), None, "tasks")
    check_quorum("tasks", strategy, len(ids))
    limits = [default_timeout if task.timeout is None else task.timeout for task in tasks]
    own_limits = any(task.timeout is not None for task in tasks)
    # Among async tasks, one that blocks is an async step that waits for its thread.
    in_threads = bool(tasks) and all(task.run_in == "thread" for task in tasks)
    return RunSpec(
        id="tasks",
        ids=ids,
        steps=[
            partial(call_in_thread, pool, task.execute, limit)
            if task.run_in == "thread" and not in_threads
            else task.execute
            for task, limit in zip(tasks, limits, strict=True)
        ],
        in_threads=in_threads,
        strategy=strategy,
        timeout=timeout,
        step_timeout_ns=limit_to_ns(default_timeout),
        step_timeouts_ns=[*map(limit_to_ns, limits)] if own_limits else None,
        rate=rate,
        retry=retries_of(tasks),
    )

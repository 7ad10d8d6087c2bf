"""Many steps under one join policy: what groups, task lists and workflows have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from trio.lowlevel import current_task, current_trio_token, enable_ki_protection

from .. import _core
from .._base.durations import limit_to_ns
from .._base.errors import StepTimeout
from .._model.event import Observer
from .._model.group import Isolation
from .._model.result import ParallelExecutionResult
from .._model.strategy import Strategy, WaitStrategy, thresholds
from .entry import foreign_clock, settle_in
from .observers import events, guarded
from .supervisor import supervise

__all__ = ["Batch", "run_batch"]


@attrs.define(kw_only=True)
class Batch:
    """Steps to run together, and how."""

    id: str
    kind: str
    ids: list[str]
    steps: list[Any]
    executor: Callable[..., object] | None
    context: object
    strategy: Strategy
    logger: logging.Logger
    max_concurrent: int | None = None
    continue_on_error: bool = False
    timeout: float | None = None
    step_timeout: float | None = None
    step_timeouts: list[float | None] | None = None
    isolation: Isolation = "shared"
    observers: Sequence[Observer] = ()
    dependencies: list[list[int]] | None = None
    unslotted: list[bool] | None = None
    tolerated: list[bool] | None = None
    results: dict[str, Any] = attrs.Factory(dict)
    errors: dict[str, Any] = attrs.Factory(dict)


@enable_ki_protection
async def run_batch(
    core: _core.Pool,
    batch: Batch,
    *,
    on_end: Callable[[ParallelExecutionResult], object] | None = None,
) -> ParallelExecutionResult:
    """Run a batch on a pool. ``on_end`` sees the result also when the caller was cancelled."""
    await settle_in()
    debug = batch.logger.isEnabledFor(logging.DEBUG)
    if debug:
        batch.logger.debug("%s %r starts: %d steps", batch.kind, batch.id, len(batch.ids))
    run = _open(core, batch)
    out_of_time = False
    try:
        out_of_time = await supervise(run, batch.timeout, isolated=batch.isolation == "task")
    finally:
        result = _close(run, batch, out_of_time)
        if on_end is not None:
            on_end(result)
    if debug:
        batch.logger.debug(
            "%s %r %s after %.6f s: %d completed, %d failed, %d skipped",
            batch.kind,
            batch.id,
            "succeeded" if result.success else "failed",
            result.duration,
            len(result.completed_steps),
            len(result.failed_steps),
            len(result.skipped_steps),
        )
    return result


def _open(core: _core.Pool, batch: Batch) -> _core.Run:
    need, give_up = thresholds(
        batch.strategy, len(batch.ids), continue_on_error=batch.continue_on_error
    )
    timeouts = batch.step_timeouts
    task = current_task()
    return core.open(
        current_trio_token(),
        task,
        task.context,
        batch.ids,
        batch.steps,
        batch.results,
        batch.errors,
        executor=batch.executor,
        context=batch.context,
        clock=foreign_clock(),
        need=need,
        give_up=give_up,
        limit=batch.max_concurrent,
        timeout_ns=limit_to_ns(batch.step_timeout),
        timeouts_ns=None if timeouts is None else [limit_to_ns(timeout) for timeout in timeouts],
        dependencies=batch.dependencies,
        unslotted=batch.unslotted,
        tolerated=batch.tolerated,
        observer=_observer(batch),
        isolated=batch.isolation == "task",
    )


def _close(run: _core.Run, batch: Batch, out_of_time: bool) -> ParallelExecutionResult:
    try:
        duration, verdict = run.age, run.verdict
    finally:
        # Whatever fails, a foreign clock say, the pool is not left with this run.
        skipped, unwound = run.close(out_of_time)
    failed = run.failed
    # A limit that took nothing away has not ended the group: every step had ended by itself.
    timed_out = out_of_time and bool(skipped or unwound)
    if out_of_time:
        assert batch.timeout is not None
        for step in unwound:
            failed.append(step)
            batch.errors[step] = StepTimeout(step, batch.timeout, batch.kind)
        unwound = []
    return ParallelExecutionResult(
        group_id=batch.id,
        wait_strategy=batch.strategy,
        success=_success(batch, verdict),
        completed_steps=run.completed,
        failed_steps=failed,
        skipped_steps=skipped,
        cancelled_steps=unwound,
        results=batch.results,
        errors=batch.errors,
        winner=run.winner if batch.strategy in (WaitStrategy.ANY, WaitStrategy.RACE) else None,
        duration=duration,
        timed_out=timed_out,
    )


def _success(batch: Batch, verdict: bool | None) -> bool:
    if batch.continue_on_error or batch.strategy is WaitStrategy.ALL_SETTLED:
        return True
    return bool(verdict)


def _observer(batch: Batch) -> Any:
    tell = guarded(batch.observers, batch.logger, f"{batch.kind} {batch.id!r}")
    return None if tell is None else events(tell, batch.id, batch.results, batch.errors)

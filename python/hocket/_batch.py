"""Many steps under one join policy: what groups, task lists and workflows have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
from trio.lowlevel import current_task, current_trio_token, enable_ki_protection

from . import _core
from ._errors import StepTimeout
from ._group import Isolation
from ._result import ParallelExecutionResult
from ._run import supervise
from ._strategy import Strategy, WaitStrategy, thresholds
from ._trio import foreign_clock, settle_in

__all__ = [
    "Observer",
    "RunSpec",
    "check_observer",
    "guarded",
    "open_run",
    "run_steps",
    "step_log",
]

Observer: TypeAlias = Callable[[str, str, float], object]
"""Is told (what, step id, seconds): ``"started"`` with the time waited; ``"completed"``,
``"failed"``, ``"timed_out"`` or ``"cancelled"`` with the time run. A step that the time limit of its
whole group stops is ``"cancelled"`` here; that it counts as timed out is settled as the group ends."""


@attrs.define(kw_only=True)
class RunSpec:
    """Steps to run together, and how. The core reads it, and so it is in the core's units."""

    id: str | None
    """None for a single call of the pool."""
    kind: str
    ids: list[str]
    steps: list[Any]
    results: dict[str, Any] = attrs.Factory(dict)
    errors: dict[str, Any] = attrs.Factory(dict)
    executor: Callable[..., object] | None = None
    """Is called with each step and the context; without it each step is called with nothing."""
    context: object = None
    strategy: Strategy
    max_concurrent: int | None = None
    continue_on_error: bool = False
    timeout: float | None = None
    """Seconds that the whole run may take. Trio watches over it, not the core."""
    step_timeout_ns: int | None = None
    step_timeouts_ns: list[int | None] | None = None
    """Each step's own time limit, in place of ``step_timeout_ns``."""
    isolation: Isolation = "shared"
    dependencies: list[list[int]] | None = None
    """For each step the indices of those that it waits for."""
    slotless: list[bool] | None = None
    """Which steps take no slot, as they only wait for steps of their own."""
    tolerated: list[bool] | None = None
    """Which steps' failures count as successes."""
    bounded: bool = False
    """Whether the run takes a place in the pool's queue while it waits."""
    observer: Observer | None = None
    logger: logging.Logger

    @property
    def thresholds(self) -> tuple[int | None, int | None]:
        """How many successes, or failures, decide the run."""
        return thresholds(self.strategy, len(self.ids), continue_on_error=self.continue_on_error)


def open_run(core: _core.Pool, spec: RunSpec) -> _core.Run:
    """Take the run in on a pool, for the task that we are in."""
    task = current_task()
    return _core.Run(core, current_trio_token(), task, task.context, foreign_clock(), spec)


@enable_ki_protection
async def run_steps(
    core: _core.Pool,
    spec: RunSpec,
    *,
    on_end: Callable[[ParallelExecutionResult], object] | None = None,
) -> ParallelExecutionResult:
    """Run steps on a pool. ``on_end`` sees the result also when the caller was cancelled."""
    await settle_in()
    debug = spec.logger.isEnabledFor(logging.DEBUG)
    if debug:
        spec.logger.debug("%s %r starts: %d steps", spec.kind, spec.id, len(spec.ids))
    run = open_run(core, spec)
    out_of_time = False
    try:
        out_of_time = await supervise(run, spec.timeout, isolated=spec.isolation == "task")
    finally:
        result = _close(run, spec, out_of_time)
        if on_end is not None:
            on_end(result)
    if debug:
        spec.logger.debug(
            "%s %r %s after %.6f s: %d completed, %d failed, %d skipped",
            spec.kind,
            spec.id,
            "succeeded" if result.success else "failed",
            result.duration,
            len(result.completed_steps),
            len(result.failed_steps),
            len(result.skipped_steps),
        )
    return result


def _close(run: _core.Run, spec: RunSpec, out_of_time: bool) -> ParallelExecutionResult:
    try:
        duration, verdict = run.age, run.verdict
    finally:
        # Whatever fails, a foreign clock say, the pool is not left with this run.
        skipped, unwound = run.close(out_of_time)
    failed = run.failed
    # A limit that took nothing away has not ended the group: every step had ended by itself.
    timed_out = out_of_time and bool(skipped or unwound)
    if out_of_time:
        assert spec.timeout is not None
        for step in unwound:
            failed.append(step)
            spec.errors[step] = StepTimeout(step, spec.timeout, spec.kind)
        unwound = []
    assert spec.id is not None, "a single call of the pool makes no result"
    return ParallelExecutionResult(
        group_id=spec.id,
        wait_strategy=spec.strategy,
        success=_success(spec, verdict),
        completed_steps=run.completed,
        failed_steps=failed,
        skipped_steps=skipped,
        cancelled_steps=unwound,
        results=spec.results,
        errors=spec.errors,
        winner=run.winner if spec.strategy in (WaitStrategy.ANY, WaitStrategy.RACE) else None,
        duration=duration,
        timed_out=timed_out,
    )


def _success(spec: RunSpec, verdict: bool | None) -> bool:
    if spec.continue_on_error or spec.strategy is WaitStrategy.ALL_SETTLED:
        return True
    return bool(verdict)


def check_observer(observer: object) -> None:
    """Refuse an observer that cannot be called.

    Raises:
        TypeError: it is no function.
    """
    if observer is not None and not callable(observer):
        raise TypeError(
            f"observer must be a function of (what, step id, seconds); got {observer!r}"
        )


def step_log(logger: logging.Logger, where: str) -> Observer:
    """Return an observer that writes a line at DEBUG as a step starts, and as it ends."""

    def log(what: str, step: str, seconds: float) -> None:
        logger.debug("%s: step %r %s (%.6f s)", where, step, what, seconds)

    return log


def guarded(observers: Sequence[Observer], logger: logging.Logger, where: str) -> Observer | None:
    """Return one guarded observer for the caller's and for DEBUG logging; None costs nothing."""
    debug = logger.isEnabledFor(logging.DEBUG)
    if not debug and not observers:
        return None
    left = [step_log(logger, where), *observers] if debug else list(observers)

    def tell(what: str, step: str, seconds: float) -> None:
        for observer in tuple(left):
            try:
                observer(what, step, seconds)
            except Exception:
                # A failing observer must not fail the step that it looks at.
                left.remove(observer)
                logger.exception("observer %r failed and was removed", observer)

    return tell

"""Many steps under one join policy: what groups, task lists and workflows have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import attrs
from trio.lowlevel import current_task, current_trio_token, enable_ki_protection

from .. import _core
from .._base.durations import limit_to_ns
from .._base.errors import StepTimeout
from .._model.event import Observer
from .._model.group import Isolation
from .._model.hedging import Stagger
from .._model.result import ParallelExecutionResult
from .._model.retry import Retry
from .._model.strategy import Quorum, Strategy, WaitStrategy, thresholds
from .contenders import Contenders
from .entry import begin_call, foreign_clock
from .group_accounts import GroupAccounts
from .supervisor import supervise

__all__ = ["CallSpec", "RunSpec", "log_end", "open_run", "run_steps"]


# The core reads both, attribute by attribute, and so they are in the core's units. The first is for
# itself because single calls are many, and each setting takes its time to be given and read.
@attrs.define
class CallSpec:
    """What every run says, and all that a single call of the pool says."""

    id: str | None
    """The group's id, or the workflow's name; None for a single call."""
    ids: list[str]
    steps: list[Any]
    results: dict[str, Any] = attrs.Factory(dict)
    errors: dict[str, Any] = attrs.Factory(dict)
    step_timeout_ns: int | None = None
    in_threads: bool = False
    """Whether steps are plain functions, which run in threads."""
    bounded: bool = False
    """Whether the run takes a place in the pool's queue while it waits."""
    observer: Observer | None = None
    rate: _core.Rate | None = None
    retry: Retry | list[Retry | None] | None = None
    run: _core.Run | None = attrs.field(default=None, init=False)
    """The run, from the moment that it is open; the core sets it."""

    def listen(self, beside: Callable[[Observer | None], Observer]) -> None:
        """Put an observer beside the one there is."""
        self.observer = beside(self.observer)

    def close(self) -> None:
        """End the run if it was opened and is open still; :meth:`Run.close` says how."""
        if self.run is not None:
            self.run.close(False)


@attrs.define(kw_only=True)
class RunSpec(CallSpec):
    """Steps to run together, and how."""

    id: str  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody changes it
    """The group's id, or the workflow's name."""
    kind: str = "group"
    """What messages call it: a group, or a workflow."""
    strategy: Strategy
    continue_on_error: bool = False
    thresholds: tuple[int | None, int | None] = attrs.field(init=False)
    """How many successes, or failures, decide the run."""
    executor: Callable[..., object] | None = None
    """Is called with each step; without it each step is called with nothing."""
    max_concurrent: int | None = None
    share: int | None = None
    """The most slots of the pool that the run and everything its steps start may take together."""
    timeout: float | None = None
    """Seconds that the whole run may take. Trio watches over it, not the core."""
    isolation: Isolation = "shared"
    is_fed: bool = False
    """Whether steps come in by ``_core.Feed``, and the lists of ids and steps are places for them."""
    landing: _core.Landing | None = None
    """Where what each step has come to lands, which is then kept nowhere else."""
    stagger: Stagger | None = None
    """How the steps follow each other; None: all start as soon as they have a slot."""
    contenders: Contenders | None = attrs.field(default=None, init=False)
    """With ``stagger``: who lets them start."""
    step_timeouts_ns: list[int | None] | None = None
    """Each step's own time limit, in place of ``step_timeout_ns``."""
    dependencies: list[list[int]] | None = None
    """For each step the indices of those that it waits for."""
    slotless: list[bool] | None = None
    """Which steps take no slot, as they only wait for steps of their own."""
    tolerated: list[bool] | None = None
    """Which steps' failures count as successes."""
    fail_fast: bool = True
    """Whether the first failure stops a run that needs all; otherwise it fails when all have ended."""
    not_run: object = None
    """What a step returns that decided not to run: it counts as ended well for those that wait for
    it, and has no value."""

    _may_fail: list[bool] | None = attrs.field(init=False, default=None)
    """``tolerated`` as it was given."""

    def __attrs_post_init__(self) -> None:
        if not self.fail_fast:
            self._may_fail, self.tolerated = self.tolerated, [True] * len(self.ids)
        self.thresholds = thresholds(
            self.strategy, len(self.ids), continue_on_error=self.continue_on_error
        )
        if self.stagger is not None:
            first = self.strategy.k if isinstance(self.strategy, Quorum) else 1
            self.contenders = Contenders(self.stagger, len(self.ids), first)
            self.listen(self.contenders.beside)
            self.is_fed = True

    def limit_step(self, place: int, seconds: float | None) -> None:
        """Give the step at a place, which is about to start, a time limit of its own."""
        assert self.run is not None, "it is open"
        self.run.set_step_timeout(place, limit_to_ns(seconds))

    def has_harm(self, failed: list[str]) -> bool:
        """Whether a step is among those that failed whose failure is not tolerated."""
        if self._may_fail is None:
            return bool(failed)
        harmless = {id_ for id_, may in zip(self.ids, self._may_fail, strict=True) if may}
        return not harmless.issuperset(failed)


def open_run(core: _core.Pool, spec: CallSpec) -> _core.Run:
    """Take the run in on a pool, for the task that we are in.

    To be called inside the ``try`` whose ``finally`` closes ``spec.run``. A signal handler that
    raises leaves no gap between the two then: what has been opened is found there.
    """
    task = current_task()
    return _core.Run(core, current_trio_token(), task, task.context, foreign_clock(), spec)


@enable_ki_protection
async def run_steps(
    core: _core.Pool,
    spec: RunSpec,
    logger: logging.Logger | None,
    *,
    on_end: Callable[[ParallelExecutionResult[Any]], object] | None = None,
    accounts: GroupAccounts | None = None,
) -> ParallelExecutionResult[Any]:
    """Run steps on a pool, and keep account of it if there are accounts to keep.

    ``on_end`` sees the result also when the caller was cancelled. Without a logger the caller says
    when the run starts and ends.
    """
    await begin_call()
    if logger is not None:
        logger.debug("%s %r starts: %d steps", spec.kind, spec.id, len(spec.ids))
    result, out_of_time = None, False
    try:
        try:
            run = open_run(core, spec)
            if accounts is not None:
                accounts.begin(spec.id, run)
            out_of_time = await supervise(
                run,
                spec.timeout,
                isolated=spec.isolation == "task",
                contenders=spec.contenders,
            )
        finally:
            if spec.run is not None:
                result = _close(spec.run, spec, out_of_time)
                _leave(spec, accounts)
                if on_end is not None:
                    on_end(result)
    finally:
        # Once more: a signal handler that raises may have kept us from the first one.
        _leave(spec, accounts)
    assert result is not None, "it was opened, or we were not here"
    if logger is not None:
        log_end(logger, spec.kind, spec.id, result)
    return result


def _leave(spec: RunSpec, accounts: GroupAccounts | None) -> None:
    """See to it that the run is closed and counted out; the second time there is nothing to do."""
    spec.close()
    if accounts is not None and spec.run is not None:
        accounts.end(spec.id, spec.run)


def log_end(logger: logging.Logger, kind: str, name: str, result: Any) -> None:
    """Write how a group or a workflow has ended; both kinds of results say it in the same words."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    logger.debug(
        "%s %r %s after %.6f s: %d completed, %d failed, %d skipped",
        kind,
        name,
        "succeeded" if result.success else "failed",
        result.duration,
        len(result.completed_steps),
        len(result.failed_steps),
        len(result.skipped_steps),
    )


def _close(run: _core.Run, spec: RunSpec, out_of_time: bool) -> ParallelExecutionResult[Any]:
    try:
        duration, verdict = run.age, run.verdict
    finally:
        # Whatever fails, a foreign clock say, the pool is not left with this run.
        skipped, stopped = run.close(out_of_time)
    failed = run.failed
    # A limit that took nothing away has not ended the group: every step had ended by itself.
    timed_out = out_of_time and bool(skipped or stopped)
    if out_of_time:
        assert spec.timeout is not None
        for step in stopped:
            failed.append(step)
            spec.errors[step] = StepTimeout(step, spec.timeout, spec.kind)
        stopped = []
    success = _success(spec, verdict, failed)
    has_winner = success and spec.strategy in (WaitStrategy.ANY, WaitStrategy.RACE)
    return ParallelExecutionResult(
        group_id=spec.id,
        wait_strategy=spec.strategy,
        success=success,
        steps=spec.ids,
        completed_steps=run.completed,
        failed_steps=failed,
        skipped_steps=skipped,
        cancelled_steps=stopped,
        results=spec.results,
        errors=spec.errors,
        winner=run.winner if has_winner else None,
        duration=duration,
        timed_out=timed_out,
    )


def _success(spec: RunSpec, verdict: bool | None, failed: list[str]) -> bool:
    if spec.continue_on_error or spec.strategy is WaitStrategy.ALL_SETTLED:
        return True
    return bool(verdict) and (spec.fail_fast or not spec.has_harm(failed))

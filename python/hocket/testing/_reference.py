"""The reference: the same guarantees, written for the reader instead of for speed.

One Trio task and one cancel scope a step, and nothing shared. Where hocket and this differ in the
outcome, value or time of a step, one of them has a bug.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import attrs
import trio

from .. import _core
from .._base.errors import StepTimeout
from .._base.exceptions import split
from .._engine.group_steps import steps_of
from .._model.group import ParallelGroup
from .._model.result import ParallelExecutionResult
from .._model.states import StepState
from .._model.strategy import Strategy, StrategyLike, WaitStrategy, parse_strategy, thresholds
from .._model.task import WorkerTask

__all__ = ["ReferenceManager"]

S = TypeVar("S")
R = TypeVar("R")


class ReferenceManager:
    """Runs groups as :class:`hocket.ParallelExecutionManager` does, slowly and plainly.

    For tests that compare: of your steps, under hocket and here, or of a scheduler of your own
    with this one. One group at a time; no queue and no nested submission.

    Args:
        max_concurrent: the most steps at once. Default 10.
        timeout: seconds that one step may run, from its start. Default: no limit.

    >>> import hocket
    >>> from hocket.testing import run_virtual
    >>> async def double(step: str) -> int:
    ...     await trio.sleep(int(step))
    ...     return 2 * int(step)
    >>> group = hocket.ParallelGroup("g", ["1", "2", "3"], timeout=2.5)
    >>> theirs = run_virtual(ReferenceManager().execute_group, group, double)
    >>> theirs.results, theirs.timed_out
    ({'1': 2, '2': 4}, True)
    >>> ours = run_virtual(hocket.ParallelExecutionManager().execute_group, group, double)
    >>> ours.results == theirs.results
    True
    """

    def __init__(self, *, max_concurrent: int = 10, timeout: float | None = None) -> None:
        self.max_concurrent = max_concurrent
        self.timeout = timeout
        self.counts: Counter[StepState] = Counter()
        """How many steps ended in which state."""

    async def execute_group(
        self,
        group: ParallelGroup[S],
        step_executor: Callable[[S], Awaitable[R]],
        context: Any = None,
    ) -> ParallelExecutionResult[R]:
        """Run a group, and return its result; see the method of the real manager."""
        if group.stagger is not None:
            raise ValueError("the reference has no stagger: it starts all steps at once")
        steps = await steps_of(group, context)
        ids = _core.step_ids(steps, group.key, f"group {group.id!r}: steps")
        limit = self.timeout if group.step_timeout is None else group.step_timeout
        return await self._run(
            _Plan(
                id=group.id,
                steps={
                    name: partial(step_executor, step)
                    for name, step in zip(ids, steps, strict=True)
                },
                step_timeouts=[limit] * len(steps),
                strategy=group.wait_strategy,
                limit=min(self.max_concurrent, group.max_concurrent or self.max_concurrent),
                timeout=group.timeout,
                continue_on_error=group.continue_on_error,
            )
        )

    async def execute_with_strategy(
        self,
        tasks: Iterable[WorkerTask[R]],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        *,
        timeout: float | None = None,
    ) -> ParallelExecutionResult[R]:
        """Run tasks under a strategy; see the method of :class:`hocket.WorkerPool`."""
        tasks = list(tasks)
        return await self._run(
            _Plan(
                id="tasks",
                steps={task.id: task.execute for task in tasks},
                step_timeouts=[
                    self.timeout if task.timeout is None else task.timeout for task in tasks
                ],
                strategy=parse_strategy(wait_strategy),
                limit=self.max_concurrent,
                timeout=timeout,
                continue_on_error=False,
            )
        )

    async def _run(self, plan: _Plan) -> ParallelExecutionResult[Any]:
        run = _Run(plan)
        began = trio.current_time()
        try:
            await run.all_steps()
        except* trio.Cancelled:
            # Finished work is never reported cancelled: the caller meets it at its next checkpoint.
            if not run.is_decided():
                raise
        finally:
            self.counts.update(run.states.values())
        return run.result(trio.current_time() - began)


@attrs.frozen(kw_only=True)
class _Plan:
    id: str
    steps: dict[str, Callable[[], Awaitable[Any]]]
    step_timeouts: list[float | None]
    strategy: Strategy
    limit: int
    timeout: float | None
    continue_on_error: bool


class _Run:
    """One group: every step in a task of its own, inside a cancel scope of its own."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.states = dict.fromkeys(plan.steps, StepState.SKIPPED)
        self.results: dict[str, Any] = {}
        self.errors: dict[str, Exception] = {}
        self.winner: str | None = None
        self.timed_out = False
        self._need, self._go_silent = thresholds(
            plan.strategy, len(plan.steps), continue_on_error=plan.continue_on_error
        )
        self._success: bool | None = True if self._need == 0 else None
        self._late = False  # the verdict came when the group's time was up already
        self._slots = trio.Semaphore(plan.limit)

    async def all_steps(self) -> None:
        with trio.CancelScope(deadline=_deadline(self.plan.timeout)) as whole:
            async with trio.open_nursery() as nursery:
                limits = zip(self.plan.steps, self.plan.step_timeouts, strict=True)
                for step, limit in limits:
                    await self._slots.acquire()
                    if self._success is not None:
                        break
                    nursery.start_soon(self._step, step, limit, nursery.cancel_scope, whole)
        if whole.cancel_called and (self._late or self._success is None):
            self._time_is_up()

    def _time_is_up(self) -> None:
        assert self.plan.timeout is not None
        for step, state in self.states.items():
            self.timed_out |= state in (StepState.SKIPPED, StepState.CANCELLED)
            if state is StepState.CANCELLED:
                error = StepTimeout(step, self.plan.timeout, "group")
                self._failed(step, StepState.TIMED_OUT, error)

    async def _step(
        self,
        step: str,
        limit: float | None,
        group: trio.CancelScope,
        whole: trio.CancelScope,
    ) -> None:
        self.states[step] = StepState.CANCELLED  # unless it gets further
        value = None
        try:
            with trio.CancelScope(deadline=_deadline(limit)) as own:
                value = await self.plan.steps[step]()
            if own.cancelled_caught:
                assert limit is not None
                self._failed(step, StepState.TIMED_OUT, StepTimeout(step, limit))
            else:
                self.states[step] = StepState.SUCCEEDED
                self.results[step] = value
        except Exception as error:  # noqa: BLE001 - it is the result
            self._failed(step, StepState.FAILED, error)
        except BaseExceptionGroup as group_of_errors:
            # Some tasks of the step were cancelled; what the others raised is its error.
            _, errors = split(group_of_errors, trio.Cancelled)
            if not isinstance(errors, Exception):
                raise
            self._failed(step, StepState.FAILED, errors)
        finally:
            self._slots.release()
        self._decide(step, group, whole)

    def _failed(self, step: str, state: StepState, error: Exception) -> None:
        self.states[step] = state
        self.errors[step] = error

    def _decide(self, step: str, group: trio.CancelScope, whole: trio.CancelScope) -> None:
        if self._success is not None:
            return
        succeeded = _reached(len(self.results), self._need)
        if succeeded or _reached(len(self.errors), self._go_silent):
            self._success = succeeded
            self._late = whole.cancel_called
            self.winner = step
            group.cancel()

    def is_decided(self) -> bool:
        ended = len(self.results) + len(self.errors)
        return self._success is not None or ended == len(self.plan.steps)

    def result(self, duration: float) -> ParallelExecutionResult[Any]:
        plan = self.plan
        always = plan.continue_on_error or plan.strategy is WaitStrategy.ALL_SETTLED
        success = always or bool(self._success)
        has_winner = success and plan.strategy in (WaitStrategy.ANY, WaitStrategy.RACE)
        return ParallelExecutionResult(
            group_id=plan.id,
            wait_strategy=plan.strategy,
            success=success,
            steps=list(plan.steps),
            completed_steps=list(self.results),
            failed_steps=list(self.errors),
            skipped_steps=[
                s
                for s, how in self.states.items()
                if how in (StepState.SKIPPED, StepState.CANCELLED)
            ],
            cancelled_steps=[s for s, how in self.states.items() if how is StepState.CANCELLED],
            results=self.results,
            errors=self.errors,
            winner=self.winner if has_winner else None,
            duration=duration,
            timed_out=self.timed_out,
        )


def _deadline(limit: float | None) -> float:
    return float("inf") if limit is None else trio.current_time() + limit


def _reached(count: int, threshold: int | None) -> bool:
    return threshold is not None and count >= threshold

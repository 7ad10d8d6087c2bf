"""Loops: their passes go through the pool one by one, as the items of a stream do."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterator, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, Protocol
from weakref import ref

import trio

from .._base.durations import limit_to_ns
from .._base.errors import GroupFailed, HocketError
from .._engine.observers import guarded
from .._engine.run import RunSpec, run_steps
from .._engine.stream import Stream
from .._model.event import EventKind, Observer, StepEvent
from .._model.outcome import Outcome
from .._model.rate import core_rate
from .._model.result import ParallelExecutionResult, group_failed
from .._model.strategy import WaitStrategy
from .._workflow.computed import Computed
from .._workflow.context import WorkflowContext
from .._workflow.ledger import said_no
from .._workflow.loop import INDEX, ForEach, Loop, Matrix, Repeat
from .._workflow.step import WorkflowStep
from .inside import inside
from .passes import Pass, Passes, Seats, open_passes
from .setting import Setting
from .tally import Tally

__all__ = ["run_loop"]

logger = logging.getLogger("hocket.workflow")

_NOT_RUN: Any = object()


class Around(Protocol):
    """The scope that the step with the loop is in."""

    setting: Setting
    context: WorkflowContext
    observers: Sequence[Observer]

    def start_pass(
        self, step: WorkflowStep[Any], loop: Loop, one: Pass, limit: float | None
    ) -> Awaitable[Any]:
        """Start what the loop does, for one pass that may run for so many seconds."""
        ...


async def run_loop(around: Around, step: WorkflowStep[Any], loop: Loop) -> Any:
    """Run a step's loop; return the value of the step."""
    run = _LoopRun(around, step, loop)
    try:
        if isinstance(loop, Repeat):
            return await run.repeat(loop)
        return await run.side_by_side(await run.open(loop), loop)
    finally:
        del run, around


class _LoopRun:
    def __init__(self, around: Around, step: WorkflowStep[Any], loop: Loop) -> None:
        self.around = around
        self.step = step
        self.loop = loop
        self.single: WorkflowStep[Any] | None = loop.block.single
        # The one step of a loop around has no id of its own, and goes by that of the loop.
        self.name = step.id.removesuffix("[]" * step.id.count("[]"))
        self.slotless = self.single is None or self.single.runs_others
        self.apart = self.slotless
        self.observer = guarded(
            inside(around.observers, step.id, lambda key: f"{step.id}[{key}]"),
            logger,
            f"loop {step.id!r}",
        )
        self.started: set[str] = set()
        self.limit = None if self.single is None else self.single.limits.get("timeout")
        self.decided = trio.CancelScope()
        """Cancelled when it is decided by what has not run."""
        self.passes_spec: ref[RunSpec] | None = None

    def start(self, one: Pass) -> Awaitable[Any]:
        """Start one pass. Not async itself: the core drives the coroutine of the pass."""
        one.attempt += 1
        if one.error is not None:
            raise one.error
        self.started.add(one.key)
        limit = self.step_timeout if self.limit is None else self._limit(one, self.limit)
        return self.around.start_pass(self.step, self.loop, one, limit)

    def _limit(self, one: Pass, limit: Computed) -> float | None:
        """Work out how long a pass may run that is about to start."""
        spec = None if self.passes_spec is None else self.passes_spec()
        assert spec is not None, "what runs is asked for"
        seconds: float | None = limit.value(one.context)
        spec.limit_step(one.seat, seconds)
        return seconds

    def lets_in(self, one: Pass) -> bool:
        """Whether a pass runs, as its condition says; what that raises fails the pass."""
        condition = None if self.single is None else self.single.condition
        if condition is None:
            return True
        try:
            holds = condition.holds(one.context)
        except Exception as error:  # noqa: BLE001 - raised as the pass starts
            one.error = error
            return True
        if not holds and self.observer is not None:
            why = said_no(condition.text)
            self.observer(StepEvent(EventKind.SKIPPED, one.key, self.step.id, 0.0, reason=why))
        return holds

    @property
    def step_timeout(self) -> float | None:
        own = None if self.single is None else self.single.timeout
        if own is not None or self.slotless:
            return own
        return self.around.setting.step_timeout

    def spec(self, places: int, **settings: Any) -> RunSpec:
        """Ask for passes, of which so many are taken at once."""
        spec = RunSpec(
            id=self.step.id,
            kind="loop",
            ids=[""] * places,
            steps=[None] * places if self.limit is None else Seats([None] * places),
            executor=self.start,
            step_timeout_ns=limit_to_ns(self.step_timeout),
            step_timeouts_ns=self._own_limits(places),
            slotless=[True] * places if self.slotless else None,
            observer=self.observer,
            retry=None if self.single is None else self.single.retry,
            **settings,
        )
        self.passes_spec = ref(spec)
        return spec

    def _own_limits(self, places: int) -> list[int | None] | None:
        """Room for the limits that passes work out."""
        limits: list[int | None] = [None] * places
        return None if self.limit is None else limits

    # --- for_each and matrix

    async def open(self, loop: ForEach | Matrix) -> Passes:
        """Work out what the loop goes through."""
        where = f"{loop.kind} of step {self.name!r}"
        return await open_passes(where, loop, self.around.context, apart=self.apart)

    async def side_by_side(
        self, passes: Passes, loop: ForEach | Matrix
    ) -> ParallelExecutionResult[Any]:
        """Run a pass for each item, side by side."""
        settings = loop.passes
        at_once = settings.at_once(self.around.context)
        spec = self.spec(
            self._places(passes, at_once),
            strategy=WaitStrategy.ALL_SETTLED,
            max_concurrent=at_once,
            rate=core_rate(settings.rate),
        )
        tolerates = self.single is not None and self.single.on_error != "fail"
        tally = Tally(settings, passes.known, tolerates=tolerates)
        stream: Stream[Pass, Any] = Stream(
            self.around.setting.pool._core,
            spec,
            self._admitted(passes, tally),
            key=lambda one: one.key,
            ordered=False,
            collects=True,
        )
        began = trio.current_time()
        try:
            if tally.is_decided:  # there are too few items
                raise _loop_failed(self.name, tally.result(self.name, self.started, 0.0), tally)
            await self._count_all(stream, tally)
            result = tally.result(self.name, self.started, trio.current_time() - began)
            if not result.success:
                raise _loop_failed(self.name, result, tally)
            return result
        finally:
            del self, spec, stream, tally, passes

    async def _count_all(self, stream: Stream[Pass, Any], tally: Tally) -> None:
        """Run the passes until the loop is decided."""
        landing = stream._belt.landing
        async with stream as outcomes:
            with self.decided:
                async for outcome in outcomes:
                    self._count(outcome, tally)
                    if tally.is_decided:
                        break
        for outcome in landing.rest(None):  # what ended in the moment of the decision
            self._count(outcome, tally)

    def _places(self, passes: Passes, own: int | None) -> int:
        """How many passes are under way at once at most, those that wait for a slot included."""
        limit = min(own or math.inf, self.around.setting.pool.max_concurrent)
        # One more for each slot, so that it is taken again at once.
        most = limit if self.slotless else 2 * limit
        if passes.size is not None:
            return int(max(1, min(most, passes.size)))
        if most == math.inf:
            raise ValueError(
                f"{passes.where}: where neither the list nor the pool has an end, say how many items at "
                f"once: max_concurrent"
            )
        return int(most)

    def _admitted(self, passes: Passes, tally: Tally) -> Iterator[Pass] | AsyncIterator[Pass]:
        if isinstance(passes.items, AsyncIterable):
            return self._admitted_in_time(passes, tally)
        return self._admitted_now(passes, tally)

    def _admitted_now(self, passes: Passes, tally: Tally) -> Iterator[Pass]:
        for one in passes:
            if self._admit(one, tally):
                yield one
            elif tally.is_decided:
                return
        self._take_no_more(tally)

    async def _admitted_in_time(self, passes: Passes, tally: Tally) -> AsyncIterator[Pass]:
        async for one in passes:
            if self._admit(one, tally):
                yield one
            elif tally.is_decided:
                return
        self._take_no_more(tally)

    def _admit(self, one: Pass, tally: Tally) -> bool:
        tally.take(one.key)
        if self.lets_in(one):
            return True
        tally.skip()
        self._stop_if_decided(tally)
        return False

    def _take_no_more(self, tally: Tally) -> None:
        tally.no_more()
        self._stop_if_decided(tally)

    def _stop_if_decided(self, tally: Tally) -> None:
        """Wake who waits for the next outcome: the loop is decided without it."""
        if tally.is_decided:
            self.decided.cancel(reason="the loop is decided")

    def _count(self, outcome: Outcome[Pass, Any], tally: Tally) -> None:
        if outcome.error is None:
            tally.succeeded(outcome.id, outcome.value)
        else:
            tally.failed(outcome.id, outcome.error)

    # --- repeat

    async def repeat(self, loop: Repeat) -> Any:
        """Run one pass after the other, until the condition holds; return the value of the last."""
        last: Any = _NOT_RUN
        one: Pass | None = None
        try:
            most = loop.most(self.around.context)
            for index in count():
                if most is not None and index >= most:
                    passes = "1 pass" if most == 1 else f"{most:,} passes"
                    raise HocketError(
                        f"repeat of step {self.name!r}: after {passes} it does not hold: "
                        f"{loop.until.text or 'the condition'}"
                    )
                if one is not None:
                    await trio.sleep(loop.wait(one.context))
                one = self._next_pass(index, last)
                last = await self._run_pass(one) if self.lets_in(one) else _NOT_RUN
                one.context.results.pop(self.step.id, None)
                if last is not _NOT_RUN:
                    one.context.results[self.step.id] = last
                if loop.until.holds(one.context):
                    return None if last is _NOT_RUN else last
        finally:
            del self, last, one

    def _next_pass(self, index: int, last: Any) -> Pass:
        context = self.around.context.inside({INDEX: index}, apart=True)
        if last is not _NOT_RUN:
            context.results[self.step.id] = last
        return Pass(str(index), context)

    async def _run_pass(self, one: Pass) -> Any:
        spec = self.spec(1, strategy=WaitStrategy.ALL)
        spec.ids, spec.steps = [one.key], [one]
        result = await run_steps(self.around.setting.pool._core, spec, None)
        try:
            if one.key in result.results:
                return result.results[one.key]
            if self.single is not None and self.single.on_error != "fail":
                return _NOT_RUN
            raise group_failed("loop", self.name, result.errors, f"pass {one.key}")
        finally:
            del self, one, spec, result


def _loop_failed(step: str, result: ParallelExecutionResult[Any], tally: Tally) -> GroupFailed:
    """The error of a loop, which names the items that failed by their keys."""
    failed = group_failed("loop", step, result.errors, tally.why())
    finished: Any = MappingProxyType(dict(result.results))  # by key, and not by index
    failed.finished = finished
    return failed

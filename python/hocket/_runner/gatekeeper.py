"""Stands before the steps of one graph or group: lets each in, or notes why it does not run.

A step is judged when its turn has come, in the slot that it was granted. One that does not run gives
the slot back at once, and counts as ended for those that wait for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from .._model.event import EventKind, Observer, StepEvent
from .._model.states import StepState
from .._workflow.ledger import Cause
from .._workflow.step import WorkflowStep
from .endings import Endings
from .judge import Judge

__all__ = ["NOT_RUN", "Gatekeeper"]

NOT_RUN: Final = object()
"""What a step returns that does not run: the core takes it for no value."""

_KINDS = {StepState.SKIPPED: EventKind.SKIPPED, StepState.OMITTED: EventKind.OMITTED}


async def _not_run() -> object:
    return NOT_RUN


class Gatekeeper:
    """Lets the steps of one graph or group in, one by one."""

    def __init__(
        self,
        group: str,
        steps: Iterable[WorkflowStep[Any]],
        judge: Judge,
        endings: Endings,
        start: Callable[[WorkflowStep[Any]], Awaitable[Any]] | None,
        observer: Observer | None,
    ) -> None:
        self._group = group
        self._judge = judge
        self._endings = endings
        self._start = start
        self._told = observer
        self._steps = {} if observer is None else {step.id: step for step in steps}
        self._decided: dict[str, bool | Exception] = {}
        """What was decided of steps that are not simply let in: once, however often they are tried."""
        self._kept_out: set[str] = set()

    @property
    def observer(self) -> Observer | None:
        """Whom the core is to tell, who tells those who look on."""
        return None if self._told is None else self._observe

    def start(self, step: WorkflowStep[Any]) -> Awaitable[Any]:
        """Start a step, unless it is not to run."""
        assert self._start is not None
        if self._told is None:
            if step.condition is None and self._judge.is_unhindered(step):
                return self._start(step)
            lets_in = self._decide(step)
        else:  # decided as its start was to be told, which comes before it
            lets_in = self._decided.get(step.id, True)
        if isinstance(lets_in, Exception):
            raise lets_in
        return self._start(step) if lets_in else _not_run()

    def lets_in(self, step: WorkflowStep[Any]) -> bool:
        """Judge a step; note, and tell, that it does not run."""
        cause = self._judge.why_not(step)
        if cause is not None:
            self.tell(step, StepState.SKIPPED, cause)
        return cause is None

    def sift(
        self, members: list[WorkflowStep[Any]]
    ) -> tuple[list[WorkflowStep[Any]], dict[str, Exception]]:
        """The members that do not leave the group before it starts, and what keeps some from running.

        That is what their conditions have raised: these members fail as they start.
        """
        left: list[WorkflowStep[Any]] = []
        broken: dict[str, Exception] = {}
        for member in members:
            try:
                if self.lets_in(member):
                    left.append(member)
            except Exception as error:  # noqa: BLE001 - raised as the member starts
                broken[member.id] = error
                left.append(member)
        return left, broken

    def tell(self, step: WorkflowStep[Any], state: StepState, cause: Cause) -> None:
        """Note that a step never starts, and tell those who look on."""
        self._endings.never(step, state, cause)
        if self._told is not None:
            self._told(StepEvent(_KINDS[state], step.id, self._group, 0.0))

    def _observe(self, event: StepEvent) -> None:
        assert self._told is not None
        if event.kind is EventKind.STARTED:
            step = self._steps[event.step]
            if not self._judge.is_sure(step) and self._decide(step) is False:
                self._kept_out.add(event.step)
                return
        elif event.step in self._kept_out:
            self._kept_out.discard(event.step)
            return
        self._told(event)

    def _decide(self, step: WorkflowStep[Any]) -> bool | Exception:
        """Judge a step; what its condition raises is the step's own error, as it starts."""
        if step.id in self._decided:
            return self._decided[step.id]
        lets_in: bool | Exception
        try:
            lets_in = self.lets_in(step)
        except Exception as error:  # noqa: BLE001 - raised as the step starts
            lets_in = error
        if lets_in is not True or step.condition is not None:
            self._decided[step.id] = lets_in
        return lets_in

"""How the steps of a run end that neither give a value nor fail: who skips, omits or stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .._model.result import ParallelExecutionResult
from .._model.states import StepState
from .._model.strategy import Quorum, WaitStrategy
from .._workflow.graph import runnable
from .._workflow.ledger import Cause, Ledger, Why
from .._workflow.step import WorkflowStep
from .judge import Judge

__all__ = ["Endings", "members_of"]

_NEVER = (StepState.SKIPPED, StepState.OMITTED)

Member = Callable[[Any], WorkflowStep[Any] | None]


class Endings:
    """Notes these ends, and those of everything that such a step would have run."""

    def __init__(self, ledger: Ledger, judge: Judge, member: Member) -> None:
        self.ledger = ledger
        self.judge = judge
        self.skipped: list[str] = []
        """Every step that never started, or was stopped, in this order."""
        self.cancelled: list[str] = []
        """Those of them that had started."""
        self.opened: set[str] = set()
        """The ids of the steps that have got as far as to run others, and to note how those end."""
        self._member = member

    def never(self, step: WorkflowStep[Any], state: StepState, cause: Cause) -> None:
        """A step never starts, and so nothing of what it would run does."""
        todo = [(step, state, cause)]
        while todo:
            one, how, why = todo.pop()
            self.ledger.note(one.id, how, why)
            self.skipped.append(one.id)
            todo += self._inside(one, how)

    def stopped(self, step: WorkflowStep[Any], cause: Cause) -> None:
        """A step was cancelled; what it had begun to run has ended already."""
        self.ledger.note(step.id, StepState.CANCELLED, cause)
        self.skipped.append(step.id)
        self.cancelled.append(step.id)
        self.unopened(step, StepState.CANCELLED)

    def unopened(self, step: WorkflowStep[Any], state: StepState) -> None:
        """A step has ended. If it never got to what it was to run, nothing of that runs any more."""
        for member, how, why in self._inside(step, state):
            self.never(member, how, why)

    def _inside(
        self, step: WorkflowStep[Any], state: StepState
    ) -> list[tuple[WorkflowStep[Any], StepState, Cause]]:
        if not step.runs_others or step.id in self.opened:
            return []
        self.opened.add(step.id)
        how = state if state in _NEVER else StepState.NOT_REACHED
        cause = Cause(Why.OWNER, step.id)
        inside = [member for one in members_of(step) if (member := self._member(one)) is not None]
        inside.reverse()  # they are taken from the end
        return [(member, how, cause) for member in inside]

    def of_graph(
        self,
        steps: Sequence[WorkflowStep[Any]],
        dependencies: Sequence[Sequence[int]],
        result: ParallelExecutionResult[Any],
        cause: Cause,
    ) -> None:
        """Note the ends of steps that a graph's end has stopped, or kept from starting.

        What they ask of others is judged once more: with all that has ended by now, some could not
        have run anyway.
        """
        if not result.skipped_steps:
            return
        left, stopped = set(result.skipped_steps), set(result.cancelled_steps)
        for index in runnable(dependencies):
            step = steps[index]
            if step.id in stopped:
                self.stopped(step, cause)
            elif step.id in left:
                obstacle = self.judge.obstacle(step)
                state = StepState.NOT_REACHED if obstacle is None else StepState.SKIPPED
                self.never(step, state, obstacle or cause)

    def of_group(
        self,
        steps: Iterable[WorkflowStep[Any]],
        result: ParallelExecutionResult[Any],
        cause: Cause,
    ) -> None:
        """Note the ends of steps that a group's end has stopped, or kept from starting."""
        left, stopped = set(result.skipped_steps), set(result.cancelled_steps)
        for step in steps:
            if step.id in stopped:
                self.stopped(step, cause)
            elif step.id in left:
                self.never(step, StepState.NOT_REACHED, cause)


def members_of(step: WorkflowStep[Any]) -> Iterator[Any]:
    """Yield what a step runs in the same run, as far as it is written down: ids, or steps.

    What a loop does it does for each of its passes, which are no part of this.
    """
    if step.loop is not None:
        return
    if step.group is not None:
        if not callable(step.group.steps):
            yield from step.group.steps
        return
    seen: set[Any] = set()
    for side in step.sides:
        for one in side.steps:
            id_ = getattr(one, "id", one)
            if id_ not in seen:
                seen.add(id_)
                yield one


def why_decided(
    result: ParallelExecutionResult[Any], what: str, harmless: Callable[[str], bool], outside: Cause
) -> Cause:
    """Say why what a group or a graph had not ended does not end by itself any more.

    Args:
        result: of the group or graph.
        what: what messages call it.
        harmless: whether a step's failure counts as none.
        outside: the cause if it did not decide that itself.
    """
    if result.timed_out:
        return Cause(Why.OUT_OF_TIME, text=what)
    if result.winner is not None:
        return Cause(Why.WON, result.winner, what)
    failed = [id_ for id_ in result.failed_steps if not harmless(id_)]
    first = 0  # the one of them that decides
    if isinstance(result.wait_strategy, Quorum):
        k = result.wait_strategy.k
        if len(result.completed_steps) >= k:
            return Cause(Why.WON, result.completed_steps[k - 1], what)
        first = len(result.steps) - k
    elif result.wait_strategy is WaitStrategy.ANY:
        first = len(result.steps) - 1
    elif result.wait_strategy is WaitStrategy.ALL_SETTLED:
        return outside
    # A failure may come after the verdict, from a step that is being stopped.
    return Cause(Why.LOST, failed[first], what) if 0 <= first < len(failed) else outside

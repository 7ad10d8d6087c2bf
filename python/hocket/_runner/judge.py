"""Whether a step may run: what it asks of the steps before it, and its condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .._workflow.context import WorkflowContext
from .._workflow.ledger import Cause, Why
from .._workflow.plan import Gate, WorkflowPlan
from .._workflow.rules import Rule, is_obstacle, is_success, rule_holds
from .._workflow.step import WorkflowStep

__all__ = ["Judge"]


class Judge:
    """Judges the steps of one run, each once those have ended that it waits for."""

    def __init__(self, plan: WorkflowPlan, context: WorkflowContext) -> None:
        self.gates = plan.gates
        self.tolerated = plan.tolerated
        self.previous = plan.previous
        self.context = context
        self._halted: dict[str, str] = {}
        """For the steps that their sequence does not get to: the step that has stopped it."""
        self._ledger = context._ledger

    def learn(self, plan: WorkflowPlan) -> None:
        """Take in the steps that a function has made for a group."""
        self.gates = self.gates | plan.gates
        self.tolerated = self.tolerated | plan.tolerated
        self.previous = self.previous | plan.previous

    def is_unhindered(self, step: WorkflowStep[Any]) -> bool:
        """Whether no other step can be in its way, as every one so far has ended well."""
        return not self._ledger.states and not self.context.errors and step.id not in self.gates

    def is_sure(self, step: WorkflowStep[Any]) -> bool:
        """Whether nothing is to be judged: all has gone well so far, and the step asks for no more."""
        return step.condition is None and self.is_unhindered(step)

    def why_not(self, step: WorkflowStep[Any]) -> Cause | None:
        """Say why a step does not run; None if it does.

        Raises:
            ExpressionError: its condition cannot be worked out.
            Exception: its condition is a function, and raises.
        """
        if not self.is_unhindered(step) and (cause := self.obstacle(step)) is not None:
            return cause
        if step.condition is None or step.condition.holds(self.context):
            return None
        return Cause(Why.CONDITION, text=step.condition.text)

    def obstacle(self, step: WorkflowStep[Any]) -> Cause | None:
        """Say what of the steps that it depends on keeps a step from running; None if nothing does."""
        if (halting := self._of_sequence(step.id)) is not None:
            return Cause(Why.EDGE, halting)
        gate = self.gates.get(step.id)
        if gate is None:
            return self._of_plain(step.depends_on)  # type: ignore[arg-type]  # no edge has a rule
        return self._of_plain(gate.plain) or next(self._of_rules(gate), None)

    def _of_sequence(self, step: str) -> str | None:
        """The step that keeps a sequence from getting to this one; one that was skipped does not."""
        before = self.previous.get(step)
        if before is None:
            return None
        if (halting := self._halted.get(before)) is None:
            state = self.context.state_of(before)
            halting = before if is_obstacle(state, tolerated=before in self.tolerated) else None
        if halting is not None:
            self._halted[step] = halting
        return halting

    def _of_plain(self, ids: Iterable[str]) -> Cause | None:
        state_of, tolerated = self.context.state_of, self.tolerated
        first, has_success = None, False
        for id_ in ids:
            state, may_fail = state_of(id_), id_ in tolerated
            if is_obstacle(state, tolerated=may_fail):
                return Cause(Why.EDGE, id_)
            first = first or id_
            has_success = has_success or is_success(state, tolerated=may_fail)
        if first is None or has_success:
            return None
        return Cause(Why.NO_SUCCESS, first)

    def _of_rules(self, gate: Gate) -> Iterator[Cause]:
        for id_, rule in gate.ruled:
            state = self.context.state_of(id_)
            if not rule_holds(rule, state, tolerated=id_ in self.tolerated):
                yield Cause(Why.EDGE, id_, rule=None if rule is Rule.SUCCEEDED else rule)

"""Why steps stand where they stand: who failed the workflow, who won, and why others never ran."""

from __future__ import annotations

import attrs

from .._model.states import StepState
from .record import FAILING, RunRecord, StepRecord

__all__ = ["Reasons"]


@attrs.define
class Reasons:
    """The notes of the report, worked out once a run has ended."""

    record: RunRecord
    _winners: set[str | None] = attrs.field(init=False)
    _failed_in: dict[str | None, StepRecord] = attrs.field(init=False)
    """The first member that failed, by the step whose group runs it."""
    _known: dict[str, str] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        steps = self.record.steps.values()
        self._winners = {step.winner for step in steps}
        self._failed_in = {
            step.parent: step for step in reversed(list(steps)) if step.state in FAILING
        }

    def note(self, step: StepRecord) -> str:
        """What the report says beside a step; empty for one that ran as expected."""
        if step.id in self._winners:
            return "winner" if step.state is StepState.SUCCEEDED else "decided"
        if step.state in FAILING:
            return self._note_failed(step)
        return self._why(step) if step.state in (StepState.SKIPPED, StepState.CANCELLED) else ""

    def is_fatal(self, step: StepRecord) -> bool:
        """Whether a failed step failed the workflow, or is inside one that did."""
        inner: StepRecord | None = step
        while inner is not None and not (inner.tolerated or inner.of_a_tool):
            if inner.id == self.record.culprit:
                return True
            inner = None if inner.parent is None else self.record.steps[inner.parent]
        return False

    def _note_failed(self, step: StepRecord) -> str:
        if step.id == self.record.culprit:
            return "failed the run"
        return "tolerated" if self._is_tolerated(step) else ""

    def _is_tolerated(self, step: StepRecord) -> bool:
        if step.tolerated or step.parent is None:
            return step.tolerated
        group = self.record.steps[step.parent]
        return group.state is StepState.SUCCEEDED or self._is_tolerated(group)

    def _why(self, step: StepRecord) -> str:
        """Why a step was skipped or cancelled."""
        if step.id not in self._known:
            self._known[step.id] = ""  # a circle cannot be; that would end it
            self._known[step.id] = self._find(step)
        return self._known[step.id]

    def _find(self, step: StepRecord) -> str:
        steps = self.record.steps
        for id_ in step.after:
            before = steps[id_]
            # To depend on a member is to depend on the step that runs its group.
            while before.parent is not None and before.parent != step.parent:
                before = steps[before.parent]
            if before.state in FAILING and not before.tolerated:
                return _failed(before)
            if before.state is StepState.SKIPPED:
                return self._why(before)
        if step.parent is None:
            return "" if step.of_a_tool else self._of_the_run()
        return self._of_a_group(steps[step.parent])

    def _of_a_group(self, group: StepRecord) -> str:
        if group.winner is not None:
            return f"{group.winner} won"
        if group.state is StepState.TIMED_OUT:
            return _failed(group)
        if group.state is StepState.FAILED:
            first = self._failed_in.get(group.id)
            return _failed(group if first is None else first)
        return f"{group.id} was decided" if group.state is StepState.SUCCEEDED else self._why(group)

    def _of_the_run(self) -> str:
        record = self.record
        if record.interrupted is not None:
            return "Ctrl-C" if record.interrupted == "SIGINT" else record.interrupted
        if record.result is not None and record.result.timed_out:
            return "max_duration"
        return "" if record.culprit is None else _failed(record.steps[record.culprit])


def _failed(step: StepRecord) -> str:
    return f"{step.id} {'timed out' if step.state is StepState.TIMED_OUT else 'failed'}"

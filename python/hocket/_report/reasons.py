"""Why steps stand where they stand: who failed the workflow, who won, and why others never ran."""

from __future__ import annotations

import attrs

from .._model.states import StepState
from .record import FAILING, RunRecord, StepRecord

__all__ = ["Reasons"]

_STOPPED = (StepState.SKIPPED, StepState.OMITTED, StepState.CANCELLED, StepState.NOT_REACHED)


@attrs.define
class Reasons:
    """The notes of the report, worked out once a run has ended."""

    record: RunRecord
    _winners: set[str | None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        steps = self.record.steps.values()
        self._winners = {step.winner for step in steps}

    def note(self, step: StepRecord) -> str:
        """What the report says beside a step; empty for one that ran as expected."""
        said = [self._note(step), f"{step.attempts:,} attempts" if step.attempts > 1 else ""]
        return ", ".join(filter(None, said))

    def _note(self, step: StepRecord) -> str:
        if step.id in self._winners:
            return "winner" if step.state is StepState.SUCCEEDED else "decided"
        if step.state in FAILING:
            return self._note_failed(step)
        return self._why(step) if step.state in _STOPPED else ""

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
        if self._is_tolerated(step):
            return "tolerated"
        return f"failed in {step.handler}" if step.handler else ""

    def _is_tolerated(self, step: StepRecord) -> bool:
        if step.tolerated or step.parent is None:
            return step.tolerated
        group = self.record.steps[step.parent]
        return group.state is StepState.SUCCEEDED or self._is_tolerated(group)

    def _why(self, step: StepRecord) -> str:
        """Why a step never ran, or was cancelled."""
        record = self.record
        if record.interrupted is not None and step.note in ("", "the run was cancelled"):
            return "Ctrl-C" if record.interrupted == "SIGINT" else record.interrupted
        return step.note

"""Why a run has failed, in a few lines: where there is no table that says it."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .._base.errors import GroupFailed
from .._base.exceptions import is_a
from .._base.shown import one_line, traceback_of, visible
from .._workflow.context import WorkflowContext
from .progress import shortened
from .reasons import Reasons
from .record import RunRecord, StepRecord
from .screen import Screen

__all__ = ["Failures"]

_MOST = 20
_LONGEST_ERROR = 1_000


@attrs.define
class Failures:
    """What is told of the failed steps of a run that has ended.

    A group that failed as its members did is not told of beside these.
    """

    record: RunRecord
    context: WorkflowContext
    screen: Screen

    def write(self, *, everything: bool) -> None:
        """Write a line for each, first for those that failed the run."""
        record = self.record
        if record.result is not None and record.result.timed_out:
            self.screen.line(visible(f"{record.workflow.name}: {record.ran_out_of_time}"))
        if record.problem is not None:
            self.screen.line(record.problem)
        reasons = Reasons(record)
        failed = sorted(self._failed(), key=lambda step: not reasons.is_fatal(step))
        shown = failed if everything else failed[:_MOST]
        for step in shown:
            why = shortened(step.error or "", _LONGEST_ERROR)
            self.screen.line(visible(f"{step.id} {step.state.value}: {why}"))
        if len(failed) > len(shown):
            self.screen.line(f"and {len(failed) - len(shown):,} more")

    def write_tracebacks(self) -> None:
        """Write the traceback of each."""
        known = self._known()
        for id_, error in self.context.errors.items():
            if not _is_of_members(error, known):
                self.screen.line(f"step {id_!r} failed: {one_line(error)}")
                self.screen.write(traceback_of(error))

    def _failed(self) -> Iterator[StepRecord]:
        known = self._known()
        for step in self.record.steps.values():
            if step.error and not _is_of_members(self.context.errors.get(step.id), known):
                yield step

    def _known(self) -> set[int]:
        """The errors of all steps, by identity: they may be equal to what they like."""
        return set(map(id, self.context.errors.values()))


def _is_of_members(error: BaseException | None, known: set[int]) -> bool:
    """Whether an error only says that others have failed, which are told of."""
    if error is None or not is_a(error, GroupFailed):
        return False
    group: GroupFailed = error  # type: ignore[assignment]
    return any(id(one) in known for one in group.exceptions)

"""What a parallel group says when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ._errors import GroupFailed
from ._strategy import Strategy

__all__ = ["ParallelExecutionResult"]


@attrs.frozen(kw_only=True)
class ParallelExecutionResult:
    """The outcome of one group. Every step is in exactly one of the first three lists.

    Lists and dicts are in the order of settling; skipped steps in the order of the group.
    """

    group_id: str
    """The group's id."""
    wait_strategy: Strategy
    """The strategy that decided."""
    success: bool
    """Whether the strategy's condition was met. Always true for ``all_settled`` and with
    ``continue_on_error``."""
    completed_steps: Sequence[str]
    """Steps that returned."""
    failed_steps: Sequence[str]
    """Steps that raised, or ran past a time limit."""
    skipped_steps: Sequence[str]
    """Steps that never started, or were cancelled because the outcome was already decided."""
    cancelled_steps: Sequence[str]
    """Those of the skipped steps that had started."""
    results: Mapping[str, Any]
    """The value of every completed step, by its id."""
    errors: Mapping[str, Exception]
    """The error of every failed step, by its id: a :class:`StepTimeout` for a time limit."""
    winner: str | None
    """The step that decided ``any`` or ``race``, else None."""
    duration: float
    """Seconds from the group's start to its end, the clean-up of cancelled steps included."""
    timed_out: bool
    """Whether the group's own ``timeout`` ended it."""

    @property
    def value(self) -> Any:
        """The winner's value; None when there is no winner, or it failed."""
        return None if self.winner is None else self.results.get(self.winner)

    def raise_for_failure(self) -> None:
        """Raise if the group has failed; do nothing if it has succeeded.

        Raises:
            GroupFailed: an exception group of every step's error, each with a note that names its
                step. It is a group even for one error.
        """
        if not self.success:
            raise self._failure()

    def _failure(self) -> GroupFailed:
        for step, error in self.errors.items():
            note = f"in step {step!r} of group {self.group_id!r}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        steps = len(self.completed_steps) + len(self.failed_steps) + len(self.skipped_steps)
        text = f"group {self.group_id!r} failed: {len(self.failed_steps)} of {steps} steps"
        # A group of no steps, or one whose time ran out before any started, has no error to show.
        errors = list(self.errors.values()) or [
            TimeoutError(f"group {self.group_id!r} ran out of time before any step ended")
            if self.timed_out
            else ValueError(f"group {self.group_id!r} has no step that could succeed")
        ]
        return GroupFailed(text, errors)

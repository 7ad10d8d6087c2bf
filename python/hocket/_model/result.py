"""What a parallel group says when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .._base.errors import GroupFailed, HocketError
from .strategy import Strategy

__all__ = ["ParallelExecutionResult", "group_failed"]


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
    """Whether the group's own ``timeout`` passed before it was decided, and steps were stopped or
    never started. Steps that end by themselves after it make no time-out."""

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
            steps = len(self.completed_steps) + len(self.failed_steps) + len(self.skipped_steps)
            raise group_failed("group", self.group_id, self.errors, steps, self.timed_out)


def group_failed(
    kind: str, name: str, errors: Mapping[str, Exception], steps: int, timed_out: bool
) -> GroupFailed:
    """Return the one error for a group or workflow, with a note on each step's error."""
    for step, error in errors.items():
        note = f"in step {step!r} of {kind} {name!r}"
        # Raised twice, or passed on by an outer group, an error is still noted once.
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    if errors:
        return GroupFailed(
            f"{kind} {name!r} failed: {len(errors)} of {steps} steps", list(errors.values())
        )
    # Nothing to show: a group without steps, or one whose time ran out before any had started.
    why = "ran out of time before any step started" if timed_out else "has no step to succeed"
    return GroupFailed(f"{kind} {name!r} failed", [HocketError(f"{kind} {name!r} {why}")])

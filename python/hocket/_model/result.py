"""What a parallel group says when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from .._base.errors import GroupFailed, HocketError
from .._base.exceptions import note_on
from .._base.shown import shown
from .strategy import Quorum, Strategy

__all__ = ["ParallelExecutionResult", "first_in", "group_failed", "why_it_failed"]

R_co = TypeVar("R_co", covariant=True)


@attrs.frozen(kw_only=True)
class ParallelExecutionResult(Generic[R_co]):
    """The outcome of one group. Every step is in exactly one of three lists: completed, failed, skipped.

    Lists and dicts are in the order of settling; skipped steps in the order of the group.
    """

    group_id: str
    """The group's id."""
    wait_strategy: Strategy
    """The strategy that decided."""
    success: bool
    """Whether the strategy's condition was met. Always true for ``all_settled`` and with
    ``continue_on_error``."""
    steps: Sequence[str]
    """The id of every step, in the order in which they were given."""
    completed_steps: Sequence[str]
    """Steps that returned."""
    failed_steps: Sequence[str]
    """Steps that raised, or ran past a time limit."""
    skipped_steps: Sequence[str]
    """Steps that never started, or were cancelled because the outcome was already decided."""
    cancelled_steps: Sequence[str]
    """Those of the skipped steps that had started."""
    results: Mapping[str, R_co] = attrs.field(repr=shown)
    """The value of every completed step, by its id."""
    errors: Mapping[str, Exception] = attrs.field(repr=shown)
    """The error of every failed step, by its id: a :class:`StepTimeout` for a time limit."""
    winner: str | None
    """The step whose success decided ``any`` or ``race``; None if none did."""
    duration: float
    """Seconds from the group's start to its end, the clean-up of cancelled steps included."""
    timed_out: bool
    """Whether the group's own ``timeout`` passed before it was decided, and steps were stopped or
    never started. Steps that end by themselves after it make no time-out."""

    @property
    def value(self) -> R_co | None:
        """The winner's value; None when there is no winner."""
        return None if self.winner is None else self.results[self.winner]

    @property
    def outcomes(self) -> list[R_co | Exception]:
        """The value or the error of every step that ended, in the order in which they were given.

        Steps that were skipped are left out: where all have ended it matches the group's steps one
        to one.
        """
        results, errors = self.results, self.errors
        return [
            results[step] if step in results else errors[step]
            for step in self.steps
            if step in results or step in errors
        ]

    def raise_for_failure(self) -> None:
        """Raise if the group has failed; do nothing if it has succeeded.

        Raises:
            GroupFailed: an exception group of every step's error, each with a note that names its
                step. It is a group even for one error.
        """
        if not self.success:
            raise group_failed("group", self.group_id, self.errors, self._why_it_failed())

    def _why_it_failed(self) -> str:
        steps, done, failed = len(self.steps), len(self.completed_steps), len(self.failed_steps)
        if not isinstance(self.wait_strategy, Quorum) or not steps:
            return why_it_failed(self.errors, steps, self.timed_out)
        need = self.wait_strategy.k
        text = f"{self.wait_strategy.value} was out of reach: {done} of {steps} succeeded"
        if self.timed_out:
            return f"{text} in time, {need - done} too few"
        return f"{text} and {failed} failed, so {need - (steps - failed)} would be missing"


def why_it_failed(errors: Mapping[str, Exception], steps: int, timed_out: bool) -> str:
    """Return in a clause why a group or workflow of so many steps failed."""
    if errors:
        return f"{len(errors)} of {steps} steps"
    # A group without steps, or one whose time ran out before any had started.
    return (
        "it ran out of time before any step started" if timed_out else "it has no step to succeed"
    )


def group_failed(kind: str, name: str, errors: Mapping[str, Exception], why: str) -> GroupFailed:
    """Return the one error for a group or workflow, which names the step of each error.

    A note on the error does so. Where an error takes none, the text of the whole does.
    """
    # Raised twice, or passed on by an outer group, an error is still noted once.
    bare = [
        step
        for step, error in errors.items()
        if not note_on(error, f"in step {step!r} of {kind} {name!r}")
    ]
    text = f"{kind} {name!r} failed: {why}"
    if bare:
        found = ", ".join(f"step {step!r}: {type(errors[step]).__name__}" for step in bare)
        text += f" (errors that take no note: {found})"
    # An exception group is never empty.
    return GroupFailed(text, list(errors.values()) or [HocketError(text)])


def first_in(failed: GroupFailed) -> Exception | None:
    """The first error that one of :func:`group_failed` holds; None if nothing in it has failed."""
    first = failed.exceptions[0]
    stands_for_itself = type(first) is HocketError and str(first) == failed.message
    return None if stands_for_itself else first

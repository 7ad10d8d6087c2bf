"""What a workflow run says when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from .._base.shown import shown
from .._base.suggestions import did_you_mean
from .._model.result import group_failed, why_it_failed
from .._model.states import StepState
from .._model.statistics import PoolStats
from .._workflow.context import WorkflowContext
from .._workflow.ledger import explain

__all__ = ["WorkflowResult"]


@attrs.frozen(kw_only=True)
class WorkflowResult:
    """The outcome of one workflow run. Every step is in exactly one of the first three lists.

    Steps that only run other steps (groups) count as steps, like the members of their groups.
    """

    name: str
    """The workflow's name."""
    success: bool
    """Whether every step succeeded that had to."""
    completed_steps: Sequence[str]
    """Steps that returned, in the order of settling."""
    failed_steps: Sequence[str]
    """Steps that raised, or ran past a time limit, in the order of settling."""
    skipped_steps: Sequence[str]
    """Steps that were skipped, omitted, cancelled or not reached: ``states`` says which."""
    cancelled_steps: Sequence[str]
    """Those of the skipped steps that had started."""
    results: Mapping[str, Any] = attrs.field(repr=shown)
    """The value of every completed step, by its id."""
    errors: Mapping[str, Exception] = attrs.field(repr=shown)
    """The error of every failed step, by its id."""
    output: Any = attrs.field(repr=shown)
    """The workflow's output; None if it failed."""
    duration: float
    """Seconds from start to end."""
    timed_out: bool
    """Whether ``max_duration`` ended it."""
    stats: PoolStats | None
    """What the run's pool has done: waiting and running times among others. None on a pool that is
    shared: its figures (``pool.get_stats()``) tell of everybody's work."""
    _context: WorkflowContext = attrs.field(alias="context", repr=False, eq=False)

    @cached_property
    def states(self) -> Mapping[str, StepState]:
        """How every step ended, by its id: see :class:`StepState`."""
        state_of = self._context.state_of
        known = dict.fromkeys(self.completed_steps, StepState.SUCCEEDED)
        for step in (*self.failed_steps, *self.skipped_steps):
            known[step] = state_of(step) or StepState.NOT_REACHED
        return known

    def explain(self, step: str) -> str:
        """Say in a sentence how a step ended, and why: the whole chain of causes.

        Raises:
            KeyError: the workflow has no such step.

        >>> import trio
        >>> async def fails(context: WorkflowContext) -> None:
        ...     raise OSError("disk full")
        >>> steps = [
        ...     WorkflowStep("store", execute=fails),
        ...     WorkflowStep("tell", execute=fails, depends_on=["store"]),
        ... ]
        >>> result = trio.run(WorkflowManager().execute, WorkflowDefinition("day", steps))
        >>> result.explain("tell")
        'tell was skipped: it needs store, which failed: disk full'
        """
        if step not in self.states:
            raise KeyError(self._why_none(step))
        return explain(step, self._context)

    def _why_none(self, step: str) -> str:
        inner = step.rpartition(".")[2]
        if inner in self.states:
            return f"there is no step {step!r}; did you mean {inner!r}?"
        for id_ in self.states:
            if step.startswith((f"{id_}[", f"{id_}.")):
                return (
                    f"{step!r} is inside step {id_!r}, which is all that the result knows of it: explain "
                    f"{id_!r}, or look on with an observer"
                )
        return f"there is no step {step!r}{did_you_mean(step, self.states)}"

    def raise_for_failure(self) -> None:
        """Raise if the workflow has failed; do nothing if it has succeeded.

        Raises:
            GroupFailed: an exception group of the failed steps' errors, each with a note.
        """
        if not self.success:
            steps = len(self.completed_steps) + len(self.failed_steps) + len(self.skipped_steps)
            why = why_it_failed(self.errors, steps, self.timed_out)
            raise group_failed("workflow", self.name, self.errors, why)

"""What the steps of one workflow run see of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import attrs

from .._base.errors import StepTimeout
from .._base.shown import said
from .._model.states import StepState
from .layers import Layered
from .ledger import Cause, Ledger

__all__ = ["WorkflowContext", "used_by"]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True)
class WorkflowContext:
    """The state of one workflow run: what steps gave, how they failed, what the caller passed.

    Each run needs one of its own. What is in ``results`` before is there for the steps to see; to
    hand on what an earlier run gave, write
    ``WorkflowContext(results=dict(earlier.results))``.

    >>> WorkflowContext(values={"region": "eu"}).values["region"]
    'eu'
    """

    results: dict[str, Any] = attrs.field(factory=dict)
    """The value of every completed step, by step id: ``$results``."""
    errors: dict[str, Exception] = attrs.field(factory=dict)
    """The error of every failed step, by step id: ``$errors``."""
    values: dict[str, Any] = attrs.field(factory=dict)
    """What the caller passed to the run: ``$context``."""
    now: Callable[[], datetime] = attrs.field(default=_wall_clock, repr=False)
    """The wall clock behind ``$now``; a test may put its own here."""
    variables: dict[str, Any] = attrs.field(factory=dict, init=False, repr=False)
    """What the loops around a step go through, by name: ``$item``, ``$index``, ``$matrix``."""

    _workflow: str | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """The workflow whose run has, or had, this context."""
    _runs: bool = attrs.field(default=False, init=False, eq=False, repr=False)
    _status: str = attrs.field(default="running", init=False, eq=False, repr=False)
    _started: datetime | None = attrs.field(default=None, init=False, eq=False, repr=False)
    _ledger: Ledger = attrs.field(factory=Ledger, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # Those of an earlier run may be given here, and must stay what they were.
        self.results, self.errors = dict(self.results), dict(self.errors)

    def inside(self, variables: Mapping[str, Any], *, apart: bool) -> WorkflowContext:
        """The same run, as one pass of a loop sees it.

        Args:
            variables: what only that pass knows, by name.
            apart: whether what its steps come to is for that pass alone. There may be very many, so
                that those of a single step, which has no id, see the very same results.
        """
        inner = object.__new__(WorkflowContext)
        inner.results, inner.errors, inner._ledger = self.results, self.errors, self._ledger
        if apart:
            inner.results, inner.errors = Layered(self.results), Layered(self.errors)
            inner._ledger = self._ledger.inside()
        inner.values, inner.now = self.values, self.now
        inner.variables = {**self.variables, **variables}
        inner._workflow, inner._runs, inner._started = self._workflow, True, self._started
        inner._status = self._status
        return inner

    @property
    def states(self) -> dict[str, StepState]:
        """How every step has ended that has, by its id: ``$states``, where they are text."""
        known = dict.fromkeys(self.results, StepState.SUCCEEDED)
        known.update({id_: _failed_as(id_, error) for id_, error in self.errors.items()})
        return known | self._ledger.states

    def state_of(self, step: str) -> StepState | None:
        """How one step has ended; None if it has not."""
        if (state := self._ledger.states.get(step)) is not None:
            return state
        if (error := self.errors.get(step)) is not None:
            return _failed_as(step, error)
        return StepState.SUCCEEDED if step in self.results else None

    @property
    def causes(self) -> Mapping[str, Cause]:
        """Why steps ended that neither gave a value nor failed by themselves."""
        return self._ledger.causes

    def attempts_at(self, step: str) -> int:
        """How often a step was tried."""
        return self._ledger.attempts.get(step, 1)

    @property
    def run_values(self) -> dict[str, Any]:
        """What is known of the run: ``$run``."""
        started = None if self._started is None else _as_text(self._started)
        return {
            "workflow": self._workflow,
            "started": started,
            "status": self._status,
            "failures": [self._failure(step) for step in self.errors],
        }

    def _failure(self, step: str) -> dict[str, Any]:
        error, state = self.errors[step], self.state_of(step)
        return {
            "step": step,
            "state": None if state is None else state.value,
            "type": type(error).__name__,
            "message": said(error),
        }

    def lacks(self, root: str, step: str) -> bool:
        """Whether a step has no value, error or state (yet): what ``root`` says."""
        if root == "states":
            return self.state_of(step) is None
        return step not in (self.results if root == "results" else self.errors)

    def now_text(self) -> str:
        """The time as ISO-8601 text in UTC, to the millisecond: ``2030-01-31T12:00:00.000Z``."""
        return _as_text(self.now())


def _as_text(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _failed_as(step: str, error: Exception) -> StepState:
    # The core makes this error for the step itself; that of an inner pool names another step.
    is_late = type(error) is StepTimeout and error.step == step
    return StepState.TIMED_OUT if is_late else StepState.FAILED


@contextmanager
def used_by(context: WorkflowContext, workflow: str) -> Iterator[None]:
    """Keep a context for one run of a workflow.

    Raises:
        RuntimeError: another run has it, or had it.
    """
    if context._workflow is not None:
        what = "is in use by" if context._runs else "holds the results of"
        raise RuntimeError(
            f"this WorkflowContext {what} a run of workflow {context._workflow!r}: one context a "
            f"run. Pass the values, or WorkflowContext(values=..., results=...) made of the other"
        )
    context._workflow, context._runs = workflow, True
    context._started = context.now()
    try:
        yield
    finally:
        context._runs = False

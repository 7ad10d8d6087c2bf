"""The record of one run: what every step of a workflow has done so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import trio

from .._base.shown import one_line
from .._model.event import EventKind, StepEvent
from .._model.result import ParallelExecutionResult
from .._model.states import StepState
from .._runner.result import WorkflowResult
from .._workflow.definition import WorkflowDefinition
from .._workflow.step import WorkflowStep

__all__ = ["RunRecord", "StepRecord"]


@attrs.define
class StepRecord:
    """One step: what it is, and how it went."""

    id: str
    what: str
    """The tool's name, or the group's strategy and size: ``"any of 3"``."""
    parent: str | None
    """The step whose group runs it; None for a step that runs by itself."""
    depth: int
    """How many groups are around it."""
    group: str | None
    """The id of the group, or the name of the workflow, that it runs in."""
    state: StepState = StepState.WAITING
    wait: float | None = None
    """Seconds from submission to start; None if it never started."""
    run: float | None = None
    """Seconds from start to end; None if it never started."""
    error: str | None = None
    """Its error, in one line."""
    winner: str | None = None
    """The member that decided an ``any`` or a ``race``."""
    is_group: bool = False
    """Whether it runs other steps."""
    started_at: float = 0.0
    """When it started, on Trio's clock."""


@attrs.define
class RunRecord:
    """Every step of one run, members of groups behind their group; an observer keeps it."""

    workflow: WorkflowDefinition
    steps: dict[str, StepRecord] = attrs.field(init=False)
    started_at: float = attrs.field(init=False, default=0.0)
    duration: float = attrs.field(init=False, default=0.0)
    """Seconds that the run took, once it has ended."""
    result: WorkflowResult | None = attrs.field(init=False, default=None)
    problem: str | None = attrs.field(init=False, default=None)
    """Why the run failed although no step did."""
    interrupted: str | None = attrs.field(init=False, default=None)
    """The name of the signal that ended the run."""

    def __attrs_post_init__(self) -> None:
        self.steps = {}
        members = self.workflow.plan().members
        for step in self.workflow.top_level_steps():
            for record in _records(step, members, None, 0, self.workflow.name):
                self.steps[record.id] = record

    @property
    def success(self) -> bool:
        """Whether the run has ended well."""
        return self.result is not None and self.result.success and self.problem is None

    def observe(self, event: StepEvent) -> None:
        """Take note of a step's start or end; made to be a run's observer."""
        record = self.of(event)
        # What Ctrl-C strikes has not failed of itself.
        struck = event.kind is EventKind.FAILED and not isinstance(event.error, Exception)
        record.state = StepState.CANCELLED if struck else event.kind.state
        if event.kind is EventKind.STARTED:
            record.wait, record.started_at = event.seconds, trio.current_time()
        else:
            record.run = event.seconds

    def of(self, event: StepEvent) -> StepRecord:
        """The record of the step that an event tells of."""
        known = self.steps.get(event.step)
        if known is not None and known.group == event.group:
            return known
        # Steps that a function made for its group are in no definition, nor those that a tool runs.
        # The latter may have ids that steps of the workflow have too.
        id_ = event.step if known is None else f"{event.group}: {event.step}"
        return self.steps.setdefault(id_, StepRecord(id_, "step", None, 0, event.group))

    def counts(self) -> Counter[StepState]:
        """How many steps are in each state, groups left out."""
        return Counter(step.state for step in self.steps.values() if not step.is_group)

    def elapsed(self) -> float:
        """Seconds since the run started; valid while it runs."""
        return trio.current_time() - self.started_at

    def close(self, results: Mapping[str, Any], errors: Mapping[str, BaseException]) -> None:
        """Settle every step, after the run has ended, whichever way it did."""
        self.duration = self.elapsed() if self.result is None else self.result.duration
        for step in self.steps.values():
            self._settle(step, results.get(step.id), errors.get(step.id))

    def _settle(self, step: StepRecord, value: Any, error: BaseException | None) -> None:
        if step.state is StepState.RUNNING:
            step.state, step.run = StepState.CANCELLED, trio.current_time() - step.started_at
        if error is not None:
            step.error = one_line(error)
            # A step that its group's time limit has stopped was cancelled, as an observer sees it.
            if step.state is not StepState.FAILED:
                step.state = StepState.TIMED_OUT
        elif step.state is StepState.WAITING:
            step.state = StepState.SKIPPED
        if issubclass(type(value), ParallelExecutionResult):  # it may lie about its class
            step.winner = value.winner


def _records(
    step: WorkflowStep[Any],
    members: Mapping[str, WorkflowStep[Any]],
    parent: str | None,
    depth: int,
    inside: str,
) -> Iterator[StepRecord]:
    group = step.group
    if group is None:
        yield StepRecord(step.id, step.tool or "function", parent, depth, inside)
        return
    strategy: Any = group.wait_strategy
    inner: Any = [] if callable(group.steps) else group.steps
    what = f"{strategy.value} of {len(inner) or 'some'}"
    yield StepRecord(step.id, what, parent, depth, inside, is_group=True)
    for member in inner:
        known = members[member if isinstance(member, str) else member.id]
        yield from _records(known, members, step.id, depth + 1, group.id)

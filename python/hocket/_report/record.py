"""The record of one run: what every step of a workflow has done so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
import trio

from .._base.errors import GroupFailed
from .._base.exceptions import each_leaf, is_a
from .._base.shown import one_line
from .._model.event import NEVER_STARTED, EventKind, StepEvent
from .._model.result import ParallelExecutionResult, first_in
from .._model.states import StepState
from .._runner.endings import members_of
from .._runner.result import WorkflowResult
from .._workflow.branch import IfBranch
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.ledger import brief, reason
from .._workflow.step import WorkflowStep

__all__ = ["FAILING", "RunRecord", "StepRecord", "is_pass"]

FAILING = (StepState.FAILED, StepState.TIMED_OUT)
_NOT_ENDED = (StepState.WAITING, StepState.RUNNING)
_STOPPED = (StepState.CANCELLED, StepState.NOT_REACHED)
_MOST_INNER = 3


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
    attempts: int = 0
    """How often it was tried: more than once only with a retry."""
    error: str | None = None
    """Its error, in one line."""
    winner: str | None = None
    """The member that decided an ``any`` or a ``race``."""
    is_group: bool = False
    """Whether it runs other steps."""
    size: int = 0
    """How many steps its group has."""
    ended: int = 0
    """How many of these have ended."""
    is_closed: bool = False
    """Whether what it runs has no records of its own: a loop, whose passes are counted, or a workflow."""
    of_a_tool: bool = False
    """Whether a tool runs it: it is no step of the workflow."""
    tolerated: bool = False
    """Whether the workflow goes on when it fails."""
    handler: str = ""
    """The handler that it is in, as a file names it; empty for a step of the workflow itself."""
    note: str = ""
    """Why it ended as it did, where it neither succeeded nor failed by itself, in a clause."""
    reason: str = ""
    """The same, with the whole chain of causes."""
    started_at: float = 0.0
    """When it started, on Trio's clock."""


@attrs.define
class RunRecord:
    """Every step of one run, members of groups behind their group; an observer keeps it."""

    workflow: WorkflowDefinition
    steps: dict[str, StepRecord] = attrs.field(init=False)
    size: int = attrs.field(init=False)
    """How many steps the workflow has, those that run groups and their members included."""
    states: Counter[StepState] = attrs.field(init=False)
    """How many of them are in each state."""
    of_tools: int = attrs.field(init=False, default=0)
    """How many steps more tools have run."""
    culprit: str | None = attrs.field(init=False, default=None)
    """The step that failed the workflow: the first that failed and was not tolerated."""
    last_failed: StepRecord | None = attrs.field(init=False, default=None)
    clock: trio.abc.Clock | None = attrs.field(init=False, default=None)
    started_at: float = attrs.field(init=False, default=0.0)
    stopped_at: float | None = attrs.field(init=False, default=None)
    """When a signal cancelled the run, on Trio's clock."""
    duration: float = attrs.field(init=False, default=0.0)
    """Seconds that the run took, once it has ended."""
    result: WorkflowResult | None = attrs.field(init=False, default=None)
    problem: str | None = attrs.field(init=False, default=None)
    """Why the run failed although no step did."""
    interrupted: str | None = attrs.field(init=False, default=None)
    """The name of the signal that ended the run."""
    abandoned: bool = attrs.field(init=False, default=False)
    """Whether a second signal has ended it, without waiting for its steps."""

    def __attrs_post_init__(self) -> None:
        self.steps = {}
        self.workflow.validate()
        for analysis in self.workflow.analyses:
            root = analysis.places.root
            handler = "" if root == "steps" else root.removesuffix("_")
            for step in analysis.plan.steps:
                for record in _records(step, analysis.plan.members, None, self.workflow.name):
                    record.handler = handler
                    self.steps[record.id] = record
        self.size = len(self.steps)
        self.states = Counter({StepState.WAITING: self.size})

    @property
    def success(self) -> bool:
        """Whether the run has ended well."""
        return self.has_output and self.problem is None and self.interrupted is None

    @property
    def has_output(self) -> bool:
        """Whether every step succeeded that had to, whatever came after."""
        return self.result is not None and self.result.success

    @property
    def ended(self) -> int:
        """How many steps of the workflow have ended."""
        return self.size - sum(self.states[state] for state in _NOT_ENDED)

    @property
    def running(self) -> int:
        """How many steps of the workflow run now."""
        return self.states[StepState.RUNNING]

    @property
    def unended(self) -> tuple[str, str]:
        """What still has to end, and what stands for it in a sentence."""
        # Tools open before the first step starts, and close after the last has ended.
        if not self.running:
            return "tools", "them"
        return ("1 step", "it") if self.running == 1 else (f"{self.running:,} steps", "them")

    @property
    def is_handling(self) -> bool:
        """Whether handlers run now: no signal cancels them."""
        states = {step.state for step in self.steps.values() if step.handler}
        return bool(states - {StepState.WAITING}) and bool(states.intersection(_NOT_ENDED))

    @property
    def failed(self) -> int:
        """How many steps of the workflow have failed or run past a limit."""
        return sum(self.states[state] for state in FAILING)

    @property
    def ran_out_of_time(self) -> str:
        """What is said of a run that did."""
        return f"ran past its max_duration of {self.workflow.max_duration:g} s"

    def begin(self) -> None:
        """Take note that the run starts."""
        self.clock = trio.lowlevel.current_clock()
        self.started_at = self.now()

    def now(self) -> float:
        """The time on Trio's clock, inside the run and after it."""
        return self.started_at if self.clock is None else self.clock.current_time()

    def elapsed(self) -> float:
        """Seconds since the run started."""
        return self.now() - self.started_at

    def observe(self, event: StepEvent) -> None:
        """Take note of a step's start or end; made to be a run's observer."""
        record = self.of(event)
        if event.inside is not None:
            self._note_inside(record, event)
            return
        if event.kind in NEVER_STARTED:
            self._move(record, event.kind.state)
            return
        if event.kind is EventKind.STARTED:
            self._move(record, StepState.RUNNING)
            record.wait, record.started_at = event.seconds, self.now()
            record.attempts = event.attempt
            return
        if event.kind is EventKind.RETRYING:
            self._move(record, StepState.WAITING)
            return
        record.run = event.seconds
        # What Ctrl-C strikes has not failed of itself.
        if event.error is not None and not is_a(event.error, KeyboardInterrupt):
            record.error = _told(event.error)
        struck = event.kind is EventKind.FAILED and record.error is None
        self._move(record, StepState.CANCELLED if struck else event.kind.state)
        if record.state in FAILING:
            self._note_failed(record)

    def of(self, event: StepEvent) -> StepRecord:
        """The record of the step that an event tells of."""
        if event.inside is not None:
            return self._loop(event.inside)
        known = self.steps.get(event.step)
        if known is not None and known.group == event.group:
            return known
        # Steps that a function made for its group are in no definition, nor those that a tool runs.
        # The latter may have ids that steps of the workflow have too.
        id_ = event.step if known is None else f"{event.group}: {event.step}"
        if id_ not in self.steps:
            self.of_tools += 1
            self.steps[id_] = StepRecord(id_, "step", None, 0, event.group, of_a_tool=True)
        return self.steps[id_]

    def _loop(self, id_: str) -> StepRecord:
        if id_ not in self.steps:  # a function made it for its group
            self.steps[id_] = StepRecord(id_, "loop", None, 0, None, is_closed=True, of_a_tool=True)
        return self.steps[id_]

    def _note_inside(self, loop: StepRecord, event: StepEvent) -> None:
        """Take note of what goes on in a loop: its passes are counted, of however many there are."""
        if not is_pass(event) or event.kind is EventKind.RETRYING:
            return
        if event.kind is EventKind.STARTED:
            loop.size += event.attempt == 1
            return
        loop.size += event.kind in NEVER_STARTED
        loop.ended += 1
        if event.kind.state in FAILING and event.error is not None:
            self.last_failed = attrs.evolve(loop, id=event.step, error=_told(event.error))

    def close(self, context: WorkflowContext) -> None:
        """Settle every step, after the run has ended, whichever way it did."""
        self.duration = self.elapsed() if self.result is None else self.result.duration
        for step in self.steps.values():
            self._settle(step, context.results.get(step.id), context.errors.get(step.id))
            if not step.of_a_tool:
                self._tell_why(step, context)

    def _tell_why(self, step: StepRecord, context: WorkflowContext) -> None:
        """Say why a step neither succeeded nor failed: the run knows, unless it was abandoned."""
        state = context.state_of(step.id)
        if step.id in context.causes and state is not None:
            self._move(step, state)
            step.note = brief(step.id, context)
            step.reason = reason(step.id, context)
        elif step.state in _STOPPED:
            step.reason = self._how_it_ended()

    def _how_it_ended(self) -> str:
        """Why a step was stopped, or never ran, of which the run itself has not noted it."""
        if self.abandoned:
            return "the run was abandoned"
        return "the run ended first" if self.interrupted is None else "the run was cancelled"

    def _settle(self, step: StepRecord, value: Any, error: BaseException | None) -> None:
        if step.state is StepState.RUNNING:
            self._move(step, StepState.CANCELLED)
            step.run = self.now() - step.started_at
        if step.is_closed and step.size:
            step.what += _extent(step, value)
        if error is not None:
            step.error = _told_of_loop(error) if step.is_closed else _told(error)
            # A step that its group's time limit has stopped was cancelled, as an observer sees it.
            if step.state is not StepState.FAILED:
                self._move(step, StepState.TIMED_OUT)
        elif step.state is StepState.WAITING:
            self._move(step, StepState.NOT_REACHED)
        if issubclass(type(value), ParallelExecutionResult):  # it may lie about its class
            step.winner = value.winner

    def _note_failed(self, step: StepRecord) -> None:
        self.last_failed = step
        is_harmless = step.of_a_tool or step.parent is not None or step.tolerated
        # A step that fails as a signal cancels it has failed no workflow.
        if self.culprit is None and self.stopped_at is None and not is_harmless:
            self.culprit = step.id

    def _move(self, step: StepRecord, state: StepState) -> None:
        before, step.state = step.state, state
        if step.of_a_tool:
            return
        self.states[before] -= 1
        self.states[state] += 1
        if step.parent is not None and before in _NOT_ENDED and state not in _NOT_ENDED:
            self.steps[step.parent].ended += 1


def is_pass(event: StepEvent) -> bool:
    """Whether an event tells of a pass of the outermost loop around it, and of nothing inside that."""
    # A workflow may have the name of the step that it is in; its steps are called step.inner.
    inside = event.inside
    return inside is not None and event.group == inside and event.step.startswith(f"{inside}[")


def _extent(loop: StepRecord, value: Any) -> str:
    """How many items a loop had; of one that gave no value it is known how many it came to."""
    if loop.state is not StepState.SUCCEEDED:
        return f", {loop.size:,} begun"
    has_all = loop.what != "repeat" and issubclass(type(value), ParallelExecutionResult)
    return f" of {len(value.steps) if has_all else loop.size:,}"


def _told_of_loop(error: BaseException) -> str:
    """The same of a loop, whose passes have no lines of their own."""
    group: Any = error
    if not is_a(error, GroupFailed) or first_in(group) is None:
        return _told(error)
    return f"{one_line(error)}: {_told(next(each_leaf(error)))}"


def _told(error: BaseException) -> str:
    """An error in one line, with the first errors in a group.

    The text of a nursery's group is always the same, and says nothing of what went wrong. That of
    a group of steps says it, and the report has a line for each of them.
    """
    if not is_a(error, BaseExceptionGroup) or is_a(error, GroupFailed):
        return one_line(error)
    found = list(islice(each_leaf(error), _MOST_INNER + 1))
    inner = "; ".join(map(one_line, found[:_MOST_INNER]))
    more = "; ..." if len(found) > _MOST_INNER else ""
    return f"{one_line(error)}: {inner}{more}"


def _records(
    step: WorkflowStep[Any],
    members: Mapping[str, WorkflowStep[Any]],
    parent: StepRecord | None,
    inside: str,
) -> Iterator[StepRecord]:
    inner, what = _inside(step)
    record = StepRecord(
        step.id,
        what,
        None if parent is None else parent.id,
        0 if parent is None else parent.depth + 1,
        inside,
        is_group=step.runs_others,
        is_closed=step.loop is not None or step.workflow is not None,
        size=len(inner),
        tolerated=step.on_error != "fail"
        or (step.group is not None and step.group.continue_on_error),
    )
    yield record
    around = step.group.id if step.group is not None else step.id
    for member in inner:
        known = members[member if isinstance(member, str) else member.id]
        yield from _records(known, members, record, around)


def _inside(step: WorkflowStep[Any]) -> tuple[list[Any], str]:
    """What a step runs, as far as it is written down, and what the step is, in a few words."""
    inner = list(members_of(step))
    if step.branch is not None:
        return inner, "if" if isinstance(step.branch, IfBranch) else "switch"
    if step.loop is not None:
        return inner, step.loop.kind
    if step.workflow is not None:
        return inner, "workflow"
    if step.block is not None:
        return inner, f"{'sequence' if step.block.key == 'sequence' else 'block'} of {len(inner)}"
    if step.group is None:
        return inner, step.tool or "function"
    return inner, f"{step.group.wait_strategy.value} of {len(inner) or 'some'}"

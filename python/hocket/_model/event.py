"""What an observer is told: a step has started, or ended."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from .._base.shown import shown
from .states import StepState

__all__ = ["NEVER_STARTED", "EventKind", "Observer", "StepEvent"]


class EventKind(enum.Enum):
    """What has happened to a step."""

    STARTED = "started"
    """It has got a slot, and its function is about to be called."""
    SUCCEEDED = "succeeded"
    """It returned."""
    FAILED = "failed"
    """It raised. KeyboardInterrupt, SystemExit and their like are told so too, before they end the
    run; they are no result of the step."""
    TIMED_OUT = "timed_out"
    """It ran past its own time limit."""
    RETRYING = "retrying"
    """It failed, or ran past its time limit, and waits to be tried again. It has not ended."""
    CANCELLED = "cancelled"
    """It was stopped from outside. That the time limit of a whole group has stopped it, and that it
    counts as timed out, is settled only as the group ends."""
    SKIPPED = "skipped"
    """It will not run: its condition said no, or what it asks of the steps that it depends on can not
    be had. Told of steps of workflows, which then have not started."""
    OMITTED = "omitted"
    """It will not run: its branch has taken another side. Told as the branch does so."""

    @property
    def state(self) -> StepState:
        """Where the step stands from now on."""
        if self is EventKind.RETRYING:
            return StepState.WAITING
        return StepState.RUNNING if self is EventKind.STARTED else StepState(self.value)


NEVER_STARTED = (EventKind.SKIPPED, EventKind.OMITTED)


@attrs.frozen
class StepEvent:
    """A step has started or ended.

    >>> event = StepEvent(EventKind.STARTED, "fetch", "pages", 0.25)
    >>> event.kind.state
    <StepState.RUNNING: 'running'>
    """

    kind: EventKind
    """What has happened."""
    step: str
    """The step's id."""
    group: str | None
    """The id of the group, or the name of the workflow, that it runs in. Single calls of a pool
    have no observer."""
    seconds: float
    """How long it has waited, if it has started; how long it has run, if it has ended."""
    value: Any = attrs.field(default=None, repr=False)
    """What it returned, if it has succeeded."""
    error: BaseException | None = attrs.field(default=None, repr=shown)
    """What it raised, if it has failed; a :class:`StepTimeout` if it has timed out."""
    attempt: int = 1
    """Which attempt at the step it is, counted from 1."""
    inside: str | None = None
    """The id of the outermost loop, or step with a workflow, that it is inside of: then ``step`` says
    where: ``users[ada]`` for a pass of a loop, ``users[ada].store`` for a step in one."""
    reason: str = ""
    """Why it will not run, if it is skipped or omitted."""


Observer: TypeAlias = Callable[[StepEvent], object]
"""Is called with each :class:`StepEvent` of a run, as it happens."""

"""Time limits of steps that are worked out as the steps start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any
from weakref import ref

from .._engine.run import RunSpec
from .._workflow.context import WorkflowContext
from .._workflow.step import WorkflowStep

__all__ = ["StepLimits"]

Start = Callable[[float | None, WorkflowStep[Any]], Awaitable[Any]]


class StepLimits:
    """Gives each step its time limit as it starts: the one of all, or one that is worked out."""

    def __init__(
        self,
        steps: Iterable[WorkflowStep[Any]],
        default: float | None,
        context: WorkflowContext,
        start: Start,
    ) -> None:
        self._default = default
        self._context = context
        self._start = start
        self._places = {
            step.id: place for place, step in enumerate(steps) if "timeout" in step.limits
        }
        self._spec: ref[RunSpec] | None = None

    def belong_to(self, spec: RunSpec) -> None:
        """Take note of what asks for the run of these steps. It holds this, and is not held by it."""
        if self._places:
            self._spec = ref(spec)

    @property
    def start(self) -> Callable[[WorkflowStep[Any]], Awaitable[Any]]:
        """Starts a step of these."""
        return self._start_limited if self._places else partial(self._start, self._default)

    def _start_limited(self, step: WorkflowStep[Any]) -> Awaitable[Any]:
        # Not async itself: the core drives the step's own coroutine.
        place = self._places.get(step.id)
        if place is None:
            return self._start(self._default, step)
        limit = step.limits["timeout"].value(self._context)
        spec = None if self._spec is None else self._spec()
        assert spec is not None, "what runs is asked for"
        spec.limit_step(place, limit)
        return self._start(limit, step)

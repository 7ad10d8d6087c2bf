"""Settings of the steps of a run, as the core takes them: a list for all, or nothing."""

from __future__ import annotations

from typing import Any

from .._base.durations import limit_to_ns
from .._model.retry import Retry
from .._model.strategy import Strategy, WaitStrategy
from .._workflow.step import WorkflowStep

__all__ = ["flags", "retries_of", "timeouts_ns_of", "tolerated"]


def flags(values: Any) -> list[bool] | None:
    """Return what is so of each step; None where it is so of none."""
    flags = list(values)
    return flags if any(flags) else None


def tolerated(steps: list[WorkflowStep[Any]], strategy: Strategy) -> list[bool] | None:
    """Return whose failure does no harm. Even so it wins no race."""
    if strategy is not WaitStrategy.ALL:
        return None
    return flags(step.on_error != "fail" for step in steps)


def timeouts_ns_of(
    steps: list[WorkflowStep[Any]], default: float | None, limit: float | None = None
) -> list[int | None] | None:
    """Return each step's own time limit where not all have the default one.

    One that is worked out takes the place of what is here, as its step starts.

    Args:
        steps: the steps.
        default: that of a step which does not say, unless it only runs others.
        limit: that of every step which does not say, if there is one.
    """
    if limit is None and all(
        step.timeout is None and not step.runs_others and not step.limits for step in steps
    ):
        return None

    def of(step: WorkflowStep[Any]) -> float | None:
        if step.timeout is not None:
            return step.timeout
        return default if limit is None and not step.runs_others else limit

    return [limit_to_ns(of(step)) for step in steps]


def retries_of(
    steps: list[WorkflowStep[Any]], default: Retry | None
) -> Retry | list[Retry | None] | None:
    """Return how often each step is tried: as it says, or else as its group does.

    A step that only runs others is tried once: its group is for them.
    """
    if all(step.retry is None and not step.runs_others for step in steps):
        return default
    retries = [
        step.retry if step.retry is not None or step.runs_others else default for step in steps
    ]
    return retries if any(retry is not None for retry in retries) else None

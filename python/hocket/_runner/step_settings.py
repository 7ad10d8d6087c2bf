"""Settings of the steps of a run, as the core takes them: a list for all, or nothing."""

from __future__ import annotations

from typing import Any

from .._base.durations import limit_to_ns
from .._workflow.step import WorkflowStep

__all__ = ["flags", "timeouts_ns_of"]


def flags(values: Any) -> list[bool] | None:
    """Return what is so of each step; None where it is so of none."""
    flags = list(values)
    return flags if any(flags) else None


def timeouts_ns_of(
    steps: list[WorkflowStep[Any]], default: float | None
) -> list[int | None] | None:
    """Return each step's own time limit where not all have the default one."""
    if all(step.timeout is None and not step.runs_others for step in steps):
        return None
    return [
        limit_to_ns(step.timeout if step.timeout is not None or step.runs_others else default)
        for step in steps
    ]

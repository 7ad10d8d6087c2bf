"""Where a step can stand, from the core to the report."""

from __future__ import annotations

import enum

__all__ = ["StepState"]


# The core has states of the same names (`StepState` in rust/core); of them `skipped` is still
# `waiting` as its run ends.
class StepState(enum.Enum):
    """Where a step stands. Every step ends in one of the last five."""

    WAITING = "waiting"
    """It has not started: it waits for other steps, or for a slot."""
    RUNNING = "running"
    """It has started, and not ended."""
    SUCCEEDED = "succeeded"
    """It returned."""
    FAILED = "failed"
    """It raised."""
    TIMED_OUT = "timed_out"
    """It ran past its own time limit, or its group's."""
    CANCELLED = "cancelled"
    """It had started, and was stopped because the outcome was decided, or the caller left."""
    SKIPPED = "skipped"
    """It never started."""

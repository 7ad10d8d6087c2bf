"""Where a step can stand, from the core to the report."""

from __future__ import annotations

import enum

__all__ = ["StepState"]


# The core has the first six (`StepState` in rust/core). What is still `waiting` as its run ends was
# skipped, omitted or not reached: that is for those to say who know why.
class StepState(enum.Enum):
    """Where a step stands. Every step ends in one of the last seven."""

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
    """It never started: its condition said no, or what it asks of the steps that it depends on can
    not be had any more."""
    OMITTED = "omitted"
    """It never started: its branch took another side."""
    NOT_REACHED = "not_reached"
    """It never started: its group was decided before, or the run stopped."""

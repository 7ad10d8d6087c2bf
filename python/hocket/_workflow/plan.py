"""What the scheduler needs of a workflow."""

from __future__ import annotations

from typing import Any

import attrs

from .step import WorkflowStep

__all__ = ["WorkflowPlan"]


@attrs.frozen
class WorkflowPlan:
    """What runs by itself, in which order, and what runs only through a group."""

    steps: list[WorkflowStep[Any]]
    """The steps that run by themselves, in the order of the definition."""
    dependencies: list[list[int]]
    """For each of them, the indices in ``steps`` of those that it waits for, each once.

    A dependency on a member of a group is one on the step that runs the group, and the
    dependencies of members are those of that step too.
    """
    members: dict[str, WorkflowStep[Any]]
    """The steps that run only through a group, by id."""
    owners: dict[str, str]
    """For each member, the id of the step whose group runs it."""

"""What the scheduler needs of a workflow."""

from __future__ import annotations

from typing import Any

import attrs

from .rules import Rule
from .step import WorkflowStep

__all__ = ["Gate", "Graph", "WorkflowPlan"]


@attrs.frozen
class Graph:
    """Steps, and who of them waits for whom: those of a workflow, of one side of a branch, a block or a loop."""

    steps: list[WorkflowStep[Any]]
    dependencies: list[list[int]]
    """For each step, the indices in ``steps`` of those that it waits for, each once."""


@attrs.frozen
class Gate:
    """What a step asks of the steps that it depends on, where that is out of the ordinary."""

    plain: tuple[str, ...]
    ruled: tuple[tuple[str, Rule], ...]


@attrs.frozen
class WorkflowPlan:
    """What runs by itself, in which order, and what runs only through another step."""

    steps: list[WorkflowStep[Any]]
    """The steps that run by themselves, in the order of the definition."""
    dependencies: list[list[int]]
    """For each of them, the indices in ``steps`` of those that it waits for, each once.

    What a step inside another one waits for, that one waits for; and who waits for a step inside
    another one, waits for that one.
    """
    members: dict[str, WorkflowStep[Any]]
    """The steps that run only through another one (a group, a branch, a block, a loop), by id."""
    owners: dict[str, str]
    """For each of these, the id of the step that runs it."""
    sides: dict[str, list[Graph]]
    """For each step that holds graphs these, in the order in which they are written: the sides of a
    branch, or the one of a block or a loop."""
    gates: dict[str, Gate]
    """What steps ask of others that depend on members of groups, or by a rule. All others ask plainly
    what their ``depends_on`` says."""
    tolerated: frozenset[str]
    """The steps that may fail: those with ``on_error: continue``."""
    implied: dict[str, list[str]]
    """For each step, those that it waits for only because it refers to them."""

    previous: dict[str, str] = attrs.field(factory=dict)
    """For the steps of sequences, the one before each."""
    has_decisions: bool = False
    """Whether a step has a condition, or may fail and have those skipped that depend on it."""

    @property
    def is_plain(self) -> bool:
        """Whether every step runs, unless one fails or the run stops: nothing is to be judged."""
        return not self.gates and not self.sides and not self.has_decisions

    def member(self, listed: Any) -> WorkflowStep[Any] | None:
        """Return what a group or a branch lists, by itself or by its id; None if that is no step."""
        if isinstance(listed, WorkflowStep):
            return self.members.get(listed.id, listed)
        return self.members.get(listed) if isinstance(listed, str) else None

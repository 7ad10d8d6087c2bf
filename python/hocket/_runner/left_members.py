"""Groups some of whose members have left before they started: what their results say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from .._model.group import ParallelGroup
from .._model.result import ParallelExecutionResult, group_failed
from .._model.strategy import Quorum, WaitStrategy
from .._workflow.step import WorkflowStep

__all__ = ["check_strategy", "with_skipped"]


def check_strategy(
    group: ParallelGroup[Any],
    members: Sequence[WorkflowStep[Any]],
    listed: Sequence[WorkflowStep[Any]],
    result: ParallelExecutionResult[Any],
) -> None:
    """Say that a group has failed because too few of its members were left, if that is why."""
    strategy = group.wait_strategy
    need = strategy.k if isinstance(strategy, Quorum) else 1
    if result.success or strategy is WaitStrategy.ALL or not len(members) < min(need, len(listed)):
        return
    gone = {step.id for step in listed} - {step.id for step in members}
    names = ", ".join([step.id for step in listed if step.id in gone][:5])
    were = "1 was" if len(members) == 1 else f"{len(members)} were"
    why = (
        f"{strategy.value} needs {need} of its {len(listed)} steps to succeed, and {were} left to run: "
        f"{names}{', ...' if len(gone) > 5 else ''} skipped"
    )
    raise group_failed("group", group.id, result.errors, why)


def with_skipped(
    result: ParallelExecutionResult[Any], members: Sequence[WorkflowStep[Any]]
) -> ParallelExecutionResult[Any]:
    """The result of a group some of whose members have left it before it started."""
    ids = [member.id for member in members]
    ended = {*result.completed_steps, *result.failed_steps}
    skipped = [id_ for id_ in ids if id_ not in ended]
    return attrs.evolve(result, steps=ids, skipped_steps=skipped)

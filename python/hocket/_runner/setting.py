"""What all steps of one run share: its tools, its pool, its limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from .._base.checks import check_count
from .._engine.pool import WorkerPool
from .._workflow.definition import WorkflowDefinition
from .._workflow.step import WorkflowStep
from ..tools._tool import OpenTool

__all__ = ["Setting"]


@attrs.frozen(eq=False)
class Setting:
    """What all steps of one run share."""

    workflow: WorkflowDefinition
    tools: Mapping[str, OpenTool]
    pool: WorkerPool
    is_shared: bool
    """Whether others use the pool too."""
    share: int | None
    """The most slots of a shared pool that the run takes; None for no limit of its own."""
    step_timeout: float | None
    """How long a step may run if nothing nearer to it says so."""
    run_workflow: Callable[[Any, WorkflowStep[Any]], Awaitable[Any]]
    """Runs the workflow of a step that has one, in the scope of that step."""
    around: tuple[str, ...]
    """The names of the workflows that run this one, outermost first."""

    @classmethod
    def of(
        cls,
        workflow: WorkflowDefinition,
        tools: Mapping[str, OpenTool],
        shared: WorkerPool | None,
        run_workflow: Callable[[Any, WorkflowStep[Any]], Awaitable[Any]],
        around: tuple[str, ...] = (),
    ) -> Setting:
        """That of a run on a pool of its own, or on one that is shared."""
        config = workflow.parallel_config
        pool = WorkerPool.from_config(config) if shared is None else shared
        limit = check_count("max_concurrent", config.max_concurrent)
        default = pool.timeout if config.timeout is None else config.timeout
        share = None if shared is None else limit
        return cls(workflow, tools, pool, shared is not None, share, default, run_workflow, around)

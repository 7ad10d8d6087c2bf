"""What a tool may know of the step that calls it, and do as part of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import attrs

from .._base.shown import shown
from .._engine.groups import run_group
from .._engine.pool import WorkerPool
from .._model.event import Observer
from .._model.group import ParallelGroup
from .._model.result import ParallelExecutionResult
from .._workflow.context import WorkflowContext

__all__ = ["StepContext"]

S = TypeVar("S")
R = TypeVar("R")


@attrs.frozen(kw_only=True, eq=False)
class StepContext:
    """The step that a tool is called for. A tool gets it in a parameter of this type.

    The parameter may have any name, and no input can give it.

    >>> import trio
    >>> tools = ToolRegistry()
    >>> @tools.register
    ... async def fetch_all(pages: list[str], step: StepContext) -> list[str]:
    ...     async def fetch(page: str) -> str:
    ...         await trio.sleep(0)
    ...         return f"{page} for {step.id}"
    ...     result = await step.run_group(ParallelGroup("pages", pages), fetch)
    ...     return [result.results[page] for page in pages]
    >>> site = WorkflowStep("site", tool="fetch_all", input={"pages": ["home", "news"]})
    >>> trio.run(WorkflowManager(tools).execute, WorkflowDefinition("crawl", [site])).output
    ['home for site', 'news for site']
    """

    id: str
    """The step's id."""
    workflow: str
    """The workflow's name."""
    context: WorkflowContext = attrs.field(repr=False)
    """What the steps of this run see of each other: ``results``, ``errors``, ``values``."""
    pool: WorkerPool
    """The pool that the workflow runs on. What the tool gives to it counts towards the workflow's
    limit, and runs in the step's slot while the step waits for it."""
    attempt: int = 1
    """Which attempt at the step this is, counted from 1."""
    deadline: float
    """When the first time limit passes that the step is under, on Trio's clock: its own, or that of
    its group, its workflow or a cancel scope around them. ``math.inf`` without any. Where the whole
    workflow runs inside a step of another run, that step's limit is not seen."""
    _step_timeout: float | None = attrs.field(repr=False, alias="step_timeout")
    """Seconds that a step of :meth:`run_group` may run if its group does not say."""
    _observers: Sequence[Observer] = attrs.field(repr=False, alias="observers")
    """Who is told of the steps of :meth:`run_group`: the observers of the workflow."""

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Writes to the log ``hocket.workflow``, with workflow and step at the front of each line."""
        where = f"workflow {self.workflow!r}, step {self.id!r}"
        return _StepLogger(logging.getLogger("hocket.workflow"), {"where": where})

    async def run_group(
        self,
        group: ParallelGroup[S],
        step_executor: Callable[[S], Awaitable[R]],
        context: Any = None,
    ) -> ParallelExecutionResult[R]:
        """Run a group as a part of this step, on the same pool and under the workflow's limits.

        While the step waits here it lends its slot to the group's steps. Observers of the workflow
        are told of these steps too; the workflow's result knows nothing of them.

        Args:
            group: what to run, and how.
            step_executor: an async function that is called with each step, as the group lists it,
                and returns the step's value.
            context: goes to a group's function of steps, and nowhere else. Default None.

        Raises:
            TypeError, ValueError: the call cannot work: no async function, two steps of one id.
            Cancelled: this step was cancelled.

        A failing step raises nothing; ask the result, or call its ``raise_for_failure``.
        """
        if not isinstance(group, ParallelGroup):
            raise TypeError(f"run_group takes a ParallelGroup; got {shown(group)}")
        return await run_group(
            self.pool,
            group,
            step_executor,
            context,
            default_timeout=self._step_timeout,
            observers=self._observers,
        )


class _StepLogger(logging.LoggerAdapter[logging.Logger]):
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if not self.isEnabledFor(level):
            return
        assert self.extra is not None
        where = str(self.extra["where"])
        if args:  # the line is a format, in which an id with "%" would be read as a part of it
            where = where.replace("%", "%%")
        line = f"{where}: {msg}"
        # The line belongs to who called us, and this frame is one more on the way.
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        self.logger.log(level, line, *args, **kwargs)

"""Running workflows: which steps are ready, and what each of them does."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from trio.lowlevel import enable_ki_protection

from . import _core
from ._batch import Observer, RunSpec, check_observer, guarded, run_steps
from ._context import WorkflowContext
from ._duration import limit_to_ns
from ._errors import HocketError
from ._group import ParallelGroup
from ._pool import WorkerPool
from ._result import ParallelExecutionResult
from ._step import WorkflowStep
from ._strategy import WaitStrategy, check_quorum
from ._tool import OpenTool
from ._tools import ToolRegistry
from ._trio import call_steps
from ._workflow import WorkflowDefinition
from ._workflow_result import WorkflowResult

__all__ = ["WorkflowManager"]

logger = logging.getLogger("hocket.workflow")


class WorkflowManager:
    """Runs workflows.

    Steps whose dependencies are met run at the same time, under the limits of the workflow's
    ``parallel_config``. The first step that fails stops the workflow, unless it or its group says
    ``continue_on_error``: what runs is cancelled and awaited, what has not started is skipped.

    Args:
        tools: the tools that steps may name. Default: those that come with hocket,
            ``http_request`` and ``database_query``.

    >>> import trio
    >>> async def add(context: WorkflowContext) -> int:
    ...     return context.results["one"] + 1
    >>> async def one(context: WorkflowContext) -> int:
    ...     return 1
    >>> workflow = WorkflowDefinition(
    ...     "sum",
    ...     [WorkflowStep("one", execute=one), WorkflowStep("two", execute=add, depends_on=["one"])],
    ... )
    >>> trio.run(WorkflowManager().execute, workflow).output
    2
    """

    def __init__(self, tools: ToolRegistry | None = None) -> None:
        if tools is not None and not isinstance(tools, ToolRegistry):
            raise TypeError(f"tools must be a ToolRegistry; got {tools!r}")
        self._tools = tools

    async def execute(
        self,
        workflow: WorkflowDefinition,
        context: WorkflowContext | Mapping[str, Any] | None = None,
        *,
        observer: Observer | None = None,
    ) -> WorkflowResult:
        """Run a workflow, and return its result when nothing of it runs any more.

        Args:
            workflow: what to run; it is checked first, tools and their inputs included.
            context: a :class:`WorkflowContext`, or only its values (``$context``). Default: empty.
            observer: is called with (what, step id, seconds) as steps start and end.

        Raises:
            WorkflowInvalid: the workflow has mistakes; it lists them all.
            UnresolvedReference: it succeeded, and its ``output`` refers to what is not there.
            Cancelled: the caller was cancelled.

        A failing step raises nothing; ask the result, or call its ``raise_for_failure``.
        """
        if not isinstance(workflow, WorkflowDefinition):
            raise TypeError(f"execute takes a WorkflowDefinition; got {workflow!r}")
        check_observer(observer)
        tools = self._registry(workflow)
        workflow.validate(tools)
        return await _run(workflow, tools, _as_context(context), observer)

    def _registry(self, workflow: WorkflowDefinition) -> ToolRegistry:
        if self._tools is not None:
            return self._tools
        if not workflow.tool_names():
            return ToolRegistry()
        from .tools import builtin_tools

        return builtin_tools()


# Ctrl-C may come between the making of what closes the tools and the awaiting of it.
@enable_ki_protection
async def _run(
    workflow: WorkflowDefinition,
    tools: ToolRegistry,
    context: WorkflowContext,
    observer: Observer | None,
) -> WorkflowResult:
    async with tools.open() as opened:
        return await _WorkflowRun(workflow, context, opened, observer).run()


def _as_context(context: WorkflowContext | Mapping[str, Any] | None) -> WorkflowContext:
    if isinstance(context, WorkflowContext):
        return context
    if context is None:
        return WorkflowContext()
    if isinstance(context, Mapping):
        return WorkflowContext(values=dict(context))
    raise TypeError(f"context must be a WorkflowContext or a mapping of values; got {context!r}")


class _WorkflowRun:
    """One run of one workflow."""

    def __init__(
        self,
        workflow: WorkflowDefinition,
        context: WorkflowContext,
        tools: Mapping[str, OpenTool],
        observer: Observer | None,
    ) -> None:
        self.workflow = workflow
        self.context = context
        self.tools = tools
        self.plan = workflow.plan()
        self.observer = observer
        self.pool = WorkerPool.from_config(workflow.parallel_config)
        self.completed: list[str] = []
        self.failed: list[str] = []
        self.skipped: list[str] = []
        self.cancelled: list[str] = []
        self.started_groups: set[str] = set()

    async def run(self) -> WorkflowResult:
        steps = self.plan.steps
        spec = self._spec(
            self.workflow.name,
            "workflow",
            steps,
            strategy=WaitStrategy.ALL,
            timeout=self.workflow.max_duration,
            dependencies=self.plan.dependencies,
            results=self.context.results,
            errors=self.context.errors,
        )
        result = await run_steps(self.pool._core, spec)
        self._note(result)
        self._skip_members_of_unstarted_groups()
        return WorkflowResult(
            name=self.workflow.name,
            success=result.success,
            completed_steps=self.completed,
            failed_steps=self.failed,
            skipped_steps=self.skipped,
            cancelled_steps=self.cancelled,
            results=self.context.results,
            errors=self.context.errors,
            output=self._output() if result.success else None,
            duration=result.duration,
            timed_out=result.timed_out,
            stats=self.pool.get_stats(),
        )

    def _spec(self, id: str, kind: str, steps: list[WorkflowStep], **settings: Any) -> RunSpec:
        limits = self.pool.timeout, settings.pop("step_timeout", None)
        default = limits[0] if limits[1] is None else limits[1]
        where = f"{kind} {id!r}"
        return RunSpec(
            id=id,
            kind=kind,
            ids=_core.step_ids(steps, where),
            steps=steps,
            executor=self._start,
            context=self.context,
            step_timeout_ns=limit_to_ns(default),
            step_timeouts_ns=_step_timeouts_ns(steps, default),
            # A step that only waits for its group's steps takes no slot, nor the pool's time limit.
            slotless=_flags(step.group is not None for step in steps),
            # A failure that does no harm still wins no race.
            tolerated=_flags(step.continue_on_error for step in steps)
            if settings["strategy"] is WaitStrategy.ALL
            else None,
            observer=guarded(self._observers(), logger, where),
            logger=logger,
            **settings,
        )

    def _observers(self) -> list[Observer]:
        # Made anew for each run: kept here, it would tie this object to itself.
        observers: list[Observer] = [self._settled] if self.plan.members else []
        if self.observer is not None:
            observers.append(self.observer)
        return observers

    def _start(self, step: WorkflowStep, context: WorkflowContext) -> Awaitable[Any]:
        # Not async itself: the core drives the step's own coroutine, without one of ours around.
        if step.execute is not None:
            return step.execute(context)
        if step.group is not None:
            return self._run_group(step, step.group)
        assert step.tool is not None
        return self.tools[step.tool](step.resolve_input(context), context)

    async def _run_group(self, step: WorkflowStep, group: ParallelGroup) -> ParallelExecutionResult:
        self.started_groups.add(step.id)
        members = await self._members(group)
        check_quorum(group.wait_strategy, len(members))
        spec = self._spec(
            group.id,
            "group",
            members,
            strategy=group.wait_strategy,
            max_concurrent=group.max_concurrent,
            continue_on_error=group.continue_on_error,
            timeout=group.timeout,
            step_timeout=group.step_timeout,
            isolation=group.isolation,
        )
        # Noted also when the workflow is being cancelled: partial results are always kept.
        result = await run_steps(self.pool._core, spec, on_end=self._note)
        try:
            result.raise_for_failure()
        finally:
            # The error goes into the context: this frame must not lead from the one to the other.
            del self, spec
        return result

    async def _members(self, group: ParallelGroup) -> list[WorkflowStep]:
        steps: Any = group.steps
        if callable(steps):
            steps = await call_steps(steps, self.context, f"steps of group {group.id!r}")
        return [self._member(group, step) for step in steps]

    def _member(self, group: ParallelGroup, step: Any) -> WorkflowStep:
        member = self.plan.members.get(step) if isinstance(step, str) else step
        if not isinstance(member, WorkflowStep):
            raise HocketError(
                f"group {group.id!r}: {step!r} is no step of the workflow; a function of steps "
                "returns WorkflowStep objects"
            )
        return member

    def _settled(self, what: str, step: str, _seconds: float) -> None:
        """Keep the lists in the order of settling, across groups."""
        if what == "completed":
            self.completed.append(step)
        elif what in ("failed", "timed_out"):
            self.failed.append(step)

    def _note(self, result: ParallelExecutionResult) -> None:
        """Take over what a group, or the workflow itself, has come to."""
        self.skipped += result.skipped_steps
        self.cancelled += result.cancelled_steps
        if result.results is not self.context.results:
            self.context.results.update(result.results)
            self.context.errors.update(result.errors)
        # Without groups nobody kept the lists; and steps that the time limit of their group has
        # stopped are known to have failed only now.
        for mine, others in (
            (self.completed, result.completed_steps),
            (self.failed, result.failed_steps),
        ):
            known = set(mine)
            mine += [step for step in others if step not in known]

    def _skip_members_of_unstarted_groups(self) -> None:
        for member, owner in self.plan.owners.items():
            if owner not in self.started_groups:
                self.skipped.append(member)

    def _output(self) -> Any:
        if self.workflow.output is not None:
            return self.workflow.output_template.resolve(self.context)
        return self.context.results.get(self.plan.steps[-1].id)


def _flags(values: Any) -> list[bool] | None:
    flags = list(values)
    return flags if any(flags) else None


def _step_timeouts_ns(steps: list[WorkflowStep], default: float | None) -> list[int | None] | None:
    """Return each step's own time limit where not all have the default one."""
    if all(step.timeout is None and step.group is None for step in steps):
        return None
    return [
        limit_to_ns(step.timeout if step.timeout is not None or step.group is not None else default)
        for step in steps
    ]

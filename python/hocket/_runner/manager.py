"""Running workflows: the door that checks them, and their tools."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
from trio.lowlevel import enable_ki_protection

from .._base.errors import WorkflowInvalid
from .._base.mistakes import Mistake
from .._base.shown import shown
from .._engine.observers import as_observers
from .._engine.pool import WorkerPool
from .._model.config import WorkerPoolConfig
from .._model.event import Observer
from .._workflow.context import WorkflowContext, used_by
from .._workflow.definition import WorkflowDefinition
from .._workflow.sub_workflows import given_mistakes, reachable
from ..tools._registry import ToolRegistry
from .made_steps import MadeSteps
from .result import WorkflowResult
from .setting import Setting
from .sub_workflows import give_parameters, run_sub_workflow
from .workflow_run import WorkflowRun

__all__ = ["WorkflowManager"]


class WorkflowManager:
    """Runs workflows.

    Steps whose dependencies are met run at the same time, under the limits of the workflow's
    ``parallel_config``. The first step that fails stops the workflow, unless it or its group says
    ``continue_on_error``: what runs is cancelled and awaited, what has not started is skipped.

    Args:
        tools: the tools that steps may name. Default: those that come with hocket,
            ``http_request`` and ``database_query``.
        pool: where the workflows run, beside everything else that this pool runs. Default: each run
            makes a pool of its own, as the workflow's ``parallel_config`` says.

    On a shared ``pool`` a workflow's ``parallel_config`` is its part of that pool:
    ``max_concurrent`` is the most slots that the run and all that its steps start may take
    together (default: only the pool's limit), and ``timeout`` is how long one step may run, as the
    workflow knows its steps best (default: the pool's). The queue and the rate are the pool's own
    business: a workflow that says ``queue_size``, ``when_full`` or ``rate`` is refused.

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

    def __init__(
        self, tools: ToolRegistry | None = None, *, pool: WorkerPool | None = None
    ) -> None:
        if tools is not None and not isinstance(tools, ToolRegistry):
            raise TypeError(f"tools must be a ToolRegistry; got {shown(tools)}")
        if pool is not None and not isinstance(pool, WorkerPool):
            raise TypeError(
                f"pool must be a WorkerPool (a ParallelExecutionManager has one as .pool); got {shown(pool)}"
            )
        self._tools = tools
        self._pool = pool

    async def execute(
        self,
        workflow: WorkflowDefinition,
        context: WorkflowContext | Mapping[str, Any] | None = None,
        *,
        observer: Observer | Iterable[Observer] | None = None,
    ) -> WorkflowResult:
        """Run a workflow, and return its result when nothing of it runs any more.

        Args:
            workflow: what to run; it is checked first, tools and their inputs included.
            context: a :class:`WorkflowContext`, one that no run has had before, or only its values
                (``$context``). Default: empty.
            observer: is called with a :class:`StepEvent` as each step starts and ends. Or several of
                them. Default: none.

        Raises:
            WorkflowInvalid: the workflow has mistakes, or the values are not what its parameters ask
                for; it lists them all.
            RuntimeError: another run has had the context; nothing has happened.
            UnresolvedReference: it succeeded, and its ``output`` refers to what is not there.
            trio.Cancelled: the caller was cancelled.

        A failing step raises nothing; ask the result, or call its ``raise_for_failure``.
        """
        return await self._execute(workflow, context, observer)

    async def _execute(
        self,
        workflow: WorkflowDefinition,
        context: WorkflowContext | Mapping[str, Any] | None,
        observer: Observer | Iterable[Observer] | None,
        keep: Callable[[WorkflowResult], object] | None = None,
    ) -> WorkflowResult:
        """Run it, and give the result to ``keep`` before the tools are closed, which may fail."""
        if not isinstance(workflow, WorkflowDefinition):
            raise TypeError(f"execute takes a WorkflowDefinition; got {shown(workflow)}")
        observers = as_observers(observer)
        tools = self._registry(workflow)
        self._check(workflow, tools)
        given = _as_context(context)
        give_parameters(workflow, given)
        workflow = workflow.worked_out(given)
        return await self._run(workflow, tools, given, observers, keep)

    def validate(self, workflow: WorkflowDefinition) -> None:
        """Check a workflow as :meth:`execute` does, and run nothing.

        Raises:
            WorkflowInvalid: it has mistakes, those about tools and their inputs included; it lists
                them all.

        >>> WorkflowManager().validate(WorkflowDefinition("w", [WorkflowStep("a", tool="nope")]))
        Traceback (most recent call last):
        hocket.WorkflowInvalid: workflow 'w' has 1 mistake:
        steps[0].tool: there is no tool 'nope' (tools: database_query, http_request)
        """
        self._check(workflow, self._registry(workflow))

    def _registry(self, workflow: WorkflowDefinition) -> ToolRegistry:
        if self._tools is not None:
            return self._tools
        used = _used_by(workflow)
        if used is not None and not used:
            return ToolRegistry()
        from ..tools import builtin_tools

        return builtin_tools()

    def _check(self, workflow: WorkflowDefinition, tools: ToolRegistry) -> None:
        mistakes: list[Mistake] = []
        for keys, one in reachable(workflow):
            found = [*one.mistakes, *given_mistakes(one)]
            found += [m for analysis in one.analyses for m in tools.check_steps(analysis)]
            mistakes += [attrs.evolve(m, keys=(*keys, *m.keys)) if keys else m for m in found]
        if self._pool is not None:
            mistakes += _sharing_mistakes(workflow.parallel_config)
        if mistakes:
            raise WorkflowInvalid(f"workflow {workflow.name!r}", mistakes)

    # Ctrl-C may come between the making of what closes the tools and the awaiting of it.
    @enable_ki_protection
    async def _run(
        self,
        workflow: WorkflowDefinition,
        tools: ToolRegistry,
        context: WorkflowContext,
        observers: Sequence[Observer],
        keep: Callable[[WorkflowResult], object] | None,
    ) -> WorkflowResult:
        tools = tools.merge(ToolRegistry())  # what is registered from now on is not for this run
        made = MadeSteps(workflow, context, tools)
        with used_by(context, workflow.name):
            async with tools.open(_used_by(workflow)) as opened:
                setting = Setting.of(workflow, opened, self._pool, run_sub_workflow)
                result = await WorkflowRun(setting, context, made, observers).run()
                if keep is not None:
                    keep(result)
                return result


def _used_by(workflow: WorkflowDefinition) -> set[str] | None:
    """The tools that the steps of a workflow name; None if that is known only in the run."""
    workflows = [one for _, one in reachable(workflow)]
    steps = (
        step for one in workflows for analysis in one.analyses for step in analysis.places.steps
    )
    # What a function will make may name any tool.
    makes = any(step.group is not None and callable(step.group.steps) for step in steps)
    return None if makes else {name for one in workflows for name in one.tool_names()}


def _sharing_mistakes(config: WorkerPoolConfig) -> list[Mistake]:
    """What a workflow says of a pool that is not its own.

    What is as in every pool need not have been said, and takes nothing from anybody.
    """
    usual = WorkerPoolConfig()
    said = {"queue_size": config.queue_size, "when_full": config.when_full}
    mistakes = [
        Mistake(
            ("parallel_config", name),
            f"the workflow shares a pool with others, and its queue is theirs too: leave "
            f"{name!r} out, and give it to the pool: WorkerPool({name}={value!r})",
        )
        for name, value in said.items()
        if value != getattr(usual, name)
    ]
    if config.rate is not None:
        mistakes.append(
            Mistake(
                ("parallel_config", "rate"),
                "the workflow shares a pool with others: give the rate to that pool, for all, or to "
                "the groups of the workflow that need one",
            )
        )
    return mistakes


def _as_context(context: WorkflowContext | Mapping[str, Any] | None) -> WorkflowContext:
    if isinstance(context, WorkflowContext):
        return context
    if context is None:
        return WorkflowContext()
    if isinstance(context, Mapping):
        return WorkflowContext(values=dict(context))
    raise TypeError(
        f"context must be a WorkflowContext or a mapping of values; got {shown(context)}"
    )

"""Running workflows: the door that checks them, and their tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trio.lowlevel import enable_ki_protection

from .._base.errors import WorkflowInvalid
from .._engine.observers import as_observers
from .._model.event import Observer
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from ..tools._registry import ToolRegistry
from .result import WorkflowResult
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
        observer: Observer | Iterable[Observer] | None = None,
    ) -> WorkflowResult:
        """Run a workflow, and return its result when nothing of it runs any more.

        Args:
            workflow: what to run; it is checked first, tools and their inputs included.
            context: a :class:`WorkflowContext`, or only its values (``$context``). Default: empty.
            observer: is called with a :class:`StepEvent` as each step starts and ends. Or several of
                them. Default: none.

        Raises:
            WorkflowInvalid: the workflow has mistakes; it lists them all.
            UnresolvedReference: it succeeded, and its ``output`` refers to what is not there.
            trio.Cancelled: the caller was cancelled.

        A failing step raises nothing; ask the result, or call its ``raise_for_failure``.
        """
        if not isinstance(workflow, WorkflowDefinition):
            raise TypeError(f"execute takes a WorkflowDefinition; got {workflow!r}")
        observers = as_observers(observer)
        tools = self._registry(workflow)
        _check(workflow, tools)
        return await _run(workflow, tools, _as_context(context), observers)

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
        _check(workflow, self._registry(workflow))

    def _registry(self, workflow: WorkflowDefinition) -> ToolRegistry:
        if self._tools is not None:
            return self._tools
        if not workflow.tool_names():
            return ToolRegistry()
        from ..tools import builtin_tools

        return builtin_tools()


def _check(workflow: WorkflowDefinition, tools: ToolRegistry) -> None:
    mistakes = [*workflow.analysis.mistakes, *tools.check_steps(workflow.analysis)]
    if mistakes:
        raise WorkflowInvalid(f"workflow {workflow.name!r}", mistakes)


# Ctrl-C may come between the making of what closes the tools and the awaiting of it.
@enable_ki_protection
async def _run(
    workflow: WorkflowDefinition,
    tools: ToolRegistry,
    context: WorkflowContext,
    observers: Sequence[Observer],
) -> WorkflowResult:
    async with tools.open() as opened:
        return await WorkflowRun(workflow, context, opened, observers).run()


def _as_context(context: WorkflowContext | Mapping[str, Any] | None) -> WorkflowContext:
    if isinstance(context, WorkflowContext):
        return context
    if context is None:
        return WorkflowContext()
    if isinstance(context, Mapping):
        return WorkflowContext(values=dict(context))
    raise TypeError(f"context must be a WorkflowContext or a mapping of values; got {context!r}")

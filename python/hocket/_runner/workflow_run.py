"""One run of a workflow: its steps, and what it says when it has ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from .._engine.run import log_end
from .._model.event import Observer
from .._model.result import ParallelExecutionResult
from .._workflow.context import WorkflowContext
from .._workflow.ledger import Cause, Why
from .._workflow.plan import Graph
from .made_steps import MadeSteps
from .result import WorkflowResult
from .scope import Scope
from .setting import Setting

__all__ = ["WorkflowRun"]

logger = logging.getLogger("hocket.workflow")


class WorkflowRun:
    """One run of one workflow."""

    def __init__(
        self,
        setting: Setting,
        context: WorkflowContext,
        made: MadeSteps,
        observers: Sequence[Observer],
    ) -> None:
        self.setting = setting
        self.workflow = setting.workflow
        self.context = context
        analysis = self.workflow.analysis
        self.plan = analysis.plan
        earlier = context.results.keys() | context.errors.keys()
        self.scope = Scope(
            setting,
            self.plan,
            context,
            made,
            observers,
            has_earlier=not earlier.isdisjoint(analysis.places.number),
        )

    async def run(self) -> WorkflowResult:
        """Run it, and return its result when nothing of it runs any more."""
        name = self.workflow.name
        # Counted with the members of groups and branches, as everywhere.
        count = len(self.workflow.analysis.places.number)
        logger.debug("workflow %r starts: %d steps", name, count)
        result = await self.scope.run_graph(
            name,
            "workflow",
            Graph(self.plan.steps, self.plan.dependencies),
            "the run",
            Cause(Why.STOPPED, text="the run"),
            log=None,
            plain=self.plan.is_plain and self.workflow.fail_fast,
            share=self.setting.share,
            timeout=self.workflow.max_duration,
        )
        ended = self._result(result)
        log_end(logger, "workflow", name, ended)
        return ended

    def _result(self, result: ParallelExecutionResult[Any]) -> WorkflowResult:
        scope = self.scope
        return WorkflowResult(
            name=self.workflow.name,
            success=result.success,
            completed_steps=scope.completed,
            failed_steps=scope.failed,
            skipped_steps=scope.endings.skipped,
            cancelled_steps=scope.endings.cancelled,
            results=self.context.results,
            errors=self.context.errors,
            output=self._output() if result.success else None,
            duration=result.duration,
            timed_out=result.timed_out,
            stats=None if self.setting.is_shared else self.setting.pool.get_stats(),
            context=self.context,
        )

    def _output(self) -> Any:
        if self.workflow.output is not None:
            return self.workflow.output_template.resolve(self.context)
        return self.context.results.get(self.plan.steps[-1].id)

"""One run of a workflow: its steps, its handlers, and what it says when it has ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import trio

from .._base.errors import UnresolvedReference
from .._base.exceptions import is_a, leaves
from .._engine.run import log_end
from .._model.event import Observer
from .._model.result import ParallelExecutionResult
from .._workflow.analysis import Analysis
from .._workflow.context import WorkflowContext
from .._workflow.handlers import HANDLERS, which_runs
from .._workflow.ledger import Cause, Why
from .._workflow.plan import Graph
from .made_steps import MadeSteps
from .result import WorkflowResult
from .scope import Scope
from .setting import Setting

__all__ = ["WorkflowRun"]

logger = logging.getLogger("hocket.workflow")

_LIMIT_OF_HANDLERS = 30.0


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
        self.made = made
        self.observers = observers
        self.plan = self.workflow.analysis.plan
        self._earlier = context.results.keys() | context.errors.keys()
        self.scopes = [self._scope(self.workflow.analysis)]
        """That of the steps, and then those of the handlers."""

    def _scope(self, analysis: Analysis, **settings: Any) -> Scope:
        return Scope(
            self.setting,
            analysis.plan,
            self.context,
            self.made,
            self.observers,
            has_earlier=not self._earlier.isdisjoint(analysis.places.number),
            **settings,
        )

    async def run(self) -> WorkflowResult:
        """Run it, and return its result when nothing of it runs any more."""
        name = self.workflow.name
        # Counted with what steps hold, as everywhere.
        count = sum(analysis.places.size for analysis in self.workflow.analyses)
        logger.debug("workflow %r starts: %d steps", name, count)
        began = trio.current_time()
        try:
            result = await self._graph(
                self.scopes[0],
                self.plan.steps,
                plain=self.plan.is_plain and self.workflow.fail_fast,
                timeout=self.workflow.max_duration,
            )
        except BaseException as error:
            await self._handle("cancelled" if _is_stop(error) else "failed")
            raise
        output, no_output = self._output() if result.success else (None, None)
        status = "failed" if no_output is not None else _status(result)
        success = await self._handle(status) and result.success
        if no_output is not None:
            raise no_output
        took = trio.current_time() - began if self.workflow.handlers else result.duration
        ended = self._result(result, success, output if success else None, took)
        log_end(logger, "workflow", name, ended)
        return ended

    async def _graph(
        self, scope: Scope, steps: list[Any], **settings: Any
    ) -> ParallelExecutionResult[Any]:
        return await scope.run_graph(
            self.workflow.name,
            "workflow",
            Graph(steps, scope.plan.dependencies),
            "the run",
            Cause(Why.STOPPED, text="the run"),
            log=None,
            share=self.setting.share,
            **settings,
        )

    async def _handle(self, status: str) -> bool:
        """Run the handlers for a run that has ended so; return whether they succeeded."""
        handlers, success = self.workflow.handlers, True
        if not handlers:
            return True
        self.context._status = status
        with trio.CancelScope(shield=True):  # whatever stops the run, and the caller's time limits
            for name in (name for name in HANDLERS if name in handlers):
                # One that fails keeps no other from cleaning up.
                scope = self._scope(handlers[name], fail_fast=False)
                for earlier in self.scopes:  # its steps may depend on any that has ended
                    scope.judge.tolerated |= earlier.plan.tolerated
                self.scopes.append(scope)
                if name not in (which_runs(status), "finally_"):
                    cause = Cause(Why.STATUS, text=f"the run {_SAID[status]}")
                    scope.leave_out(self.workflow.name, cause)
                    continue
                result = await self._graph(scope, scope.plan.steps, limit=_LIMIT_OF_HANDLERS)
                success &= result.success
                if not success and status == "succeeded":
                    self.context._status = "failed"
        if not success and status == "cancelled":
            logger.error("handlers of workflow %r have failed", self.workflow.name)
        return success

    def _result(
        self, result: ParallelExecutionResult[Any], success: bool, output: Any, duration: float
    ) -> WorkflowResult:
        scopes = self.scopes
        return WorkflowResult(
            name=self.workflow.name,
            success=success,
            completed_steps=[step for scope in scopes for step in scope.completed],
            failed_steps=[step for scope in scopes for step in scope.failed],
            skipped_steps=[step for scope in scopes for step in scope.endings.skipped],
            cancelled_steps=[step for scope in scopes for step in scope.endings.cancelled],
            results=self.context.results,
            errors=self.context.errors,
            output=output,
            duration=duration,
            timed_out=result.timed_out,
            stats=None if self.setting.is_shared else self.setting.pool.get_stats(),
            context=self.context,
        )

    def _output(self) -> tuple[Any, UnresolvedReference | None]:
        """What the run gives, or why it gives nothing."""
        if self.workflow.output is None:
            return self.context.results.get(self.plan.steps[-1].id), None
        try:
            return self.workflow.output_template.resolve(self.context), None
        except UnresolvedReference as error:
            return None, error


_SAID = {
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "ran out of time",
    "cancelled": "was cancelled",
}


def _status(result: ParallelExecutionResult[Any]) -> str:
    """How the steps have ended, in the words of their states."""
    if result.success:
        return "succeeded"
    return "timed_out" if result.timed_out else "failed"


def _is_stop(error: BaseException) -> bool:
    """Whether the run was stopped from outside, by a cancellation or by Ctrl-C."""
    return any(is_a(leaf, trio.Cancelled, KeyboardInterrupt) for leaf in leaves(error))

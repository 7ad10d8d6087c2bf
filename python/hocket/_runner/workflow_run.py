"""One run of a workflow: which steps are ready, and what each of them does."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from .. import _core
from .._base.checks import check_count
from .._base.durations import limit_to_ns
from .._engine.group_steps import steps_of
from .._engine.observers import guarded
from .._engine.pool import WorkerPool
from .._engine.run import RunSpec, log_end, run_steps
from .._model.event import Observer, StepEvent
from .._model.group import ParallelGroup
from .._model.result import ParallelExecutionResult
from .._model.states import StepState
from .._model.strategy import WaitStrategy
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.step import WorkflowStep
from ..tools._step_context import StepContext
from ..tools._tool import OpenTool
from .made_steps import MadeSteps
from .result import WorkflowResult

__all__ = ["WorkflowRun"]

logger = logging.getLogger("hocket.workflow")


class WorkflowRun:
    """One run of one workflow."""

    def __init__(
        self,
        workflow: WorkflowDefinition,
        context: WorkflowContext,
        tools: Mapping[str, OpenTool],
        made: MadeSteps,
        observers: Sequence[Observer],
        shared_pool: WorkerPool | None,
    ) -> None:
        self.workflow = workflow
        self.context = context
        self.tools = tools
        self.made = made
        self.plan = workflow.analysis.plan
        self.observers = observers
        config = workflow.parallel_config
        self.is_shared = shared_pool is not None
        limit = check_count("max_concurrent", config.max_concurrent)
        self.share = limit if self.is_shared else None
        self.pool = WorkerPool.from_config(config) if shared_pool is None else shared_pool
        self.step_timeout = self.pool.timeout if config.timeout is None else config.timeout
        self.completed: list[str] = []
        self.failed: list[str] = []
        self.settled: set[str] = set()
        """The steps that are in one of the two lists as they ended."""
        self.skipped: list[str] = []
        self.cancelled: list[str] = []
        self.opened_groups: set[str] = set()
        """The ids of the steps whose groups have got as far as to have a run of their own."""
        self._has_groups = any(step.group is not None for step in self.plan.steps)

    async def run(self) -> WorkflowResult:
        """Run it, and return its result when nothing of it runs any more."""
        steps = self.plan.steps
        spec = self._spec(
            self.workflow.name,
            "workflow",
            steps,
            strategy=WaitStrategy.ALL,
            share=self.share,
            timeout=self.workflow.max_duration,
            dependencies=self.plan.dependencies,
            results=self.context.results,
            errors=self.context.errors,
        )
        # Counted with the members of groups, as everywhere.
        count = len(self.workflow.analysis.places.number)
        logger.debug("workflow %r starts: %d steps", self.workflow.name, count)
        result = await run_steps(self.pool._core, spec, None)
        self._note(steps, result)
        ended = self._result(result)
        log_end(logger, "workflow", self.workflow.name, ended)
        return ended

    def _result(self, result: ParallelExecutionResult[Any]) -> WorkflowResult:
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
            stats=None if self.is_shared else self.pool.get_stats(),
        )

    def _spec(self, id: str, kind: str, steps: list[WorkflowStep[Any]], **settings: Any) -> RunSpec:
        of_group = settings.pop("step_timeout", None)
        default = self.step_timeout if of_group is None else of_group
        where = f"{kind} {id!r}"
        return RunSpec(
            id=id,
            kind=kind,
            ids=_core.step_ids(steps, None, f"{where}: steps"),
            steps=steps,
            executor=partial(self._start, default),
            step_timeout_ns=limit_to_ns(default),
            step_timeouts_ns=_step_timeouts_ns(steps, default),
            # A step that only waits for its group's steps takes no slot, nor the pool's time limit.
            slotless=_flags(step.group is not None for step in steps),
            # A failure that does no harm still wins no race.
            tolerated=_flags(step.continue_on_error for step in steps)
            if settings["strategy"] is WaitStrategy.ALL
            else None,
            observer=guarded(
                (self._settled, *self.observers) if self._has_groups else self.observers,
                logger,
                where,
            ),
            **settings,
        )

    def _start(self, default_timeout: float | None, step: WorkflowStep[Any]) -> Awaitable[Any]:
        # Not async itself: the core drives the step's own coroutine, without one of ours around.
        context = self.context
        if step.execute is not None:
            return step.execute(context)
        if step.group is not None:
            return self._run_group(step, step.group)
        assert step.tool is not None
        tool = self.tools[step.tool]
        own = self._step_context(step, default_timeout) if tool.takes_step else None
        return tool(step.resolve_input(context), context, own)

    def _step_context(self, step: WorkflowStep[Any], default_timeout: float | None) -> StepContext:
        limit = default_timeout if step.timeout is None else step.timeout
        end = math.inf if limit is None else trio.current_time() + limit
        return StepContext(
            id=step.id,
            workflow=self.workflow.name,
            context=self.context,
            pool=self.pool,
            deadline=min(end, trio.current_effective_deadline()),
            step_timeout=self.step_timeout,
            observers=self.observers,
        )

    async def _run_group(
        self, step: WorkflowStep[Any], group: ParallelGroup[Any]
    ) -> ParallelExecutionResult[Any]:
        members = await self._members(step, group)
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
            stagger=group.stagger,
        )
        # Noted also when the workflow is being cancelled: partial results are always kept.
        on_end = partial(self._note_group, step.id, members)
        result = await run_steps(self.pool._core, spec, logger, on_end=on_end)
        try:
            result.raise_for_failure()
        finally:
            # The error goes into the context: this frame must not lead from the one to the other.
            del self, spec, on_end
        return result

    async def _members(
        self, step: WorkflowStep[Any], group: ParallelGroup[Any]
    ) -> list[WorkflowStep[Any]]:
        listed = await steps_of(group, self.context)
        if callable(group.steps):
            return self.made.check(step, group, listed)
        # Checked before the run.
        return [member for one in listed if (member := self._member(one)) is not None]

    def _member(self, step: Any) -> WorkflowStep[Any] | None:
        member = self.plan.members.get(step) if isinstance(step, str) else step
        return member if isinstance(member, WorkflowStep) else None

    @enable_ki_protection
    def _settled(self, event: StepEvent) -> None:
        """Keep the lists in the order of settling, across groups.

        Ours, and no caller's observer: Ctrl-C waits for the next step.
        """
        state = event.kind.state
        if state is StepState.SUCCEEDED:
            mine = self.completed
        elif state in (StepState.FAILED, StepState.TIMED_OUT):
            mine = self.failed
        else:
            return
        mine.append(event.step)
        self.settled.add(event.step)

    def _note_group(
        self, owner: str, members: list[WorkflowStep[Any]], result: ParallelExecutionResult[Any]
    ) -> None:
        self.opened_groups.add(owner)
        self._note(members, result)

    def _note(self, steps: list[WorkflowStep[Any]], result: ParallelExecutionResult[Any]) -> None:
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
            mine += [step for step in others if step not in self.settled]
        groups = [step for step in steps if step.group is not None]
        self._skip_members([step for step in groups if step.id not in self.opened_groups])

    def _skip_members(self, steps: list[WorkflowStep[Any]]) -> None:
        """Note the members of groups that have never opened, those inside each other included."""
        while steps:
            groups = [step.group for step in steps if step.group is not None]
            listed = [one for group in groups if not callable(group.steps) for one in group.steps]
            steps = [member for one in listed if (member := self._member(one)) is not None]
            self.skipped += [member.id for member in steps]

    def _output(self) -> Any:
        if self.workflow.output is not None:
            return self.workflow.output_template.resolve(self.context)
        return self.context.results.get(self.plan.steps[-1].id)


def _flags(values: Any) -> list[bool] | None:
    flags = list(values)
    return flags if any(flags) else None


def _step_timeouts_ns(
    steps: list[WorkflowStep[Any]], default: float | None
) -> list[int | None] | None:
    """Return each step's own time limit where not all have the default one."""
    if all(step.timeout is None and step.group is None for step in steps):
        return None
    return [
        limit_to_ns(step.timeout if step.timeout is not None or step.group is not None else default)
        for step in steps
    ]

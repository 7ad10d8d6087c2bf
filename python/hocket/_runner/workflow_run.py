"""One run of a workflow: which steps are ready, and what each of them does."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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
from .._engine.threads import call_in_thread
from .._model.event import Observer, StepEvent
from .._model.group import ParallelGroup
from .._model.result import ParallelExecutionResult, group_failed
from .._model.states import StepState
from .._model.strategy import WaitStrategy
from .._workflow.branch import Branch, BranchResult, Side
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.ledger import Cause, Why
from .._workflow.plan import Graph
from .._workflow.step import WorkflowStep
from ..tools._step_context import StepContext
from ..tools._tool import OpenTool
from .endings import Endings, why_decided
from .gatekeeper import NOT_RUN, Gatekeeper
from .judge import Judge
from .left_members import check_strategy, with_skipped
from .made_steps import MadeSteps
from .result import WorkflowResult
from .step_settings import flags, timeouts_ns_of

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
        self.sides = self.plan.sides
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
        self.judge = Judge(self.plan, context)
        self.endings = Endings(context._ledger, self.judge, self.plan.member)
        earlier = context.results.keys() | context.errors.keys()
        self._has_earlier = not earlier.isdisjoint(workflow.analysis.places.number)
        self._keeps_lists = self._has_earlier or any(step.runs_others for step in self.plan.steps)

    async def run(self) -> WorkflowResult:
        """Run it, and return its result when nothing of it runs any more."""
        name = self.workflow.name
        # Counted with the members of groups and branches, as everywhere.
        count = len(self.workflow.analysis.places.number)
        logger.debug("workflow %r starts: %d steps", name, count)
        graph = Graph(self.plan.steps, self.plan.dependencies)
        spec = self._graph_spec(
            name,
            "workflow",
            graph,
            plain=self.plan.is_plain and self.workflow.fail_fast,
            share=self.share,
            timeout=self.workflow.max_duration,
        )
        on_end = partial(self._note_graph, graph, "the run", Cause(Why.STOPPED, text="the run"))
        result = await run_steps(self.pool._core, spec, None, on_end=on_end)
        ended = self._result(result)
        log_end(logger, "workflow", name, ended)
        return ended

    def _result(self, result: ParallelExecutionResult[Any]) -> WorkflowResult:
        return WorkflowResult(
            name=self.workflow.name,
            success=result.success,
            completed_steps=self.completed,
            failed_steps=self.failed,
            skipped_steps=self.endings.skipped,
            cancelled_steps=self.endings.cancelled,
            results=self.context.results,
            errors=self.context.errors,
            output=self._output() if result.success else None,
            duration=result.duration,
            timed_out=result.timed_out,
            stats=None if self.is_shared else self.pool.get_stats(),
            context=self.context,
        )

    def _graph_spec(
        self, id: str, kind: str, graph: Graph, *, plain: bool = False, **settings: Any
    ) -> RunSpec:
        """Ask for a graph, whose steps are judged one by one, unless there is nothing to judge."""
        observer = self._observer(f"{kind} {id!r}")
        start: Callable[[WorkflowStep[Any]], Awaitable[Any]] = partial(
            self._start, self.step_timeout
        )
        if not plain:
            keeper = Gatekeeper(id, graph.steps, self.judge, self.endings, start, observer)
            start, observer = keeper.start, keeper.observer
        return self._spec(
            id,
            kind,
            graph.steps,
            executor=start,
            observer=observer,
            strategy=WaitStrategy.ALL,
            fail_fast=self.workflow.fail_fast,
            dependencies=graph.dependencies,
            results=self.context.results,
            errors=self.context.errors,
            not_run=None if plain else NOT_RUN,
            **settings,
        )

    def _spec(
        self,
        id: str,
        kind: str,
        steps: list[WorkflowStep[Any]],
        *,
        step_timeout: float | None = None,
        **settings: Any,
    ) -> RunSpec:
        default = self.step_timeout if step_timeout is None else step_timeout
        return RunSpec(
            id=id,
            kind=kind,
            ids=_core.step_ids(steps, None, f"{kind} {id!r}: steps"),
            steps=steps,
            step_timeout_ns=limit_to_ns(default),
            step_timeouts_ns=timeouts_ns_of(steps, default),
            # A step that only waits for other steps takes no slot, nor the pool's time limit.
            slotless=flags(step.runs_others for step in steps),
            # A failure that does no harm still wins no race.
            tolerated=flags(step.on_error != "fail" for step in steps)
            if settings["strategy"] is WaitStrategy.ALL
            else None,
            **settings,
        )

    def _observer(self, where: str) -> Observer | None:
        observers = (self._settled, *self.observers) if self._keeps_lists else self.observers
        return guarded(observers, logger, where)

    def _start(self, default_timeout: float | None, step: WorkflowStep[Any]) -> Awaitable[Any]:
        # Not async itself: the core drives the step's own coroutine, without one of ours around.
        context = self.context
        if step.execute is not None and step.run_in == "trio":
            return step.execute(context)  # type: ignore[no-any-return]  # it gives an awaitable
        if step.group is not None:
            return self._run_group(step, step.group)
        if step.branch is not None:
            return self._run_branch(step, step.branch)
        limit = default_timeout if step.timeout is None else step.timeout
        if step.execute is not None:
            return call_in_thread(partial(step.execute, context), limit)
        assert step.tool is not None
        tool = self.tools[step.tool]
        own = self._step_context(step, limit) if tool.takes_step else None
        call = partial(tool, step.resolve_input(context), context, own)
        return call_in_thread(call, limit) if step.run_in == "thread" else call()

    def _step_context(self, step: WorkflowStep[Any], limit: float | None) -> StepContext:
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
        listed = await self._members(step, group)
        observer = self._observer(f"group {group.id!r}")
        self.endings.opened.add(step.id)
        members, broken = self._judged(group, listed, observer)
        default = self.step_timeout if group.step_timeout is None else group.step_timeout
        spec = self._spec(
            group.id,
            "group",
            members,
            executor=partial(self._start_member, broken, default),
            observer=observer,
            strategy=group.wait_strategy,
            max_concurrent=group.max_concurrent,
            continue_on_error=group.continue_on_error,
            fail_fast=group.fail_fast,
            timeout=group.timeout,
            step_timeout=group.step_timeout,
            isolation=group.isolation,
            stagger=group.stagger,
        )
        # Noted also when the workflow is being cancelled: partial results are always kept.
        on_end = partial(self._note_group, step, group, members)
        result = await run_steps(self.pool._core, spec, logger, on_end=on_end)
        if len(members) < len(listed):
            result = with_skipped(result, listed)
        try:
            check_strategy(group, members, listed, result)
            result.raise_for_failure()
        finally:
            # The error goes into the context: this frame must not lead from the one to the other.
            del self, spec, on_end, observer
        return result

    def _judged(
        self,
        group: ParallelGroup[Any],
        members: list[WorkflowStep[Any]],
        observer: Observer | None,
    ) -> tuple[list[WorkflowStep[Any]], dict[str, Exception]]:
        """The members that do not leave the group before it starts, and what keeps some from running.

        That is what their conditions have raised: these members fail as they start.
        """
        broken: dict[str, Exception] = {}
        if all(map(self.judge.is_sure, members)):
            return members, broken
        keeper = Gatekeeper(group.id, members, self.judge, self.endings, None, observer)
        left: list[WorkflowStep[Any]] = []
        for member in members:
            try:
                if keeper.lets_in(member):
                    left.append(member)
            except Exception as error:  # noqa: BLE001 - raised as the member starts
                broken[member.id] = error
                left.append(member)
        return left, broken

    def _start_member(
        self,
        broken: dict[str, Exception],
        default_timeout: float | None,
        step: WorkflowStep[Any],
    ) -> Awaitable[Any]:
        if step.id in broken:
            raise broken.pop(step.id)
        return self._start(default_timeout, step)

    async def _run_branch(self, step: WorkflowStep[Any], branch: Branch) -> BranchResult:
        taken = branch.take(self.context)
        sides, side = self.sides[step.id], None if taken is None else branch.sides[taken]
        graph = Graph([], []) if taken is None else sides[taken]
        self.endings.opened.add(step.id)
        self._omit(step, sides, graph, side)
        if side is None or not graph.steps:
            return BranchResult(None, {})
        spec = self._graph_spec(step.id, "branch", graph)
        on_end = partial(self._note_graph, graph, f"branch {step.id!r}", Cause(Why.OWNER, step.id))
        result = await run_steps(self.pool._core, spec, logger, on_end=on_end)
        try:
            if not result.success:
                errors = {id_: self.context.errors[id_] for id_ in result.failed_steps}
                why = f"{len(errors)} of {len(graph.steps)} steps"
                raise group_failed("branch", step.id, errors, why)
            results = self.context.results
            return BranchResult(side.name, {id_: results[id_] for id_ in result.completed_steps})
        finally:
            del self, spec, on_end, result

    def _omit(
        self,
        step: WorkflowStep[Any],
        sides: Iterable[Graph],
        taken: Graph,
        side: Side | None,
    ) -> None:
        """Note the steps that are on other sides than the one that is taken."""
        name = side.name if side is not None and side.steps else "no side"
        cause = Cause(Why.OTHER_SIDE, step.id, name)
        known = {one.id for one in taken.steps}
        observer = self._observer(f"branch {step.id!r}")
        keeper = Gatekeeper(step.id, [], self.judge, self.endings, None, observer)
        for one in (one for graph in sides for one in graph.steps):
            if one.id not in known:
                known.add(one.id)
                keeper.tell(one, StepState.OMITTED, cause)

    async def _members(
        self, step: WorkflowStep[Any], group: ParallelGroup[Any]
    ) -> list[WorkflowStep[Any]]:
        listed = await steps_of(group, self.context)
        if callable(group.steps):
            members, plan = self.made.check(step, group, listed)
            self.judge.learn(plan)
            self.sides = self.sides | plan.sides
            return members
        # Checked before the run.
        return [member for one in listed if (member := self.plan.member(one)) is not None]

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
        if self._has_earlier:  # what an earlier run gave says nothing of how it ends in this one
            self.context._ledger.states[event.step] = state

    def _note_graph(
        self,
        graph: Graph,
        what: str,
        outside: Cause,
        result: ParallelExecutionResult[Any],
    ) -> None:
        """Take over what the workflow, or a side of a branch, has come to."""
        self._note_lists(graph.steps, result)
        cause = why_decided(result, what, self._harmless(graph.steps), outside)
        self.endings.of_graph(graph.steps, graph.dependencies, result, cause)

    def _harmless(self, steps: Iterable[WorkflowStep[Any]]) -> Callable[[str], bool]:
        if not self.workflow.fail_fast:
            return lambda _: True
        return {step.id for step in steps if step.on_error != "fail"}.__contains__

    def _note_group(
        self,
        owner: WorkflowStep[Any],
        group: ParallelGroup[Any],
        members: list[WorkflowStep[Any]],
        result: ParallelExecutionResult[Any],
    ) -> None:
        """Take over what a group has come to."""
        self.context.results.update(result.results)
        self.context.errors.update(result.errors)
        self._note_lists(members, result)
        goes_on = group.continue_on_error or not group.fail_fast
        is_all = group.wait_strategy is WaitStrategy.ALL
        harmless = {step.id for step in members if goes_on or (is_all and step.on_error != "fail")}
        outside = Cause(Why.OWNER, owner.id)
        cause = why_decided(result, f"group {group.id!r}", harmless.__contains__, outside)
        self.endings.of_group(members, result, cause)

    def _note_lists(
        self, steps: list[WorkflowStep[Any]], result: ParallelExecutionResult[Any]
    ) -> None:
        # Without groups nobody kept the lists; and steps that the time limit of their group has
        # stopped are known to have failed only now.
        for mine, others in (
            (self.completed, result.completed_steps),
            (self.failed, result.failed_steps),
        ):
            mine += [step for step in others if step not in self.settled]
        if self._keeps_lists:
            ended = {*result.completed_steps, *result.failed_steps}
            for step in steps:
                if step.runs_others and step.id in ended:
                    self.endings.unopened(step, StepState.FAILED)

    def _output(self) -> Any:
        if self.workflow.output is not None:
            return self.workflow.output_template.resolve(self.context)
        return self.context.results.get(self.plan.steps[-1].id)

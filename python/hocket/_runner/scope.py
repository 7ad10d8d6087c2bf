"""Steps that see each other's results, and what each of them does: those of a run, or of a loop's pass.

Whatever holds steps (the workflow itself, a group, the side of a branch, a block) runs through here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from trio.lowlevel import enable_ki_protection

from .. import _core
from .._base.durations import limit_to_ns
from .._engine.group_steps import steps_of
from .._engine.observers import guarded
from .._engine.run import RunSpec, run_steps
from .._model.event import Observer, StepEvent
from .._model.group import ParallelGroup
from .._model.rate import core_rate
from .._model.result import ParallelExecutionResult, group_failed
from .._model.retry import Retry
from .._model.states import StepState
from .._model.strategy import WaitStrategy
from .._workflow.branch import Branch, BranchResult
from .._workflow.computed import group_in_run
from .._workflow.context import WorkflowContext
from .._workflow.ledger import Cause, Why
from .._workflow.loop import Loop
from .._workflow.plan import Graph, WorkflowPlan
from .._workflow.sides import Side
from .._workflow.step import WorkflowStep
from .endings import Endings, why_decided
from .gatekeeper import NOT_RUN, Gatekeeper
from .inside import inside, name_in_pass
from .judge import Judge
from .left_members import check_strategy, with_skipped
from .loops import run_loop
from .made_steps import MadeSteps
from .one_step import start_one
from .passes import Pass
from .setting import Setting
from .step_limits import StepLimits
from .step_settings import flags, retries_of, timeouts_ns_of, tolerated

__all__ = ["Scope"]

logger = logging.getLogger("hocket.workflow")


class Scope:
    """Steps that see each other's results, and run."""

    def __init__(
        self,
        setting: Setting,
        plan: WorkflowPlan,
        context: WorkflowContext,
        made: MadeSteps,
        observers: Sequence[Observer],
        *,
        has_earlier: bool = False,
        fail_fast: bool | None = None,
    ) -> None:
        self.setting = setting
        self.fail_fast = setting.workflow.fail_fast if fail_fast is None else fail_fast
        self.plan = plan
        self.context = context
        self.made = made
        self.observers = observers
        self.sides = plan.sides
        self.completed: list[str] = []
        self.failed: list[str] = []
        self.settled: set[str] = set()
        """The steps that are in one of the two lists as they ended."""
        self.judge = Judge(plan, context)
        self.endings = Endings(context._ledger, self.judge, plan.member)
        self._has_earlier = has_earlier
        self._keeps_lists = (
            has_earlier
            or bool(setting.workflow.handlers)
            or any(step.runs_others or step.retry is not None for step in plan.steps)
        )

    async def run_graph(
        self,
        id: str,
        kind: str,
        graph: Graph,
        what: str,
        outside: Cause,
        *,
        log: logging.Logger | None = logger,
        **settings: Any,
    ) -> ParallelExecutionResult[Any]:
        """Run a graph, and take note of what it has come to, also when it is cancelled.

        ``what`` is what explanations call it, and ``outside`` the cause for the steps that it did not
        stop itself; ``settings`` are what else to ask of the core.
        """
        spec = self._graph_spec(id, kind, graph, **settings)
        on_end = partial(self._note_graph, graph, what, outside)
        try:
            return await run_steps(self.setting.pool._core, spec, log, on_end=on_end)
        finally:
            del self, spec, on_end

    def leave_out(self, group: str, cause: Cause) -> None:
        """Note, and tell, that none of the steps ever starts."""
        observer = self._observer(f"workflow {group!r}")
        keeper = Gatekeeper(group, [], self.judge, self.endings, None, observer)
        for step in self.plan.steps:
            keeper.tell(step, StepState.OMITTED, cause)

    def _graph_spec(
        self, id: str, kind: str, graph: Graph, *, plain: bool = False, **settings: Any
    ) -> RunSpec:
        """Ask for a graph, whose steps are judged one by one unless it is plain."""
        observer = self._observer(f"{kind} {id!r}")
        default = self.setting.step_timeout
        limits = StepLimits(graph.steps, default, self.context, self._start)
        start = limits.start
        if not plain:
            keeper = Gatekeeper(id, graph.steps, self.judge, self.endings, start, observer)
            start, observer = keeper.start, keeper.observer
        spec = self._spec(
            id,
            kind,
            graph.steps,
            default,
            executor=start,
            observer=observer,
            strategy=WaitStrategy.ALL,
            fail_fast=self.fail_fast,
            dependencies=graph.dependencies,
            results=self.context.results,
            errors=self.context.errors,
            not_run=None if plain else NOT_RUN,
            **settings,
        )
        limits.belong_to(spec)
        return spec

    def _spec(
        self,
        id: str,
        kind: str,
        steps: list[WorkflowStep[Any]],
        default: float | None,
        *,
        retry: Retry | None = None,
        limit: float | None = None,
        **settings: Any,
    ) -> RunSpec:
        return RunSpec(
            id=id,
            kind=kind,
            ids=_core.step_ids(steps, None, f"{kind} {id!r}: steps"),
            steps=steps,
            step_timeout_ns=limit_to_ns(default),
            step_timeouts_ns=timeouts_ns_of(steps, default, limit),
            retry=retries_of(steps, retry),
            # A step that only waits for other steps takes no slot, nor the pool's time limit.
            slotless=flags(step.runs_others for step in steps),
            tolerated=tolerated(steps, settings["strategy"]),
            **settings,
        )

    def _observer(self, where: str) -> Observer | None:
        observers = (self._settled, *self.observers) if self._keeps_lists else self.observers
        return guarded(observers, logger, where)

    def _start(self, default_timeout: float | None, step: WorkflowStep[Any]) -> Awaitable[Any]:
        # Not async itself: the core drives the step's own coroutine, without one of ours around.
        if not step.runs_others:
            return start_one(
                self.setting, step, self.context, self.observers, default_timeout, step.id
            )
        if step.group is not None:
            return self._run_group(step, step.group)
        if step.branch is not None:
            return self._run_branch(step, step.branch)
        if step.block is not None:
            return self._run_held(step, "block", self.sides[step.id][0])
        if step.loop is not None:
            return run_loop(self, step, step.loop)
        if step.workflow is not None:
            return self.setting.run_workflow(self, step)
        raise AssertionError("every kind of step is above")

    def start_pass(
        self, step: WorkflowStep[Any], loop: Loop, one: Pass, limit: float | None
    ) -> Awaitable[Any]:
        """Start what a loop does, for one pass: its one step, or its block."""
        name, single = f"{step.id}[{one.key}]", loop.block.single
        if single is not None and not single.runs_others:
            context, told = one.context, self.observers
            return start_one(self.setting, single, context, told, limit, name, one.attempt)
        inner = self._inside(step, one.context, name)
        if single is not None:
            return inner._start(limit, single)
        return inner._run_held(step, "pass", self.sides[step.id][0], name)

    def _inside(self, loop: WorkflowStep[Any], context: WorkflowContext, name: str) -> Scope:
        """The scope of one pass, whose steps only it sees."""
        single = None if loop.loop is None else loop.loop.block.single
        nameless = None if single is None else single.id
        told = inside(self.observers, loop.id, partial(name_in_pass, nameless, name))
        made, fast = self.made.inside(context), self.fail_fast
        inner = Scope(self.setting, self.plan, context, made, told, fail_fast=fast)
        inner.sides = self.sides
        return inner

    async def _run_group(
        self, step: WorkflowStep[Any], group: ParallelGroup[Any]
    ) -> ParallelExecutionResult[Any]:
        listed = await self._members(step, group)
        group = group_in_run(step, self.context)
        observer = self._observer(f"group {group.id!r}")
        self.endings.opened.add(step.id)
        members, broken = listed, dict[str, Exception]()
        if not all(map(self.judge.is_sure, listed)):
            keeper = Gatekeeper(group.id, listed, self.judge, self.endings, None, observer)
            members, broken = keeper.sift(listed)
        default = self.setting.step_timeout if group.step_timeout is None else group.step_timeout
        limits = StepLimits(members, default, self.context, self._start)
        spec = self._spec(
            group.id,
            "group",
            members,
            default,
            executor=partial(self._start_member, broken, limits.start),
            observer=observer,
            strategy=group.wait_strategy,
            max_concurrent=group.max_concurrent,
            continue_on_error=group.continue_on_error,
            fail_fast=group.fail_fast,
            timeout=group.timeout,
            isolation=group.isolation,
            stagger=group.stagger,
            rate=core_rate(group.rate),
            retry=group.retry,
        )
        limits.belong_to(spec)
        # Noted also when the workflow is being cancelled: partial results are always kept.
        on_end = partial(self._note_group, step, group, members)
        result = await run_steps(self.setting.pool._core, spec, logger, on_end=on_end)
        if len(members) < len(listed):
            result = with_skipped(result, listed)
        try:
            check_strategy(group, members, listed, result)
            result.raise_for_failure()
        finally:
            # The error goes into the context: this frame must not lead from the one to the other.
            del self, spec, limits, on_end, observer
        return result

    def _start_member(
        self,
        broken: dict[str, Exception],
        start: Callable[[WorkflowStep[Any]], Awaitable[Any]],
        step: WorkflowStep[Any],
    ) -> Awaitable[Any]:
        if step.id in broken:
            raise broken[step.id]
        return start(step)

    async def _run_branch(self, step: WorkflowStep[Any], branch: Branch) -> BranchResult:
        taken = branch.take(self.context)
        sides, side = self.sides[step.id], None if taken is None else branch.sides[taken]
        graph = Graph([], []) if taken is None else sides[taken]
        self.endings.opened.add(step.id)
        self._omit(step, sides, graph, side)
        if side is None or not graph.steps:
            return BranchResult(None, {})
        try:
            return BranchResult(side.name, await self._run_held(step, "branch", graph))
        finally:
            del self

    async def _run_held(
        self, step: WorkflowStep[Any], kind: str, graph: Graph, name: str | None = None
    ) -> dict[str, Any]:
        """Run a graph that a step holds; return the values of the steps that succeeded, by id."""
        self.endings.opened.add(step.id)
        name, outside = name or step.id, Cause(Why.OWNER, step.id)
        result = await self.run_graph(name, kind, graph, f"{kind} {name!r}", outside)
        try:
            if not result.success:
                errors = {id_: self.context.errors[id_] for id_ in result.failed_steps}
                raise group_failed(kind, name, errors, f"{len(errors)} of {len(graph.steps)} steps")
            results = self.context.results
            return {id_: results[id_] for id_ in result.completed_steps}
        finally:
            del self, result

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
        """Keep the lists in the order of settling, across groups. Ctrl-C waits for the next step."""
        if event.attempt > 1:
            self.context._ledger.attempts[event.step] = event.attempt
        state = event.kind.state
        if state is StepState.SUCCEEDED:
            mine = self.completed
        elif state in (StepState.FAILED, StepState.TIMED_OUT):
            mine = self.failed
        else:
            return
        mine.append(event.step)
        self.settled.add(event.step)
        # What an earlier run gave says nothing of how it ends in this one. And what is fatal is no
        # result, but handlers may ask.
        if self._has_earlier or not isinstance(event.error, Exception | None):
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
        if not self.fail_fast:
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

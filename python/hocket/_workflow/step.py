"""One step of a workflow: a tool, a function or a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Generic, Literal, Unpack, cast, overload

import attrs

from .._base.checks import check_flag, check_id
from .._model.group import Isolation, ParallelGroup, StepsFunction
from .._model.rate import Rate
from .._model.result import ParallelExecutionResult
from .._model.retry import Retry, check_retry
from .._model.run_in import RunIn, check_run_in
from .._model.strategy import StrategyLike, WaitStrategy
from .block import Block
from .branch import Branch, BranchResult
from .common import Before, Common, HasResults, OnError, R_co
from .computed import (
    Computed,
    CountLike,
    LimitLike,
    group_limits,
    seconds_or_computed,
    work_out,
    written,
)
from .conditions import Condition, ConditionLike, make_condition
from .context import WorkflowContext
from .loop import Loop
from .rules import Edge
from .sides import Members, Side
from .step_checks import before_of, block_of, check_step, not_one_kind, on_error_of, sub_workflow_of
from .step_makers import StepMakers
from .sub_workflow import AnyWorkflow, SubWorkflow
from .templates import Template, compile_template

__all__ = ["Before", "OnError", "WorkflowStep"]


@attrs.frozen(init=False, slots=False)
class WorkflowStep(StepMakers, Generic[R_co]):
    """One step of a workflow.

    Exactly one of ``tool``, ``execute``, ``group``, ``branch``, ``steps``, ``sequence`` and ``workflow``
    says what it does, or a loop does, which :meth:`for_each`, :meth:`matrix` and :meth:`repeat` make.

    Args:
        id: its name, unique in the workflow; its value is ``$results.<id>``.
        tool: the name of a tool, looked up when the workflow runs.
        execute: an async function of the :class:`WorkflowContext` that returns the value, or
            whatever gives an awaitable when it is called with one.
        group: a group of steps that run side by side.
        branch: sides, each a graph of steps, of which one is taken; its value is a
            :class:`BranchResult`.
        steps: a block: steps that are one step for everything outside of it, a graph of their own. Its
            value has that of every step in it that succeeded, by its id.
        sequence: the same, with each step after the one before it.
        workflow: another workflow, which runs on the same pool; its output is the value.
        loop: what :meth:`for_each`, :meth:`matrix` and :meth:`repeat` make.
        with_: of a step that runs a workflow: the values that this is given (``$context`` there), or a
            function of the context that returns them.
        input: what the tool gets: a value, whose ``$results...`` references are replaced, or a
            function of the context that returns one. Tools must not change it.
        depends_on: ids of steps (or steps) that must have ended well before this one starts; or an
            :class:`Edge`, which says what else is asked of a step.
        when: an expression, or a function of the context, that says whether it runs at all once its
            dependencies are met. Default: it does.
        timeout: seconds that it may run, from its start; or what works them out as it starts, an
            expression as text or a function of the context. Default: that of the pool.
        on_error: what its failure means. ``"fail"`` (default): the workflow fails. ``"continue"``: it
            counts as a success for those that depend on it. ``"skip_dependents"``: those are skipped,
            and the rest of the workflow goes on.
        continue_on_error: True is ``on_error="continue"``.
        retry: how often it is tried that has a tool or a function and fails, each time with its whole
            ``timeout``: a :class:`Retry`. Default: what its group says, or else once.
        run_in: ``"thread"``: ``execute``, or the tool, is a function that blocks, and is called in a thread.
            It cannot be cancelled: one past its limit has failed, and the workflow still waits until it
            returns. Default: what its group says, or else ``"trio"``.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> WorkflowStep("fetch", tool="http_request", input={"url": "http://localhost"}).id
    'fetch'
    """

    id: str
    tool: str | None
    execute: Callable[[WorkflowContext], Any] | None
    group: ParallelGroup[Any] | None
    branch: Branch | None
    block: Block | None
    """What ``steps`` or ``sequence`` has given."""
    workflow: SubWorkflow | None
    loop: Loop | None
    input: Any
    with_: Any
    depends_on: Sequence[str | Edge]
    when: ConditionLike | None
    timeout: float | None
    on_error: OnError
    continue_on_error: bool
    retry: Retry | None
    run_in: RunIn
    condition: Condition | None = attrs.field(repr=False, eq=False, init=False)
    """What ``when`` says, compiled."""
    limits: Mapping[str, Computed] = attrs.field(
        default=MappingProxyType({}), repr=False, eq=False, init=False
    )
    """Those that are worked out in the run, by where they are written: ``timeout``, ``group.timeout``."""

    @overload
    def __init__(
        self,
        id: str,
        *,
        execute: Callable[[WorkflowContext], Awaitable[R_co]],
        retry: Retry | None = None,
        run_in: Literal["trio"] = "trio",
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self,
        id: str,
        *,
        execute: Callable[[WorkflowContext], R_co],
        run_in: Literal["thread"],
        retry: Retry | None = None,
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[Any],
        id: str,
        *,
        tool: str,
        input: Any = None,
        retry: Retry | None = None,
        run_in: RunIn = "trio",
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[ParallelExecutionResult[Any]],
        id: str,
        *,
        group: ParallelGroup[Any],
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[BranchResult],
        id: str,
        *,
        branch: Branch,
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[dict[str, Any]],
        id: str,
        *,
        steps: Members,
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[dict[str, Any]],
        id: str,
        *,
        sequence: Members,
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[Any],
        id: str,
        *,
        workflow: AnyWorkflow | SubWorkflow,
        with_: Mapping[str, Any] | Callable[[WorkflowContext], Mapping[str, Any]] | None = None,
        **common: Unpack[Common],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[Any],
        id: str,
        *,
        loop: Loop,
        **common: Unpack[Common],
    ) -> None: ...
    def __init__(
        self,
        id: str,
        *,
        tool: str | None = None,
        execute: Callable[[WorkflowContext], Any] | None = None,
        group: ParallelGroup[Any] | None = None,
        branch: Branch | None = None,
        steps: Members | None = None,
        sequence: Members | None = None,
        workflow: AnyWorkflow | SubWorkflow | None = None,
        loop: Loop | None = None,
        input: Any = None,
        with_: Any = None,
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: LimitLike | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
        retry: Retry | None = None,
        run_in: RunIn = "trio",
    ) -> None:
        id = check_id("id", id, blank=False)  # noqa: A001 - the name of the parameter
        before = before_of(id, depends_on, WorkflowStep)
        limit = None if timeout is None else seconds_or_computed(f"step {id!r}: timeout", timeout)
        # Graphs of 100,000 steps say none of these: spared the words for what might be wrong.
        if continue_on_error is not False:
            check_flag(f"step {id!r}: continue_on_error", continue_on_error)
        if type(run_in) is not str or run_in != "trio":
            run_in = check_run_in(f"step {id!r}: run_in", run_in)
        said = cast("OnError", on_error_of(id, on_error, continue_on_error))
        kinds = (tool, execute, group, branch, steps, sequence, workflow, loop)
        if kinds.count(None) != len(kinds) - 1:
            raise not_one_kind(id, kinds)
        again = None if retry is None else check_retry(f"step {id!r}: retry", retry)
        block, runs = block_of(id, steps, sequence), sub_workflow_of(id, workflow)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            id,
            tool,
            execute,
            group,
            branch,
            block,
            runs,
            loop,
            input,
            with_,
            before,
            when,
            written(limit),
            said,
            said == "continue",
            again,
            run_in,
        )
        if isinstance(limit, Computed):
            work_out(self, {"timeout": limit})

    @staticmethod
    def parallel(
        id: str,
        steps: Iterable[str | WorkflowStep[Any]] | StepsFunction[WorkflowStep[Any]],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        *,
        max_concurrent: CountLike | None = None,
        continue_on_error: bool = False,
        timeout: LimitLike | None = None,
        step_timeout: LimitLike | None = None,
        fail_fast: bool = True,
        isolation: Isolation = "shared",
        run_in: RunIn = "trio",
        rate: Rate | None = None,
        retry: Retry | None = None,
        depends_on: Before = (),
        when: ConditionLike | None = None,
    ) -> WorkflowStep[ParallelExecutionResult[Any]]:
        """Make a step that runs a group of the same id.

        Args:
            id: the id of both.
            steps: ids of steps of the workflow, or steps; or a function of the context (async, or
                not) that makes steps as the group starts.
            wait_strategy: when the group is decided. Default ``"all"``.
            max_concurrent: at most so many of its steps at once. This and the two time limits may be
                worked out as the group starts, by an expression as text or a function of the context.
                Default: only the pool's limit.
            continue_on_error: failing steps stop neither the group nor the workflow. Default False.
            timeout: seconds for the whole group. Default: no limit.
            step_timeout: seconds for each step. Default: the pool's ``timeout``.
            fail_fast: False: all of its steps run, and then the group fails if one has failed.
            isolation: as for :class:`ParallelGroup`.
            run_in: ``"thread"``: its functions and tools run in threads. Default: where each says.
            rate: at most so many of its steps start in a time. Default None: no limit.
            retry: how often each of its steps is tried that fails and does not say so itself.
                Default None: once.
            depends_on: as for a step.
            when: as for a step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> WorkflowStep.parallel("mirrors", ["eu", "us"], "any").group.id
        'mirrors'
        """
        limits = group_limits(f"step {id!r}: ", max_concurrent, timeout, step_timeout)
        make: Any = ParallelGroup  # has a signature for each place, and this is either
        group = make(
            id,
            steps,
            wait_strategy,
            written(limits["max_concurrent"]),
            continue_on_error,
            written(limits["timeout"]),
            written(limits["step_timeout"]),
            fail_fast=fail_fast,
            isolation=isolation,
            run_in=run_in,
            rate=rate,
            retry=retry,
        )
        step = WorkflowStep(id, group=group, depends_on=depends_on, when=when)
        work_out(step, {f"group.{name}": limit for name, limit in limits.items()})
        return step

    def value_in(self, run: HasResults) -> R_co:
        """Return this step's value in a run, with its type.

        Args:
            run: the context that a step gets, or the result of the workflow.

        Raises:
            KeyError: the step has no value there: it has not ended, or not well.

        >>> async def fetch(context: WorkflowContext) -> int:
        ...     return 2
        >>> step = WorkflowStep("fetch", execute=fetch)
        >>> step.value_in(WorkflowContext(results={"fetch": 2}))
        2
        """
        try:
            value: R_co = run.results[self.id]
        except KeyError:
            raise KeyError(f"{self._what} has no value: it has not ended, or not well") from None
        return value

    def __attrs_post_init__(self) -> None:
        check_step(self)
        when = self.when
        condition = None if when is None else make_condition(f"{self._what}: when", when)
        object.__setattr__(self, "condition", condition)

    @property
    def _what(self) -> str:
        return f"step {self.id!r}"

    @property
    def runs_others(self) -> bool:
        """Whether it only runs other steps: it takes no slot for itself."""
        return self.tool is None and self.execute is None

    @property
    def kind(self) -> str:
        """What it does: it runs a ``tool``, a ``function``, a ``group``, and so on."""
        if self.block is not None:
            return "block"
        names = ("tool", "group", "branch", "loop", "workflow")
        return next((name for name in names if getattr(self, name) is not None), "function")

    @property
    def sides(self) -> tuple[Side, ...]:
        """The graphs of steps that it holds: the sides of a branch, a block, what a loop does."""
        if self.branch is not None:
            return self.branch.sides
        block = self.block if self.loop is None else self.loop.block
        return () if block is None else (block.side,)

    @cached_property
    def template(self) -> Template:
        """The input with its references found; empty when a function makes the input."""
        return compile_template(None if callable(self.input) else self.input)

    @cached_property
    def given(self) -> Template:
        """What the workflow that it runs is given, with its references found."""
        return compile_template(None if callable(self.with_) else self.with_)

    def resolve_given(self, context: WorkflowContext) -> Any:
        """What the workflow that it runs is given in this run.

        Raises:
            UnresolvedReference: a reference leads to nothing.
        """
        return self.with_(context) if callable(self.with_) else self.given.resolve(context)

    def resolve_input(self, context: WorkflowContext) -> Any:
        """What the tool gets in this run.

        Raises:
            UnresolvedReference: a reference leads to nothing.
        """
        if callable(self.input):
            return self.input(context)
        return self.template.resolve(context)

"""One step of a workflow: a tool, a function or a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, cast, get_args, overload

import attrs

from .._base.callables import (
    check_call,
    is_async_callable,
    never_awaitable,
    not_async,
    plainly_fits,
)
from .._base.checks import check_flag, check_id, is_one_of
from .._base.durations import Seconds, check_seconds
from .._base.iterables import as_tuple
from .._base.shown import shown
from .._model.group import Isolation, ParallelGroup, StepsFunction
from .._model.result import ParallelExecutionResult
from .._model.run_in import RunIn, check_for_thread, check_run_in
from .._model.strategy import StrategyLike, WaitStrategy
from .branch import Branch, BranchResult, IfBranch, SwitchBranch
from .conditions import Condition, ConditionLike, make_condition
from .context import WorkflowContext
from .rules import Edge
from .templates import Template, compile_template

__all__ = ["Before", "OnError", "WorkflowStep"]

R_co = TypeVar("R_co", covariant=True)

OnError: TypeAlias = Literal["fail", "continue", "skip_dependents"]
Before: TypeAlias = "Iterable[str | WorkflowStep[Any] | Edge]"
_ON_ERROR = get_args(OnError)


class _Run(Protocol):
    """What has results by step id: a context, or the result of a workflow."""

    @property
    def results(self) -> Mapping[str, Any]: ...


def _before(step: str, value: Before) -> tuple[str | Edge, ...]:
    # Graphs of 100,000 steps are made of these two: spared the words for what might be wrong.
    if type(value) in (tuple, list):
        items = tuple(value)
    else:
        items = as_tuple(f"step {step!r}: depends_on", "a list of step ids", value)
    for item in items:
        if type(item) is not str:
            break
    else:
        return cast("tuple[str, ...]", items)
    where = f"step {step!r}: an id in depends_on"
    before: list[str | Edge] = []
    for item in items:
        item = item.id if isinstance(item, WorkflowStep) else item
        if not isinstance(item, str | Edge):
            raise TypeError(f"step {step!r}: depends_on must hold step ids; found {shown(item)}")
        before.append(item if isinstance(item, Edge) else check_id(where, item))
    return tuple(before)


def _on_error(step: str, on_error: Any, continue_on_error: bool) -> OnError:
    if on_error is None:
        return "continue" if continue_on_error else "fail"
    if not is_one_of(on_error, _ON_ERROR):
        names = "'fail', 'continue' or 'skip_dependents'"
        raise ValueError(f"step {step!r}: on_error must be {names}; got {shown(on_error)}")
    if continue_on_error and on_error != "continue":
        raise ValueError(
            f"step {step!r}: on_error={on_error!r} and continue_on_error=True contradict each other; "
            f"leave continue_on_error out"
        )
    return cast("OnError", on_error)


_KINDS = ("tool", "execute", "group", "branch")


@attrs.frozen(init=False)
class WorkflowStep(Generic[R_co]):
    """One step of a workflow.

    Exactly one of ``tool``, ``execute``, ``group`` and ``branch`` says what it does.

    Args:
        id: its name, unique in the workflow; its value is ``$results.<id>``.
        tool: the name of a tool, looked up when the workflow runs.
        execute: an async function of the :class:`WorkflowContext` that returns the value, or
            whatever gives an awaitable when it is called with one.
        group: a group of steps that run side by side.
        branch: sides, each a graph of steps, of which one is taken; its value is a
            :class:`BranchResult`.
        input: what the tool gets: a value, whose ``$results...`` references are replaced, or a
            function of the context that returns one. Tools must not change it.
        depends_on: ids of steps (or steps) that must have ended well before this one starts; or an
            :class:`Edge`, which says what else is asked of a step.
        when: an expression, or a function of the context, that says whether it runs at all once its
            dependencies are met. Default: it does.
        timeout: seconds that it may run, from its start. Default: that of the pool.
        on_error: what its failure means. ``"fail"`` (default): the workflow fails. ``"continue"``: it
            counts as a success for those that depend on it. ``"skip_dependents"``: those are skipped,
            and the rest of the workflow goes on.
        continue_on_error: True is ``on_error="continue"``.
        run_in: ``"thread"``: ``execute``, or the tool, is a function that blocks, and is called in a thread.
            It cannot be cancelled: the workflow waits until it returns, and then it has timed out if that
            took longer than its limit. Default ``"trio"``.

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
    input: Any
    depends_on: Sequence[str | Edge]
    when: ConditionLike | None
    timeout: float | None
    on_error: OnError
    continue_on_error: bool
    run_in: RunIn
    _condition: Condition | None = attrs.field(repr=False, eq=False, init=False)

    @overload
    def __init__(
        self,
        id: str,
        *,
        execute: Callable[[WorkflowContext], Awaitable[R_co]],
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
        run_in: Literal["trio"] = "trio",
    ) -> None: ...
    @overload
    def __init__(
        self,
        id: str,
        *,
        execute: Callable[[WorkflowContext], R_co],
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
        run_in: Literal["thread"],
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[Any],
        id: str,
        *,
        tool: str,
        input: Any = None,
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
        run_in: RunIn = "trio",
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[ParallelExecutionResult[Any]],
        id: str,
        *,
        group: ParallelGroup[Any],
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self: WorkflowStep[BranchResult],
        id: str,
        *,
        branch: Branch,
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
    ) -> None: ...
    def __init__(
        self,
        id: str,
        *,
        tool: str | None = None,
        execute: Callable[[WorkflowContext], Any] | None = None,
        group: ParallelGroup[Any] | None = None,
        branch: Branch | None = None,
        input: Any = None,
        depends_on: Before = (),
        when: ConditionLike | None = None,
        timeout: Seconds | None = None,
        on_error: OnError | None = None,
        continue_on_error: bool = False,
        run_in: RunIn = "trio",
    ) -> None:
        id = check_id("id", id, blank=False)  # noqa: A001 - the name of the parameter
        before = _before(id, depends_on)
        limit = None if timeout is None else check_seconds(f"step {id!r}: timeout", timeout)
        check_flag(f"step {id!r}: continue_on_error", continue_on_error)
        said = _on_error(id, on_error, continue_on_error)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            id,
            tool,
            execute,
            group,
            branch,
            input,
            before,
            when,
            limit,
            said,
            said == "continue",
            check_run_in(f"step {id!r}: run_in", run_in),
        )

    @staticmethod
    def parallel(
        id: str,
        steps: Iterable[str | WorkflowStep[Any]] | StepsFunction[WorkflowStep[Any]],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        *,
        max_concurrent: float | None = None,
        continue_on_error: bool = False,
        timeout: Seconds | None = None,
        step_timeout: Seconds | None = None,
        fail_fast: bool = True,
        isolation: Isolation = "shared",
        depends_on: Before = (),
        when: ConditionLike | None = None,
    ) -> WorkflowStep[ParallelExecutionResult[Any]]:
        """Make a step that runs a group of the same id.

        Args:
            id: the id of both.
            steps: ids of steps of the workflow, or steps; or a function of the context (async, or
                not) that makes steps as the group starts.
            wait_strategy: when the group is decided. Default ``"all"``.
            max_concurrent: at most so many of its steps at once. Default: only the pool's limit.
            continue_on_error: failing steps stop neither the group nor the workflow. Default False.
            timeout: seconds for the whole group. Default: no limit.
            step_timeout: seconds for each step. Default: the pool's ``timeout``.
            fail_fast: False: all of its steps run, and then the group fails if one has failed.
            isolation: as for :class:`ParallelGroup`.
            depends_on: as for a step.
            when: as for a step.

        Raises:
            TypeError, ValueError: an argument is wrong; the message names it.

        >>> WorkflowStep.parallel("mirrors", ["eu", "us"], "any").group.id
        'mirrors'
        """
        group: ParallelGroup[Any] = ParallelGroup(
            id,
            steps,
            wait_strategy,
            max_concurrent,
            continue_on_error,
            timeout,
            step_timeout,
            fail_fast=fail_fast,
            isolation=isolation,
        )
        return WorkflowStep(id, group=group, depends_on=depends_on, when=when)

    def value_in(self, run: _Run) -> R_co:
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
        tool, execute, group, branch = self.tool, self.execute, self.group, self.branch
        if (tool is None) + (execute is None) + (group is None) + (branch is None) != 3:
            found = " and ".join(self._given()) or "none"
            raise ValueError(
                f"{self._what} needs exactly one of tool, execute, group, branch; got {found}"
            )
        if self.tool is not None and not isinstance(self.tool, str):
            raise TypeError(
                f"{self._what}: tool must be the name of a tool; got {shown(self.tool)}; "
                f"pass an async function of the context as execute"
            )
        if self.group is not None and not isinstance(self.group, ParallelGroup):
            raise TypeError(f"{self._what}: group must be a ParallelGroup; got {shown(self.group)}")
        if self.group is not None and self.group.key is not None:
            raise ValueError(f"{self._what}: the steps of a workflow have ids; leave key out")
        if self.branch is not None and not isinstance(self.branch, IfBranch | SwitchBranch):
            raise TypeError(
                f"{self._what}: branch must be an IfBranch or a SwitchBranch; got {shown(self.branch)}"
            )
        if self.run_in == "thread":
            self._check_for_thread()
        if self.execute is not None and not plainly_fits(self.execute):
            self._check_execute(self.execute)
        if self.input is not None and self.tool is None:
            [given] = self._given()
            raise ValueError(f"{self._what}: input is for tools; {given} gets the context instead")
        if callable(self.input):
            self._check_input(self.input)
        when = self.when
        condition = None if when is None else make_condition(f"{self._what}: when", when)
        object.__setattr__(self, "_condition", condition)

    def _check_for_thread(self) -> None:
        if self.runs_others:
            [given] = self._given()
            raise ValueError(
                f"{self._what}: run_in='thread' is for a function or a tool; a {given} is none: say it of "
                f"its steps"
            )
        if self.execute is not None:
            check_for_thread(f"{self._what}: execute", self.execute)

    def _check_execute(self, execute: Callable[..., Any]) -> None:
        if self.run_in == "trio" and never_awaitable(execute):
            raise not_async(f"{self._what}: execute", execute, may_block=True)
        check_call(f"{self._what}: execute", execute, "context")

    def _check_input(self, function: Callable[..., Any]) -> None:
        if is_async_callable(function):
            raise TypeError(
                f"{self._what}: input must be an ordinary function of the context, which nobody "
                f"awaits; {function!r} is async: let a step before this one get what it waits for"
            )
        check_call(f"{self._what}: input", function, "context")

    @property
    def _what(self) -> str:
        return f"step {self.id!r}"

    def _given(self) -> list[str]:
        return [name for name in _KINDS if getattr(self, name) is not None]

    @property
    def condition(self) -> Condition | None:
        """What ``when`` says, compiled."""
        return self._condition

    @property
    def runs_others(self) -> bool:
        """Whether it only runs other steps: it takes no slot for itself."""
        return self.group is not None or self.branch is not None

    @cached_property
    def template(self) -> Template:
        """The input with its references found; empty when a function makes the input."""
        return compile_template(None if callable(self.input) else self.input)

    def resolve_input(self, context: WorkflowContext) -> Any:
        """What the tool gets in this run.

        Raises:
            UnresolvedReference: a reference leads to nothing.
        """
        if callable(self.input):
            return self.input(context)
        return self.template.resolve(context)

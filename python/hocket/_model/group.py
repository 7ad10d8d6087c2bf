"""A group of steps that run side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args, overload

import attrs

from .._base.callables import check_call, is_async_callable
from .._base.checks import check_count, check_flag, check_id, is_one_of
from .._base.durations import Seconds, check_seconds
from .._base.iterables import as_tuple
from .._base.shown import shown
from .hedging import HedgingBudget, Stagger, check_stagger
from .rate import Rate, check_rate
from .retry import Retry, check_retry
from .run_in import Blocking, RunIn, check_run_in
from .strategy import Quorum, Strategy, StrategyLike, WaitStrategy, parse_strategy

__all__ = ["Isolation", "ParallelGroup", "check_patience"]

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

Isolation: TypeAlias = Literal["shared", "task"]
StepsFunction: TypeAlias = Callable[[Any], Iterable[S] | Awaitable[Iterable[S]]]

_ISOLATIONS = get_args(Isolation)


@attrs.frozen(init=False)
class ParallelGroup(Generic[S_co]):
    """A group of steps that run side by side.

    Args:
        id: its name.
        steps: what to run, whatever it is: the executor says what a step means. A list, or anything
            else that can be iterated over, which is copied here; or a function of the context
            (async, or not) that makes them as the group starts.
        wait_strategy: when the group is decided; see :class:`WaitStrategy` and :func:`quorum`.
        max_concurrent: at most so many of its steps at once. Default, or ``math.inf``: only the
            pool's limit.
        continue_on_error: failing steps do not stop the group, nor the workflow it is in; the
            group succeeds, and ``failed_steps`` says the rest. Default False.
        timeout: seconds for the whole group, from its start. What still runs then fails with
            :class:`StepTimeout`, what has not started is skipped. Default: no limit.
        step_timeout: seconds for each step, from its own start. Default: the pool's ``timeout``.
        key: makes the id of each step, a text, by which its result is found. Default: a text is its
            own id; of anything else it is its attribute ``id``, or else its place as text
            (``"0"``, ``"1"``, ...), so that equal steps are fine.
        fail_fast: whether the first failure stops a group that needs all. False: all of its steps run,
            and then it fails if one has failed. Default True.
        rate: at most so many of its steps start in a time, besides the pool's own rate: a
            :class:`Rate`. Default None.
        retry: how often a step is tried that fails: a :class:`Retry`. Default None: once.
        isolation: ``"shared"`` (default): a few Trio tasks run all the steps, at a tenth of the
            cost. ``"task"``: every step has a Trio task of its own, for steps that must own
            something by task beyond their end.
        run_in: ``"trio"`` (default): the executor is an async function. ``"thread"``: it is a function
            that blocks, and is called in threads, as many at once as there are slots. It may use
            ``trio.from_thread``. It cannot be cancelled: one past its limit has failed, and the group
            still waits until it returns.
        stagger: seconds until the next step starts beside those that run; when one fails, the next
            starts at once. For ``any``, ``race`` and quorums (which start with ``k`` of them).
            Default: all start as soon as they have a slot.
        max_hedges: at most so many steps start by time. Default: no limit.
        hedging_budget: what many groups together may spend on such starts. Default: no limit.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> ParallelGroup("fetch", ["users", "orders"], wait_strategy="any", timeout=5).steps
    ('users', 'orders')
    """

    id: str
    steps: tuple[S_co, ...] | StepsFunction[S_co]
    wait_strategy: Strategy
    max_concurrent: int | None
    continue_on_error: bool
    timeout: float | None
    step_timeout: float | None
    key: Callable[[S_co], str] | None
    isolation: Isolation
    run_in: RunIn
    stagger: Stagger | None
    fail_fast: bool
    rate: Rate | None
    retry: Retry | None

    @overload
    def __init__(
        self,
        id: str,
        steps: Iterable[S_co] | StepsFunction[S_co],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        max_concurrent: float | None = None,
        continue_on_error: bool = False,
        timeout: Seconds | None = None,
        step_timeout: Seconds | None = None,
        *,
        key: Callable[[S_co], str] | None = None,
        isolation: Isolation = "shared",
        run_in: Literal["trio"] = "trio",
        stagger: Seconds | None = None,
        max_hedges: int | None = None,
        hedging_budget: HedgingBudget | None = None,
        fail_fast: bool = True,
        rate: Rate | None = None,
        retry: Retry | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: ParallelGroup[Blocking[S]],
        id: str,
        steps: Iterable[S] | StepsFunction[S],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        max_concurrent: float | None = None,
        continue_on_error: bool = False,
        timeout: Seconds | None = None,
        step_timeout: Seconds | None = None,
        *,
        run_in: Literal["thread"],
        key: Callable[[S], str] | None = None,
        stagger: Seconds | None = None,
        max_hedges: int | None = None,
        hedging_budget: HedgingBudget | None = None,
        fail_fast: bool = True,
        rate: Rate | None = None,
        retry: Retry | None = None,
    ) -> None: ...
    def __init__(
        self,
        id: str,
        steps: Iterable[Any] | StepsFunction[Any],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        max_concurrent: float | None = None,
        continue_on_error: bool = False,
        timeout: Seconds | None = None,
        step_timeout: Seconds | None = None,
        *,
        key: Callable[[Any], str] | None = None,
        isolation: Isolation = "shared",
        run_in: RunIn = "trio",
        stagger: Seconds | None = None,
        max_hedges: int | None = None,
        hedging_budget: HedgingBudget | None = None,
        fail_fast: bool = True,
        rate: Rate | None = None,
        retry: Retry | None = None,
    ) -> None:
        id = check_id("id", id)  # noqa: A001 - the name of the parameter
        where = f"group {id!r}: "
        check_flag(f"{where}continue_on_error", continue_on_error)
        if key is not None and (not callable(key) or is_async_callable(key)):
            raise TypeError(
                f"{where}key must be an ordinary function of a step that returns a text; got {shown(key)}"
            )
        if key is not None:
            check_call(f"{where}key", key, "step")
        if not is_one_of(isolation, _ISOLATIONS):
            raise ValueError(f"{where}isolation must be 'shared' or 'task'; got {shown(isolation)}")
        check_run_in(f"{where}run_in", run_in)
        if run_in == "thread" and isolation == "task":
            raise ValueError(
                f"{where}isolation='task' is for async steps, and run_in='thread' for functions that "
                f"block: leave one of them out"
            )
        strategy = parse_strategy(wait_strategy)
        check_flag(f"{where}fail_fast", fail_fast)
        if not fail_fast:
            check_patience(where, strategy, continue_on_error)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            id,
            _steps(f"{where}steps", steps),
            strategy,
            check_count(f"{where}max_concurrent", max_concurrent),
            continue_on_error,
            check_seconds(f"{where}timeout", timeout),
            check_seconds(f"{where}step_timeout", step_timeout),
            key,
            isolation,
            run_in,
            _stagger(where, strategy, stagger, max_hedges, hedging_budget),
            fail_fast,
            check_rate(f"{where}rate", rate),
            check_retry(f"{where}retry", retry),
        )


def check_patience(where: str, strategy: Strategy, continue_on_error: bool) -> None:
    """Refuse to run everything and then fail where a strategy, or a setting, says otherwise."""
    if continue_on_error:
        raise ValueError(
            f"{where}fail_fast=False runs everything and then fails, and continue_on_error=True never "
            f"fails: leave one of them out"
        )
    if strategy not in (WaitStrategy.ALL, WaitStrategy.ALL_SETTLED):
        raise ValueError(
            f"{where}fail_fast=False is for groups that need all; {strategy.value!r} is decided by "
            f"less: leave one of them out"
        )


def _steps(where: str, steps: Any) -> Any:
    # A class of constants is both, and a list of its members.
    if callable(steps) and not isinstance(steps, Iterable):
        check_call(where, steps, "context")
        return steps
    return as_tuple(where, "a list of steps, or a function of the context that makes one", steps)


def _stagger(
    where: str,
    strategy: Strategy,
    stagger: Seconds | None,
    max_hedges: int | None,
    hedging_budget: HedgingBudget | None,
) -> Stagger | None:
    found = check_stagger(where, stagger, max_hedges, hedging_budget)
    is_contest = isinstance(strategy, Quorum) or strategy in (WaitStrategy.ANY, WaitStrategy.RACE)
    if found is not None and not is_contest:
        raise ValueError(
            f"{where}stagger is for wait_strategy 'any', 'race' or quorum(k), which may be decided "
            f"before all steps have started; got {strategy.value!r}"
        )
    return found

"""A group of steps that run side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

import attrs

from .._base.callables import check_call, is_async_callable
from .._base.checks import check_count, check_id, is_one_of
from .._base.durations import Seconds, check_seconds
from .._base.iterables import as_tuple
from .._base.shown import shown
from .rate import Rate, check_rate
from .retry import Retry, check_retry
from .strategy import Strategy, StrategyLike, WaitStrategy, parse_strategy

__all__ = ["Isolation", "ParallelGroup"]

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
        rate: at most so many of its steps start in a time, besides the pool's own rate: a
            :class:`Rate`. Default None.
        retry: how often a step is tried that fails: a :class:`Retry`. Default None: once.
        isolation: ``"shared"`` (default): a few Trio tasks run all the steps, at a tenth of the
            cost. ``"task"``: every step has a Trio task of its own, for steps that must own
            something by task beyond their end.

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
    rate: Rate | None
    retry: Retry | None

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
        rate: Rate | None = None,
        retry: Retry | None = None,
    ) -> None:
        id = check_id("id", id)  # noqa: A001 - the name of the parameter
        where = f"group {id!r}: "
        if not isinstance(continue_on_error, bool):
            raise TypeError(
                f"{where}continue_on_error must be a bool; got {shown(continue_on_error)}"
            )
        if key is not None and (not callable(key) or is_async_callable(key)):
            raise TypeError(
                f"{where}key must be an ordinary function of a step that returns a text; got {shown(key)}"
            )
        if key is not None:
            check_call(f"{where}key", key, "step")
        if not is_one_of(isolation, _ISOLATIONS):
            raise ValueError(f"{where}isolation must be 'shared' or 'task'; got {shown(isolation)}")
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            id,
            _steps(f"{where}steps", steps),
            parse_strategy(wait_strategy),
            check_count(f"{where}max_concurrent", max_concurrent),
            continue_on_error,
            check_seconds(f"{where}timeout", timeout),
            check_seconds(f"{where}step_timeout", step_timeout),
            key,
            isolation,
            check_rate(f"{where}rate", rate),
            check_retry(f"{where}retry", retry),
        )


def _steps(where: str, steps: Any) -> Any:
    # A class of constants is both, and a list of its members.
    if callable(steps) and not isinstance(steps, Iterable):
        check_call(where, steps, "context")
        return steps
    return as_tuple(where, "a list of steps, or a function of the context that makes one", steps)

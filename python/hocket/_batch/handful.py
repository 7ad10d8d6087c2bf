"""Verbs for a handful of async functions without arguments, without ids and groups."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar, cast

import trio

from .._base.checks import check_count
from .._base.durations import Seconds, check_seconds
from .._base.shown import shown
from .._engine.bell import Bell
from .._engine.groups import run_group
from .._engine.over_items import OnError
from .._engine.pool import WorkerPool
from .._engine.stream import Stream
from .._model.event import EventKind, StepEvent
from .._model.group import ParallelGroup
from .._model.hedging import HedgingBudget
from .._model.result import ParallelExecutionResult
from .._model.strategy import Quorum, Strategy, WaitStrategy
from .functions import check_functions, names_of

__all__ = ["as_completed", "first_success", "quorum_of", "race"]

R = TypeVar("R")


async def first_success(
    functions: Iterable[Callable[[], Awaitable[R]]],
    *,
    stagger: Seconds | None = None,
    max_hedges: int | None = None,
    hedging_budget: HedgingBudget | None = None,
    step_timeout: Seconds | None = None,
) -> R:
    """Run async functions side by side, and return the first value. The others are cancelled and awaited.

    Args:
        functions: async functions without arguments (``functools.partial`` binds some). One may be
            listed several times.
        stagger: seconds (or a ``timedelta``) until the next function starts beside those that run;
            when one fails, the next starts at once. Default: all start at once.
        max_hedges: at most so many start by time; those that follow a failure do not count.
            Default: no limit.
        hedging_budget: what many calls together may spend on such starts. Default: no limit.
        step_timeout: seconds for each function, from its own start. Default: no limit.

    Raises:
        GroupFailed: all have failed; it holds every error.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import trio
    >>> async def slow() -> str:
    ...     await trio.sleep(9)
    ...     return "slow"
    >>> async def quick() -> str:
    ...     return "quick"
    >>> trio.run(first_success, [slow, quick])
    'quick'
    """
    result = await _run(
        "first_success",
        functions,
        WaitStrategy.ANY,
        stagger,
        max_hedges,
        hedging_budget,
        step_timeout,
    )
    return cast("R", result.value)


async def race(
    functions: Iterable[Callable[[], Awaitable[R]]],
    *,
    stagger: Seconds | None = None,
    max_hedges: int | None = None,
    hedging_budget: HedgingBudget | None = None,
    step_timeout: Seconds | None = None,
) -> R:
    """Run async functions side by side until one ends, and return its value. The others are cancelled and awaited.

    Args:
        functions: async functions without arguments.
        stagger: seconds until the next function starts beside those that run. Default: all start
            at once.
        max_hedges: at most so many start by time. Default: no limit.
        hedging_budget: what many calls together may spend on such starts. Default: no limit.
        step_timeout: seconds for each function, from its own start. Default: no limit.

    Raises:
        GroupFailed: the one that ended first has failed.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import trio
    >>> async def tortoise() -> str:
    ...     await trio.sleep(0.01)
    ...     return "tortoise"
    >>> async def hare() -> str:
    ...     await trio.sleep(60)
    ...     return "hare"
    >>> trio.run(race, [hare, tortoise])
    'tortoise'
    """
    result = await _run(
        "race", functions, WaitStrategy.RACE, stagger, max_hedges, hedging_budget, step_timeout
    )
    return cast("R", result.value)


async def quorum_of(
    k: int,
    functions: Iterable[Callable[[], Awaitable[R]]],
    *,
    stagger: Seconds | None = None,
    max_hedges: int | None = None,
    hedging_budget: HedgingBudget | None = None,
    step_timeout: Seconds | None = None,
) -> list[R]:
    """Run async functions side by side, and return the first ``k`` values, in the order in which they came.

    Args:
        k: how many have to succeed: at least 1, and at most as many as there are functions.
        functions: async functions without arguments.
        stagger: with it ``k`` functions start at once, and each further one after so many seconds,
            or as one fails. Default: all start at once.
        max_hedges: at most so many start by time. Default: no limit.
        hedging_budget: what many calls together may spend on such starts. Default: no limit.
        step_timeout: seconds for each function, from its own start. Default: no limit.

    Raises:
        GroupFailed: too many have failed; it holds every error.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import functools, trio
    >>> async def read(replica: int) -> int:
    ...     await trio.sleep(replica / 10)
    ...     return replica
    >>> trio.run(quorum_of, 2, [functools.partial(read, n) for n in (3, 1, 2)])
    [1, 2]
    """
    if callable(k) or isinstance(k, list | tuple):
        raise TypeError(
            f"quorum_of takes the number first: write quorum_of(2, [f, g, h]); got {shown(k)}"
        )
    if check_count("k of quorum_of", k, no_limit="fewer") is None:
        raise TypeError(f"k of quorum_of must be a whole number of at least 1; got {shown(k)}")
    result = await _run(
        "quorum_of", functions, Quorum(k), stagger, max_hedges, hedging_budget, step_timeout
    )
    return [result.results[step] for step in result.completed_steps[: int(k)]]


def as_completed(
    functions: Iterable[Callable[[], Awaitable[R]]],
    *,
    stagger: Seconds | None = None,
    on_error: OnError = "raise",
    step_timeout: Seconds | None = None,
) -> Stream[Callable[[], Awaitable[R]], R]:
    """Run async functions side by side, and hand out each outcome as it comes.

    ``async with hocket.as_completed([f, g]) as outcomes:``, and inside of it ``async for``. It is a
    :class:`Stream`: an outcome's ``item`` is the function.

    Args:
        functions: async functions without arguments.
        stagger: seconds until the next function starts; when one fails, the next starts at once.
            Default: all start at once.
        on_error: ``"raise"`` (default) or ``"collect"``: whether an error ends it.
        step_timeout: seconds for each function, from its own start. Default: no limit.

    Raises:
        GroupFailed: in the loop: a function has failed.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import functools, trio
    >>> async def main() -> None:
    ...     naps = [functools.partial(trio.sleep, seconds) for seconds in (0.3, 0)]
    ...     async with as_completed(naps) as outcomes:
    ...         async for outcome in outcomes:
    ...             print(outcome.index)
    >>> trio.run(main)
    1
    0
    """
    found = check_functions("as_completed", functions)
    names = iter(names_of(found))
    seconds = check_seconds("stagger", stagger, none="to start all at once")
    bell, told = Bell(), []

    def note(event: StepEvent) -> None:
        if event.kind in (EventKind.FAILED, EventKind.TIMED_OUT):
            told.append(event)
            bell.ring()

    async def one_by_one(pause: float) -> AsyncIterator[Callable[[], Awaitable[R]]]:
        for place, function in enumerate(found):
            if place and not told:
                with trio.move_on_after(pause):
                    await bell.wait()
            del told[:1]
            yield function

    return WorkerPool(max_concurrent=math.inf).stream(
        _call,
        found if seconds is None else one_by_one(seconds),
        buffer=len(found),
        on_error=on_error,
        step_timeout=step_timeout,
        observer=None if seconds is None else note,
        key=lambda _: next(names),
    )


def _call(function: Callable[[], Awaitable[R]]) -> Awaitable[R]:
    return function()


_call.__qualname__ = as_completed.__qualname__  # what messages and events call its steps


async def _run(
    verb: str,
    functions: Iterable[Callable[[], Awaitable[R]]],
    strategy: Strategy,
    stagger: Seconds | None,
    max_hedges: int | None,
    hedging_budget: HedgingBudget | None,
    step_timeout: Seconds | None,
) -> ParallelExecutionResult[R]:
    found = check_functions(verb, functions)
    names = iter(names_of(found))
    group = ParallelGroup(
        verb,
        found,
        strategy,
        step_timeout=step_timeout,
        key=lambda _: next(names),
        stagger=stagger,
        max_hedges=max_hedges,
        hedging_budget=hedging_budget,
    )
    pool = WorkerPool(max_concurrent=math.inf)
    result = await run_group(pool, group, _call, None, default_timeout=None, observers=())
    result.raise_for_failure()
    return result

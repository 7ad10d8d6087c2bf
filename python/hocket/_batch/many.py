"""map and stream with a limit of their own."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from .._base.durations import Seconds
from .._engine.over_items import OnError
from .._engine.pool import WorkerPool
from .._engine.stream import Stream
from .._model.config import MAX_CONCURRENT
from .._model.event import Observer
from .._model.rate import Rate
from .._model.retry import Retry
from .._model.run_in import RunIn

__all__ = ["map", "stream"]

T = TypeVar("T")
R = TypeVar("R")


@overload
async def map(  # noqa: A001 - hocket.map
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    buffer: int | None = None,
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: Literal["trio"] = "trio",
) -> list[R]: ...
@overload
async def map(  # noqa: A001 - hocket.map
    fn: Callable[[T], R],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    buffer: int | None = None,
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: Literal["thread"],
) -> list[R]: ...
async def map(  # noqa: A001 - hocket.map
    fn: Callable[[T], Any],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    buffer: int | None = None,
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: RunIn = "trio",
) -> list[Any]:
    """Run a function on every item, and return the values in the order of the items.

    Args:
        fn: an async function of one item, or with ``run_in="thread"`` one that blocks.
        items: anything to iterate over, async or not.
        max_concurrent: the most steps at once: a whole number, or ``math.inf``. Default 10. A limit
            that several calls share is that of a :class:`WorkerPool`, which has the same method.
        buffer: how many items may be taken whose steps have not ended. Default: twice the limit.
        step_timeout: seconds for each attempt at a step, from its own start. Default: no limit.
        rate: at most so many steps start in a time: a :class:`Rate`, which several calls may share.
            Default None.
        retry: how often a step is tried that fails: a :class:`Retry`. Default None: once.
        observer: is called with a :class:`StepEvent` as each step starts, is tried again and ends.
        key: makes a step's id of an item. Default: its index as text.
        run_in: ``"thread"``: ``fn`` blocks, and is called in threads. Default ``"trio"``.

    :meth:`WorkerPool.map` says more of each.

    Raises:
        GroupFailed: a step failed, or reading the input did; the other steps were cancelled.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import trio
    >>> async def double(x: int) -> int:
    ...     await trio.sleep(0)
    ...     return 2 * x
    >>> trio.run(map, double, [1, 2, 3])
    [2, 4, 6]
    """
    pool: Any = WorkerPool(max_concurrent=max_concurrent)  # Any: its overloads are these
    return await pool.map(  # type: ignore[no-any-return]
        fn,
        items,
        buffer=buffer,
        step_timeout=step_timeout,
        rate=rate,
        retry=retry,
        observer=observer,
        key=key,
        run_in=run_in,
    )


@overload
def stream(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    ordered: bool = False,
    buffer: int | None = None,
    on_error: OnError = "raise",
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: Literal["trio"] = "trio",
) -> Stream[T, R]: ...
@overload
def stream(
    fn: Callable[[T], R],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    ordered: bool = False,
    buffer: int | None = None,
    on_error: OnError = "raise",
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: Literal["thread"],
) -> Stream[T, R]: ...
def stream(
    fn: Callable[[T], Any],
    items: Iterable[T] | AsyncIterable[T],
    *,
    max_concurrent: float = MAX_CONCURRENT,
    ordered: bool = False,
    buffer: int | None = None,
    on_error: OnError = "raise",
    step_timeout: Seconds | None = None,
    rate: Rate | None = None,
    retry: Retry | None = None,
    observer: Observer | Iterable[Observer] | None = None,
    key: Callable[[T], str] | None = None,
    run_in: RunIn = "trio",
) -> Stream[T, Any]:
    """Run a function on every item, and hand out each outcome as it comes.

    Args:
        fn: an async function of one item, or with ``run_in="thread"`` one that blocks.
        items: anything to iterate over, async or not.
        max_concurrent: the most steps at once: a whole number, or ``math.inf``. Default 10. A limit
            that several calls share is that of a :class:`WorkerPool`, which has the same method.
        ordered: whether outcomes come in the order of the items. Default False: as steps end.
        buffer: how many items may be taken whose outcomes have not been handed out. Default: twice
            the limit.
        on_error: ``"raise"`` (default) or ``"collect"``: whether an error ends the stream.
        step_timeout: seconds for each attempt at a step, from its own start. Default: no limit.
        rate: at most so many steps start in a time: a :class:`Rate`, which several calls may share.
            Default None.
        retry: how often a step is tried that fails: a :class:`Retry`. Default None: once.
        observer: is called with a :class:`StepEvent` as each step starts, is tried again and ends.
        key: makes a step's id of an item. Default: its index as text.
        run_in: ``"thread"``: ``fn`` blocks, and is called in threads. Default ``"trio"``.

    :meth:`WorkerPool.stream` says more of each.

    Raises:
        GroupFailed: in the loop: a step failed, or reading the input did.
        TypeError, ValueError: the call cannot work; the message says what to write.

    >>> import trio
    >>> async def double(x: int) -> int:
    ...     await trio.sleep(0)
    ...     return 2 * x
    >>> async def main() -> None:
    ...     async with stream(double, [1, 2], ordered=True) as outcomes:
    ...         async for outcome in outcomes:
    ...             print(outcome.item, outcome.value)
    >>> trio.run(main)
    1 2
    2 4
    """
    pool: Any = WorkerPool(max_concurrent=max_concurrent)  # Any: its overloads are these
    return pool.stream(  # type: ignore[no-any-return]
        fn,
        items,
        ordered=ordered,
        buffer=buffer,
        on_error=on_error,
        step_timeout=step_timeout,
        rate=rate,
        retry=retry,
        observer=observer,
        key=key,
        run_in=run_in,
    )

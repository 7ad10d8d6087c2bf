"""The verbs of a pool over many items: map, and stream."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from types import MappingProxyType
from typing import Any, Literal, TypeVar, overload

from .. import _core
from .._base.checks import check_flag, is_one_of
from .._base.durations import Seconds, check_seconds, limit_to_ns
from .._base.errors import GroupFailed
from .._base.shown import shown
from .._model.event import Observer
from .._model.rate import Rate, check_rate, core_rate
from .._model.result import ParallelExecutionResult, group_failed
from .._model.retry import Retry, check_retry
from .._model.run_in import RunIn
from .._model.strategy import WaitStrategy
from .intake import check_buffer, check_function, check_items, check_key, step_name
from .observers import as_observers, guarded
from .run import RunSpec, run_steps
from .stream import Stream

__all__ = ["OnError", "OverItems"]

T = TypeVar("T")
R = TypeVar("R")

OnError = Literal["raise", "collect"]

logger = logging.getLogger("hocket.stream")


class OverItems:
    """What a pool does with many items: :meth:`map` and :meth:`stream`."""

    __slots__ = ()

    # The pool's own.
    _core: _core.Pool
    timeout: Any
    max_concurrent: Any

    @overload
    async def map(
        self,
        fn: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        *,
        buffer: int | None = None,
        step_timeout: Seconds | None = None,
        rate: Rate | None = None,
        retry: Retry | None = None,
        observer: Observer | Iterable[Observer] | None = None,
        key: Callable[[T], str] | None = None,
        run_in: Literal["trio"] = "trio",
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        fn: Callable[[T], R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        buffer: int | None = None,
        step_timeout: Seconds | None = None,
        rate: Rate | None = None,
        retry: Retry | None = None,
        observer: Observer | Iterable[Observer] | None = None,
        key: Callable[[T], str] | None = None,
        run_in: Literal["thread"],
    ) -> list[R]: ...
    async def map(
        self,
        fn: Callable[[T], Any],
        items: Iterable[T] | AsyncIterable[T],
        *,
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
            fn: an async function of one item, or with ``run_in="thread"`` one that blocks. It runs in a context of its own, a copy of the
                caller's.
            items: a list, a generator, an async generator: anything to iterate over. A list is taken as it
                is now, unless there is a ``key``. What is no list, tuple or range is read as steps end, at most
                ``buffer`` items ahead.
            buffer: how many items may be taken whose steps have not ended. Default: twice
                ``max_concurrent``; where that is ``math.inf`` it has to be given, unless the items
                are a list, a tuple or a range.
            step_timeout: seconds (or a ``timedelta``) for each attempt at a step, from its own start.
                Default: the pool's ``timeout``.
            rate: at most so many steps start in a time, attempts counted one by one, besides the
                pool's own rate. Several calls that are given the same :class:`Rate` share it.
                Default None.
            retry: how often a step is tried that fails: a :class:`Retry`. A failed attempt gives its
                slot back while it waits for the next; only the last one's error counts. Default
                None: once.
            observer: is called with a :class:`StepEvent` as each step starts, is tried again and
                ends; or several of them. Default: none.
            key: makes a step's id of an item: a text for errors, events and task names. Default:
                the item's index (``"0"``, ``"1"``, ...).
            run_in: ``"thread"``: ``fn`` blocks, and is called in threads; see :class:`ParallelGroup`.
                Default ``"trio"``.

        Raises:
            GroupFailed: a step failed, or reading the input did: the other steps were cancelled at
                once. It holds every error, and the values there were in ``finished``.
            TypeError, ValueError: the call cannot work; the message says what to write.
            trio.Cancelled: the caller was cancelled.

        >>> import trio
        >>> async def double(x: int) -> int:
        ...     await trio.sleep(0)
        ...     return 2 * x
        >>> trio.run(WorkerPool(max_concurrent=2).map, double, [1, 2, 3])
        [2, 4, 6]
        """
        check_function("map", fn, items, run_in)
        check_items("map", items)
        check_key(key)
        spec = self._spec("map", fn, step_timeout, rate, retry, observer)
        spec.in_threads = run_in == "thread"
        ahead = self.max_concurrent
        if is_there := isinstance(items, list | tuple | range):
            ahead = min(ahead, max(1, len(items)))
        places = check_buffer("map", buffer, ahead)
        if key is None and is_there:
            return await _map_list(self._core, spec, items)
        spec.ids = [""] * places
        spec.steps = [None] * len(spec.ids)
        return await _map_stream(
            Stream(self._core, spec, items, key=key, ordered=True, collects=False, keeps=True)
        )

    @overload
    def stream(
        self,
        fn: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        *,
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
        self,
        fn: Callable[[T], R],
        items: Iterable[T] | AsyncIterable[T],
        *,
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
        self,
        fn: Callable[[T], Any],
        items: Iterable[T] | AsyncIterable[T],
        *,
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

        ``async with pool.stream(fn, items) as outcomes:``, and inside of it ``async for outcome in
        outcomes:``. Leaving the block early, by ``break`` and the end of the block or by an
        exception, cancels and awaits what runs, and closes the input; an exception of the block
        comes out as it is. Nothing runs any more when the block has been left.

        Args:
            fn: an async function of one item, or with ``run_in="thread"`` one that blocks. It runs in a context of its own, a copy of the
                caller's.
            items: a list, a generator, an async generator: anything to iterate over. It is read as
                outcomes are handed out, and never more than ``buffer`` items ahead. A generator,
                async or not, is closed.
            ordered: whether outcomes come in the order of the items. Default False: as steps end.
            buffer: how many items may be taken whose outcomes have not been handed out. With
                ``ordered``, a slow step holds up at most so many others. Default: twice
                ``max_concurrent``; where that is ``math.inf`` it has to be given.
            on_error: ``"raise"`` (the default): the first error cancels what runs, and
                :class:`GroupFailed` comes out of the loop. ``"collect"``: an error is an outcome
                like others, and the loop goes on.
            step_timeout: seconds (or a ``timedelta``) for each attempt at a step, from its own start.
                Default: the pool's ``timeout``.
            rate: at most so many steps start in a time, attempts counted one by one, besides the
                pool's own rate. Several calls that are given the same :class:`Rate` share it.
                Default None.
            retry: how often a step is tried that fails: a :class:`Retry`. A failed attempt gives its
                slot back while it waits for the next; only the last one's error counts. Default
                None: once.
            observer: is called with a :class:`StepEvent` as each step starts, is tried again and
                ends; or several of them. Default: none.
            key: makes a step's id of an item: a text for errors, events and task names. Default:
                the item's index (``"0"``, ``"1"``, ...).
            run_in: ``"thread"``: ``fn`` blocks, and is called in threads; see :class:`ParallelGroup`.
                Default ``"trio"``.

        Raises:
            GroupFailed: in the loop: a step has failed, with ``"raise"``, or reading the input has.
                It holds every error, and in ``finished`` the values that were not handed out. With
                ``"collect"`` the input's error comes last, after every outcome.
            TypeError, ValueError: the call cannot work; the message says what to write.

        >>> import trio
        >>> async def double(x: int) -> int:
        ...     await trio.sleep(0)
        ...     return 2 * x
        >>> async def main() -> list[int]:
        ...     async with WorkerPool().stream(double, range(3), ordered=True) as outcomes:
        ...         return [outcome.unwrap() async for outcome in outcomes]
        >>> trio.run(main)
        [0, 2, 4]
        """
        check_function("stream", fn, items, run_in)
        check_items("stream", items)
        check_flag("ordered", ordered)
        check_key(key)
        if not is_one_of(on_error, ("raise", "collect")):
            raise ValueError(f"on_error must be 'raise' or 'collect'; got {shown(on_error)}")
        spec = self._spec("stream", fn, step_timeout, rate, retry, observer)
        spec.in_threads = run_in == "thread"
        spec.ids = [""] * check_buffer("stream", buffer, self.max_concurrent)
        spec.steps = [None] * len(spec.ids)
        collects = on_error == "collect"
        return Stream(self._core, spec, items, key=key, ordered=ordered, collects=collects)

    def _spec(
        self,
        verb: str,
        fn: Callable[..., object],
        step_timeout: Seconds | None,
        rate: Rate | None,
        retry: Retry | None,
        observer: Observer | Iterable[Observer] | None,
    ) -> RunSpec:
        name = step_name(fn)
        limit = check_seconds("step_timeout", step_timeout)
        return RunSpec(
            id=name,
            kind=verb,
            ids=[],
            steps=[],
            executor=fn,
            strategy=WaitStrategy.ALL_SETTLED,
            step_timeout_ns=limit_to_ns(self.timeout if limit is None else limit),
            observer=guarded(as_observers(observer), logger, f"{verb} {name!r}"),
            rate=core_rate(check_rate("rate", rate)),
            retry=check_retry("retry", retry),
        )


async def _map_list(core: _core.Pool, spec: RunSpec, items: Any) -> list[Any]:
    """Map items that are all there, as a group runs its steps."""
    spec.steps = list(items)
    spec.ids = [*map(str, range(len(spec.steps)))]
    spec.thresholds = (None, 1)
    result = await run_steps(core, spec, logger)
    if result.errors:
        raise _map_failed(spec, result)
    return [result.results[step] for step in spec.ids]


def _map_failed(spec: RunSpec, result: ParallelExecutionResult[Any]) -> GroupFailed:
    why = f"{len(result.errors)} of {len(spec.ids)} steps"
    failed = group_failed(spec.kind, spec.id, result.errors, why)
    values = sorted((int(step), value) for step, value in result.results.items())
    failed.finished = MappingProxyType(dict(values))
    return failed


async def _map_stream(stream: Stream[Any, Any]) -> list[Any]:
    """Map items that are read one by one."""
    async with stream as outcomes:
        async for _ in outcomes:
            raise AssertionError("values are kept, and none is handed out")
        return stream._belt.values()

"""The shared limit: a bounded number of steps at once, with a queue and statistics."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, Never, TypeVar, TypeVarTuple, overload

import trio
from trio.lowlevel import enable_ki_protection

from .. import _core
from .._base.checks import check_flag, check_limit, refuse_unnamed
from .._base.durations import Seconds, check_seconds, limit_to_ns
from .._base.weak_set import WeakSet
from .._model.config import (
    MAX_CONCURRENT,
    WHEN_FULL,
    WhenFull,
    WorkerPoolConfig,
    as_keywords,
    check_queue,
)
from .._model.rate import Rate, check_rate, core_rate
from .._model.result import ParallelExecutionResult
from .._model.retry_budget import RetryBudget, check_budget, core_budget
from .._model.run_in import RunIn
from .._model.statistics import PoolStats, PoolStatus, pool_stats, pool_status
from .._model.strategy import StrategyLike, WaitStrategy, parse_strategy
from .._model.task import WorkerTask
from .alone import run_alone, run_alone_in_thread
from .calls import call_parts, task_list
from .entry import begin_call
from .holds import Pausable, check_setting
from .observers import guarded
from .over_items import OverItems
from .released import Releasable
from .run import CallSpec, open_run, run_steps
from .task_lists import tasks_spec

__all__ = ["WorkerPool", "live_pools"]

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

logger = logging.getLogger("hocket.pool")

# By their identity: a subclass may be equal to others, or have no hash.
_live: WeakSet[WorkerPool] = WeakSet()


def live_pools() -> list[WorkerPool]:
    """Return every pool there is, for who looks for steps that were left behind."""
    return list(_live)


class WorkerPool(OverItems, Pausable, Releasable):
    """A limit on how many steps run at once, shared by all who use the pool.

    There is nothing to open or to close: steps run where they are awaited, and
    when the awaiting call is left, nothing of it runs any more. A slot that becomes free goes to
    the longest waiter; who was served and wants more stands at the end of the line, so that no
    caller waits for another one's backlog. A step may use the pool that it runs in: it lends its
    slot to the steps that it submits, and counts once with the one that runs in it.

    A pool serves one ``trio.run`` at a time.

    Args:
        max_concurrent: the most steps at once: a whole number, or ``math.inf`` for no limit.
            Default 10.
        queue_size: how many calls of :meth:`execute` may wait in the pool's queue for a slot. None,
            the default, is no bound; 0 is now or never. A call inside a workflow that waits for
            that workflow's ``max_concurrent`` takes no place until it waits for the pool; but while
            the queue is full, any call that could not start at once is refused (or waits, with
            ``when_full="wait"``). One that was taken in is never refused later. The lists of
            :meth:`execute_many` and of groups are their own backlog and take no place.
        timeout: seconds (or a ``timedelta``) that one step may run, from its start. None, the
            default, is no limit.
        when_full: what :meth:`execute` does when the queue is full: ``"raise"`` (the default)
            :class:`QueueFull`, or ``"wait"``.
        turns: whether steps that only let others have a turn (``trio.lowlevel.checkpoint()``, a
            channel with room, a lock that is free) get the next one from each other, which takes
            a third of what it takes Trio. False: each goes through Trio's scheduler. Default True.
            It changes no outcome; instruments of Trio see every step either way.
        rate: at most so many steps start in a time: a :class:`Rate`, which other pools, groups and
            calls may share. None, the default, is no limit.
        retry_budget: how many retries there may be beside the steps: a :class:`RetryBudget`, which
            other pools may share. None, the default, is no limit.

    All but ``turns`` are properties too; the first four may be changed while steps run.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> import trio
    >>> pool = WorkerPool(max_concurrent=2)
    >>> async def double(x: int) -> int:
    ...     await trio.sleep(0)
    ...     return 2 * x
    >>> trio.run(pool.execute, double, 21)
    42
    >>> pool.get_stats().tasks_completed
    1
    """

    __slots__ = (
        "__weakref__",
        "_core",
        "_rate",
        "_retry_budget",
        "_timeout",
    )  # a misspelt setting is no new attribute

    def __init__(
        self,
        *unnamed: Never,
        max_concurrent: float = MAX_CONCURRENT,
        queue_size: float | None = None,
        timeout: Seconds | None = None,
        when_full: WhenFull = WHEN_FULL,
        turns: bool = True,
        rate: Rate | None = None,
        retry_budget: RetryBudget | None = None,
    ) -> None:
        refuse_unnamed("WorkerPool", unnamed, "max_concurrent")
        check_flag("turns", turns)
        limit = _finite(check_limit(max_concurrent))
        size = check_queue(queue_size, when_full)
        self._timeout = check_seconds("timeout", timeout)
        self._rate = check_rate("rate", rate)
        self._retry_budget = check_budget("retry_budget", retry_budget)
        self._core = _core.Pool(
            limit,
            size,
            when_full == "wait",
            turns,
            core_rate(self._rate),
            core_budget(self._retry_budget),
        )
        _live.add(self)

    @classmethod
    def from_config(cls, config: WorkerPoolConfig) -> WorkerPool:
        """Make a pool as a :class:`WorkerPoolConfig` says."""
        return cls(**as_keywords(config))

    def __repr__(self) -> str:
        status = self.get_status()
        return (
            f"<WorkerPool: {status.active_workers} of {status.max_concurrent} slots in use, "
            f"{status.queue_length} steps waiting{', paused' if status.paused else ''}>"
        )

    @property
    def timeout(self) -> float | None:
        """Seconds that one step may run, unless its group or task says otherwise.

        May be changed at any time, for the calls that are made from then on.
        """
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: Seconds | None) -> None:
        self._timeout = check_seconds("timeout", timeout)

    @property
    def max_concurrent(self) -> float:
        """The most steps at once; ``math.inf`` is no limit. May be changed while steps run.

        Raising it starts waiting steps at once; lowering it stops none, but starts no more until
        enough have ended.
        """
        return math.inf if self._core.limit is None else self._core.limit

    @max_concurrent.setter
    def max_concurrent(self, limit: float) -> None:
        limit = check_limit(limit)
        check_setting(self._core, "max_concurrent")
        self._core.resize(_finite(limit))

    @property
    def queue_size(self) -> int | None:
        """How many calls of :meth:`execute` may wait for a slot. May be changed while steps run.

        Raising it lets callers in that wait for a place, in their order. Lowering it sends nobody
        away: who is in the queue stays.
        """
        return self._core.queue_size

    @queue_size.setter
    def queue_size(self, size: float | None) -> None:
        size = check_queue(size, self.when_full)
        check_setting(self._core, "queue_size")
        self._core.queue_size = size

    @property
    def when_full(self) -> WhenFull:
        """What a call does that finds the queue full. May be changed while steps run.

        Whoever waits for a place already goes on waiting for it.
        """
        return "wait" if self._core.wait_when_full else "raise"

    @when_full.setter
    def when_full(self, when_full: WhenFull) -> None:
        check_queue(self.queue_size, when_full)
        check_setting(self._core, "when_full")
        self._core.wait_when_full = when_full == "wait"

    @property
    def rate(self) -> Rate | None:
        """At most so many steps start in a time; None is no limit."""
        return self._rate

    @property
    def retry_budget(self) -> RetryBudget | None:
        """How many retries there may be beside the steps; None is no limit."""
        return self._retry_budget

    @overload
    async def execute(self, task: WorkerTask[R], *, rate: Rate | None = None) -> R: ...
    @overload
    async def execute(
        self,
        task: Callable[[*Ts], Awaitable[R]],
        *args: *Ts,
        rate: Rate | None = None,
        run_in: Literal["trio"] | None = None,
    ) -> R: ...
    @overload
    async def execute(
        self,
        task: Callable[[*Ts], R],
        *args: *Ts,
        rate: Rate | None = None,
        run_in: Literal["thread"],
    ) -> R: ...
    @enable_ki_protection  # type: ignore[misc]  # mypy cannot match *Ts with *args: Any
    async def execute(
        self,
        task: WorkerTask[Any] | Callable[..., Any],
        *args: Any,
        rate: Rate | None = None,
        run_in: RunIn | None = None,
        **named: Any,
    ) -> Any:
        """Run one task when a slot is free, and return its value.

        Args:
            task: a :class:`WorkerTask`, or an async function.
            *args: the async function's arguments.
            rate: at most so many tasks start in a time that are given this one, besides the pool's own rate.
                Default None. Such a call takes no place in the pool's queue.
            run_in: ``"thread"``: the function blocks, and runs in a thread, in a copy of the caller's context.
            **named: none: bind arguments that go by name with :func:`functools.partial`.

        Raises:
            TypeError: it cannot be run; the message says what to write.
            QueueFull: all slots are taken, or the pool is paused, and ``queue_size`` calls wait
                already. Such a call is in no statistic.
            StepTimeout: the task ran longer than its ``timeout``, or the pool's.
            Exception: whatever the task raises, as it is.

        If the caller is cancelled while the task waits, nothing of it has happened; the statistics
        count it as skipped.

        The task runs in the caller's Trio task and context, as ``await task(*args)`` would: context
        variables that it sets stay set.
        """
        name, function, timeout, retry, in_thread = call_parts(task, args, named, run_in)
        check_rate("rate", rate)
        await begin_call()
        spec = CallSpec(
            id=None,
            ids=[name],
            steps=[function],
            step_timeout_ns=limit_to_ns(self.timeout if timeout is None else timeout),
            bounded=True,
            observer=guarded((), logger, "pool"),
            rate=core_rate(rate),
            retry=retry,
            in_threads=in_thread,
        )
        run_one = run_alone_in_thread if in_thread else run_alone
        try:
            try:
                suspended = await run_one(open_run(self._core, spec))
            finally:
                # Once more: a signal handler that raises may have kept run_alone from it.
                spec.close()
        except GeneratorExit:
            raise  # the caller is being closed, and nothing else may come out of it
        except BaseException as failure:
            if not spec.errors:
                raise
            # The task failed while it was being cancelled: neither may hide the other.
            both = [failure, spec.errors.pop(name)]
            raise BaseExceptionGroup(f"task {name!r} failed while it was cancelled", both) from None
        if not suspended:
            # Every call goes through Trio's scheduler once. Shielded: what is done is done.
            await trio.lowlevel.cancel_shielded_checkpoint()
        if spec.errors:
            raise spec.errors.pop(name)
        return spec.results[name]

    async def execute_many(self, tasks: Iterable[WorkerTask[R]]) -> list[R]:
        """Run tasks, each in a context of its own, and return their values in their order.

        Raises:
            GroupFailed: a task failed; the others were cancelled at once. It is an exception
                group, also for one error.
        """
        result = await self.execute_with_strategy(tasks)
        result.raise_for_failure()
        return [result.results[step] for step in result.steps]

    async def execute_with_strategy(
        self,
        tasks: Iterable[WorkerTask[R]],
        wait_strategy: StrategyLike = WaitStrategy.ALL,
        *,
        timeout: Seconds | None = None,
        rate: Rate | None = None,
    ) -> ParallelExecutionResult[R]:
        """Run tasks under a wait strategy, and return results and verdict.

        A failing task raises nothing here.

        Args:
            tasks: what to run.
            wait_strategy: when it is decided. Default ``"all"``.
            timeout: seconds for all of them together. Default: no limit.
            rate: at most so many of them start in a time, besides the pool's own rate. Default None.

        Raises:
            ValueError: two tasks have the same id, or there is no such strategy.
        """
        spec = tasks_spec(
            self._core,
            task_list(tasks),
            parse_strategy(wait_strategy),
            default_timeout=self.timeout,
            timeout=check_seconds("timeout", timeout),
            rate=core_rate(check_rate("rate", rate)),
        )
        spec.observer = guarded((), logger, "group 'tasks'")
        return await run_steps(self._core, spec, logger)

    def get_stats(self, *, window: Seconds | None = None) -> PoolStats:
        """Return what the pool has done.

        Args:
            window: only what has happened in so many seconds up to now, at most 600. It is cut to
                whole seconds of the pool's work, so that up to one second more may be in it, and
                reaches back to the start of the present ``trio.run`` at most. Default: everything
                since the pool was made.

        Raises:
            TypeError, ValueError: there is no such window; the message says why.

        >>> WorkerPool().get_stats(window=60).tasks_completed
        0
        """
        return pool_stats(self._core, window)

    def get_status(self) -> PoolStatus:
        """Return how busy the pool is now."""
        return pool_status(self._core)

    def holders(self) -> list[tuple[str, float]]:
        """Return who holds the slots now: each running step's id and its age in seconds."""
        return self._core.holders()


def _finite(limit: float) -> int | None:
    return None if limit == math.inf else int(limit)

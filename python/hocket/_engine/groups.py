"""Groups of steps on a shared pool."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Never, TypeVar, overload

from .. import _core
from .._base.callables import uncalled_hint
from .._base.checks import refuse_unnamed
from .._base.durations import Seconds, limit_to_ns
from .._base.shown import shown
from .._model.config import MAX_CONCURRENT, WHEN_FULL, WhenFull, WorkerPoolConfig, as_keywords
from .._model.event import Observer
from .._model.group import ParallelGroup
from .._model.rate import Rate, core_rate
from .._model.result import ParallelExecutionResult
from .._model.retry_budget import RetryBudget
from .._model.run_in import Blocking, check_for_thread
from .._model.statistics import GroupStats, PoolStats, PoolStatus
from .._model.strategy import check_quorum
from .group_accounts import GroupAccounts
from .group_steps import steps_of
from .observers import as_observers, guarded
from .pool import WorkerPool
from .run import RunSpec, run_steps

__all__ = ["ParallelExecutionManager", "run_group"]

S = TypeVar("S")
R = TypeVar("R")

logger = logging.getLogger("hocket.group")


class ParallelExecutionManager:
    """Runs groups of steps on one :class:`WorkerPool`, which all groups share fairly.

    Takes the same keywords as :class:`WorkerPool`. The pool itself is :attr:`pool`.

    >>> import trio
    >>> async def shout(step: str) -> str:
    ...     await trio.sleep(0)
    ...     return step.upper()
    >>> manager = ParallelExecutionManager(max_concurrent=5)
    >>> result = trio.run(manager.execute_group, ParallelGroup("words", ["a", "b"]), shout)
    >>> result.success, result.results["b"]
    (True, 'B')
    """

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
        refuse_unnamed("ParallelExecutionManager", unnamed, "max_concurrent")
        self._pool = WorkerPool(
            max_concurrent=max_concurrent,
            queue_size=queue_size,
            timeout=timeout,
            when_full=when_full,
            turns=turns,
            rate=rate,
            retry_budget=retry_budget,
        )
        self._accounts = GroupAccounts()

    @classmethod
    def from_config(cls, config: WorkerPoolConfig) -> ParallelExecutionManager:
        """Make a manager with a pool as a :class:`WorkerPoolConfig` says."""
        return cls(**as_keywords(config))

    @property
    def pool(self) -> WorkerPool:
        """The pool that all groups share; single tasks may use it as well."""
        return self._pool

    @overload
    async def execute_group(
        self,
        group: ParallelGroup[Blocking[S]],
        step_executor: Callable[[S], R],
        context: Any = None,
        *,
        observer: Observer | Iterable[Observer] | None = None,
    ) -> ParallelExecutionResult[R]: ...
    @overload
    async def execute_group(
        self,
        group: ParallelGroup[S],
        step_executor: Callable[[S], Awaitable[R]],
        context: Any = None,
        *,
        observer: Observer | Iterable[Observer] | None = None,
    ) -> ParallelExecutionResult[R]: ...
    async def execute_group(
        self,
        group: ParallelGroup[Any],
        step_executor: Callable[[Any], Any],
        context: Any = None,
        *,
        observer: Observer | Iterable[Observer] | None = None,
    ) -> ParallelExecutionResult[Any]:
        """Run a group, and return its result when nothing of it runs any more.

        Args:
            group: what to run, and how.
            step_executor: an async function that is called with each step, as the group lists it,
                and returns the step's value. It runs in a context of its own, a copy of the caller's.
                Of a group with ``run_in="thread"``: a function that blocks.
            context: goes to a group's function of steps, and nowhere else. Default None.
            observer: is called with a :class:`StepEvent` as each step starts and ends; if it
                raises, that is logged and it is called no more. Or several of them. Default: none.

        Raises:
            TypeError, ValueError: the call cannot work: no async function, two steps of one id.
            trio.Cancelled: the caller was cancelled.

        A failing step raises nothing; ask the result, or call its ``raise_for_failure``.
        """
        if not isinstance(group, ParallelGroup):
            raise TypeError(f"execute_group takes a ParallelGroup; got {shown(group)}")
        pool = self._pool
        observers = as_observers(observer)
        return await run_group(
            pool,
            group,
            step_executor,
            context,
            default_timeout=pool.timeout,
            observers=observers,
            accounts=self._accounts,
        )

    def get_stats(self, *, window: Seconds | None = None) -> PoolStats:
        """Return what the pool has done: since it was made, or in the last ``window`` seconds.

        See :meth:`WorkerPool.get_stats`.
        """
        return self._pool.get_stats(window=window)

    def group_stats(self, id: str) -> GroupStats:
        """Return what the groups of this id have come to on this manager, in all their runs.

        Known are all groups that run, and the 1,000 that have ended most recently; a group that
        comes back after it was forgotten begins anew.

        Raises:
            KeyError: no group of this id has run here, or it has been forgotten.
            TypeError: ``id`` is not a text.
        """
        if not isinstance(id, str):
            raise TypeError(f"group_stats takes the id of a group; got {shown(id)}")
        return self._accounts.stats(str.__str__(id))

    def get_status(self) -> PoolStatus:
        """Return how busy the pool is now."""
        return self._pool.get_status()


async def run_group(
    pool: WorkerPool,
    group: ParallelGroup[Any],
    step_executor: Callable[[Any], Any],
    context: object,
    *,
    default_timeout: float | None,
    observers: Sequence[Observer],
    accounts: GroupAccounts | None = None,
) -> ParallelExecutionResult[Any]:
    """Run a group on a pool, as :meth:`ParallelExecutionManager.execute_group` says.

    Args:
        pool: where its steps run.
        group: what to run, and how.
        step_executor: is called with each step.
        context: goes to a group's function of steps.
        default_timeout: seconds that each step may run if the group does not say.
        observers: are told of each step's start and end.
        accounts: where account is kept of the run, if anywhere.
    """
    if not callable(step_executor):
        raise TypeError(
            "step_executor must be an async function of a step; got "
            f"{shown(step_executor)}{uncalled_hint(step_executor)}"
        )
    if group.run_in == "thread":
        check_for_thread("step_executor", step_executor)
    steps = await steps_of(group, context)
    where = f"group {group.id!r}"
    ids = _core.step_ids(steps, group.key, f"{where}: steps")
    check_quorum(where, group.wait_strategy, len(ids))
    step_timeout = default_timeout if group.step_timeout is None else group.step_timeout
    return await run_steps(
        pool._core,
        RunSpec(
            id=group.id,
            ids=ids,
            steps=steps,
            executor=step_executor,
            strategy=group.wait_strategy,
            max_concurrent=group.max_concurrent,
            continue_on_error=group.continue_on_error,
            fail_fast=group.fail_fast,
            timeout=group.timeout,
            step_timeout_ns=limit_to_ns(step_timeout),
            isolation=group.isolation,
            in_threads=group.run_in == "thread",
            rate=core_rate(group.rate),
            retry=group.retry,
            observer=guarded(observers, logger, where),
            stagger=group.stagger,
        ),
        logger,
        accounts=accounts,
    )

"""One piece of work for a pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar, overload

import attrs

from .._base.callables import uncalled_hint
from .._base.checks import check_id
from .._base.durations import Seconds, check_seconds
from .._base.shown import shown
from .retry import Retry, check_retry
from .run_in import RunIn, check_for_thread, check_run_in

__all__ = ["WorkerTask"]

R_co = TypeVar("R_co", covariant=True)


@attrs.frozen(init=False)
class WorkerTask(Generic[R_co]):
    """A named function without arguments, for :meth:`WorkerPool.execute` and its kin.

    Args:
        id: its name, unique among the tasks that are run together.
        execute: an async function without arguments (use :func:`functools.partial` to bind some).
        timeout: seconds it may run, from its start, not from its queueing. None, the default, is
            the pool's ``timeout``.
        retry: how often it is tried if it fails: a :class:`Retry`. Default None: once.
        run_in: ``"trio"`` (default), or ``"thread"``: ``execute`` is a function that blocks, and runs
            in a thread; see :class:`ParallelGroup`.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> async def ping() -> str:
    ...     return "pong"
    >>> WorkerTask("ping", ping, timeout=5).timeout
    5.0
    """

    id: str
    execute: Callable[[], Any]
    timeout: float | None
    retry: Retry | None
    run_in: RunIn

    @overload
    def __init__(
        self,
        id: str,
        execute: Callable[[], Awaitable[R_co]],
        timeout: Seconds | None = None,
        retry: Retry | None = None,
        *,
        run_in: Literal["trio"] = "trio",
    ) -> None: ...
    @overload
    def __init__(
        self,
        id: str,
        execute: Callable[[], R_co],
        timeout: Seconds | None = None,
        retry: Retry | None = None,
        *,
        run_in: Literal["thread"],
    ) -> None: ...
    def __init__(
        self,
        id: str,
        execute: Callable[[], Any],
        timeout: Seconds | None = None,
        retry: Retry | None = None,
        *,
        run_in: RunIn = "trio",
    ) -> None:
        id = check_id("id", id)  # noqa: A001 - the name of the parameter
        timeout, retry = check_seconds("timeout", timeout), check_retry("retry", retry)
        if not callable(execute):
            raise TypeError(
                f"execute of task {id!r} must be an async function; got "
                f"{shown(execute)}{uncalled_hint(execute)}"
            )
        if check_run_in("run_in", run_in) == "thread":
            check_for_thread(f"execute of task {id!r}", execute)
        self.__attrs_init__(id, execute, timeout, retry, run_in)  # pyright: ignore[reportAttributeAccessIssue]

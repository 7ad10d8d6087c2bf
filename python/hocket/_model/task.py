"""One piece of work for a pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import attrs

from .._base.callables import uncalled_hint
from .._base.checks import check_id
from .._base.durations import Seconds, check_seconds
from .._base.shown import shown
from .retry import Retry, check_retry

__all__ = ["WorkerTask"]

R_co = TypeVar("R_co", covariant=True)


def _id(value: str) -> str:
    return check_id("id", value)


def _timeout(value: Seconds | None) -> float | None:
    return check_seconds("timeout", value)


def _retry(value: Retry | None) -> Retry | None:
    return check_retry("retry", value)


@attrs.frozen
class WorkerTask(Generic[R_co]):
    """A named async function without arguments, for :meth:`WorkerPool.execute` and its kin.

    Args:
        id: its name, unique among the tasks that are run together.
        execute: an async function without arguments (use :func:`functools.partial` to bind some).
        timeout: seconds it may run, from its start, not from its queueing. None, the default, is
            the pool's ``timeout``.
        retry: how often it is tried if it fails: a :class:`Retry`. Default None: once.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> async def ping() -> str:
    ...     return "pong"
    >>> WorkerTask("ping", ping, timeout=5).timeout
    5.0
    """

    id: str = attrs.field(converter=_id)
    execute: Callable[[], Awaitable[R_co]]
    timeout: float | None = attrs.field(default=None, converter=_timeout)
    retry: Retry | None = attrs.field(default=None, converter=_retry)

    def __attrs_post_init__(self) -> None:
        if not callable(self.execute):
            raise TypeError(
                f"execute of task {self.id!r} must be an async function; got "
                f"{shown(self.execute)}{uncalled_hint(self.execute)}"
            )

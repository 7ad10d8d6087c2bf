"""Where a step runs: on Trio's thread, or in a thread of its own."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeAlias, TypeVar, get_args

from .._base.callables import is_async_callable, name_of
from .._base.checks import is_one_of
from .._base.shown import shown

__all__ = ["Blocking", "RunIn", "check_for_thread", "check_run_in"]

RunIn: TypeAlias = Literal["trio", "thread"]

_PLACES = get_args(RunIn)

S_co = TypeVar("S_co", covariant=True)


class Blocking(Generic[S_co]):
    """For types alone: stands for the steps of a group that runs in threads.

    ``ParallelGroup("files", ["a.txt"], run_in="thread")`` is a ``ParallelGroup[Blocking[str]]``, so that a
    type checker asks for a function of a ``str`` that is not async.
    """


def check_run_in(where: str, run_in: Any) -> RunIn:
    """Return where steps run.

    Raises:
        ValueError: there is no such place; the message names ``where``.
    """
    if not is_one_of(run_in, _PLACES):
        raise ValueError(
            f"{where} must be 'trio', for async functions, or 'thread', for functions that block; "
            f"got {shown(run_in)}"
        )
    return run_in  # type: ignore[no-any-return]


def check_for_thread(what: str, function: object) -> None:
    """Refuse an async function where a thread is to run it, which cannot await.

    Raises:
        TypeError: it is async; the message says what to write.
    """
    if is_async_callable(function):
        raise TypeError(
            f"{what} is async, and run_in=\"thread\" is for functions that block: write 'def' instead of "
            f"'async def' in {name_of(function)!r}, or leave run_in out"
        )

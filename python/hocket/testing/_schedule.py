"""Virtual time, and an order of tasks that can be repeated."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ContextDecorator, nullcontext
from typing import Any, TypeVar, TypeVarTuple

import trio
import trio.testing

__all__ = ["run_virtual", "seeded_schedule"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run_virtual(fn: Callable[[*Ts], Awaitable[T]], *args: *Ts, seed: int | None = None) -> T:
    """``trio.run`` in virtual time: sleeping takes no time, and every instant is exact.

    When all tasks sleep, the clock jumps to the earliest deadline. A time limit of an hour costs a
    test nothing, and a step of 3 s that has a limit of 2 s always times out.

    Args:
        fn: an async function.
        *args: its arguments.
        seed: see :func:`seeded_schedule`. Default: Trio's own random order.

    Returns:
        What ``fn`` returns. Raises what it raises.

    >>> async def long() -> float:
    ...     await trio.sleep(3600)
    ...     return trio.current_time()
    >>> run_virtual(long)
    3600.0
    """
    clock = trio.testing.MockClock(autojump_threshold=0)
    with nullcontext() if seed is None else seeded_schedule(seed):
        return trio.run(fn, *args, clock=clock)


def seeded_schedule(seed: int) -> AbstractContextManager[None]:
    """Let each ``trio.run`` inside choose the order of its tasks by ``seed``.

    Tasks that become runnable at the same moment run in any order, and Trio shuffles them so that
    nobody relies on one. A test that fails once in fifty runs fails always under the right seed:

    >>> async def order() -> list[int]:
    ...     ran: list[int] = []
    ...     async def one(n: int) -> None:
    ...         ran.append(n)
    ...     async with trio.open_nursery() as nursery:
    ...         for n in range(5):
    ...             nursery.start_soon(one, n)
    ...     return ran
    >>> run_virtual(order, seed=7) == run_virtual(order, seed=7)
    True

    Threads, sockets and the time of day are not in Trio's hands, and stay as they are. Not for use
    inside a ``trio.run``.

    Raises:
        RuntimeError: this version of Trio does not let its order be chosen, or runs already.
    """
    return _Seeded(seed)


class _Seeded(ContextDecorator):
    # A class: a generator's manager writes to the exception that passes, which may refuse it.

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._before: list[tuple[bool, Any]] = []

    def __enter__(self) -> None:
        if trio.lowlevel.in_trio_run():
            raise RuntimeError("seeded_schedule goes around trio.run, not inside it")
        # Private to Trio; its own Hypothesis plugin uses the same two.
        run: Any = sys.modules.get("trio._core._run")
        order = getattr(run, "_r", None)
        if order is None or not hasattr(run, "_ALLOW_DETERMINISTIC_SCHEDULING"):
            raise RuntimeError(f"trio {trio.__version__} does not let the order of tasks be chosen")
        self._before.append((run._ALLOW_DETERMINISTIC_SCHEDULING, order.getstate()))
        run._ALLOW_DETERMINISTIC_SCHEDULING = True
        order.seed(self._seed)

    def __exit__(self, *_: object) -> None:
        run: Any = sys.modules["trio._core._run"]
        run._ALLOW_DETERMINISTIC_SCHEDULING, state = self._before.pop()
        run._r.setstate(state)

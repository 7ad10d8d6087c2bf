"""Threads that run a group's functions, and the clerk who does for them what only Trio's thread may."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TypeVar

import trio
from trio.lowlevel import current_task, current_trio_token, enable_ki_protection

from .. import _core
from .bell import Bell

__all__ = ["Clerk", "call_in_thread", "send_thread"]

R = TypeVar("R")

_limiter = trio.lowlevel.RunVar[trio.CapacityLimiter]("hocket's threads")


@enable_ki_protection
async def send_thread(driver: _core.ThreadDriver) -> None:
    """Have a thread run steps for this task, until there are no more or the scope is used up.

    The task is the one that the functions know: ``trio.from_thread.run`` runs in it, and
    ``trio.from_thread.check_cancelled`` asks whether it is cancelled. The thread is one of Trio's, which
    are used again and end when they have been idle for some seconds.
    """
    limiter = _unlimited()
    # The frames of a function that has failed lead to the thread's own, and those to this.
    held = [driver]
    try:
        while True:
            work = partial(_work, held)
            await trio.to_thread.run_sync(work, thread_name="hocket.thread", limiter=limiter)
            wait = driver.wait()
            if wait is None:
                return
            try:
                await wait
            finally:
                driver.woke()
    finally:
        held.clear()


def _work(held: list[_core.ThreadDriver]) -> None:
    held[0].work()


async def call_in_thread(pool: _core.Pool, function: Callable[[], R], limit: float | None) -> R:
    """Be an async step of this pool that calls a function in a thread, and ends when that has returned.

    If that took longer than the step's ``limit`` in seconds, the step has timed out, whatever the function
    has returned or raised.
    """
    began = trio.current_time()
    task = current_task()
    _core.begin_blocking(pool, task)
    try:
        return await trio.to_thread.run_sync(_call, function, limiter=_unlimited())
    finally:
        past = limit is not None and trio.current_time() - began >= limit
        _core.end_blocking(pool, task, past)


def _call(function: Callable[[], R]) -> R:
    try:
        return function()
    except StopIteration as stray:
        # Trio's coroutines would say that one of them had raised it.
        raise RuntimeError("function raised StopIteration") from stray


def _unlimited() -> trio.CapacityLimiter:
    # How many there are is for the pool to say, whose slots they have.
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(trio.CapacityLimiter(inf))
        return _limiter.get()


class Clerk:
    """Does what the threads of one run leave for Trio's thread.

    They call for it at most once until it has come, so that one trip through Trio serves many steps.
    """

    def __init__(self, run: _core.Run) -> None:
        self._run = run
        self._bell = Bell()
        self._over = False
        self._cancelled = False
        self._workers = 0
        run.employ(partial(current_trio_token().run_sync_soon, self._bell.ring))

    def begins(self) -> None:
        """One more worker has a thread."""
        self._workers += 1

    def leaves(self) -> None:
        """A worker has no thread any more."""
        self._workers -= 1
        if self._workers == 0:
            self._bell.ring()

    def end(self) -> None:
        """No more steps will come, and no thread works for the run."""
        self._over = True
        self._bell.ring()

    @enable_ki_protection
    async def work(self) -> None:
        """Attend until no thread is left, also while the run is being cancelled."""
        try:
            await self._attend()
        except trio.Cancelled:
            # Functions cannot be cancelled. No other one starts, and those that run are waited for.
            self._cancelled = True
            self._run.abandon()
            with trio.CancelScope(shield=True):
                await self._attend()
            raise
        except BaseException:
            self._run.abandon()
            raise
        finally:
            self._run.employ(None)
            del self

    async def _attend(self) -> None:
        while True:
            if self._run.attend():
                await trio.lowlevel.checkpoint()
            elif self._over or (self._cancelled and self._workers == 0):
                return
            else:
                await self._bell.wait()

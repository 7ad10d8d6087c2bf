"""Contenders that follow each other: the next one starts after a while, or as one fails."""

from __future__ import annotations

import trio
from trio.lowlevel import enable_ki_protection

from .. import _core
from .._model.event import EventKind, Observer, StepEvent
from .._model.hedging import Stagger

__all__ = ["Contenders"]

_FAILURES = (EventKind.FAILED, EventKind.TIMED_OUT)


class Contenders:
    """Lets the steps of a run start one after the other.

    Args:
        stagger: when, and how many beside each other.
        count: how many there are.
        first: how many start at once.
    """

    def __init__(self, stagger: Stagger, count: int, first: int) -> None:
        self._stagger = stagger
        self._count = count
        self._first = first
        self._failures = 0
        """Of contenders that no other one has followed yet."""
        self._hedges = 0
        self._failed = trio.Event()

    def beside(self, observer: Observer | None) -> Observer:
        """Return an observer that notes failures, and tells the given one."""

        @enable_ki_protection
        def note(event: StepEvent) -> None:
            if event.kind in _FAILURES:
                self._failures += 1
                self._failed.set()
            if observer is not None:
                observer(event)

        return note

    @enable_ki_protection
    async def start_all(self, run: _core.Run) -> None:
        """Let one after the other start. Ends with the last one, or is cancelled with the run."""
        feed = _core.Feed(run)
        if self._stagger.budget is not None:
            self._stagger.budget.earn()
        for place in range(self._count):
            if place >= self._first:
                await self._wait_for_turn()
            feed.put(place)
        feed.end()
        run.start()

    async def _wait_for_turn(self) -> None:
        """Wait until one has failed that was not followed, or until a hedge may start."""
        while not self._failures:
            self._failed = trio.Event()
            with trio.move_on_after(self._patience) as patience:
                await self._failed.wait()
            if patience.cancelled_caught and not self._failures and self._may_hedge():
                self._hedges += 1
                return
        self._failures -= 1

    @property
    def _patience(self) -> float:
        most = self._stagger.max_hedges
        may_hedge = most is None or self._hedges < most
        return self._stagger.seconds if may_hedge else float("inf")

    def _may_hedge(self) -> bool:
        budget = self._stagger.budget
        return budget is None or budget.spend()

"""Steps that keep account of themselves: who ran, how often, how many at once, after whom."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from benches.check.wrong import Wrong
from benches.work.frame import LIMIT
from benches.work.runtimes import Runtime
from benches.work.steps_async import FOREVER

NAP = 0.001


class Watch:
    """The account of one run."""

    def __init__(
        self,
        runtime: Runtime,
        limit: int | None = LIMIT,
        before: Mapping[str, Sequence[str]] | None = None,
        failing: Sequence[str] = (),
        runners: int | None = None,
        nap: float = NAP,
    ) -> None:
        self.runtime = runtime
        self.limit = limit
        # Step -> those that must have ended when it starts.
        self.before = before or {}
        self.failing = failing
        # In a race, the step that starts as number `runners` wins and the others wait for ever.
        self.runners = runners
        # Seconds that a step takes.
        self.nap = nap
        self.starts: Counter[str] = Counter()
        # When each began, by the clock of time.perf_counter.
        self.times: list[float] = []
        self.ended: set[str] = set()
        self.running = self.most = 0
        # The first to return a value.
        self.first: str | None = None
        self.early: str | None = None
        self._lock = threading.Lock()

    async def step(self, name: str, context: object = None) -> str:
        started = self._enter(name)
        try:
            if self.runners is not None and started < self.runners:
                await self._lose()
            await self.runtime.sleep(self.nap)
            return self._value(name)
        finally:
            self._leave(name)

    def plain_step(self, name: str, context: object = None) -> str:
        self._enter(name)
        try:
            self.runtime.sleep(self.nap)
            return self._value(name)
        finally:
            self._leave(name)

    def check(self, names: Sequence[str], *, all_run: bool = True) -> None:
        """Raise Wrong unless each step ran exactly once, within the limit and in order."""
        if self.running:
            raise Wrong(f"{self.running} steps still ran, or cleaned up, on return")
        twice = [name for name, starts in self.starts.items() if starts > 1]
        if twice:
            raise Wrong(f"{len(twice)} steps ran more than once, {twice[0]!r} is one")
        missing = [name for name in names if name not in self.starts]
        if missing and all_run:
            raise Wrong(f"{len(missing)} steps did not run, {missing[0]!r} is one")
        if self.limit is not None and self.most > self.limit:
            raise Wrong(f"{self.most} steps ran at once; the limit is {self.limit}")
        if self.early is not None:
            raise Wrong(f"{self.early!r} started before a step that it has to wait for had ended")

    async def _lose(self) -> None:
        try:
            await self.runtime.sleep(FOREVER)
        finally:
            with self.runtime.shield():
                await self.runtime.sleep(NAP)

    def _enter(self, name: str) -> int:
        with self._lock:
            self.starts[name] += 1
            self.times.append(time.perf_counter())
            self.running += 1
            self.most = max(self.most, self.running)
            if not self.ended.issuperset(self.before.get(name, ())):
                self.early = name
            return self.starts.total()

    def _leave(self, name: str) -> None:
        with self._lock:
            self.running -= 1
            self.ended.add(name)

    def _value(self, name: str) -> str:
        if name in self.failing:
            raise ValueError(name)
        self.first = self.first or name
        return name

"""One call of a contender: what it is given, and what must come back. One class a shape."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from benches.check.wrong import Wrong, same
from benches.work.layers import layered
from benches.work.runtimes import Runtime

Step = Callable[..., Any]

# How often, and how far apart, the small group runs beside the batch.
GOES = 20
PAUSE = 0.002

# More than any of them can start.
PER_SECOND = 10_000_000


async def one_by_one(names: Sequence[str]) -> AsyncGenerator[str, None]:
    for name in names:
        yield name


class Trial:
    """The shapes that return a dict of values: each, groups, calls."""

    def __init__(
        self,
        runtime: Runtime,
        names: Sequence[str],
        step: Step,
        expect: Callable[[str], Any] = str,
    ) -> None:
        self.runtime = runtime
        self.names = list(names)
        self.step = step
        self.expect = expect

    def arguments(self) -> tuple[Any, ...]:
        return self.step, self.names

    def seconds(self, clock: float, result: Any) -> float:
        """What counts: here the whole call."""
        return clock

    def check(self, result: Any) -> None:
        """Raise Wrong unless the work was done."""
        same(result, {name: self.expect(name) for name in self.names})


class Graph(Trial):
    """Layers of steps, each of which depends on three of the layer before."""

    def arguments(self) -> tuple[Any, ...]:
        return self.step, layered(self.names)


class Settle(Trial):
    """One step in a hundred fails, the others go on."""

    def check(self, result: Any) -> None:
        values, errors = result
        failing = {name for name in self.names if name.endswith("00")}
        same(values, {name: self.expect(name) for name in self.names if name not in failing})
        kinds = {name: type(error).__name__ for name, error in errors.items()}
        same(kinds, dict.fromkeys(failing, "ValueError"), "errors")


class Stream(Trial):
    """The names come out of an async generator."""

    def arguments(self) -> tuple[Any, ...]:
        return self.step, one_by_one(self.names)


class Rated(Trial):
    """A rate that is there, and holds nobody back."""

    def arguments(self) -> tuple[Any, ...]:
        return self.step, self.names, PER_SECOND


class Race(Trial):
    """The step that starts last wins, so that all have been started."""

    def __init__(self, runtime: Runtime, names: Sequence[str], step: Step, *_: Any) -> None:
        super().__init__(runtime, names, step)
        self.started = self.cleaned = 0
        self.winner: str | None = None

    def arguments(self) -> tuple[Any, ...]:
        async def run(name: str, context: object = None) -> str:
            self.started += 1
            if self.started == len(self.names):
                await self.runtime.checkpoint()
                self.winner = name
                return name
            try:
                return await self.step(name)
            finally:
                self.cleaned += 1

        return run, self.names

    def check(self, result: Any) -> None:
        if result != self.winner:
            raise Wrong(f"{result!r} is said to have won, but {self.winner!r} was the first")
        if self.cleaned != len(self.names) - 1:
            raise Wrong(f"{self.cleaned} of {len(self.names) - 1} losers had cleaned up on return")


class Beside(Trial):
    """A group of three, again and again, while a big batch has the same limit."""

    def __init__(self, runtime: Runtime, names: Sequence[str], step: Step, *_: Any) -> None:
        super().__init__(runtime, names, step)
        self.done = 0
        self.goes = 0

    def arguments(self) -> tuple[Any, ...]:
        if self.runtime.plain:
            return self._plain_step, self.names, self._plain_small
        return self._step, self.names, self._small

    def seconds(self, clock: float, result: list[float]) -> float:
        return statistics.median(result)

    def check(self, result: Any) -> None:
        if not result:
            raise Wrong("the batch was over before the first small group could start")

    async def _step(self, name: str, context: object = None) -> str:
        value = await self.step(name)
        self.done += 1
        return value

    def _plain_step(self, name: str, context: object = None) -> str:
        value = self.step(name)
        self.done += 1
        return value

    async def _small(self, group: Callable[[list[str]], Any]) -> list[float]:
        waited: list[float] = []
        await self.runtime.sleep(PAUSE)
        while self._more():
            with self._clock(waited):
                await group(self._group())
            await self.runtime.sleep(PAUSE)
        return waited

    def _plain_small(self, group: Callable[[list[str]], Any]) -> list[float]:
        waited: list[float] = []
        time.sleep(PAUSE)
        while self._more():
            with self._clock(waited):
                group(self._group())
            time.sleep(PAUSE)
        return waited

    def _more(self) -> bool:
        """Whether the batch still runs, or nobody would be beside anything."""
        return self.goes < GOES and self.done - 3 * self.goes < len(self.names)

    def _group(self) -> list[str]:
        self.goes += 1
        return [f"small-{self.goes}-{i}" for i in range(3)]

    @contextlib.contextmanager
    def _clock(self, waited: list[float]) -> Any:
        began = time.perf_counter()
        yield
        waited.append(time.perf_counter() - began)


TRIALS: dict[str, type[Trial]] = {
    "each": Trial,
    "settle": Settle,
    "race": Race,
    "groups": Trial,
    "calls": Trial,
    "beside": Beside,
    "graph": Graph,
    "stream": Stream,
    "rated": Rated,
    "retried": Trial,
}

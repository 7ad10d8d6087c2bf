"""Whether a contender does its work: one untimed run of each shape with steps that are watched."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benches.check.trials import one_by_one
from benches.check.watch import NAP, Watch
from benches.check.wrong import Wrong, same
from benches.work.frame import CALLERS, LIMIT, threes
from benches.work.layers import layered
from benches.work.runtimes import Runtime
from benches.work.workloads import numbered

# Starts in a second, where it is checked that a rate is kept.
SLOW_RATE = 200


@dataclass
class Case:
    """One watched call."""

    watch: Watch
    arguments: tuple[Any, ...]
    check: Callable[[Any], None]


def verify(
    runtime: Runtime, shape: str, function: Callable[..., Any], *, serial: bool = False
) -> None:
    """Run a contender's function for a shape, in a loop of its own.

    Raises:
        Wrong: it does not do what the shape asks for.
    """
    case = CASES[shape](runtime)

    def plain() -> None:
        result = function(*case.arguments)
        case.check(result)
        starts = case.watch.starts.total()
        runtime.sleep(5 * NAP)
        _check_afterwards(case.watch, starts, serial)

    async def main() -> None:
        result = await function(*case.arguments)
        case.check(result)
        starts = case.watch.starts.total()
        await runtime.sleep(5 * NAP)
        _check_afterwards(case.watch, starts, serial)

    runtime.run(plain if runtime.plain else main)


def _check_afterwards(watch: Watch, starts: int, serial: bool) -> None:
    if watch.running or watch.starts.total() != starts:
        raise Wrong("steps started after the return")
    if watch.most < 2 and not serial:
        raise Wrong("no two steps ran side by side; if that is its way, declare SERIAL = True")


def _step(watch: Watch) -> Callable[..., Any]:
    return watch.plain_step if watch.runtime.plain else watch.step


def _each(runtime: Runtime, n: int = 6 * LIMIT, **watched: Any) -> Case:
    names = numbered(n)
    watch = Watch(runtime, **watched)

    def check(result: Any) -> None:
        watch.check(names)
        same(result, dict(zip(names, names, strict=True)))

    return Case(watch, (_step(watch), names), check)


def _calls(runtime: Runtime) -> Case:
    return _each(runtime, n=2 * CALLERS)


def _groups(runtime: Runtime) -> Case:
    groups = threes(numbered(12))
    after = {name: earlier for earlier, group in itertools.pairwise(groups) for name in group}
    return _each(runtime, n=12, limit=3, before=after)


def _settle(runtime: Runtime) -> Case:
    names = numbered(6 * LIMIT)
    failing = names[4::10]
    watch = Watch(runtime, failing=failing)

    def check(result: Any) -> None:
        watch.check(names)
        values, errors = result
        same(values, {name: name for name in names if name not in failing})
        kinds = {name: type(error).__name__ for name, error in errors.items()}
        same(kinds, dict.fromkeys(failing, "ValueError"), "errors")

    return Case(watch, (_step(watch), names), check)


def _race(runtime: Runtime) -> Case:
    names = numbered(3 * LIMIT)
    watch = Watch(runtime, limit=None, runners=len(names))

    def check(result: Any) -> None:
        watch.check(names)
        if result != watch.first:
            raise Wrong(f"{result!r} is said to have won, but {watch.first!r} was the first")

    return Case(watch, (watch.step, names), check)


def _beside(runtime: Runtime) -> Case:
    batch, group = numbered(30 * LIMIT), ["small-1", "small-2", "small-3"]
    watch = Watch(runtime)

    def check(result: Any) -> None:
        watch.check(batch, all_run=False)
        if not watch.starts.keys() & set(batch):
            raise Wrong("no step of the batch ran")
        if not isinstance(result, set):
            raise Wrong(f"it has to return what small returned; got {result!r}")
        if missing := set(group) - result:
            raise Wrong(f"the small group returned before {min(missing)!r} had ended")

    async def small(run: Callable[[list[str]], Awaitable[Any]]) -> set[str]:
        await runtime.sleep(5 * NAP)
        await run(group)
        return set(watch.ended)

    def plain_small(run: Callable[[list[str]], Any]) -> set[str]:
        runtime.sleep(5 * NAP)
        run(group)
        return set(watch.ended)

    return Case(watch, (_step(watch), batch, plain_small if runtime.plain else small), check)


def _graph(runtime: Runtime) -> Case:
    names = numbered(6 * LIMIT)
    dependencies = layered(names, width=12)
    watch = Watch(runtime, before=dependencies)

    def check(result: Any) -> None:
        watch.check(names)
        same(result, dict(zip(names, names, strict=True)))

    return Case(watch, (_step(watch), dependencies), check)


def _stream(runtime: Runtime) -> Case:
    case = _each(runtime)
    step, names = case.arguments
    return Case(case.watch, (step, one_by_one(names)), case.check)


def _rated(runtime: Runtime) -> Case:
    # Each step takes longer than it is until the next may start.
    case = _each(runtime, n=2 * LIMIT, nap=2 / SLOW_RATE)
    step, names = case.arguments
    # From before the call: the first step may be late, and then the others seem to be early.
    began = time.perf_counter()

    def check(result: Any) -> None:
        case.check(result)
        # With the room of one start for clocks that are no finer than a tick.
        least, took = (len(names) - 2) / SLOW_RATE, max(case.watch.times) - began
        if took < least:
            raise Wrong(f"{len(names)} starts took {took:.3f} s, not {least:.3f} s")

    return Case(case.watch, (step, names, SLOW_RATE), check)


def _retried(runtime: Runtime) -> Case:
    case = _each(runtime)
    step, names = case.arguments
    left = set(names[4::10])

    def first(name: str) -> None:
        if name in left:
            left.remove(name)
            raise ValueError(name)

    async def failing(name: str, context: object = None) -> str:
        first(name)
        return await step(name)

    def plain_failing(name: str, context: object = None) -> str:
        first(name)
        return step(name)

    return Case(case.watch, (plain_failing if runtime.plain else failing, names), case.check)


CASES: dict[str, Callable[[Runtime], Case]] = {
    "each": _each,
    "settle": _settle,
    "race": _race,
    "groups": _groups,
    "calls": _calls,
    "beside": _beside,
    "graph": _graph,
    "stream": _stream,
    "rated": _rated,
    "retried": _retried,
}

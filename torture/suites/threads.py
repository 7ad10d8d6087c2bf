"""Functions in threads: real ones, that change places as often as the interpreter lets them.

Groups of functions and of async steps share a pool. Functions return, raise, call back into Trio, submit
steps of their own and ask whether they are cancelled; limits pass, callers are cancelled, something may go
wrong in between. What happens when is up to the machine, so that a seed replays the case and not the order.
Whatever the order: never more at once than there are slots, no step twice, none lost, every function has
returned when its group has, and the pool works on.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from hocket import ParallelExecutionManager, ParallelGroup, Retry, StepTimeout, _core
from hocket.testing import assert_adds_up, assert_idle, assert_partition
from torture.suite import Suite

KINDS = ["return"] * 4 + ["raise", "call", "submit", "sleep", "ask", "fatal"]
STRATEGIES = ["all", "any", "race", "all_settled", "all_settled"]
# Where something may go wrong while threads are at work.
BOUNDARIES = [
    *("CallFunction", "Attend", "Begin", "Started", "FreeSlot", "FreedSlot", "RecordValue"),
    *("RecordError", "CopyContext", "EnterContext", "ReadClock", "Enter", "Exit", "Park", "Spawn"),
]
SWITCHES = [1e-6, 1e-5, 5e-3]
FATE = {"return": "completed", "raise": "failed"}


class Broken(Exception):
    pass


class Fatal(BaseException):
    pass


class Fault(Exception):
    pass


@attrs.frozen
class Group:
    kinds: list[str]
    strategy: str
    in_threads: bool
    observed: bool
    retry: bool
    limit: int | None
    step_timeout: float | None
    timeout: float | None
    cancel_after: float | None


@attrs.frozen
class Case:
    groups: list[Group]
    limit: int
    switch: float
    fault: tuple[str, int, str] | None


def make_group(rng: random.Random) -> Group:
    kinds = KINDS if rng.random() < 0.2 else KINDS[:-1]
    limited = rng.random()
    return Group(
        kinds=rng.choices(kinds, k=rng.choice([0, 1, 3, 10, 60])),
        strategy=rng.choice(STRATEGIES),
        in_threads=rng.random() < 0.7,
        observed=rng.random() < 0.4,
        retry=rng.random() < 0.2,
        limit=rng.choice([None, None, 1, 3]),
        step_timeout=rng.choice([0.0005, 0.003, 1]) if limited < 0.4 else None,
        timeout=rng.choice([0.001, 0.01]) if limited > 0.8 else None,
        cancel_after=rng.choice([0.0, 0.001, 0.01]) if rng.random() < 0.2 else None,
    )


def make_case(seed: int) -> Case:
    rng = random.Random(seed)
    fault = None
    if hasattr(_core, "arm_fault") and rng.random() < 0.4:
        fault = rng.choice(BOUNDARIES), rng.randrange(1, 30), rng.choice(["panic", "raise", "base"])
    return Case(
        groups=[make_group(rng) for _ in range(rng.randrange(1, 4))],
        limit=rng.randrange(1, 6),
        switch=rng.choice(SWITCHES),
        fault=fault,
    )


class World:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.manager = ParallelExecutionManager(max_concurrent=case.limit)
        self.lock = threading.Lock()
        self.inside = 0
        self.starts: Counter[tuple[int, int]] = Counter()
        self.wrong: list[str] = []

    @contextmanager
    def at_work(self, group: int, step: int) -> Iterator[None]:
        with self.lock:
            self.starts[group, step] += 1
            self.inside += 1
            if self.inside > self.case.limit:
                self.wrong.append(f"{self.inside} at once, of {self.case.limit}")
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1

    def function(self, group: int, step: int) -> int:
        kind = self.case.groups[group].kinds[step]
        with self.at_work(group, step):
            if kind == "raise":
                raise Broken(step)
            if kind == "fatal":
                raise Fatal(step)
            if kind == "call":
                trio.from_thread.run(trio.lowlevel.checkpoint)
            elif kind == "sleep":
                time.sleep(0.001)
            elif kind == "ask":
                for _ in range(20):
                    trio.from_thread.check_cancelled()
                    time.sleep(0.0001)
        if kind == "submit":
            # It lends its slot meanwhile, and counts once with the one that has it.
            trio.from_thread.run(self.manager.pool.execute, self.leaf)
        return step

    async def leaf(self) -> None:
        await trio.lowlevel.checkpoint()

    async def async_step(self, group: int, step: int) -> int:
        kind = self.case.groups[group].kinds[step]
        with self.at_work(group, step):
            await trio.lowlevel.checkpoint()
            if kind == "raise":
                raise Broken(step)
            if kind == "fatal":
                raise Fatal(step)
            if kind in ("sleep", "ask"):
                await trio.sleep(0.001)
        return step

    async def run_group(self, number: int) -> None:
        group = self.case.groups[number]
        told: Counter[str] = Counter()
        with trio.move_on_after(float("inf") if group.cancel_after is None else group.cancel_after):
            result = await self.manager.execute_group(
                ParallelGroup(
                    f"g{number}",
                    range(len(group.kinds)),
                    group.strategy,
                    group.limit,
                    False,
                    group.timeout,
                    group.step_timeout,
                    run_in="thread" if group.in_threads else "trio",
                    retry=Retry(2, on=Broken, wait_initial=0, wait_max=0, wait_jitter=0)
                    if group.retry
                    else None,
                ),
                (lambda step: self.function(number, step))
                if group.in_threads
                else (lambda step: self.async_step(number, step)),
                observer=(lambda event: told.update([event.kind.value]))
                if group.observed
                else None,
            )
            assert_partition(result, result.steps)
            for step, value in result.results.items():
                if value != int(step):
                    self.wrong.append(f"step {step} has the value {value}")
            for step, error in result.errors.items():
                kind = group.kinds[int(step)]
                if not isinstance(error, StepTimeout) and kind != "raise" and not self.case.fault:
                    self.wrong.append(f"step {step}, a {kind}, has failed: {error!r}")
            if group.observed and self.case.fault is None:
                ended = sum(told.values()) - told["started"] - told["retrying"]
                if ended != told["started"] - told["retrying"]:
                    self.wrong.append(f"an observer was told {told}")

    async def main(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for number in range(len(self.case.groups)):
                    nursery.start_soon(self.run_group, number)
        finally:
            if self.inside:
                self.wrong.append(f"{self.inside} functions run on")


def strike(kind: str) -> None:
    raise Fault if kind == "raise" else Fatal


def run(case: Case) -> World:
    world = World(case)
    before = sys.getswitchinterval()
    sys.setswitchinterval(case.switch)
    if case.fault is not None:
        boundary, nth, kind = case.fault
        action = None if kind == "panic" else lambda: strike(kind)
        _core.arm_fault(boundary, nth, action)  # type: ignore[attr-defined]
    left = 1
    try:
        trio.run(world.main)
    except BaseException as error:
        fatal = any("fatal" in group.kinds for group in case.groups)
        if not fatal and case.fault is None:
            raise
        if isinstance(error, AssertionError):
            raise
    finally:
        sys.setswitchinterval(before)
        if case.fault is not None:
            left = _core.disarm_faults()  # type: ignore[attr-defined]
    if case.fault is None or left:
        assert_idle(world.manager)
        assert_adds_up(world.manager)
    else:
        assert world.manager.get_status().active_workers == 0
    for (group, step), count in world.starts.items():
        if count > (2 if case.groups[group].retry else 1):
            world.wrong.append(f"step {step} of group {group} ran {count} times")
    assert not world.wrong, "\n".join(world.wrong)
    # The pool works on.
    again = ParallelGroup("again", [1, 2, 3], run_in="thread")
    assert trio.run(world.manager.execute_group, again, str).success
    assert_idle(world.manager)
    return world


def trial(seed: int) -> Counter[str]:
    case = make_case(seed)
    try:
        world = run(case)
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{case}") from error
    return Counter(steps=sum(world.starts.values()))


SUITE = Suite(
    name="threads",
    promise="functions in threads: never more at once than slots, none lost, none twice, all returned",
    unit="cases",
    trial=trial,
    small=2_000,
    large=100_000,
    build="faults",
)

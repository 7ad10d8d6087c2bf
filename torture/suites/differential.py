"""hocket against `hocket.testing.ReferenceManager`: one Trio task and one cancel scope a step.

Steps are small random programs: they sleep, checkpoint, shield, raise, open nurseries and scopes,
catch what cancels them and clean up under a shield. Both sides run the same schedule in virtual
time, and every step must end in the same way, with the same value, at the same instant, having
lived through the same.

Of some schedules hocket is given the steps as functions that block, and runs them in threads. What they
do they do in Trio's time too: see `Blocking`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import trio
import trio.testing

from hocket import (
    ParallelExecutionManager,
    ParallelExecutionResult,
    ParallelGroup,
    StepState,
    WorkerTask,
)
from hocket.testing import ReferenceManager, assert_idle, run_virtual
from torture.shrink import shrink
from torture.suite import Suite

NS = 1_000_000_000


class Broken(Exception):
    pass


@attrs.frozen
class Op:
    """One thing that a step does: its kind, how long, and what is inside."""

    kind: str
    duration: float
    inner: list[Any]


@attrs.frozen
class Program:
    """What one step does. No two steps may end at one instant where the first decides: there, each
    begins with a sleep of its own, which the shrinker must not leave out."""

    sleep: float | None
    ops: list[Op]


@attrs.frozen(kw_only=True)
class Schedule:
    """A group and what befalls it. Fields with a default may be left out by the shrinker."""

    programs: list[Program]
    step_timeouts: list[float | None]
    limit: int
    as_tasks: bool
    group_limit: int | None = None
    strategy: str = "all_settled"
    continue_on_error: bool = False
    cancel_at: float | None = None
    timeout: float | None = None
    isolation: str = "shared"
    as_stream: bool = False
    """Whether hocket is given the steps one by one, by ``stream``, and the reference as a group."""
    in_threads: tuple[bool, ...] = ()
    """Which steps hocket is given as functions that block; all are async for the reference."""

    def blocks(self, step: int) -> bool:
        return self.in_threads[step : step + 1] == (True,)


# --- making schedules -----------------------------------------------------------------------------


def instant(rng: random.Random, most: float = 3.0) -> float:
    """A duration in whole nanoseconds: sums of few of them never meet, and floats hold them.

    Equal instants may resolve in either order, there as here.
    """
    return rng.randrange(1, int(most * NS)) / NS


NESTED = ("shielded", "scope", "finally", "nursery", "catch", "turn")
KINDS = ["sleep"] * 4 + ["checkpoint", "nothing", "raise", *NESTED]


# What a function can do. Past a step's own limit it has failed, whatever it does then: so nothing of
# what outlasts that where there is one.
BLOCKING = ["sleep"] * 4 + [
    "checkpoint",
    "nothing",
    "raise",
    "shielded",
    "finally",
    "catch",
    "turn",
]
WITHIN_LIMITS = ["sleep"] * 4 + ["checkpoint", "nothing", "raise"]
WITHOUT_TIME = ["checkpoint", "nothing", "raise"]


def make_program(rng: random.Random, depth: int = 0, kinds: list[str] = KINDS) -> list[Op]:
    return [make_op(rng, depth, kinds) for _ in range(rng.randrange(0, 4 if depth == 0 else 3))]


def make_op(rng: random.Random, depth: int, kinds: list[str]) -> Op:
    kind = rng.choice(kinds)
    if (depth > 2 and kind in NESTED) or (kind == "raise" and rng.random() < 0.5):
        kind = "sleep" if "sleep" in kinds else "nothing"
    if kind == "nursery":
        # Trio runs the tasks of one tick in any order: each child has its own instant.
        children = [
            [Op("sleep", instant(rng), []), *make_program(rng, depth + 1)]
            for _ in range(rng.randrange(1, 3))
        ]
        return Op(kind, 0.0, children)
    inner = make_program(rng, depth + 1, kinds) if kind in NESTED else []
    return Op(kind, instant(rng, 1.0 if kind == "finally" else 3.0), inner)


def make_schedule(seed: int) -> Schedule:
    rng = random.Random(seed)
    if rng.random() < 0.1:
        return make_blocking(rng)
    programs = [Program(None, make_program(rng)) for _ in range(rng.randrange(1, 9))]
    strategies = ["all", "any", "race", f"quorum({rng.randrange(1, len(programs) + 1)})"]
    strategy = rng.choice(["all_settled"] * 3 + strategies)
    limit = rng.randrange(1, 5)
    as_tasks = strategy != "all_settled" and limit > 1 and rng.random() < 0.5
    limited = rng.random() < 0.6
    if as_tasks:
        step_timeouts = [instant(rng, 4.0) if limited else None for _ in programs]
    else:
        step_timeouts = [instant(rng, 4.0) if limited else None] * len(programs)
    if strategy != "all_settled" and limit > 1:
        programs = [Program(instant(rng), program.ops) for program in programs]
        if not as_tasks:
            step_timeouts = [None] * len(programs)
    if limited and strategy == "all_settled" and rng.random() < 0.3:
        programs = [
            Program(None, [wake_at(rng, limit), *program.ops])
            for program, limit in zip(programs, step_timeouts, strict=True)
        ]
    cancel_at = instant(rng, 8.0) if rng.random() < 0.3 else None
    as_stream = strategy == "all_settled" and rng.random() < 0.3
    if as_stream:
        return Schedule(
            programs=programs,
            step_timeouts=step_timeouts,
            limit=limit,
            as_tasks=False,
            cancel_at=cancel_at,
            as_stream=True,
        )
    return Schedule(
        programs=programs,
        step_timeouts=step_timeouts,
        limit=limit,
        group_limit=rng.randrange(1, 4) if not as_tasks and rng.random() < 0.3 else None,
        strategy=strategy,
        continue_on_error=not as_tasks and rng.random() < 0.2,
        cancel_at=cancel_at,
        timeout=instant(rng, 8.0) if cancel_at is None and rng.random() < 0.3 else None,
        isolation=rng.choice(["shared", "shared", "task"]),
        as_tasks=as_tasks,
    )


def make_blocking(rng: random.Random) -> Schedule:
    """A schedule of functions, alone or among async steps; one step at a time, as it moves the clock."""
    count = rng.randrange(1, 9)
    kind = rng.choice(["group", "group", "tasks", "mixed", "stream"])
    limited = rng.random() < 0.5
    in_threads = [kind != "mixed" or rng.random() < 0.6 for _ in range(count)]
    kinds = WITHIN_LIMITS if limited else BLOCKING
    programs = [
        Program(None, make_program(rng, kinds=kinds if blocks else WITHOUT_TIME))
        for blocks in in_threads
    ]
    step_timeout = instant(rng, 4.0) if limited else None
    cancel_at = instant(rng, 8.0) if rng.random() < 0.3 else None
    strategies = ["all_settled", "all", "any", "race", f"quorum({rng.randrange(1, count + 1)})"]
    return Schedule(
        programs=programs,
        step_timeouts=[
            instant(rng, 4.0) if limited and kind in ("tasks", "mixed") else step_timeout
            for _ in programs
        ],
        limit=1,
        strategy="all_settled" if kind == "stream" else rng.choice(strategies),
        continue_on_error=kind == "group" and rng.random() < 0.2,
        cancel_at=cancel_at,
        timeout=instant(rng, 8.0)
        if cancel_at is None and kind != "stream" and rng.random() < 0.3
        else None,
        as_tasks=kind in ("tasks", "mixed"),
        as_stream=kind == "stream",
        in_threads=tuple(in_threads),
    )


def wake_at(rng: random.Random, limit: float | None) -> Op:
    """Wait until the very instant of the step's limit: bare, in a shield, in a scope or a task."""
    op = Op("sleep", limit or instant(rng), [])
    kind = rng.choice(["sleep", "shielded", "scope", "finally", "nursery", "catch", "turn"])
    if kind == "sleep":
        return op
    return Op(kind, op.duration, [[op]] if kind == "nursery" else [op])


# --- running them ---------------------------------------------------------------------------------


def now_ns() -> int:
    return round(trio.current_time() * NS)


async def run_program(program: list[Op], trail: list[Any]) -> None:
    for op in program:
        trail.append((op.kind, now_ns()))
        await OPERATIONS[op.kind](op, trail)


async def sleep(op: Op, trail: list[Any]) -> None:
    await trio.sleep(op.duration)


async def checkpoint(op: Op, trail: list[Any]) -> None:
    await trio.lowlevel.checkpoint()


async def nothing(op: Op, trail: list[Any]) -> None:
    pass


async def fail(op: Op, trail: list[Any]) -> None:
    raise Broken(len(trail))


async def shielded(op: Op, trail: list[Any]) -> None:
    with trio.CancelScope(shield=True):
        await run_program(op.inner, trail)


async def scope(op: Op, trail: list[Any]) -> None:
    with trio.move_on_after(op.duration) as limited:
        await run_program(op.inner, trail)
    trail.append(("scope over", limited.cancelled_caught))


async def finally_(op: Op, trail: list[Any]) -> None:
    try:
        await run_program(op.inner, trail)
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(op.duration)


async def nursery(op: Op, trail: list[Any]) -> None:
    trails: list[list[Any]] = [[] for _ in op.inner]
    try:
        async with trio.open_nursery() as children:
            for inner, one in zip(op.inner, trails, strict=True):
                children.start_soon(run_program, inner, one)
    finally:
        trail.append(trails)


async def catch(op: Op, trail: list[Any]) -> None:
    # Against Trio's rules, and steps do it: the cancellation is swallowed.
    try:
        await run_program(op.inner, trail)
    except trio.Cancelled:
        trail.append("caught")


async def turn(op: Op, trail: list[Any]) -> None:
    try:
        await run_program(op.inner, trail)
    except trio.Cancelled:
        raise Broken("turned") from None


OPERATIONS: dict[str, Callable[[Op, list[Any]], Any]] = {
    "sleep": sleep,
    "checkpoint": checkpoint,
    "nothing": nothing,
    "raise": fail,
    "shielded": shielded,
    "scope": scope,
    "finally": finally_,
    "nursery": nursery,
    "catch": catch,
    "turn": turn,
}


class Blocking:
    """Runs programs as functions in threads, one at a time.

    A virtual clock does not see what threads do. So a function that sleeps sets it forward itself: until it
    has slept enough, or to the next time at which Trio has something to do, which it then does at
    that very instant.
    """

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self.clock = clock
        self.shields = 0

    def now_ns(self) -> int:
        return round(self.clock.current_time() * NS)

    def run_program(self, program: list[Op], trail: list[Any]) -> None:
        for op in program:
            trail.append((op.kind, self.now_ns()))
            self.perform(op, trail)

    def perform(self, op: Op, trail: list[Any]) -> None:
        match op.kind:
            case "sleep":
                self.sleep(op.duration)
            case "checkpoint":
                trio.from_thread.run(let_trio_work if self.shields else trio.lowlevel.checkpoint)
            case "raise":
                raise Broken(len(trail))
            case "shielded":
                self.shielded(self.run_program, op.inner, trail)
            case "finally":
                try:
                    self.run_program(op.inner, trail)
                finally:
                    self.shielded(self.sleep, op.duration)
            case "catch" | "turn":
                try:
                    self.run_program(op.inner, trail)
                except trio.Cancelled:
                    if op.kind == "turn":
                        raise Broken("turned") from None
                    trail.append("caught")

    def shielded(self, function: Callable[..., None], *args: Any) -> None:
        """Do something without asking whether one is cancelled."""
        self.shields += 1
        try:
            function(*args)
        finally:
            self.shields -= 1

    def sleep(self, seconds: float) -> None:
        end = self.clock.current_time() + seconds
        while True:
            if not self.shields:
                trio.from_thread.check_cancelled()
            if self.clock.current_time() >= end:
                return
            trio.from_thread.run(let_trio_work)  # it may still have to set an alarm for us
            trio.from_thread.run_sync(self.go_on, end)
            trio.from_thread.run(let_trio_work)

    def go_on(self, end: float) -> None:
        left = end - self.clock.current_time()
        until_next = trio.lowlevel.current_statistics().seconds_to_next_deadline
        self.clock.jump(min(left, max(until_next, 0.0)))


async def let_trio_work() -> None:
    for _ in range(4):
        await trio.lowlevel.cancel_shielded_checkpoint()


@attrs.define
class Outcome:
    """What one side saw: how every step ended, when, what it lived through, and the whole."""

    result: dict[str, Any] | None = None
    counts: dict[str, int] = attrs.Factory(dict)
    spans: dict[str, list[int]] = attrs.Factory(dict)
    trails: dict[str, list[Any]] = attrs.Factory(dict)
    cancelled: bool = False
    end_ns: int = 0


Manager = ParallelExecutionManager | ReferenceManager


async def observe(schedule: Schedule, manager: Manager) -> Outcome:
    outcome = Outcome()
    limit = float("inf") if schedule.cancel_at is None else schedule.cancel_at
    with trio.CancelScope(deadline=trio.current_time() + limit) as caller:
        if schedule.as_stream:
            outcome.result = await stream(schedule, manager, outcome)
        else:
            outcome.result = comparable(await execute(schedule, manager, outcome))
    outcome.cancelled = caller.cancelled_caught
    if schedule.as_stream and schedule.cancel_at is not None:
        # Whoever waits for an outcome is cancelled, also where no step is left: a group returns then.
        outcome.result, outcome.cancelled = None, False
    outcome.end_ns = now_ns()
    forget_ties(outcome)
    outcome.counts = counts(manager)
    await trio.lowlevel.checkpoint()
    return outcome


async def stream(schedule: Schedule, manager: Manager, outcome: Outcome) -> dict[str, Any]:
    """What each step came to, from a stream or a group of the same steps."""
    if isinstance(manager, ReferenceManager):
        result = await execute(schedule, manager, outcome)
        values, errors = dict(result.results), dict(result.errors)
    else:
        names = [str(index) for index in range(len(schedule.programs))]
        async with manager.pool.stream(
            functions_of(schedule, outcome) if schedule.in_threads else steps_of(schedule, outcome),
            iter(names),
            run_in="thread" if schedule.in_threads else "trio",
            buffer=max(1, len(names)),
            on_error="collect",
            step_timeout=next(iter(schedule.step_timeouts), None),
        ) as outcomes:
            ended = [found async for found in outcomes]
        values = {found.item: found.value for found in ended if found.error is None}
        errors = {found.item: found.error for found in ended if found.error is not None}
    described = {step: describe(error) for step, error in errors.items()}
    return {"results": values, "errors": described, "winner": None}


def steps_of(schedule: Schedule, outcome: Outcome) -> Callable[[str], Any]:
    async def step(step: str) -> int:
        trail = outcome.trails[step] = []
        span = outcome.spans[step] = [now_ns()]
        try:
            program = schedule.programs[int(step)]
            if program.sleep is not None:
                await trio.sleep(program.sleep)
            await run_program(program.ops, trail)
        finally:
            span.append(now_ns())
        return len(trail)

    return step


def functions_of(schedule: Schedule, outcome: Outcome) -> Callable[[str], int]:
    """The same steps as functions that block."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    blocking = Blocking(clock)

    def step(step: str) -> int:
        trail = outcome.trails[step] = []
        span = outcome.spans[step] = [blocking.now_ns()]
        try:
            blocking.run_program(schedule.programs[int(step)].ops, trail)
        finally:
            span.append(blocking.now_ns())
        return len(trail)

    return step


async def execute(
    schedule: Schedule, manager: Manager, outcome: Outcome
) -> ParallelExecutionResult:
    step: Callable[[str], Any] = steps_of(schedule, outcome)
    steps = [str(index) for index in range(len(schedule.programs))]
    in_threads = bool(schedule.in_threads) and isinstance(manager, ParallelExecutionManager)
    function = functions_of(schedule, outcome) if in_threads else step
    if schedule.as_tasks:
        tasks: list[WorkerTask[Any]] = [
            WorkerTask(name, partial(function, name), timeout, run_in="thread")
            if in_threads and schedule.blocks(int(name))
            else WorkerTask(name, partial(step, name), timeout)
            for name, timeout in zip(steps, schedule.step_timeouts, strict=False)
        ]
        pool = manager.pool if isinstance(manager, ParallelExecutionManager) else manager
        return await pool.execute_with_strategy(tasks, schedule.strategy, timeout=schedule.timeout)
    group: ParallelGroup[Any] = ParallelGroup(
        "g",
        steps,
        schedule.strategy,
        max_concurrent=schedule.group_limit,
        continue_on_error=schedule.continue_on_error,
        timeout=schedule.timeout,
        step_timeout=schedule.step_timeouts[0] if schedule.step_timeouts else None,
        isolation=schedule.isolation,
        run_in="thread" if in_threads else "trio",
    )
    return await manager.execute_group(group, function)


def comparable(result: ParallelExecutionResult) -> dict[str, Any]:
    """Everything a result says; orders and numbers only as exactly as they are promised."""
    fields = attrs.asdict(result, recurse=False)
    for name in ("completed_steps", "failed_steps", "skipped_steps", "cancelled_steps"):
        # Steps that end at one instant settle in either order.
        fields[name] = sorted(fields[name])
    fields["results"] = dict(fields["results"])
    fields["errors"] = {step: describe(error) for step, error in result.errors.items()}
    fields["duration"] = round(result.duration * NS)
    return fields


def forget_ties(outcome: Outcome) -> None:
    """Several steps may end at one instant: which of them decides is no promise.

    Only that. How each of them ends is one, also where its limit and its wake-up fall together.
    """
    if outcome.result is None or outcome.result["winner"] is None:
        return
    ends = [span[-1] for span in outcome.spans.values()]
    if ends.count(outcome.spans[outcome.result["winner"]][-1]) > 1:
        outcome.result |= {"winner": "one of several"}


def describe(error: BaseException) -> Any:
    if isinstance(error, BaseExceptionGroup):
        return [type(error).__name__, *map(describe, error.exceptions)]
    return type(error).__name__, str(error)


def counts(manager: Manager) -> dict[str, int]:
    if isinstance(manager, ReferenceManager):
        return {state.value: count for state, count in manager.counts.items()}
    assert_idle(manager)
    stats = manager.get_stats()
    figures = {
        StepState.SUCCEEDED: stats.tasks_completed,
        StepState.FAILED: stats.tasks_failed,
        StepState.TIMED_OUT: stats.tasks_timed_out,
        StepState.CANCELLED: stats.tasks_cancelled,
        StepState.SKIPPED: stats.tasks_skipped,
    }
    return {state.value: count for state, count in figures.items() if count}


# --- comparing ------------------------------------------------------------------------------------


def difference(schedule: Schedule) -> str | None:
    """Say where hocket and the reference differ, if they do."""
    manager = ParallelExecutionManager(max_concurrent=schedule.limit)
    if schedule.in_threads:
        ours = trio.run(observe, schedule, manager, clock=trio.testing.MockClock())
    else:
        ours = run_virtual(observe, schedule, manager)
    theirs = run_virtual(observe, schedule, ReferenceManager(max_concurrent=schedule.limit))
    for field in attrs.fields(Outcome):
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if one != other:
            return f"{field.name}: hocket {one!r}, the reference {other!r}"
    return None


def trial(seed: int) -> Counter[str]:
    schedule = make_schedule(seed)
    found = difference(schedule)
    assert found is None, f"{found}\n{schedule}"
    return Counter(steps=len(schedule.programs))


def shrunk(seed: int) -> str:
    def fails(schedule: Schedule) -> bool:
        return difference(schedule) is not None

    smallest = shrink(make_schedule(seed), fails)
    return f"{difference(smallest)}\n{smallest}"


SUITE = Suite(
    name="differential",
    promise="same outcome, same value, same time for every step as one Trio task and one cancel "
    "scope a step give",
    unit="schedules",
    trial=trial,
    shrink=shrunk,
    small=2_000,
    large=500_000,
)

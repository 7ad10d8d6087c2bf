"""hocket against `hocket.testing.ReferenceManager`: one Trio task and one cancel scope a step.

Steps are small random programs: they sleep, checkpoint, shield, raise, open nurseries and scopes,
catch what cancels them and clean up under a shield. Both sides run the same schedule in virtual
time, and every step must end in the same way, with the same value, at the same instant, having
lived through the same.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import trio

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


# --- making schedules -----------------------------------------------------------------------------


def instant(rng: random.Random, most: float = 3.0) -> float:
    """A duration in whole nanoseconds: sums of few of them never meet, and floats hold them.

    Equal instants may resolve in either order, there as here.
    """
    return rng.randrange(1, int(most * NS)) / NS


NESTED = ("shielded", "scope", "finally", "nursery", "catch", "turn")
KINDS = ["sleep"] * 4 + ["checkpoint", "nothing", "raise", *NESTED]


def make_program(rng: random.Random, depth: int = 0) -> list[Op]:
    return [make_op(rng, depth) for _ in range(rng.randrange(0, 4 if depth == 0 else 3))]


def make_op(rng: random.Random, depth: int) -> Op:
    kind = rng.choice(KINDS)
    if (depth > 2 and kind in NESTED) or (kind == "raise" and rng.random() < 0.5):
        kind = "sleep"
    if kind == "nursery":
        # Trio runs the tasks of one tick in any order: each child has its own instant.
        children = [
            [Op("sleep", instant(rng), []), *make_program(rng, depth + 1)]
            for _ in range(rng.randrange(1, 3))
        ]
        return Op(kind, 0.0, children)
    inner = make_program(rng, depth + 1) if kind in NESTED else []
    return Op(kind, instant(rng, 1.0 if kind == "finally" else 3.0), inner)


def make_schedule(seed: int) -> Schedule:
    rng = random.Random(seed)
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
            steps_of(schedule, outcome),
            iter(names),
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


async def execute(
    schedule: Schedule, manager: Manager, outcome: Outcome
) -> ParallelExecutionResult:
    step = steps_of(schedule, outcome)
    steps = [str(index) for index in range(len(schedule.programs))]
    if schedule.as_tasks:
        tasks = [
            WorkerTask(name, partial(step, name), timeout)
            for name, timeout in zip(steps, schedule.step_timeouts, strict=False)
        ]
        pool = manager.pool if isinstance(manager, ParallelExecutionManager) else manager
        return await pool.execute_with_strategy(tasks, schedule.strategy, timeout=schedule.timeout)
    group = ParallelGroup(
        "g",
        steps,
        schedule.strategy,
        max_concurrent=schedule.group_limit,
        continue_on_error=schedule.continue_on_error,
        timeout=schedule.timeout,
        step_timeout=schedule.step_timeouts[0] if schedule.step_timeouts else None,
        isolation=schedule.isolation,
    )
    return await manager.execute_group(group, step)


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
    ours, theirs = (
        run_virtual(observe, schedule, kind(max_concurrent=schedule.limit))
        for kind in (ParallelExecutionManager, ReferenceManager)
    )
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

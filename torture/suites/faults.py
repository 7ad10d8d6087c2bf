"""Faults at every boundary of the driver.

A trial runs a few random calls in virtual time, once to count how often each boundary is passed,
and a second time with a fault at one passage. Whatever that does to the calls, afterwards nothing
of them may run, the books must be right, and the pool must work on.

Also where an allocation fails, for every one of the first allocations after a step has ended.

Some calls are groups of functions in threads. Whatever these do they have done in Trio, so that the
virtual clock sees it; it jumps when Trio has had nothing to do for a moment, in which a thread may come back.
"""

from __future__ import annotations

import contextvars
import functools
import gc
import logging
import math
import random
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import trio
import trio.testing

from hocket import (
    InternalError,
    ParallelExecutionManager,
    ParallelExecutionResult,
    ParallelGroup,
    Retry,
    StepLeftovers,
    StepTimeout,
    WorkerTask,
    _core,
)
from hocket.testing import assert_works_on, run_virtual, seeded_schedule
from torture.shrink import shrink
from torture.suite import Suite

try:
    import _testcapi  # CPython's own tests have allocations fail with it
except ImportError:
    _testcapi = None  # type: ignore[assignment]

ALLOCATIONS = 10
FOREVER = 10_000.0
MOMENT = 0.002
"""Seconds of no virtual time: longer than a thread mostly takes to come back to Trio."""
KINDS = (
    "raise",
    "base",
    "memory",
    "panic",
    "cancel",
    "close",
    "collect",
    "jump",
    "reenter",
    "starve",
)
# Nothing can fail between a step and Trio's answer: only what happens beside it can happen here.
NEVER_FAILS = {"Send", "GaveTurn"}
# What follows is mostly Trio's: an allocation that fails in there breaks Trio.
TRIOS_OWN = {"Look", "Fire", "Decide", "Stop", "BringWorker", "Wake", "Spawn", "Dismiss", "Alarm"}
TRIOS_OWN |= {"GaveTurn", "Attend"}


class Broken(Exception):
    """What a step raises by itself."""


class Fault(Exception):
    """What a fault raises."""


class FatalFault(BaseException):
    """Stands for KeyboardInterrupt and its like."""


# What a fault raises is never tried again: its error would not be seen.
AGAIN = Retry(2, on=(Broken, StepTimeout), wait_initial=0.1, wait_jitter=0)


# --- calls ----------------------------------------------------------------------------------------


@attrs.frozen
class Op:
    """One thing that a step does."""

    kind: str
    duration: float
    inner: list[Any]


@attrs.frozen(kw_only=True)
class Call:
    """One call of the pool, and what befalls it. What has a default may be left out."""

    steps: list[list[Op]]
    kind: str = "group"
    delay: float = 0.0
    strategy: str = "all_settled"
    limit: int | None = None
    timeout: float | None = None
    step_timeout: float | None = None
    cancel_at: float | None = None
    isolation: str = "shared"
    observed: bool = False
    retried: bool = False


@attrs.frozen(kw_only=True)
class Strike:
    """A fault: where, at which passage, what."""

    boundary: str
    nth: int
    kind: str
    allocation: int
    """Of the kind "starve": which allocation after it fails."""


@attrs.frozen(kw_only=True)
class Case:
    calls: list[Call]
    strikes: list[Strike]
    seed: int
    limit: int = 1


def instant(rng: random.Random, most: float = 3.0) -> float:
    return rng.randrange(1, int(most * 1_000_000)) / 1_000_000


PLAIN = (
    ["sleep"] * 5
    + ["checkpoint"] * 2
    + ["nothing", "raise", "fatal", "tidy", "shielded", "leave scope", "leave lock", "rest"]
)


# What a function does in Trio is done in its group's own task, which must be left as it was.
LEAVING = {"leave scope", "leave lock", "rest"}
IN_THREADS = [kind for kind in PLAIN if kind not in LEAVING]


def make_op(rng: random.Random, depth: int, plain: list[str] = PLAIN) -> Op:
    kind = rng.choice([*plain, *(["call", "call", "nursery"] if depth < 2 else [])])
    if kind in ("raise", "fatal") and rng.random() < 0.5:
        kind = "nothing"
    inner = [make_call(rng, depth + 1)] if kind in ("call", "nursery") else []
    return Op(kind, instant(rng, 1.0 if kind == "tidy" else 3.0), inner)


def make_call(rng: random.Random, depth: int = 0) -> Call:
    kind = rng.choice(["group", "group", "execute", "tasks", "stream"] * 4 + ["threads"])
    plain = IN_THREADS if kind == "threads" else PLAIN
    count = 1 if kind == "execute" else rng.randrange(1, 5 - depth)
    strategies = ["all", "any", "race", f"quorum({rng.randrange(1, count + 1)})"]
    return Call(
        steps=[
            [make_op(rng, depth, plain) for _ in range(rng.randrange(0, 3))] for _ in range(count)
        ],
        kind=kind,
        delay=rng.choice([0.0, instant(rng, 1.0)]),
        strategy=rng.choice(["all_settled"] * 3 + strategies),
        limit=rng.randrange(1, 4) if rng.random() < 0.3 else None,
        timeout=instant(rng, 6.0) if rng.random() < 0.2 else None,
        step_timeout=instant(rng) if rng.random() < 0.5 else None,
        cancel_at=instant(rng, 6.0) if rng.random() < 0.2 else None,
        isolation="shared" if kind == "threads" else rng.choice(["shared", "shared", "task"]),
        observed=rng.random() < 0.3,
        retried=rng.random() < 0.3,
    )


# --- running them ---------------------------------------------------------------------------------

TRACE: contextvars.ContextVar[str] = contextvars.ContextVar("TRACE", default="nobody")


@attrs.define
class Life:
    """What has become of a step's body."""

    starts: int = 0
    began: float = 0.0
    ended: float | None = None
    fate: str = "never began"


class World:
    """The calls as they run, and everything that was seen of them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.manager = ParallelExecutionManager(max_concurrent=case.limit)
        self.pool = self.manager.pool
        self.lives: dict[str, Life] = {}
        self.attempts: Counter[str] = Counter()
        self.running = 0
        self.wrong: list[str] = []
        self.errors: list[BaseException] = []
        self.struck: list[str] = []
        self.scopes: list[trio.CancelScope] = []
        self.locks: list[trio.Lock] = []
        self.clock: Any = None
        self.token: Any = None
        self.thread = threading.get_ident()
        self.passages: dict[str, int] = {}

    def check(self, fine: bool, what: str) -> None:
        # Not raised on the spot: that would only make a step fail.
        if not fine:
            self.wrong.append(f"{what}, at {trio.current_time():.6f}")

    # A step's body.

    async def body(self, name: str, program: list[Op]) -> str:
        feed()
        life = self.lives.setdefault(name, Life())
        life.starts += 1
        life.began = trio.current_time()
        self.check(life.starts <= self.attempts[name], f"step {name} was started too often")
        self.run_on(1)
        TRACE.set(name)
        try:
            for number, op in enumerate(program):
                await self.perform(op, f"{name}.{number}")
                self.check(TRACE.get() == name, f"step {name} is in another context")
            life.fate = "returned"
        except BaseException as error:
            life.fate = type(error).__name__
            raise
        finally:
            life.ended = trio.current_time()
            self.run_on(-1)
        return name

    def run_on(self, more: int) -> None:
        self.running += more
        self.check(self.running <= self.case.limit, f"{self.running} steps run at once")

    async def perform(self, op: Op, name: str) -> None:
        match op.kind:
            case "sleep":
                await trio.sleep(op.duration)
            case "checkpoint":
                await trio.lowlevel.checkpoint()
            case "raise":
                raise Broken(name)
            case "fatal":
                raise FatalFault(name)
            case "leave scope":
                trio.CancelScope(deadline=trio.current_time() + op.duration).__enter__()
            case "leave lock":
                self.locks.append(trio.Lock())
                await self.locks[-1].acquire()
            case _:
                await self.perform_inside(op, name)

    async def perform_inside(self, op: Op, name: str) -> None:
        match op.kind:
            case "tidy":
                try:
                    await trio.sleep(1.0)
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(op.duration)
            case "shielded":
                with trio.CancelScope(shield=True):
                    await trio.sleep(op.duration)
            case "rest":
                await self.rest(op.duration)
            case "call":
                await self.lend(op.inner, name)
            case "nursery":
                # While a step has a nursery open, closing its coroutine would not be enough.
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, op.duration)
                    await self.lend(op.inner, name)

    async def rest(self, seconds: float) -> None:
        """Do without the slot for a while. Who is cancelled there unwinds without one."""
        self.run_on(-1)
        try:
            async with self.pool.released():
                await trio.sleep(seconds)
        except BaseException as error:
            self.running += 1
            if not isinstance(error, trio.Cancelled):
                # From here on it is the step's, which may be cancelled with whatever it raises.
                self.errors.append(error)
            raise
        self.run_on(1)

    async def lend(self, calls: list[Call], name: str) -> None:
        """While a step waits for its own calls, they run in its place."""
        self.run_on(-1)
        try:
            for call in calls:
                await self.call(call, name)
        except BaseException as error:
            # From here on it is the step's, which may be cancelled with whatever it raises.
            self.errors.append(error)
            raise
        finally:
            self.run_on(1)

    # A call.

    async def call(self, call: Call, name: str) -> None:
        await trio.sleep(call.delay)
        names = [f"{name}.{number}" for number in range(len(call.steps))]
        bodies = {
            step: partial(self.body, step, program)
            for step, program in zip(names, call.steps, strict=True)
        }
        self.attempts.update(dict.fromkeys(names, 2 if call.retried else 1))
        retry = AGAIN if call.retried else None
        tasks = [WorkerTask(n, body, call.step_timeout, retry=retry) for n, body in bodies.items()]
        if call.kind == "execute":
            await self.execute(tasks[0])
            return
        if call.kind == "stream":
            await self.stream(call, names, bodies, retry)
            return
        if call.kind == "tasks":
            result = await self.pool.execute_with_strategy(
                tasks, call.strategy, timeout=call.timeout
            )
        else:
            result = await self.manager.execute_group(
                ParallelGroup(
                    name,
                    names,
                    call.strategy,
                    max_concurrent=call.limit,
                    timeout=call.timeout,
                    step_timeout=call.step_timeout,
                    isolation=call.isolation,
                    run_in="thread" if call.kind == "threads" else "trio",
                    retry=retry,
                ),
                (lambda step: trio.from_thread.run(bodies[step]))
                if call.kind == "threads"
                else (lambda step: bodies[step]()),
                observer=(lambda *_: None) if call.observed else None,
            )
        self.errors += result.errors.values()
        self.judge(call, names, result)

    async def stream(
        self, call: Call, names: list[str], bodies: dict[str, Any], retry: Retry | None
    ) -> None:
        async def step(name: str) -> str:
            return await bodies[name]()

        seen = []
        with trio.move_on_after(FOREVER if call.timeout is None else call.timeout) as limit:
            async with self.pool.stream(
                step,
                iter(names),
                ordered=call.strategy == "all_settled",
                buffer=call.limit or 2,
                on_error="collect",
                step_timeout=call.step_timeout,
                retry=retry,
            ) as outcomes:
                async for outcome in outcomes:
                    seen.append(outcome.item)
                    if outcome.error is None:
                        self.check(outcome.value == outcome.item, f"{outcome} has a wrong value")
                    else:
                        self.errors.append(outcome.error)
        if not self.struck and not limit.cancelled_caught:
            self.check(sorted(seen) == names, f"{seen} came of {names}")

    async def execute(self, task: WorkerTask[str]) -> None:
        caller, before = TRACE.get(), self.lives.get(task.id, Life()).starts
        try:
            value = await self.pool.execute(task)
            self.check(value == task.id, f"{task.id} gave {value!r}")
        finally:
            # It runs in its caller's own context, and is the last that has written to it.
            began = self.lives.get(task.id, Life()).starts > before
            left = task.id if began else caller
            self.check(TRACE.get() == left, f"{task.id} ran in another context than its caller's")
            TRACE.set(caller)

    def judge(self, call: Call, names: list[str], result: ParallelExecutionResult) -> None:
        lists = [*result.completed_steps, *result.failed_steps, *result.skipped_steps]
        self.check(sorted(lists) == names, f"the lists are {lists} for {names}")
        self.check(list(result.results) == list(result.completed_steps), f"results of {result}")
        self.check(set(result.errors) == set(result.failed_steps), f"errors of {result}")
        if call.strategy == "all_settled" and call.timeout is None and not self.struck:
            self.check(not result.skipped_steps, f"{result.skipped_steps} were never run")
        for name in names:
            life, error = self.lives.get(name, Life()), result.errors.get(name)
            if name in result.completed_steps:
                self.check(life.fate == "returned", f"{name} completed but {life.fate}")
                self.check(result.results[name] == name, f"{name} gave {result.results[name]!r}")
            elif call.kind == "threads":
                # One past its limit has failed, whatever it does then.
                continue
            elif life.fate == "returned" and not self.struck:
                self.check(isinstance(error, StepLeftovers), f"{name} returned but {error!r}")
            if isinstance(error, StepTimeout) and error.limited == "step" and not self.struck:
                lived = (life.ended or 0.0) - life.began
                self.check(lived > error.limit - 1e-6, f"{name} had {lived} of {error.limit} s")

    async def guarded(self, number: int, call: Call) -> None:
        """Make a call like somebody who lives on, whatever comes of it."""
        TRACE.set(f"caller {number}")
        task = trio.lowlevel.current_task()
        before = task.name
        limit = math.inf if call.cancel_at is None else call.cancel_at
        with trio.move_on_after(limit) as self.scopes[number]:
            try:
                await self.call(call, str(number))
            except trio.Cancelled:
                raise
            except BaseException as error:
                feed()
                self.errors.append(error)
        feed()
        await trio.lowlevel.checkpoint()
        self.check(TRACE.get() == f"caller {number}", f"the context of {TRACE.get()} was left")
        self.check(task.name == before, f"the task is still called {task.name}")

    async def main(self) -> None:
        self.clock = trio.lowlevel.current_clock()
        self.token = trio.lowlevel.current_trio_token()
        tasks = trio.lowlevel.current_statistics().tasks_living
        self.scopes = [trio.CancelScope() for _ in self.case.calls]
        for strike in self.case.strikes:
            action = None if strike.kind == "panic" else partial(self.strike, strike)
            _core.arm_fault(strike.boundary, strike.nth, action)
        # Where there are threads nothing may be due that nobody waits for: the clock might go there.
        with trio.move_on_after(math.inf if has_threads(self.case) else FOREVER / 2) as patience:
            async with trio.open_nursery() as nursery:
                for number, call in enumerate(self.case.calls):
                    nursery.start_soon(self.guarded, number, call)
        self.check(not patience.cancelled_caught, "the calls hang")
        self.passages = dict(_core.passages())
        missed = _core.disarm_faults()
        self.struck = self.struck or ["panic"] * (len(self.case.strikes) - missed)
        left = trio.lowlevel.current_statistics().tasks_living - tasks
        self.check(left == 0, f"{left} tasks outlived the calls")
        for name, life in self.lives.items():
            self.check(life.ended is not None, f"the body of {name} was not left")
        await self.work_on()

    async def work_on(self) -> None:
        try:
            await assert_works_on(self.pool)
        except* InternalError as errors:
            # Only a panic under the scheduler's own lock may cost the pool.
            locked = any(strike.boundary.startswith("Locked") for strike in self.case.strikes)
            text = str(errors.exceptions[0])
            self.check(locked and "make a new pool" in text, f"the pool is lost: {text}")
        except* AssertionError as errors:
            self.check(False, f"the pool does not work on: {errors.exceptions[0]}")

    # Faults.

    def strike(self, strike: Strike) -> None:
        self.struck.append(strike.kind)
        if strike.kind in SHOWS_AS or threading.get_ident() == self.thread:
            self.strike_here(strike)
        else:
            trio.from_thread.run_sync(self.strike_here, strike, trio_token=self.token)

    def strike_here(self, strike: Strike) -> None:
        where = f"{strike.boundary}, passage {strike.nth}"
        match strike.kind:
            case "raise":
                raise Fault(where)
            case "base":
                raise FatalFault(where)
            case "memory":
                raise MemoryError(where)
            case "starve":
                # Only until the core returns: in the middle of Trio nothing survives it.
                _core.arm_fault("Return", 0, feed)
                _testcapi.set_nomemory(strike.allocation, strike.allocation + 1)
            case "cancel":
                self.scopes[self.case.seed % len(self.scopes)].cancel()
            case "close":
                self.abuse(lambda driver: driver.close())
            case "collect":
                gc.collect()
            case "jump":
                self.clock.jump(0.7)
            case "reenter":
                Finalized(self)
                gc.collect()

    def abuse(self, *ways: Callable[[_core.Driver], object]) -> None:
        """Do things to the drivers that run at this moment: each is refused."""
        for driver in gc.get_objects():
            if type(driver) is _core.Driver and driver.cr_running:
                for way in ways:
                    try:
                        way(driver)
                    except RuntimeError as error:
                        self.check("running already" in str(error), f"refused with {error!r}")
                    else:
                        self.check(False, "a running driver let itself be used")


class Finalized:
    """Is collected in the middle of something, and uses what is in the middle of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.me: Any = self

    def __del__(self) -> None:
        world = self.world
        world.abuse(
            lambda driver: driver.send(None),
            lambda driver: driver.throw(Fault("from a finalizer")),
            lambda driver: driver.again,
        )
        repr(world.pool)
        world.pool.get_stats()
        world.pool.holders()
        # Waiting calls may start right here.
        world.pool.max_concurrent = world.case.limit


def has_threads(case: Case) -> bool:
    """Whether functions run in threads, in one of the calls or in one that a step makes."""
    calls = list(case.calls)
    for call in calls:  # it grows meanwhile
        calls += [inner for step in call.steps for op in step for inner in op.inner]
    return any(call.kind == "threads" for call in calls)


def run(case: Case) -> World:
    """Run a case; raises when a promise is broken."""
    world = World(case)
    with watched(world):
        try:
            if has_threads(case):
                clock = trio.testing.MockClock(autojump_threshold=MOMENT)
                with seeded_schedule(case.seed):
                    trio.run(world.main, clock=clock)
            else:
                run_virtual(world.main, seed=case.seed)
        finally:
            feed()
            _core.disarm_faults()
    world.wrong += lost(case, world)
    if "starve" in world.struck and any(map(is_trios, world.errors)):
        world.wrong.clear()
    assert not world.wrong, "\n".join(world.wrong)
    return world


def lost(case: Case, world: World) -> Iterator[str]:
    """What went wrong and nobody could see."""
    leaves = [leaf for error in world.errors for leaf in every(error)]
    odd = [leaf for leaf in leaves if type(leaf).__name__ not in EXPECTED]
    # Without memory CPython itself raises SystemError here and there.
    if odd and "starve" not in world.struck:
        yield f"nothing should have raised {odd}"
    seen = " ".join(repr(leaf) + repr(getattr(leaf, "__notes__", "")) for leaf in leaves)
    if not {"panic", "starve"} & {*world.struck} and "InternalError" in seen:
        yield f"an InternalError without a panic: {seen}"
    if any(life.fate == "FatalFault" for life in world.lives.values()) and "FatalFault" not in seen:
        yield "what was fatal to a step was lost"
    # Whoever stops a step has no use for what it raises.
    stops = any(scope.cancel_called for scope in world.scopes)
    stops = stops or any(name in seen for name in ("Cancelled", "StepTimeout", "FatalFault"))
    for kind in world.struck:
        shown = kind not in SHOWS_AS or any(name in seen for name in SHOWS_AS[kind])
        useless = stops and kind in ("raise", "memory") and case.strikes[0].boundary in STEPS_OWN
        if not (shown or useless):
            yield f"{kind!r} was lost: only {seen} can be seen"


EXPECTED = {
    *("Broken", "Fault", "FatalFault", "MemoryError", "InternalError", "PanicException"),
    *("Cancelled", "StepTimeout", "StepLeftovers", "GeneratorExit"),
    *("ExceptionGroup", "BaseExceptionGroup", "GroupFailed"),
}
# What goes wrong here is taken for the step's own error.
STEPS_OWN = {"CopyContext", "EnterContext", "MakeCoroutine", "FirstSend", "CallFunction"}
SHOWS_AS = {
    "raise": {"Fault"},
    "base": {"FatalFault"},
    "memory": {"MemoryError"},
    # In a step's own segment it is taken for another extension's, and passes through.
    "panic": {"InternalError", "PanicException"},
}


def every(
    error: BaseException | None, known: frozenset[int] = frozenset()
) -> Iterator[BaseException]:
    """An exception, and all that it holds or names as its cause or context."""
    if error is None or id(error) in known:
        return
    known |= {id(error)}
    yield error
    for inner in getattr(error, "exceptions", ()):
        yield from every(inner, known)
    yield from every(error.__cause__, known)
    yield from every(error.__context__, known)


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Errors that are reported because they can reach nobody are seen too."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda report: world.errors.append(report.exc_value)
    handler = logging.Handler()
    handler.emit = lambda record: world.errors.extend((record.exc_info or ())[1:2])
    logging.getLogger("hocket").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("hocket").removeHandler(handler)
        sys.unraisablehook = before


def is_trios(error: BaseException) -> bool:
    """Whether an allocation has failed in the middle of Trio, which does not survive that."""
    for leaf in every(error):
        frames = list(traceback.walk_tb(leaf.__traceback__))
        if isinstance(leaf, MemoryError) and frames and not leaf.args:
            return frames[-1][0].f_globals["__name__"].startswith("trio.")
    return False


def feed() -> None:
    """Let no allocation fail any more."""
    if _testcapi is not None:
        _testcapi.remove_mem_hooks()


# --- trials ---------------------------------------------------------------------------------------


def combinations() -> list[tuple[str, str]]:
    found = []
    for boundary, _ in _core.passages()[:-1]:  # the last is where the core returns
        for kind in KINDS:
            if boundary.startswith("Locked") and kind != "panic":
                continue
            if boundary in NEVER_FAILS and kind in SHOWS_AS:
                continue
            if kind == "starve" and (_testcapi is None or boundary in TRIOS_OWN):
                continue
            found.append((boundary, kind))
    return found


COMBINATIONS = combinations() if hasattr(_core, "arm_fault") else []
if COMBINATIONS:
    gc.freeze()  # what is there now need not be looked at in every collection


REHEARSALS = 60


@functools.lru_cache(maxsize=2 * REHEARSALS)
def rehearse(seed: int) -> tuple[Case, dict[str, int]]:
    """Make calls, and count how often each boundary is passed when nothing fails."""
    rng = random.Random(seed)
    calls = [make_call(rng) for _ in range(rng.randrange(1, 4))]
    case = Case(calls=calls, strikes=[], seed=seed, limit=rng.randrange(1, 4))
    return case, run(case).passages


def make_case(seed: int) -> Case:
    rng = random.Random(seed)
    # Each round of seeds tries every combination, on calls that the round has in common.
    turn, combination = divmod(seed, len(COMBINATIONS))
    boundary, kind = COMBINATIONS[combination]
    order = rng.sample(range(REHEARSALS), REHEARSALS)
    passed = (rehearse(turn * REHEARSALS + number) for number in order)
    if kind == "starve":
        # Whose allocation it is that fails is up to the machine where there are threads.
        passed = ((case, passages) for case, passages in passed if not has_threads(case))
    case, count = next(((c, n) for c, p in passed if (n := p[boundary])), (None, 0))
    if case is None:
        return rehearse(turn * REHEARSALS)[0]
    strike = Strike(
        boundary=boundary,
        nth=rng.randrange(count),
        kind=kind,
        allocation=rng.randrange(ALLOCATIONS),
    )
    return attrs.evolve(case, strikes=[strike])


def trial(seed: int) -> Counter[str]:
    case = make_case(seed)
    try:
        world = run(case)
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}\n{case}") from error
    return Counter({"steps": len(world.lives), "faults that struck": len(world.struck)})


def shrunk(seed: int) -> str:
    def failure(case: Case) -> str | None:
        try:
            run(case)
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
        return None

    smallest = shrink(make_case(seed), lambda case: failure(case) is not None)
    return f"{failure(smallest)}\n{smallest}"


SUITE = Suite(
    name="faults",
    promise="whatever fails, none is lost, none runs twice, and the pool works on",
    unit="faults",
    trial=trial,
    shrink=shrunk,
    small=1_800,
    large=220_000,
    build="faults",
)

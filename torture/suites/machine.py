"""Random programs against the public API, and a model of what may be seen of it at any instant.

A program is a list of operations; steps are made of the same operations, so that anything happens
inside anything: submitting, cancelling, resizing, groups, races. Hypothesis makes the programs, and
a failure ends with the smallest one that fails. They run in virtual time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import attrs
import hypothesis
import trio
import trio.testing
from hypothesis import strategies as st
from trio.lowlevel import current_task

from hocket import (
    GroupFailed,
    ParallelExecutionManager,
    ParallelExecutionResult,
    ParallelGroup,
    QueueFull,
    Quorum,
    StepTimeout,
    WaitStrategy,
    WorkerTask,
    quorum,
)
from hocket.testing import assert_idle, assert_works_on, run_virtual
from torture.suite import Suite

TICK = 1e-6  # seconds; times of the model and of the pool are rounded differently

# --- programs -------------------------------------------------------------------------------------


class Broken(Exception):
    pass


@attrs.frozen
class Sleep:
    seconds: float
    shield: bool


@attrs.frozen
class Cancel:
    """Cancels one of the calls that are open, whoever made it."""

    which: int


@attrs.frozen
class Resize:
    limit: int


@attrs.frozen
class Step:
    """Does its operations, and then cleans up under a shield."""

    program: list[object]
    end: tuple[float, str]
    """How long it cleans up, and where it fails: nowhere, ``"after"`` all, or ``"in cleanup"``."""


@attrs.frozen(kw_only=True)
class Call:
    """A call of the pool: in the task that is at it, or in one of its own."""

    steps: list[Step]
    apart: bool
    patience: float | None
    """Seconds after which its caller is cancelled."""


@attrs.frozen(kw_only=True)
class Execute(Call):
    timeout: float | None


@attrs.frozen(kw_only=True)
class ExecuteMany(Call):
    pass


@attrs.frozen(kw_only=True)
class ExecuteWithStrategy(Call):
    strategy: WaitStrategy
    timeout: float | None
    step_timeout: float | None


@attrs.frozen(kw_only=True)
class Group(Call):
    strategy: WaitStrategy | Quorum
    max_concurrent: int | None
    timeout: float | None
    step_timeout: float | None
    continue_on_error: bool
    isolation: str
    steps_take: float | None
    """The steps come from a function, which takes so long."""


@attrs.frozen
class Program:
    max_concurrent: int
    queue_size: int | None
    when_full: str
    timeout: float | None
    operations: list[object]


PROBE = Execute(steps=[Step([], (0, ""))], apart=False, patience=0.01, timeout=None)

# --- how Hypothesis makes them --------------------------------------------------------------------

LIMITS = st.sampled_from([None, None, 0.2, 1, 2.5])
COUNTS = st.integers(1, 4)
STRATEGIES = st.sampled_from([*WaitStrategy])
SLEEPS = st.sampled_from(
    [Sleep(seconds, shield) for shield in (False, True) for seconds in (0, 0.1, 0.4, 1, 1.7, 3)]
)
MEDDLING = st.sampled_from([*map(Cancel, range(6)), *map(Resize, range(1, 5))])
ENDS = st.sampled_from(
    [(0, ""), (0, "after"), (0.3, ""), (2, ""), (5, ""), (0, "in cleanup"), (2, "in cleanup")]
)


def steps(depth: int) -> st.SearchStrategy[Step]:
    inner = SLEEPS if depth == 0 else st.one_of(*[SLEEPS] * 3, MEDDLING, calls(depth - 1))
    return st.builds(Step, st.lists(inner, max_size=3), ENDS)


def calls(depth: int) -> st.SearchStrategy[Call]:
    step = steps(depth)
    several = {
        "steps": st.lists(step, max_size=5),
        "apart": st.sampled_from([False, True, True, True]),
        "patience": LIMITS,
    }
    execute = st.builds(
        Execute, **several | {"steps": st.lists(step, min_size=1, max_size=1)}, timeout=LIMITS
    )
    with_strategy = st.builds(
        ExecuteWithStrategy, **several, strategy=STRATEGIES, timeout=LIMITS, step_timeout=LIMITS
    )
    group = st.builds(
        Group,
        **several,
        strategy=STRATEGIES | st.builds(quorum, COUNTS),
        max_concurrent=st.none() | COUNTS,
        timeout=LIMITS,
        step_timeout=LIMITS,
        continue_on_error=st.booleans(),
        isolation=st.sampled_from(["shared", "task"]),
        steps_take=st.sampled_from([None, None, 0, 0.3]),
    )
    return execute | execute | group | group | with_strategy | st.builds(ExecuteMany, **several)


PROGRAMS = st.builds(
    Program,
    COUNTS,
    st.none() | COUNTS,
    st.sampled_from(["raise", "wait"]),
    LIMITS,
    st.lists(
        # A choice between choices is one choice: what is not repeated would be rare.
        st.one_of(*[SLEEPS, MEDDLING] * 4, calls(1), calls(2)),
        min_size=5,
        max_size=14,
    ),
)

# --- running them ---------------------------------------------------------------------------------


@attrs.define(eq=False)
class Running:
    """A step that runs."""

    name: str
    made_by: Open
    until: float
    """When its own time limit strikes."""
    open_calls: int = 0


@attrs.define(eq=False)
class Open:
    """A call that has not come back."""

    number: int
    call: Call
    within: Running | None
    scope: trio.CancelScope
    until: float
    """When it was cancelled or decided, or its time limit strikes."""
    returned: int = 0
    failed: int = 0

    def names(self) -> list[str]:
        return [f"{self.number}.{n}" for n in range(len(self.call.steps))]

    def is_disturbed(self) -> bool:
        """Whether steps of it may be on their way out, and in no count for the moment."""
        outer = self.within
        return (
            self.scope.cancel_called
            or not isinstance(self.call, Execute)
            or (outer is not None and (outer.until < float("inf") or outer.made_by.is_disturbed()))
        )

    def thresholds(self) -> tuple[int | None, int | None]:
        """How many steps that return, or that fail, decide it."""
        steps = len(self.call.steps)
        go_on = getattr(self.call, "continue_on_error", False)
        match getattr(self.call, "strategy", WaitStrategy.ALL):
            case WaitStrategy.ALL:
                need, give_up = steps, 1
            case WaitStrategy.ANY:
                need, give_up = 1, steps
            case WaitStrategy.RACE:
                need, give_up = 1, 1
            case WaitStrategy.ALL_SETTLED:
                need, give_up = None, None
            case Quorum(k):
                k = min(k, steps)
                need, give_up = k, steps - k + 1
        return need, None if go_on else give_up


def latest(me: Running | None) -> float:
    """Until when a step may go on: the earliest end of all that is around it."""
    until = float("inf")
    while me is not None:
        until = min(until, me.until, me.made_by.until)
        me = me.made_by.within
    return until


@attrs.define
class Member:
    """A step as a group lists it."""

    id: str
    step: Step


class Machine:
    """Runs a program, and knows at any instant what the pool must say."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.manager = ParallelExecutionManager(
            max_concurrent=program.max_concurrent,
            queue_size=program.queue_size,
            when_full=program.when_full,
            timeout=program.timeout,
        )
        self.pool = self.manager.pool
        self.wrong: list[str] = []
        self.operations = 0
        self.calls = 0
        self.open: list[Open] = []
        self.running: dict[str, Running] = {}
        self.ended: dict[str, str] = {}
        """How each step has ended, in that order: returned, raised or unwound."""
        self.served: list[tuple[float, int]] = []
        """When which plain submission of the outermost program got its slot."""
        self.ceiling = program.max_concurrent
        """The most slots that may be taken: more than the limit for a while after lowering it."""
        self.lowered_at = 0.0
        self.before = self.pool.get_stats()
        self.how: dict[type, Callable[[Open], Awaitable[None]]] = {
            Execute: self.execute,
            ExecuteMany: self.execute_many,
            ExecuteWithStrategy: self.execute_with_strategy,
            Group: self.execute_group,
        }

    async def main(self) -> None:
        living = trio.lowlevel.current_statistics().tasks_living
        with trio.move_on_after(10_000) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.watch)
                await self.perform(self.program.operations, None)
                nursery.cancel_scope.cancel()
        self.must(not scope.cancelled_caught, "nothing moves any more")
        self.must(trio.lowlevel.current_statistics().tasks_living == living, "a task is left")
        self.look()
        assert not self.wrong, "\n".join(self.wrong[:5])
        assert_idle(self.pool)
        await assert_works_on(self.pool)

    def must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.note(otherwise)

    def note(self, what: str) -> None:
        """Keep for later what is wrong: raised inside a step, it would only be the step's error."""
        self.wrong.append(f"at {trio.current_time()} s: {what}")

    async def perform(self, operations: list[object], me: Running | None) -> None:
        if any(isinstance(op, Call) and op.apart for op in operations):
            async with trio.open_nursery() as nursery:
                await self.perform_each(operations, me, nursery)
        else:
            await self.perform_each(operations, me, None)

    async def perform_each(
        self, operations: list[object], me: Running | None, nursery: trio.Nursery | None
    ) -> None:
        for operation in operations:
            self.operations += 1
            match operation:
                case Sleep(seconds, shield):
                    with trio.CancelScope(shield=shield):
                        await trio.sleep(seconds)
                    in_time = shield or not seconds or trio.current_time() <= latest(me) + TICK
                    if not in_time:
                        self.note(f"step {me.name} goes on, and should be cancelled")
                case Cancel(which) if self.open:
                    opened = self.open[which % len(self.open)]
                    opened.scope.cancel()
                    opened.until = min(opened.until, trio.current_time())
                case Resize(limit):
                    self.resize(limit)
                case Call(apart=True):
                    nursery.start_soon(self.make, operation, me)
                case Call():
                    await self.make(operation, me)
            self.look()

    def resize(self, limit: int) -> None:
        if limit < self.pool.max_concurrent:
            self.lowered_at = trio.current_time()
        self.pool.max_concurrent = limit
        self.ceiling = max(self.ceiling, limit)

    # --- steps ---

    async def run(self, step: Step, made_by: Open, name: str) -> str:
        limit = self.step_limit(made_by)
        until = float("inf") if limit is None else trio.current_time() + limit
        me = Running(name, made_by, until)
        self.begin(me)
        cleanup, fails = step.end
        how = "unwound"
        try:
            try:
                await self.perform(step.program, me)
            finally:
                with trio.CancelScope(shield=True):
                    if cleanup:
                        await trio.sleep(cleanup)
                if fails == "in cleanup":
                    raise Broken(name)
            if fails == "after":
                raise Broken(name)
            how = "returned"
            return name
        except Exception as error:
            self.must(isinstance(error, Broken), f"step {name} raised {error!r}")
            how = "raised"
            raise
        finally:
            self.look()
            self.end(me, how)

    def begin(self, me: Running) -> None:
        self.must(me.name not in self.running | self.ended, f"step {me.name} runs twice")
        self.running[me.name] = me
        call, now = me.made_by.call, trio.current_time()
        if isinstance(call, Execute) and me.made_by.within is None:
            passed = [n for at, n in self.served if at < now and n > me.made_by.number]
            self.must(not passed, f"step {me.name} waited longer than {passed}")
            self.served.append((now, me.made_by.number))
        if isinstance(call, Group) and call.max_concurrent is not None:
            members = self.members_running(me.made_by)
            self.must(members <= call.max_concurrent, f"{members} of call {me.made_by.number} run")
        self.look()

    def end(self, me: Running, how: str) -> None:
        del self.running[me.name]
        self.ended[me.name] = how
        call, now = me.made_by, trio.current_time()
        around = min(call.until, latest(call.within))
        call.returned += how == "returned"
        call.failed += how == "raised" or (how == "unwound" and me.until <= now < around)
        need, give_up = call.thresholds()
        if call.returned == need or call.failed == give_up:
            call.until = min(call.until, now)

    # --- calls ---

    async def make(self, call: Call, within: Running | None) -> None:
        """Make a call, and look at what it leaves: nothing, whichever way it ends."""
        came = trio.current_time()
        deadline = came + (float("inf") if call.patience is None else call.patience)
        self.calls += 1
        opened = Open(self.calls, call, within, trio.CancelScope(deadline=deadline), deadline)
        nurseries = len(current_task().child_nurseries)
        self.open.append(opened)
        if within is not None:
            within.open_calls += 1
        try:
            with opened.scope:
                try:
                    await self.how[type(call)](opened)
                except* (Broken, StepTimeout, QueueFull):
                    pass
        finally:
            began = [name for name in opened.names() if name in self.running | self.ended]
            until = max(came, min(opened.until, latest(within))) + TICK
            self.must(
                bool(began) or trio.current_time() <= until,
                f"call {opened.number} waits, and should be cancelled",
            )
            left = [name for name in opened.names() if name in self.running]
            self.must(not left, f"call {opened.number} has come back, and {left} still run")
            self.must(len(current_task().child_nurseries) == nurseries, "a nursery is left open")
            self.open.remove(opened)
            if within is not None:
                within.open_calls -= 1

    async def execute(self, opened: Open) -> None:
        [task] = self.tasks(opened, opened.call.timeout)
        how = "returned"
        try:
            value = await self.pool.execute(task)
            self.must(value == task.id, f"step {task.id} returned {value}")
        except Broken:
            how = "raised"
        except StepTimeout:
            how = "unwound"
            self.must(self.step_limit(opened) is not None, f"step {task.id} timed out")
        except QueueFull:
            how = "never began"
            others = len(self.waiting()) - 1
            full = self.bound() is not None and others >= self.bound()
            self.must(full, f"the queue was full for step {task.id}, with {others} others")
        really = self.ended.get(task.id, "never began")
        self.must(really == how, f"step {task.id} {really}, for its caller it {how}")

    async def execute_many(self, opened: Open) -> None:
        ends = dict.fromkeys(opened.names(), "returned")
        try:
            values = await self.pool.execute_many(self.tasks(opened))
            self.must(values == opened.names(), f"call {opened.number} returned {values}")
            really = {name: self.ended.get(name) for name in values}
            self.must(really == ends, f"call {opened.number} returned, but {really}")
        except GroupFailed:
            really = {name: self.ended.get(name) for name in ends}
            self.must(really != ends, f"call {opened.number} failed, but {really}")

    async def execute_with_strategy(self, opened: Open) -> None:
        call, began = opened.call, trio.current_time()
        self.start_limit(opened)
        tasks = self.tasks(opened, call.step_timeout)
        result = await self.pool.execute_with_strategy(tasks, call.strategy, timeout=call.timeout)
        self.check(result, opened, began)

    async def execute_group(self, opened: Open) -> None:
        call = opened.call
        members = [
            Member(name, step) for name, step in zip(opened.names(), call.steps, strict=True)
        ]
        began = trio.current_time()

        async def later(context: object) -> list[Member]:
            nonlocal began
            await trio.sleep(call.steps_take)
            began = trio.current_time()
            self.start_limit(opened)
            return members

        if call.steps_take is None:
            self.start_limit(opened)

        group = ParallelGroup(
            str(opened.number),
            members if call.steps_take is None else later,
            self.strategy(call),
            call.max_concurrent,
            call.continue_on_error,
            call.timeout,
            call.step_timeout,
            isolation=call.isolation,
        )

        async def executor(member: Member) -> str:
            return await self.run(member.step, opened, member.id)

        self.check(await self.manager.execute_group(group, executor, opened), opened, began)

    def step_limit(self, opened: Open) -> float | None:
        """How long each of its steps may run."""
        call = opened.call
        own = getattr(call, "step_timeout", getattr(call, "timeout", None))
        return self.program.timeout if own is None else own

    def start_limit(self, opened: Open) -> None:
        """Its own time limit runs from now on."""
        if opened.call.timeout is not None:
            opened.until = min(opened.until, trio.current_time() + opened.call.timeout)

    def bound(self) -> int | None:
        """How many single steps may wait."""
        return self.program.queue_size if self.program.when_full == "raise" else None

    def waiting(self) -> list[str]:
        """The single steps that have not begun; those that are about to are among them."""
        names = [o.names()[0] for o in self.open if isinstance(o.call, Execute)]
        return [name for name in names if name not in self.running | self.ended]

    def tasks(self, opened: Open, timeout: float | None = None) -> list[WorkerTask]:
        return [
            WorkerTask(name, partial(self.run, step, opened, name), timeout)
            for name, step in zip(opened.names(), opened.call.steps, strict=True)
        ]

    def strategy(self, call: Call) -> WaitStrategy | Quorum:
        """A quorum of more steps than there are is refused."""
        if isinstance(call.strategy, Quorum):
            return quorum(min(call.strategy.k, len(call.steps))) if call.steps else WaitStrategy.ALL
        return call.strategy

    # --- what must hold ---

    def check(self, result: ParallelExecutionResult, opened: Open, began: float) -> None:
        """A result says of each step what has really become of it, in the order in which it did."""
        names = opened.names()
        ended = {name: how for name, how in self.ended.items() if name in set(names)}
        at_group_limit = [
            name
            for name, error in result.errors.items()
            if isinstance(error, StepTimeout) and error.limited == "group"
        ]
        timed_out = [n for n, error in result.errors.items() if isinstance(error, StepTimeout)]
        completed = [name for name, how in ended.items() if how == "returned"]
        unwound = {name for name, how in ended.items() if how == "unwound"}
        failed = [n for n, how in ended.items() if how == "raised" or n in timed_out]
        failed = [n for n in failed if n not in at_group_limit] + at_group_limit
        took = trio.current_time() - began
        limited = self.step_limit(opened) is not None
        for holds, what in [
            (result.completed_steps == completed, "completed_steps"),
            (result.results == {name: name for name in completed}, "results"),
            (result.failed_steps == failed, "failed_steps"),
            (list(result.errors) == failed, "errors"),
            (set(result.cancelled_steps) == unwound - set(timed_out), "cancelled_steps"),
            (set(timed_out) <= unwound, "a step that ended by itself is called late"),
            (bool(at_group_limit) <= result.timed_out, "timed_out"),
            (result.timed_out <= (opened.call.timeout is not None), "timed_out without a limit"),
            (limited or timed_out == at_group_limit, "a step timed out without a limit"),
            (sorted(result.skipped_steps) == sorted(set(names) - {*completed, *failed}), "skipped"),
            (abs(result.duration - took) < 1e-6, f"duration, which was {took}"),
            (result.success == self.verdict(result, opened), "success"),
        ]:
            if not holds:
                self.note(f"wrong in the result of call {opened.number}: {what}; {result}")

    def verdict(self, result: ParallelExecutionResult, opened: Open) -> bool:
        need, _ = opened.thresholds()
        if need is None or getattr(opened.call, "continue_on_error", False):
            return True
        if opened.call.strategy is WaitStrategy.RACE:
            return result.winner in result.completed_steps
        return len(result.completed_steps) >= need

    def look(self) -> None:
        """What holds at any instant."""
        stats, status, now = self.pool.get_stats(), self.pool.get_status(), trio.current_time()
        ends = list(self.ended.values())
        holders = sorted(name for name, _ in self.pool.holders())
        settled = (
            stats.tasks_completed,
            stats.tasks_failed,
            stats.tasks_timed_out,
            stats.tasks_cancelled,
            stats.tasks_skipped,
        )
        missing = stats.tasks_submitted - sum(settled) - stats.tasks_running - stats.queue_length
        may_miss = sum(len(opened.call.steps) for opened in self.open if opened.is_disturbed())
        busy = sum(step.open_calls == 0 for step in self.running.values())
        grew = attrs.asdict(self.before, filter=lambda field, _: field.name in GROWING)
        self.before = stats
        if now > self.lowered_at:  # whoever was given a slot before has begun
            self.ceiling = max(status.max_concurrent, min(self.ceiling, status.active_workers))
        for holds, what in [
            (holders == sorted(self.running), f"{holders} hold slots, not {sorted(self.running)}"),
            (stats.tasks_running == len(self.running), "tasks_running"),
            (stats.tasks_completed == ends.count("returned"), "tasks_completed"),
            (stats.tasks_failed == ends.count("raised"), "tasks_failed"),
            (sum(settled[2:4]) <= ends.count("unwound"), "tasks_timed_out or tasks_cancelled"),
            (0 <= missing <= may_miss, f"{missing} steps are in no count; {may_miss} may be"),
            (all(getattr(stats, name) >= was for name, was in grew.items()), f"less than {grew}"),
            (status.active_workers == stats.active_workers, "active_workers"),
            (status.active_workers <= self.ceiling, f"more than {self.ceiling} slots taken"),
            (busy <= self.ceiling, f"{busy} steps at work"),
        ]:
            if not holds:
                self.note(f"wrong: {what}; {stats}")

    async def watch(self) -> None:
        """Whenever nothing can move without time passing: a slot is free only if nobody wants it,
        and then the next who wants it has it."""
        while True:
            await trio.testing.wait_all_tasks_blocked()
            self.look_at_rest()
            if self.pool.get_status().active_workers < self.pool.max_concurrent:
                name = f"{self.calls + 1}.0"
                await self.make(PROBE, None)
                self.must(name in self.ended, f"a slot is free, and step {name} cannot have it")
            await trio.sleep(0.55)

    def look_at_rest(self) -> None:
        stats = self.pool.get_stats()
        groups = [o for o in self.open if isinstance(o.call, Group)]
        if not any(self.members_running(o) == o.call.max_concurrent for o in groups):
            waiting = stats.queue_length - sum(map(self.doomed, self.open))
            free = self.pool.max_concurrent - stats.active_workers
            self.must(waiting <= 0 or free <= 0, f"steps wait for a slot that is free: {stats}")
        waiting = self.waiting()
        self.must(self.bound() is None or len(waiting) <= self.bound(), f"{waiting} wait")

    def doomed(self, opened: Open) -> int:
        """How many of its steps wait and will never begin: it was cancelled or decided."""
        if min(opened.until, latest(opened.within)) > trio.current_time() + TICK:
            return 0
        return sum(name not in self.running | self.ended for name in opened.names())

    def members_running(self, opened: Open) -> int:
        return sum(step.made_by is opened for step in self.running.values())


GROWING = (
    "tasks_submitted",
    "tasks_completed",
    "tasks_failed",
    "tasks_timed_out",
    "tasks_cancelled",
    "tasks_skipped",
    "total_wait_time",
)

# --- the suite ------------------------------------------------------------------------------------

EXAMPLES = 100


def trial(seed: int) -> Mapping[str, float]:
    tried = {"programs": 0, "operations": 0, "steps": 0}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(PROGRAMS)
    def test(program: Program) -> None:
        machine = Machine(program)
        run_virtual(machine.main)
        tried["programs"] += 1
        tried["operations"] += machine.operations
        tried["steps"] += len(machine.ended)

    test()
    return tried


SUITE = Suite(
    name="machine",
    promise="no task outlives its group; a cancelled caller leaves no trace",
    unit="runs of 100 programs",
    trial=trial,
    small=10,
    large=500,
    patience=500,  # shrinking takes its time
)

"""Turns that the driver gives: each rule of theirs. Whatever is seen, Trio's own turns show the same."""

from __future__ import annotations

import itertools
import sys
from collections import Counter, deque
from functools import partial

import outcome
import pytest
import trio
from trio.lowlevel import Abort, Task, checkpoint, current_task, wait_task_rescheduled
from trio.testing import assert_checkpoints

from hocket import ParallelExecutionManager, ParallelGroup, WorkerPool
from hocket._engine import turns
from hocket.testing import assert_idle, assert_works_on, run_virtual, seeded_schedule

BOTH = pytest.mark.parametrize("on", [True, False], ids=["turns", "no turns"])
TEN = [str(n) for n in range(10)]
RUNNER = ["runq", "instruments", "ki_pending", "main_task", "clock", "deadlines"]
current = sys.modules["trio._core._run"].GLOBAL_RUN_CONTEXT

takes_turns = pytest.mark.skipif(turns._FOUND is None, reason="this Trio lets nobody give turns")


async def run_group(execute, steps=TEN, strategy="all", *, on=True, **options):
    manager = ParallelExecutionManager(max_concurrent=10, turns=on)
    result = await manager.execute_group(ParallelGroup("g", steps, strategy, **options), execute)
    assert_idle(manager)
    return result


def task_that_trio_runs() -> Task:
    """The task whose turn it is to Trio: in a turn of the driver's own, another one."""
    frame = sys._getframe()
    while frame.f_code.co_name != "unrolled_run":
        frame = frame.f_back
    return frame.f_locals["task"]


def is_given() -> bool:
    """Whether this step has its turn from another worker's driver."""
    return task_that_trio_runs() is not current_task()


async def given_turns(times=10):
    """How many turns of the step that awaits this were given by other workers' drivers."""
    given = 0
    for _ in range(times):
        await checkpoint()
        given += is_given()
    return given


# --- what is given ----------------------------------------------------------------------------------


@takes_turns
@pytest.mark.parametrize(
    "options",
    [{}, {"step_timeout": 100}, {"isolation": "task"}],
    ids=["shared", "timed", "isolated"],
)
async def test_most_turns_of_steps_that_checkpoint_are_given_by_a_driver(autojump_clock, options):
    result = await run_group(lambda step: given_turns(100), **options)
    assert sum(result.results.values()) > 500, "of 1,000"


async def test_no_turn_is_given_where_the_pool_says_so():
    result = await run_group(lambda step: given_turns(), on=False)
    assert set(result.results.values()) == {0}


@takes_turns
async def test_callers_of_single_calls_give_each_other_turns(autojump_clock):
    pool = WorkerPool(max_concurrent=10)
    given = []

    async def call():
        given.append(await pool.execute(given_turns))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(call)
    assert sum(given) > 50, "of 100"


@takes_turns
async def test_a_step_that_another_step_wakes_is_not_sent_through_trio(autojump_clock):
    send, receive = trio.open_memory_channel(0)

    async def execute(step):
        given = 0
        for _ in range(50):
            await (send.send(step) if step == "sends" else receive.receive())
            given += is_given()
        return given

    result = await run_group(execute, ["sends", "receives"])
    assert sum(result.results.values()) >= 40, "of the 100 turns, half are the carrier's own"


@takes_turns
async def test_the_carrier_goes_on_while_its_own_step_waits(autojump_clock):
    carriers = []
    lock = trio.Lock()

    async def execute(step):
        for _ in range(20):
            async with lock:
                carriers.append(task_that_trio_runs())
                await checkpoint()

    await run_group(execute)
    changes = sum(a is not b for a, b in itertools.pairwise(carriers))
    assert changes < len(carriers) / 4, f"{changes} carriers in {len(carriers)} turns"


# --- Trio's private side ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("coro", "_next_send", "_next_send_fn", "_abort_func", "_schedule_points"),
        *("_cancel_points", "_attempt_delivery_of_pending_ki"),
        "_attempt_delivery_of_any_pending_cancel",
    ],
)
def test_where_trio_has_a_private_name_no_longer_steps_go_through_trio(monkeypatch, name):
    class Renamed:
        pass

    for other in dir(Task):
        if other != name and not other.startswith("__"):
            setattr(Renamed, other, getattr(Task, other))
    monkeypatch.setattr(turns, "Task", Renamed)
    monkeypatch.setattr(turns, "_FOUND", turns._look_up())
    assert turns._FOUND is None
    result = run_virtual(run_group, lambda step: given_turns())
    assert set(result.results.values()) == {0}


@takes_turns
@pytest.mark.parametrize("name", RUNNER)
def test_where_a_run_of_trio_is_built_otherwise_steps_go_through_trio(monkeypatch, name):
    class Renamed:
        def __init__(self, runner):
            for other in RUNNER:
                if other != name:
                    setattr(self, other, getattr(runner, other))

    async def main():
        here = dict(current.__dict__, runner=Renamed(current.runner))
        assert turns._open(turns._FOUND, here) is None

    trio.run(main)


@takes_turns
def test_a_trap_that_is_of_another_kind_means_no_turns(monkeypatch):
    async def cancel_shielded_checkpoint():
        await wait_task_rescheduled(lambda _: Abort.FAILED)

    monkeypatch.setattr(turns, "cancel_shielded_checkpoint", cancel_shielded_checkpoint)
    assert turns._look_up() is None


# --- instruments ------------------------------------------------------------------------------------


class Watch(trio.abc.Instrument):
    """Sees each turn of a step begin and end."""

    def __init__(self):
        self.seen = []

    def before_task_step(self, task):
        self.seen.append(("before", task))

    def after_task_step(self, task):
        self.seen.append(("after", task))

    def check(self):
        pairs = list(zip(self.seen[::2], self.seen[1::2], strict=False))
        assert all(a == ("before", b[1]) and b[0] == "after" for a, b in pairs), self.seen


@BOTH
async def test_an_instrument_that_was_there_before_sees_every_turn(on):
    watch = Watch()
    trio.lowlevel.add_instrument(watch)
    try:
        result = await run_group(lambda step: given_turns(), on=on)
    finally:
        trio.lowlevel.remove_instrument(watch)
    assert set(result.results.values()) == {0}
    watch.seen.insert(0, ("before", current_task()))
    watch.check()
    assert Counter(kind for kind, _ in watch.seen)["before"] > 100


@BOTH
@pytest.mark.parametrize("who", TEN)
async def test_an_instrument_that_comes_in_the_middle_sees_whole_turns(on, who):
    watch = Watch()
    came = []

    async def execute(step):
        for turn in range(10):
            await checkpoint()
            if step == who and turn == 4:
                trio.lowlevel.add_instrument(watch)
                came.append(current_task())
        return "done"

    result = await run_group(execute, on=on)
    trio.lowlevel.remove_instrument(watch)
    assert list(result.results.values()) == ["done"] * 10
    watch.seen.insert(0, ("before", came[0]))
    watch.check()
    assert len(watch.seen) > 20


# --- counts -----------------------------------------------------------------------------------------


def points():
    return current_task()._schedule_points, current_task()._cancel_points


@BOTH
async def test_each_await_counts_as_many_checkpoints_as_in_trio(on):
    lock, event = trio.Lock(), trio.Event()
    event.set()

    async def acquire():
        async with lock:
            pass

    kinds = [checkpoint, partial(trio.sleep, 0), partial(trio.sleep, 0.0001), event.wait, acquire]

    async def execute(step):
        found = []
        for kind in kinds:
            before = points()
            await kind()
            found.append(tuple(b - a for a, b in zip(before, points(), strict=True)))
        return found

    expected = await execute("")
    result = await run_group(execute, on=on)
    for found in result.results.values():
        assert found[:-1] == expected[:-1]
        assert found[-1][0] in (1, 2), "a lock that is taken is waited for"


@BOTH
async def test_a_call_counts_as_many_checkpoints_as_its_step(on):
    pool = WorkerPool(max_concurrent=1, turns=on)
    for times in range(1, 5):
        before = points()
        await pool.execute(given_turns, times)
        assert points()[0] - before[0] == times


@BOTH
async def test_assert_checkpoints_holds_inside_steps(on):
    async def execute(step):
        for _ in range(5):
            with assert_checkpoints():
                await checkpoint()

    await run_group(execute, on=on)


# --- nested drivers, callers, other coroutines ------------------------------------------------------


@takes_turns
async def test_steps_inside_steps_have_their_turns_by_the_outermost_driver(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=10)
    seen = []

    async def inner(step):
        for _ in range(5):
            await checkpoint()
            seen.append(is_given())
        return step

    async def outer(step):
        group = ParallelGroup("inner", ["x", "y", "z"])
        return dict((await manager.execute_group(group, inner)).results)

    result = await manager.execute_group(ParallelGroup("g", TEN[:3]), outer)
    assert list(result.results.values()) == [{"x": "x", "y": "y", "z": "z"}] * 3
    assert any(seen)
    await assert_works_on(manager)


@BOTH
async def test_an_exception_that_a_caller_handles_is_not_seen_by_others_steps(on):
    pool = WorkerPool(max_concurrent=10, turns=on)
    handled = []

    async def look():
        for _ in range(10):
            await checkpoint()
            handled.append(sys.exception())

    async def handles():
        try:
            raise LookupError("the caller's")
        except LookupError:
            await pool.execute(given_turns)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(handles)
            nursery.start_soon(pool.execute, look)
    assert handled == [None] * 30


@BOTH
async def test_a_step_that_handles_an_exception_does_not_show_it_to_others(on):
    async def execute(step):
        for turn in range(10):
            assert sys.exception() is None
            try:
                raise LookupError(step, turn)
            except LookupError as error:
                await checkpoint()
                assert sys.exception() is error  # noqa: PT017 - after the checkpoint
            await checkpoint()

    await run_group(execute, on=on)


@BOTH
async def test_a_task_tree_shows_each_step_where_it_is(on):
    places = {}

    async def here(step):
        await checkpoint()
        if step == "9":
            for task in {*places.values()} - {current_task()}:
                names = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
                assert names[-2:] == ["checkpoint", "cancel_shielded_checkpoint"], names
                assert "here" in names

    async def execute(step):
        places[step] = current_task()
        for _ in range(5):
            await here(step)

    await run_group(execute, on=on)


@BOTH
async def test_a_caller_that_stands_deep_in_its_stack_leaves_others_steps_theirs(on):
    def recurse(depth):
        return depth and recurse(depth - 1)

    ended = []

    async def execute(step):
        # The caller's own worker has no other step meanwhile.
        while step == "0" and len(ended) < 9:
            await checkpoint()
        for _ in range(5):
            await checkpoint()
            if step != "0":
                recurse(400)
        ended.append(step)
        return step

    async def nest(depth):
        return await (nest(depth - 1) if depth else run_group(execute, on=on))

    assert sorted((await nest(650)).results.values()) == TEN


# --- waiting ----------------------------------------------------------------------------------------


@BOTH
async def test_a_step_that_is_woken_with_an_error_gets_it(on):
    async def execute(step):
        if step == "waits":
            tasks.append(current_task())
            with pytest.raises(LookupError, match="by another step"):
                await wait_task_rescheduled(lambda _: Abort.FAILED)
            return "woken"
        while not tasks:
            await checkpoint()
        trio.lowlevel.reschedule(tasks[0], outcome.Error(LookupError("by another step")))
        await checkpoint()
        return "wakes"

    tasks = []
    result = await run_group(execute, ["waits", "wakes"], on=on)
    assert dict(result.results) == {"waits": "woken", "wakes": "wakes"}


@BOTH
async def test_a_step_gets_the_value_that_it_is_woken_with(on):
    waiting = deque()

    async def execute(step):
        if int(step) % 2:
            waiting.append(current_task())
            return await wait_task_rescheduled(lambda _: Abort.FAILED)
        await checkpoint()
        while not waiting:
            await checkpoint()
        trio.lowlevel.reschedule(waiting.popleft(), outcome.Value(f"by {step}"))
        return None

    result = await run_group(execute, on=on)
    woken = {result.results[step] for step in TEN if int(step) % 2}
    assert woken == {f"by {step}" for step in TEN if not int(step) % 2}


@BOTH
async def test_a_step_may_reschedule_itself(on):
    async def execute(step):
        for turn in range(5):
            trio.lowlevel.reschedule(current_task(), outcome.Value((step, turn)))
            got = await wait_task_rescheduled(lambda _: Abort.FAILED)
            assert got == (step, turn)
            await checkpoint()
        return step

    result = await run_group(execute, on=on)
    assert sorted(result.results.values()) == TEN


@BOTH
async def test_a_step_that_makes_another_task_current_harms_nobody_else(on):
    caller = current_task()

    async def execute(step):
        for _ in range(5):
            await checkpoint()
            assert current_task().name == step
            if step == "3":
                current.task = caller
                await trio.lowlevel.cancel_shielded_checkpoint()
        return step

    result = await run_group(execute, on=on)
    assert sorted(result.results.values()) == TEN
    assert current_task() is caller


# --- cancelled --------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("strategy", ["all", "any", "all_settled", "race"])
@pytest.mark.parametrize("seed", range(5))
def test_a_run_that_is_cancelled_while_all_are_ready_loses_nothing(on, strategy, seed):
    ended, began = Counter(), set()

    async def execute(step):
        began.add(step)
        try:
            while len(began) < 10:
                await checkpoint()
            for turn in range(1000):
                await checkpoint()
                if step == "4" and turn == 20:
                    scope.cancel()
        finally:
            ended[step] += 1

    async def main():
        nonlocal scope
        manager = ParallelExecutionManager(max_concurrent=10, turns=on)
        with trio.CancelScope() as scope:
            await manager.execute_group(ParallelGroup("g", TEN, strategy), execute)
        assert scope.cancelled_caught
        await assert_works_on(manager)

    scope = None
    run_virtual(main, seed=seed)
    assert ended == Counter(TEN)


@BOTH
def test_a_step_that_decides_cancels_those_that_are_ready(on):
    began = set()

    async def execute(step):
        began.add(step)
        while len(began) < 10:
            await checkpoint()
        for turn in range(100):
            await checkpoint()
            if step == "7" and turn == 5:
                raise LookupError(step)

    async def main():
        result = await run_group(execute, on=on)
        assert result.failed_steps == ["7"]
        assert sorted(result.cancelled_steps) == [step for step in TEN if step != "7"]

    run_virtual(main)


@BOTH
async def test_an_error_in_a_given_turn_is_that_steps(on):
    async def execute(step):
        for _ in range(int(step)):
            await checkpoint()
        raise LookupError(step)

    result = await run_group(execute, strategy="all_settled", on=on)
    assert {step: str(error) for step, error in result.errors.items()} == {n: n for n in TEN}


@BOTH
async def test_a_fatal_error_in_a_given_turn_stops_the_group(on):
    class Fatal(BaseException):
        pass

    ended = []

    async def execute(step):
        try:
            for turn in range(1000):
                await checkpoint()
                if step == "6" and turn == 3:
                    raise Fatal
        finally:
            ended.append(step)

    manager = ParallelExecutionManager(max_concurrent=10, turns=on)
    with pytest.raises(Fatal):
        await manager.execute_group(ParallelGroup("g", TEN), execute)
    assert sorted(ended) == TEN
    await assert_works_on(manager)


@BOTH
async def test_ctrl_c_does_not_strike_in_an_abort_function(on):
    protected = []

    def abort(_):
        protected.append(trio.lowlevel.currently_ki_protected())
        return Abort.SUCCEEDED

    async def execute(step):
        await checkpoint()
        await checkpoint()
        with trio.CancelScope() as scope:
            scope.cancel()
            await wait_task_rescheduled(abort)

    await run_group(execute, on=on)
    assert protected == [True] * 10


@BOTH
def test_ctrl_c_does_not_strike_while_a_task_is_put_into_trios_queue(on):
    unprotected = []

    class Queue(deque):
        def append(self, task):
            if not trio.lowlevel.currently_ki_protected():
                unprotected.append(task)
            super().append(task)

    async def execute(step):
        for turn in range(50):
            await checkpoint()
            if turn % 3 == 0:
                await trio.sleep(0.001)

    async def main():
        current.runner.runq = Queue(current.runner.runq)
        await run_group(execute, on=on)

    trio.run(main)
    assert not unprotected


@BOTH
@pytest.mark.parametrize("by", ["deadline", "clock"])
def test_a_deadline_that_has_come_in_virtual_time_is_seen_by_the_next_turn(on, by):
    clock = trio.testing.MockClock()
    scopes = {}

    async def execute(step):
        with trio.move_on_after(5) as scopes[step]:
            for turn in range(2000):
                await checkpoint()
                if step == "0" and turn == 300 and by == "clock":
                    clock.jump(10)
                elif step == "0" and turn == 300:
                    for scope in scopes.values():
                        scope.deadline = trio.current_time()
        return turn

    async def main():
        return await run_group(execute, TEN[:4], on=on)

    result = trio.run(main, clock=clock)
    assert all(290 <= turn <= 302 for turn in result.results.values()), result.results


# --- fair to others ---------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("others", [1, 3])
def test_a_task_beside_steps_has_a_turn_at_least_every_second_round(on, others):
    turns_of = Counter()

    async def beside(name):
        while True:
            await checkpoint()
            turns_of[name] += 1

    async def execute(step):
        for _ in range(100):
            await checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            for n in range(others):
                nursery.start_soon(beside, n)
            await run_group(execute, on=on)
            nursery.cancel_scope.cancel()

    run_virtual(main)
    assert all(turns_of[n] >= 45 for n in range(others)), turns_of


@BOTH
@pytest.mark.parametrize("seed", range(20))
def test_a_child_that_was_just_started_has_run_after_two_checkpoints(on, seed):
    async def execute(step):
        ran = []

        async def child():
            ran.append(step)

        for _ in range(int(step) % 3):
            await checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
            await checkpoint()
            await checkpoint()
            assert ran

    async def main():
        result = await run_group(execute, strategy="all_settled", on=on)
        assert not result.errors

    run_virtual(main, seed=seed)


@BOTH
async def test_a_caller_of_one_call_after_another_starves_nobody(on):
    pool = WorkerPool(max_concurrent=1, turns=on)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await checkpoint()
            ticks += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        for _ in range(100):
            await pool.execute(checkpoint)
        nursery.cancel_scope.cancel()
    assert ticks >= 90


@BOTH
def test_steps_that_only_checkpoint_do_not_hold_virtual_time_up(on):
    async def execute(step):
        if step == "sleeps":
            await trio.sleep(1)
            return trio.current_time()
        while trio.current_time() < 1:
            await checkpoint()
            await trio.sleep(0.01)
        return None

    async def main():
        return (await run_group(execute, ["sleeps", "a", "b"], on=on)).results["sleeps"]

    assert run_virtual(main) == 1


@BOTH
@pytest.mark.parametrize("others", [0, 1])
async def test_wait_all_tasks_blocked_waits_for_steps_that_are_ready(on, others):
    done = []

    async def execute(step):
        for _ in range(200):
            await checkpoint()
        done.append(step)
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(others):
            nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(run_group, execute)
        await trio.testing.wait_all_tasks_blocked()
        assert len(done) == 10
        nursery.cancel_scope.cancel()


# --- order ------------------------------------------------------------------------------------------


def order_of_turns(seed):
    seen = []

    async def execute(step):
        for _ in range(4):
            await checkpoint()
            seen.append(step)

    run_virtual(run_group, execute, seed=seed)
    return tuple(seen)


def test_a_seed_replays_the_order_of_turns():
    assert [order_of_turns(seed) for seed in range(10)] == [order_of_turns(n) for n in range(10)]


def test_seeds_explore_orders_of_turns():
    assert len({order_of_turns(seed)[10:20] for seed in range(40)}) > 20


@takes_turns
def test_without_a_seed_nobody_can_rely_on_an_order():
    assert len({order_of_turns(None)[10:20] for _ in range(40)}) > 2


def test_with_a_seed_around_it_a_run_of_trio_finds_it_again():
    with seeded_schedule(3):
        assert run_virtual(run_group, lambda step: given_turns(1)).results


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [WorkerPool, ParallelExecutionManager])
@pytest.mark.parametrize("wrong", [None, "off", 0, 1])
def test_turns_are_given_or_not(make, wrong):
    with pytest.raises(TypeError, match="turns must be True or False"):
        make(turns=wrong)

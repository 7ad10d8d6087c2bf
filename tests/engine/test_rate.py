"""No window has more starts than its rate says, and nobody waits for a rate who need not."""

from __future__ import annotations

import math
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given, settings, strategies as st

from hocket import ParallelExecutionManager, ParallelGroup, Rate, WorkerPool, WorkerTask
from hocket.testing import assert_adds_up, assert_idle, assert_works_on, run_virtual


class Starts:
    """Steps that note when they start."""

    def __init__(self):
        self.times = []
        self.names = []

    async def step(self, name="", seconds=0.0):
        self.times.append(trio.current_time())
        self.names.append(name)
        if seconds:
            await trio.sleep(seconds)


@pytest.fixture
def starts():
    return Starts()


def worst_window(times, per):
    """The most starts in any half-open window of `per` seconds."""
    ns = sorted(round(time * 1e9) for time in times)
    length, first, worst = round(per * 1e9), 0, 0
    for last, time in enumerate(ns):
        while ns[first] <= time - length:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


async def test_starts_come_evenly(autojump_clock, starts):
    manager = ParallelExecutionManager(rate=Rate(4))
    await manager.execute_group(ParallelGroup("g", list("abcdefgh")), starts.step)
    assert starts.times == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert starts.names == list("abcdefgh")


async def test_a_rate_loses_less_than_a_nanosecond_a_start(autojump_clock, starts):
    pool = WorkerPool(rate=Rate(3))
    await pool.execute_many([WorkerTask(str(i), starts.step) for i in range(301)])
    assert starts.times[-1] == pytest.approx(100, abs=300e-9)
    assert worst_window(starts.times, 1) == 3


async def test_a_burst_starts_at_once_and_no_window_has_more_than_the_limit(autojump_clock, starts):
    pool = WorkerPool(max_concurrent=100, rate=Rate(10, burst=10))
    await pool.execute_many([WorkerTask(str(i), starts.step) for i in range(25)])
    assert starts.times == pytest.approx([0] * 10 + [1.0] * 10 + [2.0] * 5)


async def test_waiting_for_a_rate_is_waiting_and_never_running(autojump_clock):
    pool = WorkerPool(rate=Rate(1), timeout=0.5)
    tasks = [WorkerTask(str(i), partial(trio.sleep, 0.25)) for i in range(5)]
    await pool.execute_many(tasks)
    stats = pool.get_stats()
    assert stats.tasks_completed == 5
    assert stats.run_time.max == 0.25
    assert (stats.total_wait_time, stats.wait_time.max) == (10, 4)
    assert stats.tasks_timed_out == 0
    await assert_works_on(WorkerPool())


async def test_what_waits_for_a_rate_takes_no_slot(autojump_clock, starts):
    manager = ParallelExecutionManager(max_concurrent=1)
    slow = ParallelGroup("slow", list("abc"), rate=Rate(1, per=10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(manager.execute_group, slow, starts.step)
        await trio.sleep(1)
        assert manager.get_status().active_workers == 0
        assert manager.get_status().queue_length == 2
        fast = await manager.execute_group(ParallelGroup("fast", list("xyz")), starts.step)
        assert fast.duration == 0
        assert_adds_up(manager)
    assert list(zip(starts.names, starts.times, strict=True)) == [
        ("a", 0), ("x", 1), ("y", 1), ("z", 1), ("b", 10), ("c", 20),
    ]  # fmt: skip
    assert_idle(manager)


async def test_calls_of_one_rate_start_in_their_order(autojump_clock, starts):
    pool, rate = WorkerPool(), Rate(10)
    async with trio.open_nursery() as nursery:
        for i in range(50):
            nursery.start_soon(partial(pool.execute, starts.step, i, rate=rate))
            await trio.testing.wait_all_tasks_blocked()
    assert starts.names == list(range(50))
    assert starts.times == pytest.approx([i / 10 for i in range(50)])


async def test_pools_and_groups_that_share_a_rate_keep_it_together(autojump_clock, starts):
    rate = Rate(5)
    first, second = WorkerPool(rate=rate), ParallelExecutionManager()
    group = ParallelGroup("g", [str(i) for i in range(20)], rate=rate)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(first.execute, starts.step)
        nursery.start_soon(second.execute_group, group, starts.step)
        for _ in range(20):
            nursery.start_soon(partial(second.pool.execute, starts.step, rate=rate))
    assert len(starts.times) == 60
    assert worst_window(starts.times, 1) == 5
    assert starts.times == pytest.approx([i / 5 for i in range(60)])


async def test_a_cancelled_caller_leaves_its_turn_to_the_next(autojump_clock, starts):
    pool = WorkerPool(rate=Rate(1))
    await pool.execute(starts.step, "first")
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            nursery.start_soon(pool.execute, starts.step, "patient")
            await pool.execute(starts.step, "never")
        nursery.start_soon(pool.execute, starts.step, "last")
    assert list(zip(starts.names, starts.times, strict=True)) == [
        ("first", 0), ("patient", 1), ("last", 2),
    ]  # fmt: skip
    assert pool.get_stats().tasks_skipped == 1
    assert_idle(pool)


async def test_whoever_sleeps_for_all_may_be_cancelled(autojump_clock, starts):
    pool = WorkerPool(rate=Rate(1))
    await pool.execute(starts.step, "first")
    async with trio.open_nursery() as nursery:
        scopes = []
        for i in range(5):
            scope = trio.CancelScope()
            scopes.append(scope)

            async def call(scope=scope, i=i):
                with scope:
                    await pool.execute(starts.step, i)

            nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
        await trio.sleep(0.1)
        scopes[1].cancel()
        scopes[3].cancel()
    assert list(zip(starts.names, starts.times, strict=True)) == [
        ("first", 0), (2, 1), (4, 2),
    ]  # fmt: skip
    assert_idle(pool)


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_steps_own_steps_keep_the_rate_and_do_not_deadlock(
    autojump_clock, starts, isolation
):
    manager = ParallelExecutionManager(max_concurrent=1, rate=Rate(1))

    async def outer(name):
        await starts.step(name)
        inner = ParallelGroup("inner", ["1", "2"], isolation=isolation)
        await manager.execute_group(inner, starts.step)

    group = ParallelGroup("outer", ["a", "b"], isolation=isolation)
    await manager.execute_group(group, outer)
    assert starts.times == [0, 1, 2, 3, 4, 5]
    assert_idle(manager)


async def test_the_bounded_queue_counts_those_that_wait_for_the_pools_rate(autojump_clock):
    from hocket import QueueFull

    pool = WorkerPool(rate=Rate(1), queue_size=2)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pool.execute, trio.sleep, 0)
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(QueueFull):
            await pool.execute(trio.sleep, 0)
    assert trio.current_time() == 2
    assert_idle(pool)


async def test_a_groups_time_limit_ends_its_waiting_for_a_rate(autojump_clock, starts):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("abc"), rate=Rate(1, per=10), timeout=15)
    result = await manager.execute_group(group, starts.step)
    assert (result.completed_steps, result.skipped_steps) == (["a", "b"], ["c"])
    assert (result.timed_out, result.duration) == (True, 15)
    assert_idle(manager)


@pytest.mark.parametrize("strategy", ["any", "race"])
async def test_a_decided_group_does_not_wait_for_its_rate(autojump_clock, starts, strategy):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("abc"), strategy, rate=Rate(1, per=1000))
    result = await manager.execute_group(group, starts.step)
    assert (result.winner, result.duration) == ("a", 0)
    assert_idle(manager)


def test_a_rate_begins_anew_in_another_virtual_time(starts):
    rate = Rate(1, per=100)
    pool = WorkerPool(rate=rate)
    for _ in range(3):
        run_virtual(pool.execute, starts.step)
        run_virtual(partial(WorkerPool().execute, starts.step, rate=rate))
    assert starts.times == [0] * 6


def test_a_rate_holds_over_several_runs_in_real_time(starts):
    pool = WorkerPool(rate=Rate(1, per=0.05))
    for _ in range(3):
        trio.run(pool.execute, starts.step)
    assert pool.get_stats().total_wait_time > 0.05


async def test_no_window_of_a_hundred_thousand_starts_has_more_than_the_limit(autojump_clock):
    times = []
    rates = [Rate(400, burst=1), Rate(1000, per=2.5, burst=1000), Rate(7, per=0.01, burst=3)]

    async def note():
        times[-1].append(trio.current_time())

    for rate in rates:
        times.append([])
        pool = WorkerPool(max_concurrent=50, rate=rate)
        await pool.execute_many([WorkerTask(str(i), note) for i in range(35_000)])
        assert len(times[-1]) == 35_000
        assert worst_window(times[-1], rate.per) == rate.limit
        least = (35_000 - rate.burst) / rate.limit * rate.per
        assert times[-1][-1] - times[-1][0] == pytest.approx(least, rel=0.01)


actions = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 2), st.integers(0, 5)),
    st.tuples(st.just("group"), st.integers(0, 2), st.integers(1, 6)),
    st.tuples(st.just("cancel"), st.integers(0, 20), st.none()),
    st.tuples(st.just("resize"), st.integers(1, 4), st.none()),
    st.tuples(st.just("pause"), st.integers(1, 5), st.none()),
    st.tuples(st.just("hold"), st.integers(1, 20), st.none()),
    st.tuples(st.just("sleep"), st.integers(1, 8), st.none()),
)


@settings(max_examples=150, deadline=None)
@given(
    limits=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    bursts=st.tuples(st.booleans(), st.booleans()),
    actions=st.lists(actions, max_size=30),
)
def test_rates_hold_and_nothing_is_lost_under_every_disturbance(  # noqa: C901 - a list of actions
    limits, bursts, actions
):
    rates = [
        Rate(limit, per=1, burst=limit if burst else 1)
        for limit, burst in zip(limits, bursts, strict=True)
    ]
    pool_starts, own_starts, held = [], [], []

    async def main():  # noqa: C901
        manager = ParallelExecutionManager(max_concurrent=2, rate=rates[0])
        scopes = []

        async def step(own, seconds):
            now = trio.current_time()
            pool_starts.append(now)
            if own:
                own_starts.append(now)
            assert not any(begin <= now < end - 1e-9 for begin, end in held), "held"
            await trio.sleep(seconds / 10)

        async def cancellable(call):
            scope = trio.CancelScope()
            scopes.append(scope)
            with scope:
                await call()

        async with trio.open_nursery() as nursery:
            for kind, first, second in actions:
                own = rates[1] if first else None
                if kind == "call":
                    call = partial(manager.pool.execute, step, bool(own), second, rate=own)
                    nursery.start_soon(cancellable, call)
                elif kind == "group":
                    group = ParallelGroup("g", [str(i) for i in range(second)], rate=own)

                    async def execute(_, own=own):
                        await step(bool(own), 1)

                    call = partial(manager.execute_group, group, execute)
                    nursery.start_soon(cancellable, call)
                elif kind == "cancel" and scopes:
                    scopes[first % len(scopes)].cancel()
                elif kind == "resize":
                    manager.pool.max_concurrent = first
                elif kind == "hold":
                    manager.pool.hold_for(first / 10)
                    held.append((trio.current_time(), trio.current_time() + first / 10))
                elif kind == "pause":
                    manager.pool.pause()
                    await trio.sleep(first / 10)
                    manager.pool.resume()
                    held.clear()  # it ends a hold, too
                await trio.sleep(second / 10 if kind == "sleep" and second else 0)
            manager.pool.max_concurrent = 5
        assert_idle(manager)

    run_virtual(main)
    assert worst_window(pool_starts, 1) <= limits[0]
    assert worst_window(own_starts, 1) <= limits[1]


WRONG = [
    ({"limit": 0}, ValueError, "limit of Rate must be at least 1; got 0; for no rate leave rate out, and to start nothing for a while call pool.pause()"),
    ({"limit": -1}, ValueError, "limit of Rate must be at least 1; got -1"),
    ({"limit": None}, TypeError, "limit of Rate must be a whole number of at least 1; got None; for no rate leave rate out, and to start nothing for a while call pool.pause()"),
    ({"limit": math.inf}, TypeError, "limit of Rate must be a whole number of at least 1; got inf; for no rate leave rate out, and to start nothing for a while call pool.pause()"),
    ({"limit": 1.5}, TypeError, "limit of Rate must be a whole number of at least 1, or None for no limit; got 1.5"),
    ({"limit": True}, TypeError, "limit of Rate must be a whole number of at least 1, or None for no limit; got True"),
    ({"limit": "10"}, TypeError, "limit of Rate must be a whole number of at least 1, or None for no limit; got '10'"),
    ({"limit": 5, "per": 0}, ValueError, "per of Rate must be more than 0 seconds; got 0; leave it out, or pass None, for one second"),
    ({"limit": 5, "per": -1}, ValueError, "per of Rate must be more than 0 seconds; got -1; leave it out, or pass None, for one second"),
    ({"limit": 5, "per": math.nan}, ValueError, "per of Rate must be more than 0 seconds; got nan; leave it out, or pass None, for one second"),
    ({"limit": 5, "per": math.inf}, ValueError, "per of Rate must be a number of seconds; got inf; for no rate leave rate out"),
    ({"limit": 5, "per": "1s"}, TypeError, "per of Rate must be a number of seconds, a timedelta, or None for one second; got '1s'; write 1"),
    ({"limit": 5, "burst": 0}, ValueError, "burst of Rate must be at least 1; got 0"),
    ({"limit": 5, "burst": 6}, ValueError, "burst of Rate must be at most its limit, 5; got 6: no more may start in any window, at once or not"),
    ({"limit": 5, "burst": None}, TypeError, "burst of Rate must be a whole number of at least 1; got None"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "kind", "text"), WRONG)
def test_a_wrong_rate_is_refused_with_what_to_write(arguments, kind, text):
    with pytest.raises(kind) as caught:
        Rate(**arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10, "must be a Rate, or None for none; got 10; write Rate(10) for so many starts a second"),
        (0.5, "must be a Rate, or None for none; got 0.5; write Rate(1, per=2) for one start in so many seconds"),
        (0, "must be a Rate, or None for none; got 0"),
        (True, "must be a Rate, or None for none; got True"),
        ("10/s", "must be a Rate, or None for none; got '10/s'"),
    ],
)  # fmt: skip
async def test_what_is_no_rate_is_refused_wherever_one_is_taken(value, text):
    pool = WorkerPool()
    refusals = []
    for make in (WorkerPool, ParallelExecutionManager, partial(ParallelGroup, "g", [])):
        with pytest.raises(TypeError) as caught:
            make(rate=value)
        refusals.append(str(caught.value))
    with pytest.raises(TypeError) as caught:
        await pool.execute(trio.sleep, 0, rate=value)
    refusals.append(str(caught.value))
    with pytest.raises(TypeError) as caught:
        await pool.execute_with_strategy([], rate=value)
    refusals.append(str(caught.value))
    assert refusals == [f"rate {text}"] * 2 + [f"group 'g': rate {text}"] + [f"rate {text}"] * 2
    assert pool.get_stats().tasks_submitted == 0


async def test_a_hold_ends_by_itself(autojump_clock, starts):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, starts.step, "runs", 3.0)
        await trio.sleep(1)
        pool.hold_for(5)
        for name in "abc":
            nursery.start_soon(pool.execute, starts.step, name)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1)
        assert pool.held == 4
        assert pool.get_status().queue_length == 3
    assert list(zip(starts.names, starts.times, strict=True)) == [
        ("runs", 0), ("a", 6), ("b", 6), ("c", 6),
    ]  # fmt: skip
    assert pool.held == 0
    await assert_works_on(pool)


async def test_of_several_holds_the_last_one_to_end_counts_and_resume_ends_them(
    autojump_clock, starts
):
    pool = WorkerPool()
    pool.hold_for(5)
    pool.hold_until(trio.current_time() + 2)
    pool.hold_until(trio.current_time() - 2)
    await pool.execute(starts.step)
    pool.hold_for(5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, starts.step)
        await trio.sleep(1)
        pool.resume()
    assert starts.times == [5, 6]
    pool.hold_for(1)
    pool.pause()
    with trio.move_on_after(3):
        await pool.execute(starts.step)
    assert len(starts.times) == 2
    pool.resume()
    await assert_works_on(pool)


def test_a_hold_is_over_with_its_trio_run(starts):
    pool = WorkerPool()

    async def hold():
        pool.hold_for(1000)

    run_virtual(hold)
    run_virtual(pool.execute, starts.step)
    assert starts.times == [0]


WRONG_HOLDS = [
    (-1, ValueError, "seconds of hold_for must be more than 0 seconds; got -1; leave it out, or pass None, for no limit"),
    (math.inf, ValueError, "seconds of hold_for must be a number, and have an end; got inf; to hold without an end call pool.pause()"),
    (None, ValueError, "seconds of hold_for must be a number, and have an end; got None; to hold without an end call pool.pause()"),
    ("5s", TypeError, "seconds of hold_for must be a number of seconds, a timedelta, or None for no limit; got '5s'; write 5"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "kind", "text"), WRONG_HOLDS)
async def test_a_wrong_hold_is_refused(autojump_clock, seconds, kind, text):
    pool = WorkerPool()
    with pytest.raises(kind) as caught:
        pool.hold_for(seconds)
    assert str(caught.value) == text
    pool.hold_for(0)
    assert pool.held == 0


@pytest.mark.parametrize("time", [None, "1", math.inf, math.nan, True])
async def test_a_time_that_is_none_is_refused(autojump_clock, time):
    with pytest.raises(TypeError) as caught:
        WorkerPool().hold_until(time)
    text = f"time of hold_until must be a time of trio.current_time(); got {time!r}"
    assert str(caught.value) == text


def test_a_hold_outside_of_trio_is_refused():
    for call, time in ((WorkerPool.hold_for, 1), (WorkerPool.hold_until, 1)):
        with pytest.raises(RuntimeError, match=r"^a pool can be held only inside of a trio\.run"):
            call(WorkerPool(), time)


async def test_a_busy_pool_is_not_held_from_another_thread(autojump_clock):
    pool = WorkerPool()

    def elsewhere():
        with pytest.raises(RuntimeError, match=r"^a pool can be held only in"):
            trio.run(_hold, pool)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        await trio.to_thread.run_sync(elsewhere)
        nursery.cancel_scope.cancel()
    assert pool.held == 0


async def _hold(pool):
    pool.hold_for(5)

"""A pool's settings, as numbers of every kind, and changed while steps run."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from functools import partial

import pytest
import trio
import trio.testing

from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    QueueFull,
    StepTimeout,
    WorkerPool,
    WorkerPoolConfig,
)
from hocket._engine.pool import logger
from hocket._engine.run import RunSpec, run_steps
from hocket._model.strategy import WaitStrategy
from hocket.testing import assert_adds_up, assert_idle, assert_works_on


class Whole:
    """A whole number of somebody else's, like those of numpy."""

    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


class Gauge:
    """Steps that count how many of them run at once, and note their order."""

    def __init__(self):
        self.running = self.most = 0
        self.order = []

    async def step(self, name=None, seconds=1.0):
        self.order.append(name)
        self.running += 1
        self.most = max(self.most, self.running)
        await trio.sleep(seconds)
        self.running -= 1


@pytest.fixture
def gauge():
    return Gauge()


# --- numbers --------------------------------------------------------------------------------------


async def test_a_pool_without_limit_runs_everything_at_once(autojump_clock, gauge):
    pool = WorkerPool(max_concurrent=math.inf)
    assert pool.max_concurrent == math.inf
    async with trio.open_nursery() as nursery:
        for _ in range(500):
            nursery.start_soon(pool.execute, gauge.step)
        await trio.testing.wait_all_tasks_blocked()
        status = pool.get_status()
        assert (status.max_concurrent, status.utilization_rate) == (math.inf, 0.0)
        assert status.active_workers == gauge.most == 500
        pool.max_concurrent = 3
        assert pool.get_status().max_concurrent == 3
        pool.max_concurrent = math.inf
    await assert_works_on(pool)


def test_the_limit_may_be_any_whole_number_and_is_kept_as_an_int():
    pool = WorkerPool(max_concurrent=Whole(3), queue_size=Whole(5))
    assert (pool.max_concurrent, pool.queue_size) == (3, 5)
    pool.max_concurrent = Whole(2)
    assert type(pool.max_concurrent) is int
    config = WorkerPoolConfig(max_concurrent=Whole(4), queue_size=math.inf, timeout=Whole(7))
    assert (config.max_concurrent, config.queue_size, config.timeout) == (4, None, 7.0)
    assert WorkerPool(max_concurrent=2**32 - 2).max_concurrent == 2**32 - 2


def test_an_unlimited_configuration_makes_an_unlimited_pool():
    config = WorkerPoolConfig(max_concurrent=math.inf)
    assert config.max_concurrent == math.inf
    assert WorkerPool.from_config(config).max_concurrent == math.inf
    assert ParallelExecutionManager.from_config(config).pool.max_concurrent == math.inf


def test_a_groups_limit_may_be_infinite_too_and_is_then_none_of_its_own():
    assert ParallelGroup("g", [], max_concurrent=math.inf).max_concurrent is None
    assert type(ParallelGroup("g", [], max_concurrent=Whole(2)).max_concurrent) is int


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(timedelta(minutes=1.5), 90.0), (Fraction(1, 2), 0.5), (Whole(3), 3.0), (math.inf, math.inf)],
    ids=repr,
)
def test_a_time_limit_is_any_number_of_seconds_or_a_timedelta(given, seconds):
    pool = WorkerPool(timeout=given)
    assert pool.timeout == seconds
    assert type(pool.timeout) is float
    assert WorkerPoolConfig(timeout=given).timeout == seconds
    group = ParallelGroup("g", [], timeout=given, step_timeout=given)
    assert (group.timeout, group.step_timeout) == (seconds, seconds)


# --- the time limit -------------------------------------------------------------------------------


async def test_a_changed_time_limit_holds_for_the_calls_that_are_made_from_then_on(autojump_clock):
    pool = WorkerPool(timeout=1)
    async with trio.open_nursery() as nursery:

        async def before():
            with pytest.raises(StepTimeout):
                await pool.execute(trio.sleep, 5)
            assert trio.current_time() == 1

        nursery.start_soon(before)
        await trio.testing.wait_all_tasks_blocked()
        pool.timeout = timedelta(seconds=6)
        assert pool.timeout == 6.0
        await pool.execute(trio.sleep, 5)
    pool.timeout = None
    await pool.execute(trio.sleep, 10)
    assert_idle(pool)


# --- the queue ------------------------------------------------------------------------------------


async def start_calls(nursery, pool, gauge, names):
    for name in names:
        nursery.start_soon(pool.execute, gauge.step, name)
        await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("size", [3, None, math.inf])
async def test_a_queue_that_grows_lets_those_in_who_wait_for_it(autojump_clock, gauge, size):
    pool = WorkerPool(max_concurrent=1, queue_size=1, when_full="wait")
    async with trio.open_nursery() as nursery:
        await start_calls(nursery, pool, gauge, "abcdef")
        pool.when_full = "raise"  # whoever waits already goes on waiting
        pool.queue_size = size
        assert pool.queue_size == (3 if size == 3 else None)
        assert_adds_up(pool)
    assert gauge.order == list("abcdef")
    await assert_works_on(pool)


async def test_a_queue_that_shrinks_sends_nobody_away_and_takes_nobody_in(autojump_clock, gauge):
    pool = WorkerPool(max_concurrent=1, queue_size=3)
    async with trio.open_nursery() as nursery:
        await start_calls(nursery, pool, gauge, "abcd")
        pool.queue_size = 1
        with pytest.raises(QueueFull):
            await pool.execute(gauge.step, "x")
        await trio.sleep(2.5)
        with pytest.raises(QueueFull):
            await pool.execute(gauge.step, "x")
    assert gauge.order == list("abcd")
    assert pool.queue_size == 1
    await assert_works_on(pool)


async def test_whoever_waits_outside_gets_in_even_when_the_queue_has_no_places_any_more(
    autojump_clock, gauge
):
    pool = WorkerPool(max_concurrent=1, queue_size=1, when_full="wait")
    async with trio.open_nursery() as nursery:
        await start_calls(nursery, pool, gauge, "abcd")
        pool.when_full = "raise"
        pool.queue_size = 0
        with pytest.raises(QueueFull):
            await pool.execute(gauge.step, "x")
    assert gauge.order == list("abcd")
    await assert_works_on(pool)


async def test_when_full_holds_for_the_calls_that_are_made_from_then_on(autojump_clock, gauge):
    pool = WorkerPool(max_concurrent=1, queue_size=1)
    assert pool.when_full == "raise"
    async with trio.open_nursery() as nursery:
        await start_calls(nursery, pool, gauge, "ab")
        with pytest.raises(QueueFull):
            await pool.execute(gauge.step, "x")
        pool.when_full = "wait"
        assert pool.when_full == "wait"
        await start_calls(nursery, pool, gauge, "cd")
    assert gauge.order == list("abcd")
    await assert_works_on(pool)


async def test_a_queue_without_places_is_now_or_never(autojump_clock, gauge):
    pool = WorkerPool(max_concurrent=2, queue_size=0)
    async with trio.open_nursery() as nursery:
        await start_calls(nursery, pool, gauge, "ab")
        before = pool.get_stats()
        with pytest.raises(QueueFull, match=r"no slot is free, and nobody may wait .*queue_size=0"):
            await pool.execute(gauge.step, "x")
        assert pool.get_stats() == before
        await trio.sleep(1.5)
        await pool.execute(gauge.step, "c")
    assert gauge.order == list("abc")
    assert pool.get_stats().total_wait_time == 0
    await assert_works_on(pool)


async def test_of_calls_that_come_at_once_to_a_queue_without_places_as_many_start_as_can(
    autojump_clock, gauge
):
    pool = WorkerPool(max_concurrent=3, queue_size=0)
    refused = 0

    async def call():
        nonlocal refused
        try:
            await pool.execute(gauge.step)
        except QueueFull:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(call)
    assert (gauge.most, refused) == (3, 17)
    await assert_works_on(pool)


async def test_a_nested_call_starts_now_in_the_slot_of_the_step_that_waits_for_it(
    autojump_clock, gauge
):
    pool = WorkerPool(max_concurrent=1, queue_size=0)

    async def outer():
        await pool.execute(gauge.step, "a")
        async with trio.open_nursery() as nursery:
            await start_calls(nursery, pool, gauge, "b")
            with pytest.raises(QueueFull):
                await pool.execute(gauge.step, "x")

    await pool.execute(outer)
    assert gauge.order == ["a", "b"]
    await assert_works_on(pool)


async def test_a_paused_pool_refuses_who_may_not_wait(gauge):
    pool = WorkerPool(queue_size=0)
    pool.pause()
    with pytest.raises(QueueFull):
        await pool.execute(gauge.step)
    pool.resume()
    await assert_works_on(pool)


# --- a change that is refused ---------------------------------------------------------------------


def settings(pool):
    return (pool.max_concurrent, pool.queue_size, pool.timeout, pool.when_full)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_concurrent", 0),
        ("max_concurrent", None),
        ("queue_size", -1),
        ("queue_size", 0),
        ("queue_size", 1.5),
        ("timeout", 0),
        ("timeout", timedelta(0)),
        ("when_full", "drop"),
    ],
)
def test_a_change_that_is_refused_leaves_everything_as_it_was(name, value):
    pool = WorkerPool(max_concurrent=2, queue_size=3, timeout=4, when_full="wait")
    with pytest.raises((TypeError, ValueError), match=name):
        setattr(pool, name, value)
    assert settings(pool) == (2, 3, 4.0, "wait")


@pytest.mark.parametrize(
    ("name", "value"), [("max_concurrent", 5), ("queue_size", 5), ("when_full", "wait")]
)
async def test_a_busy_pool_is_changed_only_where_it_is_busy(name, value):
    pool = WorkerPool(max_concurrent=2, queue_size=3)
    go = trio.Event()
    change = partial(setattr, pool, name, value)
    message = rf"{name} of a busy pool .* only in the trio\.run that it serves; from a thread: .*"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, go.wait)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match=message + rf"setattr, pool, '{name}', value"):
            await trio.to_thread.run_sync(change)
        assert settings(pool) == (2, 3, None, "raise")
        await trio.to_thread.run_sync(trio.from_thread.run_sync, change)
        assert getattr(pool, name) == value
        go.set()


# --- a share --------------------------------------------------------------------------------------


async def test_a_run_and_all_that_its_steps_start_keep_within_their_share(autojump_clock, gauge):
    pool = WorkerPool(max_concurrent=10)
    inner = ParallelExecutionManager()
    inner._pool = pool

    async def outer(name):
        group = ParallelGroup(name, [f"{name}{i}" for i in range(6)])
        await inner.execute_group(group, gauge.step)

    ids = [f"s{i}" for i in range(4)]
    steps = [partial(outer, name) for name in ids]
    spec = RunSpec(id="shared", ids=ids, steps=steps, strategy=WaitStrategy.ALL, share=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_steps, pool._core, spec, logger)
        await trio.sleep(0.5)
        assert pool.get_status().active_workers == gauge.most == 3
        # The rest of the pool is everybody else's.
        await pool.execute(trio.sleep, 0)
        assert trio.current_time() == 0.5
    assert gauge.most == 3
    # A lent slot may lie idle while the other steps of its group run: then it takes one more.
    assert trio.current_time() in (8, 9)
    await assert_works_on(pool)

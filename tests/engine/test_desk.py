"""What a thread leaves for Trio's thread is done there, or somebody hears of it: nothing is lost on the way."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

import pytest
import trio
import trio.testing

from hocket import EventKind, ParallelExecutionManager, ParallelGroup, WorkerPool
from hocket._engine.supervisor import Host
from hocket.testing import assert_adds_up, assert_idle, assert_works_on

# Long enough for a machine at work on something else; nothing waits so long where all is well.
PATIENCE = 30


class Short:
    """No memory to leave something for Trio's thread: so many times, from the nth time on that hocket does it."""

    def __init__(self, monkeypatch, name, times, nth=1):
        self.times, self.name = times, name
        self.before = nth - 1
        leave = trio.lowlevel.TrioToken.run_sync_soon

        def run_sync_soon(token, function, *args, **options):
            is_ours = self.name in repr(function)
            if is_ours and self.before:
                self.before -= 1
            elif is_ours and self.times:
                self.times -= 1
                raise MemoryError("none left for this")
            return leave(token, function, *args, **options)

        monkeypatch.setattr(trio.lowlevel.TrioToken, "run_sync_soon", run_sync_soon)


def wait_for(event):
    assert event.wait(PATIENCE), "nobody came"


@pytest.mark.parametrize("call", ["map", "stream", "group"])
async def test_a_clerk_that_could_not_be_called_fails_the_run_and_keeps_nobody_waiting(
    monkeypatch, call
):
    manager = ParallelExecutionManager(max_concurrent=2)
    pool, events = manager.pool, []
    short = Short(monkeypatch, "Bell.ring", 1)

    async def read_stream():
        async with pool.stream(abs, range(20), run_in="thread") as outcomes:
            async for _ in outcomes:
                pass

    group = ParallelGroup("g", range(20), run_in="thread")
    calls = {
        "map": lambda: pool.map(abs, range(20), run_in="thread", observer=events.append),
        "stream": read_stream,
        "group": lambda: manager.execute_group(group, abs, observer=events.append),
    }
    with trio.fail_after(PATIENCE), pytest.raises(MemoryError, match="none left"):
        await calls[call]()
    assert short.times == 0
    assert_idle(pool)
    assert_adds_up(pool)
    await assert_works_on(pool)


async def test_a_run_that_could_not_be_woken_from_a_thread_is_woken_or_an_error_is_raised(
    monkeypatch,
):
    """The slot is another run's already, and its thread cannot leave word of it."""
    pool = WorkerPool(max_concurrent=1)
    begun, release = threading.Event(), threading.Event()

    def block(_):
        begun.set()
        wait_for(release)

    async def fill():
        with pytest.raises(MemoryError, match="none left"):
            await pool.map(block, [1], run_in="thread")

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            await trio.to_thread.run_sync(wait_for, begun)
            nursery.start_soon(pool.map, trio.sleep, [0])
            await trio.testing.wait_all_tasks_blocked(0.01)
            short = Short(monkeypatch, "Rest", 1)
            release.set()
    assert short.times == 0
    assert_idle(pool)
    await assert_works_on(pool)


@pytest.mark.parametrize("times", [1, 2, 3, 1000])
async def test_a_worker_that_cannot_be_brought_is_tried_for_a_few_times_and_not_forever(
    monkeypatch, times
):
    """Not in each round of Trio's loop: it would never rest again."""
    pool = WorkerPool(max_concurrent=2)
    begun, release, over, unheard = threading.Event(), threading.Event(), trio.Event(), []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: unheard.append(str(it.exc_value)))
    left = 0

    def block(_):
        begun.set()
        wait_for(release)

    async def fill():
        # As it ends it tries once more, and then it is who is told.
        with suppress(MemoryError):
            await pool.map(block, [1], run_in="thread")

    async def step(number):
        await over.wait() if number == 0 else over.set()

    def spawn(host, spawn=Host.spawn):
        nonlocal left
        if left:
            left -= 1
            raise MemoryError("no worker")
        spawn(host)

    monkeypatch.setattr(Host, "spawn", spawn)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            await trio.to_thread.run_sync(wait_for, begun)
            nursery.start_soon(pool.map, step, [0, 1])
            await trio.testing.wait_all_tasks_blocked(0.01)
            left = times
            release.set()
            while not unheard:
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked(0.01)
            tried, left = times - left, 0
            pool.resume()  # wakes whom it can
    assert min(times, 3) <= tried <= 6
    assert set(unheard) == {"no worker"}
    assert_idle(pool)


@pytest.mark.parametrize(
    ("nth", "end"), [(1, EventKind.CANCELLED), (2, EventKind.SUCCEEDED)], ids=["start", "end"]
)
async def test_whoever_was_told_of_a_start_is_told_of_the_end_whatever_fails_between(
    monkeypatch, nth, end
):
    """What fails is the very call that has the start told, or the end."""
    told = threading.Event()
    events = []

    def observe(event):
        events.append(event.kind)
        told.set()

    def step(_):
        wait_for(told)

    manager = ParallelExecutionManager(max_concurrent=1)
    short = Short(monkeypatch, "Bell.ring", 1, nth)
    group = ParallelGroup("g", ["a"], run_in="thread")
    with trio.fail_after(PATIENCE), pytest.raises(MemoryError, match="none left"):
        await manager.execute_group(group, step, observer=observe)
    assert short.times == 0
    assert events == [EventKind.STARTED, end]
    assert_idle(manager.pool)
    assert_adds_up(manager)


async def test_a_start_that_could_not_be_told_calls_no_function(monkeypatch):
    called = []
    Short(monkeypatch, "Bell.ring", 1)
    group = ParallelGroup("g", ["a"], run_in="thread")
    manager = ParallelExecutionManager(max_concurrent=1)
    with pytest.raises(MemoryError, match="none left"):
        await manager.execute_group(group, called.append, observer=lambda _: None)
    assert called == []

"""Async inputs of streams and maps that are cancelled: by a scope or a nursery of their own, by the stream."""

from __future__ import annotations

import pytest
import trio

import hocket
from hocket import GroupFailed, WorkerPool
from hocket.testing import assert_adds_up, assert_idle


class Broken(Exception):
    pass


async def second(item):
    await trio.sleep(1)
    return item * 10


async def at_once(item):
    return item * 10


async def read(stream, seen):
    async with stream as outcomes:
        async for outcome in outcomes:
            seen.append(outcome.item)


class Source:
    """Items that come while a cancel scope, or a nursery, of the input's own is open."""

    def __init__(self, pause=0.0, seconds=1.5):
        self.pause, self.seconds = pause, seconds
        self.taken = self.closed = 0

    async def within_a_limit(self, times=1):
        try:
            for _ in range(times):
                with trio.move_on_after(self.seconds):
                    while True:
                        await trio.sleep(self.pause)
                        self.taken += 1
                        yield self.taken
        finally:
            self.closed += 1

    async def over_a_task_that_fails(self):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.fails)
                while True:
                    self.taken += 1
                    yield self.taken
        finally:
            self.closed += 1

    async def fails(self):
        await trio.sleep(self.seconds)
        raise Broken


# Where the cancellation finds the input: as it waits itself, or as it has yielded and there is no room.
PAUSES = pytest.mark.parametrize("pause", [0.4, 0.0], ids=["it waits", "no room"])
MODES = pytest.mark.parametrize("on_error", ["raise", "collect"])
ORDERS = pytest.mark.parametrize("ordered", [False, True])


@PAUSES
@MODES
@ORDERS
async def test_an_input_whose_own_scope_is_cancelled_is_at_its_end(
    pause, on_error, ordered, autojump_clock
):
    pool, source = WorkerPool(max_concurrent=2), Source(pause)
    stream = pool.stream(second, source.within_a_limit(), on_error=on_error, ordered=ordered)
    async with stream as outcomes:
        found = [outcome.value async for outcome in outcomes]
    assert (found if ordered else sorted(found)) == [10 * n for n in range(1, source.taken + 1)]
    assert source.taken == (3 if pause else 6)
    assert source.closed == 1
    assert_idle(pool)
    assert_adds_up(pool)


@PAUSES
async def test_a_map_takes_such_an_input_for_what_it_gave(pause, autojump_clock):
    source = Source(pause)
    values = await WorkerPool(max_concurrent=2).map(second, source.within_a_limit())
    assert values == [10 * item for item in range(1, source.taken + 1)]
    assert source.closed == 1


async def test_a_slow_consumer_is_not_cancelled_by_a_scope_of_the_input(autojump_clock):
    source = Source(seconds=0.5)
    async with WorkerPool(max_concurrent=1).stream(at_once, source.within_a_limit()) as outcomes:
        async for _ in outcomes:
            await trio.sleep(5)
        assert trio.current_time() == 5 * source.taken
    assert source.closed == 1


@ORDERS
async def test_an_input_that_goes_on_after_its_own_cancellation_loses_no_item(
    ordered, autojump_clock
):
    pool, source, found = WorkerPool(max_concurrent=1), Source(seconds=0.5), []
    async with pool.stream(at_once, source.within_a_limit(3), ordered=ordered) as outcomes:
        async for outcome in outcomes:
            found.append(outcome.item)
            await trio.sleep(5)
    assert (found if ordered else sorted(found)) == [*range(1, source.taken + 1)]
    assert source.taken > 4
    assert source.closed == 1
    assert_adds_up(pool)


@MODES
async def test_a_task_of_the_input_that_fails_is_an_input_that_fails(on_error, autojump_clock):
    pool, source, seen = WorkerPool(max_concurrent=2), Source(), []
    stream = pool.stream(second, source.over_a_task_that_fails(), on_error=on_error)
    with pytest.raises(GroupFailed) as caught:
        await read(stream, seen)
    assert caught.value.message == "stream 'second' failed: its input"
    (error,) = caught.value.exceptions
    assert isinstance(error, ExceptionGroup)
    assert [type(inner) for inner in error.exceptions] == [Broken]
    # The first two had ended, and their places were taken anew, when the task failed.
    assert sorted(seen) == ([1, 2] if on_error == "raise" else [1, 2, 3, 4, 5, 6])
    assert source.closed == 1
    assert_idle(pool)
    assert_adds_up(pool)


@PAUSES
@pytest.mark.parametrize("verb", ["stream", "map"])
async def test_a_cancelled_caller_cancels_the_input_where_it_is(pause, verb, autojump_clock):
    pool, source = WorkerPool(max_concurrent=2), Source(pause, seconds=100)
    with trio.move_on_after(1.5) as scope:
        if verb == "map":
            await pool.map(second, source.within_a_limit())
        async with pool.stream(second, source.within_a_limit()) as outcomes:
            async for _ in outcomes:
                pass
    assert scope.cancelled_caught
    assert trio.current_time() == 1.5
    assert source.closed == 1
    assert_idle(pool)
    assert_adds_up(pool)


@MODES
async def test_an_input_that_takes_the_end_of_the_stream_for_its_own_end_closes_it(
    on_error, autojump_clock
):
    async def items():
        try:
            while True:
                await trio.sleep(0.3)
                yield 1
        except trio.Cancelled:
            ended.append(trio.current_time())  # and swallows it

    pool, ended = WorkerPool(max_concurrent=2), []
    async with pool.stream(second, items(), on_error=on_error) as outcomes:
        async for _ in outcomes:
            break
    assert ended == [1.3]
    assert_idle(pool)


async def test_a_step_that_fails_cancels_the_input_where_it_waits(autojump_clock):
    async def fails(item):
        raise Broken

    async def items():
        yield 1
        try:
            await trio.sleep(100)
        finally:
            closed.append(trio.current_time())

    pool, closed = WorkerPool(), []
    with pytest.raises(GroupFailed):
        await pool.map(fails, items())
    assert closed == [0]
    assert_idle(pool)


async def test_something_fatal_in_a_step_ends_an_input_that_has_no_room(autojump_clock):
    async def step(item):
        await trio.sleep(1)
        raise KeyboardInterrupt

    pool, source = WorkerPool(max_concurrent=1), Source(seconds=100)
    with pytest.raises(KeyboardInterrupt):
        await read(pool.stream(step, source.within_a_limit()), [])
    assert source.closed == 1
    assert_idle(pool)


@pytest.mark.filterwarnings("error")
async def test_a_stream_over_a_stream_whose_input_is_cancelled_ends_too(autojump_clock):
    pool, source = WorkerPool(max_concurrent=2), Source()

    async def values():
        async with hocket.stream(second, source.within_a_limit(), max_concurrent=2) as outcomes:
            async for outcome in outcomes:
                yield outcome.unwrap()

    assert sorted(await pool.map(second, values())) == [100 * n for n in range(1, source.taken + 1)]
    assert source.closed == 1

"""Streams against a naive one: the same outcomes at the same times, whatever the delays, limits and failures.

The naive stream is a nursery, a CapacityLimiter and a semaphore for the buffer. It has none of the
guarantees about cancellation; those are properties of their own below.
"""

from __future__ import annotations

import contextlib

import trio
from hypothesis import given, settings, strategies as st

from hocket import GroupFailed, WorkerPool
from hocket.testing import assert_adds_up, assert_idle, run_virtual

EXAMPLES = 150


class Broken(Exception):
    pass


class Left(Exception):
    pass


# Delays without ties: what happens at the same time may happen in any order.
def times(numbers, base):
    return [number + (base + place) / 4096 for place, number in enumerate(numbers, 1)]


class Case:
    """What a stream is given, and what it is read by."""

    def __init__(self, delays, pauses, rests, bad, limit, buffer, ordered, kind):
        self.delays = times(delays, 0)
        count = len(delays)
        self.pauses = times((pauses * count)[:count], 64)
        self.rests = times((rests * count)[:count], 128)
        self.bad = {index for index in bad if index < count}
        self.limit, self.buffer, self.ordered, self.kind = limit, buffer, ordered, kind
        self.taken = self.handed_out = self.running = self.closed = 0
        self.started, self.ended = [], []

    def __repr__(self):
        return f"Case({vars(self)})"

    async def step(self, index):
        assert self.taken - self.handed_out <= self.buffer + 1, "one is being handed out"
        self.started.append(index)
        self.running += 1
        assert self.running <= self.limit
        try:
            await trio.sleep(self.delays[index])
            if index in self.bad:
                raise Broken(index)
        finally:
            self.running -= 1
            self.ended.append(index)
        return -index

    async def slow(self):
        try:
            for index, pause in enumerate(self.pauses):
                await trio.sleep(pause)
                self.taken += 1
                yield index
        finally:
            self.closed += 1

    async def quick(self):
        try:
            for index in range(len(self.delays)):
                self.taken += 1
                yield index
        finally:
            self.closed += 1

    def plain(self):
        try:
            for index in range(len(self.delays)):
                self.taken += 1
                yield index
        finally:
            self.closed += 1

    @property
    def items(self):
        return getattr(self, self.kind)()

    async def rest(self, outcome):
        self.handed_out += 1
        await trio.sleep(self.rests[outcome[0] if isinstance(outcome, tuple) else outcome.index])


async def naive(case, consume):
    """Read a case in the plainest way there is; failures are outcomes."""
    slots, room = trio.CapacityLimiter(case.limit), trio.Semaphore(case.buffer)
    send, receive = trio.open_memory_channel(float("inf"))

    async def run(index):
        async with slots:
            start = trio.current_time()
            try:
                value = await case.step(index)
            except Broken as error:
                value = error
        await send.send((index, value, trio.current_time() - start))

    async def feed(nursery):
        if case.kind == "plain":
            for index in case.items:
                await room.acquire()
                nursery.start_soon(run, index)
            return
        await room.acquire()
        async for index in case.items:
            nursery.start_soon(run, index)
            await room.acquire()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed, nursery)
        waiting = {}
        for place in range(len(case.delays)):
            while not case.ordered or place not in waiting:
                outcome = await receive.receive()
                waiting[outcome[0]] = outcome
                if not case.ordered:
                    break
            await consume(waiting.pop(place if case.ordered else outcome[0]), room)


CASES = st.builds(
    Case,
    delays=st.lists(st.integers(0, 8), max_size=20),
    pauses=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    rests=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    bad=st.sets(st.integers(0, 19), max_size=3),
    limit=st.integers(1, 4),
    buffer=st.integers(1, 9),
    ordered=st.booleans(),
    kind=st.sampled_from(["slow", "quick", "plain"]),
)


def again(case):
    new = Case([], [0], [0], set(), case.limit, case.buffer, case.ordered, case.kind)
    new.delays, new.pauses, new.rests, new.bad = case.delays, case.pauses, case.rests, case.bad
    return new


@settings(max_examples=EXAMPLES)
@given(CASES)
def test_a_stream_gives_the_outcomes_of_a_naive_one_at_the_same_times(case):
    found, expected = [], []

    async def ours():
        pool = WorkerPool(max_concurrent=case.limit)
        stream = pool.stream(
            case.step, case.items, ordered=case.ordered, buffer=case.buffer, on_error="collect"
        )
        async with stream as outcomes:
            async for outcome in outcomes:
                value = outcome.value if outcome.ok else type(outcome.error)
                found.append((outcome.index, value, outcome.duration, trio.current_time()))
                await case.rest(outcome)
        assert_adds_up(pool)

    other = again(case)

    async def theirs():
        async def consume(outcome, room):
            index, value, duration = outcome
            value = type(value) if isinstance(value, Exception) else value
            expected.append((index, value, duration, trio.current_time()))
            if case.kind != "plain":  # it is read on as soon as an outcome is handed out
                room.release()
            await other.rest(outcome)
            if case.kind == "plain":  # and this one as the next is asked for
                room.release()

        await naive(other, consume)

    run_virtual(ours)
    run_virtual(theirs)
    rounded = [
        [(i, v, round(d, 6), round(t, 6)) for i, v, d, t in one] for one in (found, expected)
    ]
    assert rounded[0] == rounded[1]


@settings(max_examples=EXAMPLES)
@given(
    CASES,
    st.sampled_from(["break", "raise", "cancel", "outer error"]),
    st.integers(0, 12),
    st.sampled_from(["raise", "collect"]),
)
def test_however_a_consumer_leaves_nothing_runs_on_and_nothing_is_lost(case, way, when, on_error):
    seen = []

    async def main():
        pool = WorkerPool(max_concurrent=case.limit)
        stream = pool.stream(
            case.step, case.items, ordered=case.ordered, buffer=case.buffer, on_error=on_error
        )

        async def consume():
            async with stream as outcomes:
                async for outcome in outcomes:
                    seen.append(outcome.index)
                    if way == "break" and len(seen) > when:
                        break
                    if way == "raise" and len(seen) > when:
                        raise Left
                    await case.rest(outcome)

        with contextlib.suppress(Left, GroupFailed, TimeoutError), trio.CancelScope() as scope:
            if way == "cancel":
                scope.deadline = trio.current_time() + when * 0.77
            if way == "outer error":
                with contextlib.suppress(ExceptionGroup):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(consume)
                        await trio.sleep(when * 0.77)
                        raise Left
            else:
                await consume()
        assert case.running == 0
        assert sorted(case.started) == sorted(case.ended)
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(case.ended)
        assert case.closed == 1 or case.taken == 0
        if case.ordered:
            assert seen == [*range(len(seen))]
        assert_idle(pool)
        assert_adds_up(pool)

    run_virtual(main)


@settings(max_examples=EXAMPLES)
@given(CASES)
def test_map_gives_the_values_of_a_loop_or_every_error(case):
    buffer, case.buffer = case.buffer, 10**6  # nobody counts here what is handed out

    async def main():
        pool = WorkerPool(max_concurrent=case.limit)
        for items in (case.items, [*range(len(case.delays))]):
            failed, values = None, []
            try:
                values = await pool.map(case.step, items, buffer=buffer)
            except GroupFailed as error:
                failed = error
            if failed is None:
                assert values == [-index for index in range(len(case.delays))]
                assert not case.bad
            else:
                assert {error.args[0] for error in failed.exceptions} <= case.bad
                assert all(-index == value for index, value in failed.finished.items())
                # What had succeeded is what ended before the first error did.
                first = case.ended.index(failed.exceptions[0].args[0])
                assert set(failed.finished) == set(case.ended[:first])
            assert case.running == 0
            case.ended.clear()
        assert_adds_up(pool)

    run_virtual(main)

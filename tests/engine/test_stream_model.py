"""Streams against a naive one: the same outcomes at the same times, whatever the delays, limits and failures.

The naive stream is a nursery, slots in a plain line and a semaphore for the buffer. It has none of the
guarantees about cancellation; those are properties of their own below.
"""

from __future__ import annotations

import collections
import contextlib
import math

import trio
from hypothesis import given, settings, strategies as st

from hocket import GroupFailed, Rate, Retry, WorkerPool
from hocket.testing import assert_adds_up, assert_idle, run_virtual

EXAMPLES = 150


class Broken(Exception):
    pass


class Left(Exception):
    pass


# Delays without ties: what happens at the same time may happen in any order. Square roots of primes have
# no sums in common; those of the small ones are in the waits of retries.
PRIMES = [n for n in range(23, 400) if all(n % k for k in range(2, n))]


def times(numbers, base):
    roots = map(math.sqrt, PRIMES[base:])
    return [number + root / 256 for number, root in zip(numbers, roots, strict=False)]


class Case:
    """What a stream is given, and what it is read by."""

    def __init__(self, delays, pauses, rests, bad, limit, buffer, ordered, kind, fails=None):
        self.delays = times(delays, 0)
        count = len(delays)
        self.pauses = times((pauses * count)[:count], 20)
        self.rests = times((rests * count)[:count], 40)
        self.bad = {index for index in bad if index < count}
        self.limit, self.buffer, self.ordered, self.kind = limit, buffer, ordered, kind
        self.fails = fails
        """How often each step fails before it returns; None: there is no second attempt."""
        self.tries = collections.Counter()
        self.taken = self.handed_out = self.running = self.closed = 0
        self.started, self.ended = [], []

    def __repr__(self):
        return f"Case({vars(self)})"

    async def step(self, index):
        assert self.taken - self.handed_out <= self.buffer + 1, "one is being handed out"
        self.started.append(index)
        self.running += 1
        self.tries[index] += 1
        assert self.running <= self.limit
        try:
            await trio.sleep(self.delays[index])
            if index in self.bad or (self.fails and self.tries[index] <= self.fails[index % 4]):
                raise Broken(index)
        finally:
            self.running -= 1
            self.ended.append(index)
        return -index

    @property
    def retry(self):
        return None if self.fails is None else Retry(ATTEMPTS, on=self.wait_for)

    def fails_for_good(self, index):
        return index in self.bad or bool(self.fails and self.fails[index % 4] >= ATTEMPTS)

    def succeeded_before(self, broken):
        """The steps that had returned when this one failed for good."""
        ends, tries = [], collections.Counter()
        for index in self.ended:
            tries[index] += 1
            if index == broken and tries[index] == (ATTEMPTS if self.retry else 1):
                return ends
            if index not in self.bad and (not self.fails or tries[index] > self.fails[index % 4]):
                ends.append(index)
        raise AssertionError("it did not fail")

    def wait_for(self, error):
        # No sum of delays comes to the same.
        return 1 + math.sqrt(2 + error.args[0])

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


class Slots:
    """First come, first served, but for steps that are tried again: these come first."""

    def __init__(self, limit):
        self.free, self.fresh, self.due = limit, collections.deque(), collections.deque()

    async def take(self, line):
        if self.free:
            self.free -= 1
            return
        turn = trio.Event()
        line.append(turn)
        await turn.wait()

    def give_back(self):
        line = self.due or self.fresh
        if line:
            line.popleft().set()
        else:
            self.free += 1


async def tried(case, slots, index):
    """Return what a step has come to: its index, value, seconds and attempts."""
    most = 1 if case.retry is None else ATTEMPTS
    for attempt in range(1, most + 1):
        await slots.take(slots.fresh if attempt == 1 else slots.due)
        start, broken = trio.current_time(), None
        try:
            value = await case.step(index)
        except Broken as error:
            value = broken = error
        finally:
            slots.give_back()
        duration = trio.current_time() - start
        if broken is None or attempt == most:
            return index, value, duration, attempt
        await trio.sleep(case.wait_for(broken))
    raise AssertionError("one attempt is the last one")


async def naive(case, consume):
    """Read a case in the plainest way there is; failures are outcomes."""
    slots, room = Slots(case.limit), trio.Semaphore(case.buffer)
    send, receive = trio.open_memory_channel(float("inf"))

    async def run(index):
        await send.send(await tried(case, slots, index))

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


ATTEMPTS = 3

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
    fails=st.none() | st.lists(st.integers(0, 3), min_size=4, max_size=4),
)


def again(case):
    new = Case([], [0], [0], set(), case.limit, case.buffer, case.ordered, case.kind, case.fails)
    new.delays, new.pauses, new.rests, new.bad = case.delays, case.pauses, case.rests, case.bad
    return new


@settings(max_examples=EXAMPLES)
@given(CASES)
def test_a_stream_gives_the_outcomes_of_a_naive_one_at_the_same_times(case):
    found, expected = [], []

    async def ours():
        pool = WorkerPool(max_concurrent=case.limit)
        stream = pool.stream(
            case.step,
            case.items,
            ordered=case.ordered,
            buffer=case.buffer,
            on_error="collect",
            retry=case.retry,
        )
        async with stream as outcomes:
            async for outcome in outcomes:
                value = outcome.value if outcome.ok else type(outcome.error)
                duration, attempts = outcome.duration, outcome.attempts
                found.append((outcome.index, value, attempts, duration, trio.current_time()))
                await case.rest(outcome)
        assert_adds_up(pool)

    other = again(case)

    async def theirs():
        async def consume(outcome, room):
            index, value, duration, attempts = outcome
            value = type(value) if isinstance(value, Exception) else value
            expected.append((index, value, attempts, duration, trio.current_time()))
            if case.kind != "plain":  # it is read on as soon as an outcome is handed out
                room.release()
            await other.rest(outcome)
            if case.kind == "plain":  # and this one as the next is asked for
                room.release()

        await naive(other, consume)

    run_virtual(ours)
    run_virtual(theirs)
    rounded = [
        [(*what, round(d, 6), round(t, 6)) for *what, d, t in one] for one in (found, expected)
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
            case.step,
            case.items,
            ordered=case.ordered,
            buffer=case.buffer,
            on_error=on_error,
            retry=case.retry,
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
                values = await pool.map(case.step, items, buffer=buffer, retry=case.retry)
            except GroupFailed as error:
                failed = error
            if failed is None:
                assert values == [-index for index in range(len(case.delays))]
                assert not any(map(case.fails_for_good, range(len(case.delays))))
            else:
                broken = [error.args[0] for error in failed.exceptions]
                assert all(map(case.fails_for_good, broken))
                assert all(-index == value for index, value in failed.finished.items())
                # What had succeeded is what ended well before the first error that counts did.
                assert set(failed.finished) == set(case.succeeded_before(broken[0]))
            assert case.running == 0
            case.ended.clear()
            case.tries.clear()
        assert_adds_up(pool)

    run_virtual(main)


@settings(max_examples=EXAMPLES)
@given(CASES, st.integers(1, 5), st.integers(1, 5), st.sampled_from(["stream", "map"]))
def test_no_window_has_more_starts_than_the_rate_says_attempts_counted(case, most, burst, verb):
    starts, step = [], case.step
    case.buffer, buffer = 10**6, case.buffer  # nobody counts here what is handed out

    async def timed(index):
        starts.append(trio.current_time())
        return await step(index)

    async def main():
        pool = WorkerPool(max_concurrent=case.limit)
        given = {"buffer": buffer, "retry": case.retry, "rate": Rate(most, 7, min(burst, most))}
        if verb == "map":
            with contextlib.suppress(GroupFailed):
                await pool.map(timed, case.items, **given)
        else:
            async with pool.stream(timed, case.items, on_error="collect", **given) as outcomes:
                seen = [outcome async for outcome in outcomes]
            assert sorted(outcome.index for outcome in seen) == [*range(len(case.delays))]
            assert sum(outcome.attempts for outcome in seen) == len(starts)
            assert all(outcome.attempts == case.tries[outcome.index] for outcome in seen)
        assert_idle(pool)
        assert_adds_up(pool)

    run_virtual(main)
    for first, after in zip(starts, starts[most:], strict=False):
        assert after - first >= 7 - 1e-6

"""pool.stream: what is handed out, in what order, how far ahead the input is read, and how it ends."""

from __future__ import annotations

import contextvars
import gc
import logging
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio

import hocket
from hocket import GroupFailed, StepTimeout, WorkerPool
from hocket.testing import assert_adds_up, assert_idle


class Broken(Exception):
    pass


class Input:
    """Items to iterate over in each way there is; notes how many were taken, and its closing."""

    def __init__(self, count, *, pause=0.0, error=None):
        self.count, self.pause, self.error = count, pause, error
        self.taken, self.closed = 0, 0

    def plain(self):
        try:
            for item in range(self.count):
                self.taken += 1
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1

    async def slow(self):
        try:
            for item in range(self.count):
                if self.pause:
                    await trio.sleep(self.pause)
                self.taken += 1
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1

    def of_kind(self, kind):
        return self.plain() if kind == "generator" else self.slow()


KINDS = pytest.mark.parametrize("kind", ["generator", "async generator"])
MODES = pytest.mark.parametrize("on_error", ["raise", "collect"])


async def second(item):
    await trio.sleep(1)
    return item * 10


def breaks(*bad, seconds=1.0):
    """A step that fails for some items."""

    async def step(item):
        await trio.sleep(seconds)
        if item in bad:
            raise Broken(item)
        return item * 10

    return step


async def read(stream, see=None):
    found = []
    async with stream as outcomes:
        async for outcome in outcomes:
            found.append(outcome)
            if see is not None:
                await see(outcome)
    return found


def raises(error):
    async def see(outcome):
        raise error

    return see


# --- what is handed out ---------------------------------------------------------------------------


async def test_an_outcome_says_what_has_become_of_its_item(autojump_clock):
    (outcome,) = await read(WorkerPool().stream(second, ["a"], key=str.upper))
    assert outcome == hocket.Outcome(0, "A", "a", "a" * 10, None, 0.0, 1.0, 1)
    assert outcome.ok
    assert outcome.unwrap() == "a" * 10


async def test_an_error_that_is_collected_is_an_outcome_that_raises_it_when_unwrapped(
    autojump_clock,
):
    stream = WorkerPool().stream(breaks(1), range(3), ordered=True, on_error="collect")
    good, bad, last = await read(stream)
    assert [good.value, last.value] == [0, 20]
    assert (bad.ok, bad.value, bad.duration) == (False, None, 1.0)
    with pytest.raises(Broken) as caught:
        bad.unwrap()
    assert caught.value is bad.error


async def test_waiting_is_counted_from_when_the_item_was_taken(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    outcomes = await read(pool.stream(second, range(3), buffer=3))
    assert [(o.wait, o.duration) for o in outcomes] == [(0, 1), (1, 1), (2, 1)]


@KINDS
async def test_without_order_outcomes_come_as_steps_end(kind, autojump_clock):
    async def step(item):
        await trio.sleep(3 - item)

    outcomes = await read(WorkerPool().stream(step, Input(3).of_kind(kind)))
    assert [outcome.index for outcome in outcomes] == [2, 1, 0]


@KINDS
async def test_with_order_they_come_as_the_input_has_them(kind, autojump_clock):
    async def step(item):
        await trio.sleep((item * 7) % 5)

    outcomes = await read(WorkerPool().stream(step, Input(50).of_kind(kind), ordered=True))
    assert [outcome.index for outcome in outcomes] == list(range(50))


@pytest.mark.parametrize(
    "items", [[], (), range(0), iter([]), Input(0).plain(), Input(0).slow()], ids=str
)
async def test_an_empty_input_gives_no_outcome(items):
    assert await read(WorkerPool().stream(second, items)) == []


async def test_the_end_of_the_loop_is_the_end_of_all_that_runs(autojump_clock):
    pool = WorkerPool()
    async with pool.stream(second, range(5)) as outcomes:
        async for _ in outcomes:
            pass
        assert_idle(pool)
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)


async def test_a_step_past_its_limit_is_an_outcome_too(autojump_clock):
    pool = WorkerPool(timeout=5)
    stream = pool.stream(second, [0], step_timeout=0.5, on_error="collect", key=lambda _: "slow")
    (outcome,) = await read(stream)
    assert isinstance(outcome.error, StepTimeout)
    assert (outcome.error.step, outcome.error.limit, outcome.duration) == ("slow", 0.5, 0.5)
    assert (await read(pool.stream(second, [0])))[0].ok


@pytest.mark.filterwarnings("ignore::hocket.testing.LeakedStepWarning")
async def test_a_step_that_leaves_a_scope_open_fails_and_harms_no_other(autojump_clock):
    async def step(item):
        if item == 3:
            trio.CancelScope().__enter__()
        await trio.sleep(1)

    outcomes = await read(WorkerPool().stream(step, range(8), on_error="collect", ordered=True))
    assert [o.index for o in outcomes if not o.ok] == [3]
    assert isinstance(outcomes[3].error, hocket.StepLeftovers)


async def test_every_step_has_a_context_of_its_own_and_the_input_its_reader(autojump_clock):
    var = contextvars.ContextVar("var", default="unset")
    seen = []

    def items():
        token = var.set("input")
        try:
            yield from range(4)
        finally:
            var.reset(token)  # refused in another context

    async def step(item):
        seen.append(var.get())
        var.set(f"step {item}")
        await trio.sleep(1)
        assert var.get() == f"step {item}"

    var.set("caller")
    async with WorkerPool().stream(step, items()) as outcomes:
        async for _ in outcomes:
            break
    assert seen == ["caller"] * 4
    assert var.get() == "caller"


async def test_observers_are_told_of_each_step(autojump_clock):
    events = []
    await read(WorkerPool().stream(second, range(2), observer=events.append, key="k{}".format))
    told = [(event.kind.value, event.step, event.group) for event in events]
    assert sorted(told) == sorted(
        (kind, f"k{n}", "second") for n in range(2) for kind in ("started", "succeeded")
    )


# --- how far ahead --------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("buffer", [1, 2, 7, None])
async def test_no_more_than_the_buffer_is_taken_ahead(kind, ordered, buffer, autojump_clock):
    pool, source, handed_out, most = WorkerPool(max_concurrent=3), Input(40), 0, 0
    stream = pool.stream(second, source.of_kind(kind), ordered=ordered, buffer=buffer)
    async with stream as outcomes:
        async for _ in outcomes:
            await trio.sleep(0.3)
            most = max(most, source.taken - handed_out)
            handed_out += 1
    assert handed_out == 40
    assert most == (buffer or 6) + (0 if kind == "generator" else 1), "one was being handed out"


@KINDS
async def test_nothing_is_taken_before_the_stream_is_entered(kind):
    source = Input(5)
    stream = WorkerPool().stream(second, source.of_kind(kind))
    await trio.testing.wait_all_tasks_blocked()
    assert source.taken == 0
    await read(stream)


@KINDS
async def test_an_endless_input_is_read_as_far_as_it_is_wanted(kind, autojump_clock):
    source = Input(10**9)
    async with WorkerPool(max_concurrent=2).stream(second, source.of_kind(kind)) as outcomes:
        async for outcome in outcomes:
            if outcome.index >= 20:
                break
    assert source.taken <= 21 + 4
    assert source.closed == 1


async def test_steps_go_on_while_the_consumer_is_busy(autojump_clock):
    async with WorkerPool(max_concurrent=2).stream(second, range(4)) as outcomes:
        await trio.sleep(2)
        start = trio.current_time()
        assert len([outcome async for outcome in outcomes]) == 4
        assert trio.current_time() == start


async def test_a_slow_input_does_not_hold_a_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with pool.stream(second, Input(2, pause=10).slow()) as outcomes:
        await trio.sleep(1)
        assert await pool.execute(second, 4) == 40
        assert trio.current_time() == pytest.approx(2)
        assert [outcome.value async for outcome in outcomes] == [0, 10]


async def test_a_slow_consumer_does_not_hold_a_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with pool.stream(second, range(100)) as outcomes:
        async for _ in outcomes:
            await trio.sleep(10)
            assert pool.get_status().active_workers == 0
            break


# --- the pool -------------------------------------------------------------------------------------


async def test_streams_of_one_pool_share_its_limit(autojump_clock):
    pool, running, most = WorkerPool(max_concurrent=3), 0, 0

    async def step(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async with trio.open_nursery() as nursery:
        for count in (10, 20, 30):
            nursery.start_soon(read, pool.stream(step, range(count)))
    assert most == 3
    assert trio.current_time() == 20
    assert_adds_up(pool)


async def test_a_step_that_reads_a_stream_of_its_own_pool_lends_it_its_slot(autojump_clock):
    pool = WorkerPool(max_concurrent=1)

    async def outer(item):
        return sum(o.unwrap() for o in await read(pool.stream(second, range(item))))

    assert await pool.map(outer, Input(4).slow()) == [0, 0, 10, 30]
    assert_idle(pool)


async def test_a_paused_pool_starts_nothing_of_a_stream(autojump_clock):
    pool = WorkerPool()
    pool.pause()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, pool.stream(second, Input(5, pause=1).slow()))
        await trio.sleep(20)
        assert pool.get_status().active_workers == 0
        pool.resume()
    assert trio.current_time() == 21


async def test_a_limit_may_change_while_a_stream_runs(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with pool.stream(second, range(20), buffer=20) as outcomes:
        await trio.sleep(5)
        pool.max_concurrent = 5
        assert len([outcome async for outcome in outcomes]) == 20
    assert trio.current_time() == 8
    assert_adds_up(pool)


async def test_what_waits_for_slots_of_others_is_run_in_the_end(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, trio.sleep, 5)
        await trio.testing.wait_all_tasks_blocked()
        assert [o.value for o in await read(pool.stream(second, Input(3).slow()))] == [0, 10, 20]
    assert_adds_up(pool)


# --- leaving early --------------------------------------------------------------------------------


class Watch:
    """Steps that note how they end, and clean up for a while."""

    def __init__(self):
        self.running, self.cancelled = 0, 0

    async def __call__(self, item):
        self.running += 1
        try:
            await trio.sleep(item + 1)
        except trio.Cancelled:
            self.cancelled += 1
            with trio.CancelScope(shield=True):
                await trio.sleep(0.25)
            raise
        finally:
            self.running -= 1
        return item


@KINDS
@MODES
async def test_a_break_cancels_and_awaits_what_runs_and_closes_the_input(
    kind, on_error, autojump_clock
):
    pool, source, watch = WorkerPool(max_concurrent=3), Input(100), Watch()
    async with pool.stream(watch, source.of_kind(kind), on_error=on_error) as outcomes:
        async for _ in outcomes:
            break
    assert trio.current_time() == 1.25
    assert (watch.running, watch.cancelled, source.closed) == (0, 3, 1)
    assert_idle(pool)
    assert_adds_up(pool)


@KINDS
@pytest.mark.parametrize("error", [Broken("body"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
async def test_an_exception_of_the_body_arrives_as_it_is(kind, error, autojump_clock):
    pool, source, watch = WorkerPool(max_concurrent=3), Input(100), Watch()
    with pytest.raises(type(error)) as caught:
        await read(pool.stream(watch, source.of_kind(kind)), raises(error))
    assert caught.value is error
    assert error.__context__ is None
    assert (watch.running, source.closed) == (0, 1)
    assert_idle(pool)


@KINDS
async def test_a_group_of_exceptions_of_the_body_arrives_as_it_is(kind, autojump_clock):
    error = ExceptionGroup("body", [Broken(1), Broken(2)])
    with pytest.raises(ExceptionGroup) as caught:
        await read(WorkerPool().stream(second, Input(100).of_kind(kind)), raises(error))
    assert caught.value is error


@KINDS
@pytest.mark.parametrize("where", ["in the loop", "in the body", "at once"])
async def test_a_cancelled_consumer_leaves_nothing_behind(kind, where, autojump_clock):
    pool, source, watch = WorkerPool(max_concurrent=3), Input(100, pause=0.1), Watch()
    with trio.move_on_after(0 if where == "at once" else 1.5) as scope:
        async with pool.stream(watch, source.of_kind(kind)) as outcomes:
            if where == "in the body":
                await trio.sleep_forever()
            async for _ in outcomes:
                pass
    assert scope.cancelled_caught
    assert watch.running == 0
    # What was not begun has nothing to close: its owner still has it.
    assert source.closed == (source.taken > 0)
    assert_idle(pool)
    assert_adds_up(pool)


async def test_a_cancelled_wait_for_an_outcome_loses_none(autojump_clock):
    found = []
    async with WorkerPool(max_concurrent=3).stream(second, range(9), ordered=True) as outcomes:
        while len(found) < 9:
            with trio.move_on_after(0.3):
                found.append((await anext(outcomes)).value)
    assert found == [n * 10 for n in range(9)]


async def test_a_stream_inside_a_generator_ends_with_it(autojump_clock):
    pool, source = WorkerPool(), Input(50)

    @asynccontextmanager
    async def values():
        async with pool.stream(second, source.slow()) as outcomes:
            yield (outcome.value async for outcome in outcomes)

    async with values() as found:
        assert await anext(found) is not None
        await found.aclose()
    assert source.closed == 1
    assert_idle(pool)


async def test_a_shielded_consumer_does_not_take_a_cut_for_the_end(autojump_clock):
    pool, read_to_the_end = WorkerPool(max_concurrent=1), False
    with trio.CancelScope() as scope:
        async with pool.stream(second, range(9)) as outcomes:
            with trio.CancelScope(shield=True):
                async for _ in outcomes:
                    scope.cancel()
                read_to_the_end = True
    assert scope.cancelled_caught
    assert not read_to_the_end
    assert_idle(pool)


# --- failures -------------------------------------------------------------------------------------


@KINDS
async def test_the_first_error_cancels_what_runs_and_is_raised_with_what_was_finished(
    kind, autojump_clock
):
    async def step(item):
        await trio.sleep({4: 3.5}.get(item, 1 + item))
        if item == 4:
            raise Broken(item)
        return item * 10

    async def see(outcome):
        seen.append(outcome.value)
        await trio.sleep(5)

    pool, source, seen = WorkerPool(max_concurrent=5), Input(100), []
    with pytest.raises(GroupFailed) as caught:
        await read(pool.stream(step, source.of_kind(kind), ordered=True), see)
    failed = caught.value
    assert seen == [0]
    assert failed.finished == {1: 10, 2: 20}
    assert [repr(error) for error in failed.exceptions] == ["Broken(4)"]
    assert failed.exceptions[0].__notes__ == ["in step '4' of stream 'step'"]
    assert failed.message == f"stream 'step' failed: 1 of {source.taken} steps"
    assert source.closed == 1
    assert_adds_up(pool)


async def test_every_error_is_in_the_group_those_of_the_clean_up_included(autojump_clock):
    async def step(item):
        try:
            await trio.sleep(1 if item == 0 else 9)
        finally:
            raise Broken(item)

    with pytest.raises(GroupFailed) as caught:
        await read(WorkerPool(max_concurrent=3).stream(step, range(9), key=lambda _: "same"))
    assert sorted(error.args[0] for error in caught.value.exceptions) == [0, 1, 2]


async def test_after_it_has_failed_a_stream_is_at_its_end(autojump_clock):
    async with WorkerPool().stream(breaks(0), range(3)) as outcomes:
        with pytest.raises(GroupFailed):
            await anext(outcomes)
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)


@KINDS
async def test_an_input_that_fails_is_raised_like_a_step_that_does(kind, autojump_clock):
    pool, source = WorkerPool(max_concurrent=2), Input(3, error=Broken("input"))
    with pytest.raises(GroupFailed) as caught:
        await read(pool.stream(second, source.of_kind(kind)))
    assert caught.value.message == "stream 'second' failed: its input"
    assert caught.value.exceptions == (source.error,)
    assert source.error.__notes__ == ["in the input of stream 'second'"]
    assert trio.current_time() == 0
    assert_adds_up(pool)


@KINDS
async def test_collecting_an_input_that_fails_hands_out_all_that_was_taken_first(
    kind, autojump_clock
):
    async def see(outcome):
        seen.append((outcome.index, outcome.ok))

    pool, source, seen = WorkerPool(max_concurrent=2), Input(3, error=Broken("input")), []
    with pytest.raises(GroupFailed) as caught:
        await read(pool.stream(breaks(1), source.of_kind(kind), on_error="collect"), see)
    assert sorted(seen) == [(0, True), (1, False), (2, True)]
    assert caught.value.exceptions == (source.error,)
    assert caught.value.finished == {}


@pytest.mark.parametrize(
    ("items", "error"),
    [
        (type("It", (), {"__iter__": lambda self: 1 / 0})(), ZeroDivisionError),
        (type("It", (), {"__aiter__": lambda self: 1 / 0})(), ZeroDivisionError),
    ],
    ids=["__iter__", "__aiter__"],
)
async def test_an_input_that_cannot_even_be_begun_is_an_input_that_fails(items, error):
    pool = WorkerPool()
    with pytest.raises(GroupFailed) as caught:
        await read(pool.stream(second, items))
    assert [type(one) for one in caught.value.exceptions] == [error]
    assert_idle(pool)


@KINDS
async def test_something_fatal_in_a_step_interrupts_the_body_and_arrives_as_it_is(
    kind, autojump_clock
):
    async def step(item):
        await trio.sleep(1)
        if item == 1:
            raise KeyboardInterrupt

    pool, source = WorkerPool(), Input(50)
    with pytest.raises(KeyboardInterrupt):
        async with pool.stream(step, source.of_kind(kind), on_error="collect"):
            await trio.sleep(100)
    assert trio.current_time() == 1
    assert source.closed == 1
    assert_idle(pool)


async def test_something_fatal_in_a_step_is_not_hidden_by_what_the_body_raises_then(autojump_clock):
    async def step(item):
        await trio.sleep(1)
        raise KeyboardInterrupt

    async def fails_as_it_is_cancelled():
        try:
            await trio.sleep_forever()
        finally:
            raise Broken("clean-up")

    async def main():
        async with WorkerPool().stream(step, range(1)), trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fails_as_it_is_cancelled)

    with pytest.raises(KeyboardInterrupt) as caught:
        await main()
    assert "clean-up" in repr(caught.value.__context__)


@KINDS
async def test_something_fatal_in_a_step_comes_out_of_a_loop_that_waits(kind, autojump_clock):
    async def step(item):
        await trio.sleep(1)
        raise SystemExit(item)

    with pytest.raises(SystemExit):
        await read(WorkerPool(max_concurrent=1).stream(step, Input(5).of_kind(kind)))


@KINDS
async def test_something_fatal_in_the_input_arrives_as_it_is(kind, autojump_clock):
    pool, source = WorkerPool(), Input(3, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        await read(pool.stream(second, source.of_kind(kind)))
    assert caught.value is source.error
    assert_idle(pool)
    assert_adds_up(pool)


async def test_a_mistake_of_the_program_arrives_as_it_is(autojump_clock):
    def sync(item):
        return item

    pool = WorkerPool()
    for items in (range(3), Input(3).slow()):
        with pytest.raises(TypeError, match="running step '0' gave int, not an awaitable"):
            await read(pool.stream(sync, items))
    assert_idle(pool)


async def test_an_input_that_fails_as_it_is_closed_is_heard(autojump_clock):
    async def items():
        try:
            while True:
                yield 1
        finally:
            raise Broken("closing")

    with pytest.raises(Broken, match="closing"):
        async with WorkerPool().stream(second, items()) as outcomes:
            await anext(outcomes)


async def test_beside_an_error_of_the_body_it_is_noted_and_logged(autojump_clock, caplog):
    def items():
        try:
            while True:
                yield 1
        finally:
            raise Broken("closing")

    with pytest.raises(ValueError, match="body") as caught:
        await read(WorkerPool().stream(second, items()), raises(ValueError("body")))
    assert caught.value.__notes__ == ["beside it: Broken('closing')"]
    assert "closing a stream has failed" in caplog.text


async def test_an_error_that_nobody_was_told_of_is_logged(autojump_clock, caplog):
    caplog.set_level(logging.WARNING)
    async with WorkerPool().stream(breaks(0), range(3)):
        await trio.sleep(5)
    assert "the consumer has left, and step '0' has failed" in caplog.text


# --- the odd --------------------------------------------------------------------------------------


async def test_a_step_may_read_what_another_stream_hands_out(autojump_clock):
    pool = WorkerPool(max_concurrent=2)

    async def values():
        async with pool.stream(second, range(10), ordered=True) as outcomes:
            async for outcome in outcomes:
                yield outcome.unwrap()

    outcomes = await read(pool.stream(second, values(), ordered=True))
    assert [outcome.value for outcome in outcomes] == [n * 100 for n in range(10)]


async def test_an_input_may_hold_a_nursery_open_while_it_yields(autojump_clock):
    async def items():
        async with trio.open_nursery() as nursery:
            send, receive = trio.open_memory_channel(0)
            nursery.start_soon(produce, send)
            async with receive:
                async for item in receive:
                    yield item

    async def produce(send):
        with suppress(trio.BrokenResourceError):
            async with send:
                for item in range(100):
                    await send.send(item)

    pool = WorkerPool()
    assert len(await read(pool.stream(second, items()))) == 100
    async with pool.stream(second, items()) as outcomes:
        async for _ in outcomes:
            break
    assert_idle(pool)


async def test_a_channel_is_read_and_stays_its_owners(autojump_clock):
    send, receive = trio.open_memory_channel(100)
    for item in range(100):
        send.send_nowait(item)
    async with WorkerPool(max_concurrent=1).stream(second, receive) as outcomes:
        await anext(outcomes)
    assert receive.receive_nowait() in (2, 3)


async def test_items_that_are_dropped_are_not_kept(autojump_clock):
    class Item:
        pass

    async def step(item):
        await trio.sleep(1)

    async with WorkerPool(max_concurrent=1).stream(step, (Item() for _ in range(40))) as outcomes:
        async for outcome in outcomes:
            del outcome
            gc.collect()
            alive = sum(type(one) is Item for one in gc.get_objects())
            assert alive <= 3


async def test_steps_that_never_suspend_leave_others_their_turn():
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async def step(item):
        pass

    for items in (range(20_000), Input(20_000).slow()):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(others)
            assert len(await read(WorkerPool().stream(step, items, buffer=20_000))) == 20_000
            nursery.cancel_scope.cancel()
        assert turns > 100
        turns = 0


@pytest.mark.parametrize("ordered", [False, True])
def test_a_stream_runs_by_the_real_clock(ordered):
    async def main():
        return await read(WorkerPool().stream(partial(trio.sleep), [0.001] * 50, ordered=ordered))

    assert len(trio.run(main)) == 50


MEMORY = """
import sys, trio, hocket

async def items(count):
    for item in range(count):
        yield bytes(500)

async def step(item):
    if item[0] == 0:
        await trio.lowlevel.checkpoint()

async def main(count):
    pool = hocket.WorkerPool()
    async with pool.stream(step, items(count), ordered={ordered}, on_error="collect") as outcomes:
        async for outcome in outcomes:
            pass

trio.run(main, {count})
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("count", [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_long_input_takes_no_more_memory_than_a_short_one(ordered, count):
    most = []
    for one in (10_000, count):
        program = MEMORY.format(ordered=ordered, count=one)
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
        most.append(int(done.stdout) / 1024)
    print(f"MiB at most, with 10,000 items and with {count:,}: {most}")
    assert most[1] - most[0] < 3, "MiB; the items alone would be at least 100"

"""Who reads a stream: one task at a time, and which one may change."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import trio

import hocket
from hocket import GroupFailed, WorkerPool
from hocket._engine.belt import Belt
from hocket._model.outcome import Outcome


async def after(seconds):
    await trio.sleep(seconds)
    return seconds


async def test_a_task_that_reads_on_for_one_that_was_cancelled_gets_what_comes(autojump_clock):
    async with (
        WorkerPool().stream(after, [1, 2, 3]) as outcomes,
        trio.open_nursery() as nursery,
    ):
        scope = trio.CancelScope()

        async def reader():
            with scope:
                await anext(outcomes)

        nursery.start_soon(reader)
        await trio.sleep(0.5)
        scope.cancel()
        # The reader has not had its turn yet.
        assert [outcome.value async for outcome in outcomes] == [1, 2, 3]


@pytest.mark.parametrize("seed", range(8))
async def test_of_two_tasks_that_read_one_gets_all_and_one_is_refused(seed, autojump_clock):
    go = trio.Event()

    async def step(seconds):
        await trio.sleep(seconds)
        if seconds == 1:
            go.set()  # the second reader comes as the first is about to be woken
        return seconds

    got = {"first": [], "second": []}

    async def reader(outcomes, name, event):
        if event is not None:
            await event.wait()
        try:
            async for outcome in outcomes:
                got[name].append(outcome.value)
        except trio.BusyResourceError:
            got[name].append("refused")

    with trio.fail_after(60):
        async with (
            WorkerPool().stream(step, [1, 2, 3, *range(4, 4 + seed)]) as outcomes,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(reader, outcomes, "first", None)
            nursery.start_soon(reader, outcomes, "second", go)
    values = [value for value in got["first"] + got["second"] if value != "refused"]
    assert values == [1, 2, 3, *range(4, 4 + seed)]


def test_errors_of_steps_with_one_id_are_all_told():
    ids = ["a", "a (2)", "a"]  # the name that the third one gets may be an id, too
    errors = [ValueError(index) for index in range(3)]
    failed = [
        Outcome(
            index=n, id=ids[n], item=n, value=None, error=errors[n], wait=0, duration=0, attempts=1
        )
        for n in range(3)
    ]
    assert list(Belt.errors.fget(SimpleNamespace(failed=failed)).values()) == errors


@pytest.mark.parametrize("items", [[], [1], range(5), (1, 2)])
async def test_a_map_over_what_is_there_needs_no_buffer_though_no_limit_is_set(items):
    pool = WorkerPool(max_concurrent=math.inf)
    key = "k{}".format
    assert await pool.map(lambda item: after(0 * item), items, key=key) == [0] * len(items)


async def test_a_buffer_that_is_none_is_refused_for_a_list_too():
    with pytest.raises(TypeError, match="buffer must be a whole number"):
        await WorkerPool().map(after, [0], buffer="x")


async def test_as_completed_names_itself(autojump_clock):
    async def boom():
        raise ValueError

    async with hocket.as_completed([boom]) as outcomes:
        with pytest.raises(GroupFailed, match="'as_completed' failed"):
            await anext(outcomes)

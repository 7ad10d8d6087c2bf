"""WorkerTask: a name, an async function, a time limit."""

from __future__ import annotations

import math
from functools import partial

import attrs
import pytest
import trio
import trio.lowlevel

from hocket import WorkerTask


async def ping(value="pong"):
    await trio.lowlevel.checkpoint()
    return value


def test_a_task_is_a_small_frozen_value():
    task = WorkerTask("a", ping, timeout=5)
    assert (task.id, task.execute, task.timeout) == ("a", ping, 5.0)
    assert task == WorkerTask("a", ping, 5)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        task.id = "b"


def test_a_task_has_no_time_limit_unless_told():
    assert WorkerTask("a", ping).timeout is None


def test_no_limit_at_all_is_told_from_the_pools_limit():
    assert WorkerTask("a", ping, timeout=math.inf).timeout == math.inf


@pytest.mark.parametrize("function", [ping, partial(ping, 3), lambda: ping()])  # noqa: PLW0108
def test_anything_callable_will_do(function):
    assert WorkerTask("a", function).execute is function


@pytest.mark.parametrize("identifier", ["", None, 3, b"a", ["a"]])
def test_an_id_is_a_text(identifier):
    with pytest.raises(TypeError, match="id must be a text that is not empty; got"):
        WorkerTask(identifier, ping)


def test_a_coroutine_is_no_function_and_the_message_says_what_to_do():
    with pytest.raises(TypeError, match=r"execute of task 'a' .*without calling it"):
        WorkerTask("a", ping())


@pytest.mark.parametrize("timeout", [0, -1, math.nan, -math.inf])
def test_a_time_limit_is_more_than_nothing(timeout):
    with pytest.raises(ValueError, match="timeout must be more than 0 seconds"):
        WorkerTask("a", ping, timeout=timeout)


@pytest.mark.parametrize("timeout", ["5", True, [5]])
def test_a_time_limit_is_a_number(timeout):
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        WorkerTask("a", ping, timeout=timeout)

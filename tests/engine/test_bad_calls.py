"""Wrong calls: each is refused at the door, and the message names the parameter, what was found, what to write."""

from __future__ import annotations

import functools
import math
import threading
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
import trio
import trio.lowlevel

import hocket
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    WorkerPool,
    WorkerPoolConfig,
    WorkerTask,
    quorum,
)


async def fine(*args):
    await trio.lowlevel.checkpoint()


def sync(step):
    return step


async def no_argument():
    pass


async def two_arguments(step, context):
    pass


async def yields(step):
    yield step


def group(**options):
    return ParallelGroup("g", options.pop("steps", ["a", "b"]), **options)


def execute_group(*args, **options):
    return lambda: trio.run(lambda: ParallelExecutionManager().execute_group(*args, **options))


def pool(method, *args, **options):
    return lambda: trio.run(lambda: getattr(WorkerPool(), method)(*args, **options))


def resize(limit):
    change("max_concurrent", limit)


def change(name, value, **options):
    setattr(WorkerPool(**options), name, value)


class Other:
    pass


CALLS = {
    # --- pools
    "pool max_concurrent 0": (
        lambda: WorkerPool(max_concurrent=0),
        ValueError,
        r"max_concurrent must be at least 1; got 0; to start nothing for a while, call pool\.pause",
    ),
    "pool max_concurrent negative": (
        lambda: WorkerPool(max_concurrent=-3),
        ValueError,
        r"max_concurrent must be at least 1; got -3$",
    ),
    "pool max_concurrent None": (
        lambda: WorkerPool(max_concurrent=None),
        TypeError,
        r"max_concurrent must be a whole number of at least 1, or math\.inf for no limit; got None",
    ),
    "pool max_concurrent float": (
        lambda: WorkerPool(max_concurrent=2.0),
        TypeError,
        r"max_concurrent must be a whole number of at least 1, or math\.inf for no limit; got 2\.0",
    ),
    "pool max_concurrent bool": (
        lambda: WorkerPool(max_concurrent=True),
        TypeError,
        r"max_concurrent must be a whole number .*; got True",
    ),
    "pool max_concurrent text": (
        lambda: WorkerPool(max_concurrent="5"),
        TypeError,
        r"max_concurrent must be a whole number .*; got '5'",
    ),
    "pool max_concurrent NaN": (
        lambda: WorkerPool(max_concurrent=math.nan),
        TypeError,
        r"max_concurrent must be a whole number .*; got nan",
    ),
    "pool max_concurrent minus infinity": (
        lambda: WorkerPool(max_concurrent=-math.inf),
        TypeError,
        r"max_concurrent must be a whole number .*; got -inf",
    ),
    "pool max_concurrent beyond all bounds": (
        lambda: WorkerPool(max_concurrent=2**32 - 1),
        ValueError,
        r"max_concurrent must be at most 4294967294, or math\.inf for no limit; got 4294967295",
    ),
    "pool queue_size negative": (
        lambda: WorkerPool(queue_size=-1),
        ValueError,
        r"queue_size must be at least 0; got -1",
    ),
    "pool queue_size 0 and wait": (
        lambda: WorkerPool(queue_size=0, when_full="wait"),
        ValueError,
        r"queue_size=0 leaves no place .*write when_full='raise' .* or a queue_size of at least 1",
    ),
    "config queue_size 0 and wait": (
        lambda: WorkerPoolConfig(queue_size=0, when_full="wait"),
        ValueError,
        r"queue_size=0 leaves no place .*write when_full='raise'",
    ),
    "queue_size to 0 where calls wait": (
        lambda: change("queue_size", 0, queue_size=3, when_full="wait"),
        ValueError,
        r"queue_size=0 leaves no place .*write when_full='raise'",
    ),
    "when_full to wait where there is no place": (
        lambda: change("when_full", "wait", queue_size=0),
        ValueError,
        r"queue_size=0 leaves no place .*a queue_size of at least 1",
    ),
    "when_full to something else": (
        lambda: change("when_full", "drop"),
        ValueError,
        r"when_full must be 'raise' or 'wait'; got 'drop'",
    ),
    "queue_size to a float": (
        lambda: change("queue_size", 1.5),
        TypeError,
        r"queue_size must be a whole number of at least 0, or None for no limit; got 1\.5",
    ),
    "timeout to 0": (
        lambda: change("timeout", 0),
        ValueError,
        r"timeout must be more than 0 seconds; got 0; leave it out, or pass None",
    ),
    "pool timeout bool": (
        lambda: WorkerPool(timeout=True),
        TypeError,
        r"timeout must be a number of seconds, a timedelta, or None for no limit; got True",
    ),
    "pool timeout negative timedelta": (
        lambda: WorkerPool(timeout=timedelta(seconds=-1)),
        ValueError,
        r"timeout must be more than 0 seconds; got datetime\.timedelta",
    ),
    "pool queue_size text": (
        lambda: WorkerPool(queue_size="10"),
        TypeError,
        r"queue_size must be a whole number",
    ),
    "pool timeout 0": (
        lambda: WorkerPool(timeout=0),
        ValueError,
        r"timeout must be more than 0 seconds; got 0; leave it out, or pass None",
    ),
    "pool timeout negative": (
        lambda: WorkerPool(timeout=-1.5),
        ValueError,
        r"timeout must be more than 0 seconds; got -1\.5",
    ),
    "pool timeout NaN": (
        lambda: WorkerPool(timeout=math.nan),
        ValueError,
        r"timeout must be more than 0 seconds; got nan",
    ),
    "pool timeout text": (
        lambda: WorkerPool(timeout="30s"),
        TypeError,
        r"timeout must be a number of seconds, .*; got '30s'; write 30",
    ),
    "pool when_full": (
        lambda: WorkerPool(when_full="block"),
        ValueError,
        r"when_full must be 'raise' or 'wait'; got 'block'",
    ),
    "pool positional": (
        lambda: WorkerPool(10),
        TypeError,
        r"write WorkerPool\(max_concurrent=10\)",
    ),
    "pool unknown option": (
        lambda: WorkerPool(max_workers=3),
        TypeError,
        r"unexpected keyword argument 'max_workers'",
    ),
    "config": (
        lambda: WorkerPoolConfig(max_concurrent=0),
        ValueError,
        r"max_concurrent must be at least 1",
    ),
    "from_config of a dict": (
        lambda: WorkerPool.from_config({"max_concurrent": 1}),
        TypeError,
        r"from_config takes a WorkerPoolConfig; got {'max_concurrent': 1}",
    ),
    "manager from_config of a dict": (
        lambda: ParallelExecutionManager.from_config({}),
        TypeError,
        r"from_config takes a WorkerPoolConfig; got {}",
    ),
    "manager max_concurrent": (
        lambda: ParallelExecutionManager(max_concurrent=0),
        ValueError,
        r"max_concurrent must be at least 1; got 0",
    ),
    "resize to 0": (
        lambda: resize(0),
        ValueError,
        r"max_concurrent must be at least 1; got 0; .*pool\.pause",
    ),
    "resize to None": (lambda: resize(None), TypeError, r"max_concurrent must be .*; got None"),
    # --- statistics
    "window 0": (
        lambda: WorkerPool().get_stats(window=0),
        ValueError,
        r"window must be more than 0 seconds; got 0",
    ),
    "window negative": (
        lambda: ParallelExecutionManager().get_stats(window=-1),
        ValueError,
        r"window must be more than 0 seconds; got -1",
    ),
    "window NaN": (
        lambda: WorkerPool().get_stats(window=math.nan),
        ValueError,
        r"window must be more than 0 seconds; got nan",
    ),
    "window text": (
        lambda: WorkerPool().get_stats(window="60"),
        TypeError,
        r"window must be a number of seconds, .*; got '60'",
    ),
    "window bool": (
        lambda: WorkerPool().get_stats(window=True),
        TypeError,
        r"window must be a number of seconds, .*; got True",
    ),
    "window too long": (
        lambda: WorkerPool().get_stats(window=1000),
        ValueError,
        r"window must be at most 600 seconds; got 1000; leave window out for all since the pool",
    ),
    "window infinite": (
        lambda: WorkerPool().get_stats(window=math.inf),
        ValueError,
        r"window must be at most 600 seconds; got inf",
    ),
    "group_stats of an unknown id": (
        lambda: ParallelExecutionManager().group_stats("g"),
        KeyError,
        r"no group 'g' has run on this manager",
    ),
    "group_stats of a group": (
        lambda: ParallelExecutionManager().group_stats(group()),
        TypeError,
        r"group_stats takes the id of a group; got ParallelGroup\(id='g'",
    ),
    # --- tasks
    "task id": (lambda: WorkerTask(1, fine), TypeError, r"id must be a text .*; got 1"),
    "task execute None": (
        lambda: WorkerTask("a", None),
        TypeError,
        r"execute of task 'a' must be an async function; got None",
    ),
    "task execute coroutine": (
        lambda: WorkerTask("a", fine()),
        TypeError,
        r"execute of task 'a' must be .*\(pass the function itself, without calling it\)",
    ),
    "execute nothing callable": (
        pool("execute", 5),
        TypeError,
        r"execute takes a WorkerTask or an async function; got 5",
    ),
    "execute coroutine": (
        lambda: trio.run(WorkerPool().execute, fine()),
        TypeError,
        r"execute takes .*\(pass the function itself, without calling it\)",
    ),
    "execute task with arguments": (
        pool("execute", WorkerTask("a", fine), 1),
        TypeError,
        r"execute\(WorkerTask\(\.\.\.\)\) takes no further arguments; got \(1,\)",
    ),
    "execute sync function": (
        pool("execute", len, "abc"),
        TypeError,
        r"step 'len' gave int, not an awaitable.*write 'async def'",
    ),
    "execute wrong arity": (
        pool("execute", two_arguments),
        TypeError,
        r"two_arguments.*missing .*required positional arguments|cannot be called with no arguments",
    ),
    "execute_many of functions": (
        pool("execute_many", [fine]),
        TypeError,
        r"tasks must be WorkerTask objects; found <function fine.*: write WorkerTask\('fine', fine\)",
    ),
    "execute_many of coroutines": (
        lambda: trio.run(WorkerPool().execute_many, [two_arguments(1, "x"), fine()]),
        TypeError,
        r"found <coroutine.*: write WorkerTask\('two_arguments', functools.partial\(two_arguments, step=1, context='x'\)\)",
    ),
    "execute with named arguments": (
        lambda: trio.run(partial(WorkerPool().execute, two_arguments, 1, b=2)),
        TypeError,
        r"write execute\(functools.partial\(two_arguments, 1, b=2\)\)",
    ),
    "execute task with named arguments": (
        lambda: trio.run(partial(WorkerPool().execute, WorkerTask("a", fine), b=2)),
        TypeError,
        r"takes no further arguments; got \{'b': 2\} \(bind them with functools.partial\)",
    ),
    "manager positional": (
        lambda: ParallelExecutionManager(5),
        TypeError,
        r"write ParallelExecutionManager\(max_concurrent=5\)",
    ),
    "execute_many of no list": (pool("execute_many", 5), TypeError, r"not iterable|list of"),
    "execute_many one id twice": (
        pool("execute_many", [WorkerTask("a", fine), WorkerTask("a", fine)]),
        ValueError,
        r"tasks\[0\] WorkerTask\(id='a', .*\.\.\. and tasks\[1\] WorkerTask\(.* the same id, 'a'",
    ),
    "execute_with_strategy unknown": (
        pool("execute_with_strategy", [WorkerTask("a", fine)], "al"),
        ValueError,
        r"wait_strategy is 'al'; it takes 'all', 'any', .*did you mean 'all'\?",
    ),
    "execute_with_strategy timeout": (
        pool("execute_with_strategy", [WorkerTask("a", fine)], timeout="5"),
        TypeError,
        r"timeout must be a number of seconds",
    ),
    "execute_with_strategy quorum": (
        pool("execute_with_strategy", [WorkerTask("a", fine)], quorum(2)),
        ValueError,
        r"tasks: quorum\(2\) can never be reached, as there are 1 step",
    ),
    # --- strategies
    "quorum 0": (lambda: quorum(0), ValueError, r"k of quorum\(k\) must be at least 1; got 0"),
    "quorum negative": (
        lambda: quorum(-1),
        ValueError,
        r"k of quorum\(k\) must be at least 1; got -1",
    ),
    "quorum bool": (
        lambda: quorum(True),
        TypeError,
        r"k of quorum\(k\) must be a whole number .*; got True",
    ),
    "quorum float": (
        lambda: quorum(1.5),
        TypeError,
        r"k of quorum\(k\) must be a whole number .*; got 1\.5",
    ),
    "quorum text 0": (
        lambda: group(wait_strategy="quorum(0)"),
        ValueError,
        r"k of quorum\(k\) must be at least 1; got 0",
    ),
    "strategy near miss": (
        lambda: group(wait_strategy="all-setled"),
        ValueError,
        r"wait_strategy is 'all-setled'; .*did you mean 'all_settled'\?",
    ),
    "strategy far off": (
        lambda: group(wait_strategy="whenever"),
        ValueError,
        r"wait_strategy is 'whenever'; it takes 'all', 'any', 'all_settled', 'race' or quorum\(k\)$",
    ),
    "strategy None": (
        lambda: group(wait_strategy=None),
        ValueError,
        r"wait_strategy is None; it takes 'all'",
    ),
    "strategy is the function quorum": (
        lambda: group(wait_strategy=quorum),
        ValueError,
        r"wait_strategy is <function quorum.*it takes",
    ),
    # --- groups
    "group id": (lambda: ParallelGroup(None, []), TypeError, r"id must be a text .*; got None"),
    "group id empty": (lambda: ParallelGroup("", []), TypeError, r"id must be a text .*; got ''"),
    "group steps one text": (
        lambda: ParallelGroup("g", "fetch"),
        TypeError,
        r"group 'g': steps must be a list of steps, .*; got 'fetch'",
    ),
    "group steps None": (lambda: ParallelGroup("g", None), TypeError, r"steps must be a list"),
    "group steps async generator": (
        lambda: ParallelGroup("g", yields("a")),
        TypeError,
        (
            r"group 'g': steps must be a list of steps, or a function of the context that makes one; got "
            r"<async_generator .*>, which is async: collect it first, with \[item async for item in \.\.\.\]"
        ),
    ),
    "group steps coroutine": (
        lambda: ParallelGroup("g", fine()),
        TypeError,
        r"group 'g': steps must be a list of .*; got a coroutine \(pass the function itself, without calling it\)",
    ),
    "group key async": (
        lambda: ParallelGroup("g", ["a"], key=fine),
        TypeError,
        r"group 'g': key must be an ordinary function of a step that returns a text; got <function fine",
    ),
    "group max_concurrent text": (
        lambda: ParallelGroup("g", ["a"], max_concurrent="3"),
        TypeError,
        r"group 'g': max_concurrent must be a whole number",
    ),
    "execute_many coroutine": (
        lambda: trio.run(WorkerPool().execute_many, fine()),
        TypeError,
        r"tasks must be a list of WorkerTask objects; got a coroutine \(pass the function itself",
    ),
    "execute group": (
        lambda: trio.run(WorkerPool().execute, group()),
        TypeError,
        r"execute takes a WorkerTask or an async function; got .* \(a group is run by ParallelExec",
    ),
    "observer async": (
        execute_group(group(), fine, observer=fine),
        TypeError,
        r"observer must be an ordinary function of a StepEvent, which nobody awaits; .* is async",
    ),
    "pool setting misspelt": (
        lambda: setattr(WorkerPool(), "timout", 5),
        AttributeError,
        r"no attribute 'timout'",
    ),
    "pool paused": (
        lambda: setattr(WorkerPool(), "paused", True),
        AttributeError,
        r"paused",
    ),
    "pool timeout text of a number": (
        lambda: WorkerPool(timeout="3"),
        TypeError,
        r"timeout must be a number of seconds.*; got '3'; write 3$",
    ),
    "group key": (
        lambda: ParallelGroup("g", ["a"], key="name"),
        TypeError,
        r"group 'g': key must be an ordinary function of a step that returns a text; got 'name'",
    ),
    "execute_many async generator": (
        pool("execute_many", yields("a")),
        TypeError,
        r"tasks must be a list of WorkerTask objects; got .*, which is async: collect it first",
    ),
    "group max_concurrent 0": (
        lambda: group(max_concurrent=0),
        ValueError,
        r"max_concurrent must be at least 1; got 0",
    ),
    "group timeout": (
        lambda: group(timeout=-1),
        ValueError,
        r"\btimeout must be more than 0 seconds; got -1",
    ),
    "group step_timeout": (
        lambda: group(step_timeout="500ms"),
        TypeError,
        r"step_timeout must be a number of seconds, .*; got '500ms'; write 0\.5",
    ),
    "group continue_on_error": (
        lambda: group(continue_on_error="yes"),
        TypeError,
        r"continue_on_error must be True or False; got 'yes'",
    ),
    "group isolation": (
        lambda: group(isolation="process"),
        ValueError,
        r"isolation must be 'shared' or 'task'; got 'process'",
    ),
    # --- execute_group
    "execute_group of a list": (
        execute_group(["a"], fine),
        TypeError,
        r"execute_group takes a ParallelGroup; got \['a'\]",
    ),
    "executor None": (
        execute_group(group(), None),
        TypeError,
        r"step_executor must be an async function of a step; got None",
    ),
    "executor coroutine": (
        lambda: trio.run(ParallelExecutionManager().execute_group, group(), fine()),
        TypeError,
        r"step_executor must be .*\(pass the function itself, without calling it\)",
    ),
    "executor sync": (
        execute_group(group(), sync),
        TypeError,
        r"running step 'a' gave str, not an awaitable.*write 'async def', or run_in=.thread",
    ),
    "executor async generator": (
        execute_group(group(), yields),
        TypeError,
        r"running step 'a' gave async_generator, not an awaitable",
    ),
    "executor of no argument": (
        execute_group(group(), no_argument),
        TypeError,
        r"step_executor: no_argument\(\) cannot be called with \(step\): too many",
    ),
    "executor of two arguments": (
        execute_group(group(), two_arguments),
        TypeError,
        (
            r"two_arguments\(step, context\) cannot be called with \(step\): missing a required "
            r"argument: 'context' \(bind what else it takes with functools\.partial\)"
        ),
    ),
    "executor class": (execute_group(group(), Other), TypeError, r"Other.* cannot be called|Other"),
    "observer": (
        execute_group(group(), fine, observer="print"),
        TypeError,
        r"observer must be a function of a StepEvent; got 'print'",
    ),
    "one id twice": (
        execute_group(group(steps=["a", "b", "a"]), fine),
        ValueError,
        (
            r"group 'g': steps\[0\] 'a' and steps\[2\] 'a' have the same id, 'a'\. Results are kept by "
            r"id, and what has none goes by its place: leave one of them out, or make ids that differ"
        ),
    ),
    "id of a text and of a place": (
        execute_group(group(steps=["1", 5.5]), fine),
        ValueError,
        r"group 'g': steps\[0\] '1' and steps\[1\] 5\.5 have the same id, '1'",
    ),
    "id of an object neither text nor number": (
        execute_group(group(steps=[SimpleNamespace(id=None)]), fine),
        TypeError,
        (
            r"group 'g': steps\[0\] namespace\(id=None\): its id must be a text or a whole number; its attribute "
            r"'id' is None\. Pass key="
        ),
    ),
    "key that makes no text": (
        execute_group(group(key=lambda step: (step,)), fine),
        TypeError,
        r"group 'g': steps\[0\] 'a': its id must be a text or a whole number; key made \('a',\)\.",
    ),
    "key that makes one id twice": (
        execute_group(group(key=lambda step: "same"), fine),
        ValueError,
        r"group 'g': steps\[0\] 'a' and steps\[1\] 'b' have the same id, 'same'\.",
    ),
    "quorum too large": (
        execute_group(group(wait_strategy=quorum(3)), fine),
        ValueError,
        r"group 'g': quorum\(3\) can never be reached, as there are 2 step",
    ),
    "function of steps gives a text": (
        execute_group(group(steps=lambda context: "abc"), fine),
        TypeError,
        r"group 'g': what the function of its steps returns must be a list of steps; got 'abc'",
    ),
    "function of steps gives None": (
        execute_group(group(steps=lambda context: None), fine),
        TypeError,
        r"group 'g': what the function of its steps returns must be a list of steps; got None$",
    ),
    "function of steps takes nothing": (
        lambda: group(steps=lambda: ["a"]),
        TypeError,
        (
            r"group 'g': steps: .*<lambda>\(\) cannot be called with \(context\): too many positional "
            r"arguments"
        ),
    ),
    "function of steps takes two": (
        lambda: group(steps=lambda context, more: ["a"]),
        TypeError,
        r"group 'g': steps: .* cannot be called with \(context\): missing .* 'more' \(bind",
    ),
    "group key takes nothing": (
        lambda: group(key=lambda: "a"),
        TypeError,
        r"group 'g': key: .*<lambda>\(\) cannot be called with \(step\): too many",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_refused_and_the_message_helps(name):
    call, kind, message = CALLS[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert type(caught.value) is kind


def test_there_are_enough_of_them():
    assert len(CALLS) >= 25


def test_a_wrong_call_has_no_effect():
    manager = ParallelExecutionManager(max_concurrent=1)
    calls = [
        lambda: manager.execute_group(group(steps=["a", "a"]), fine),
        lambda: manager.execute_group(group(wait_strategy=quorum(3)), fine),
        lambda: manager.execute_group(group(), None),
        lambda: manager.pool.execute_many([WorkerTask("a", fine)] * 2),
        lambda: manager.pool.execute_with_strategy([WorkerTask("a", fine)], timeout=-1),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError)):
            trio.run(call)
    assert manager.get_stats().tasks_submitted == 0
    assert manager.pool._core.runs == 0


@pytest.mark.parametrize("method", ["execute", "execute_many", "execute_group"])
def test_outside_trio_the_error_says_so(method):
    manager = ParallelExecutionManager()
    coroutine = {
        "execute": lambda: manager.pool.execute(fine),
        "execute_many": lambda: manager.pool.execute_many([WorkerTask("a", fine)]),
        "execute_group": lambda: manager.execute_group(group(), fine),
    }[method]()
    with pytest.raises(
        RuntimeError, match=r"hocket runs on Trio, and this is outside of a trio\.run"
    ):
        coroutine.send(None)
    assert manager.pool._core.runs == 0


def test_a_pool_in_two_trio_runs_at_once_is_refused():
    # Held busy by an event of this thread's, so no time passes for real.
    pool = WorkerPool()
    inside, leave = threading.Event(), threading.Event()

    async def hold():
        inside.set()
        await trio.to_thread.run_sync(leave.wait)

    thread = threading.Thread(target=lambda: trio.run(pool.execute, hold))
    thread.start()
    inside.wait()
    try:
        with pytest.raises(RuntimeError, match=r"busy in another trio\.run .*make one for each"):
            trio.run(pool.execute, fine)
    finally:
        leave.set()
        thread.join()


async def add(a, b):
    return a + b


def plain_add(a, b):
    return a + b


async def nothing():
    pass


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ("await pool.execute_many([add(1, 2)])", [3]),
        ("await pool.execute_many([add(1, b='2' and 2), add(3, 4)])", [3]),
        ("await pool.execute_many([nothing])", [None]),
        ("await pool.execute(add, 1, b=2)", 3),
        ("await pool.execute(add, a=1, b=2)", 3),
        ("await pool.execute(functools.partial(add, 1), b=2)", 3),
        ("await pool.execute(plain_add, 1, b=2, run_in='thread')", 3),
        ("WorkerPool(5).max_concurrent", 5),
        ("ParallelExecutionManager(5).pool.max_concurrent", 5),
    ],
)
async def test_writing_what_the_message_says_works(wrong, value):
    names = {**globals(), "pool": WorkerPool(), "functools": functools}

    async def run(text):
        exec(f"async def run():\n    return {text}", names)  # what a reader types
        return await names["run"]()

    with pytest.raises(TypeError) as caught:
        await run(wrong)
    written = str(caught.value).rpartition("write ")[2]
    if written.startswith("WorkerTask"):
        written = f"pool.execute_many([{written}])"
    if written.startswith("execute("):
        written = f"pool.{written}"
    if "await" in wrong:
        written = f"await {written}"
    made = await run(written)
    if isinstance(made, ParallelExecutionManager):
        made = made.pool
    assert (made.max_concurrent if isinstance(made, WorkerPool) else made) == value


async def test_the_refused_coroutine_is_closed_and_no_warning_follows():
    for call in (
        lambda coroutine: WorkerPool().execute(coroutine),
        lambda coroutine: ParallelExecutionManager().execute_group(group(), coroutine),
    ):
        coroutine = fine()
        with pytest.raises(TypeError):
            await call(coroutine)
        assert coroutine.cr_frame is None


def test_every_error_is_of_one_family():
    for name in ("QueueFull", "StepTimeout", "StepLeftovers", "GroupFailed", "InternalError"):
        assert issubclass(getattr(hocket, name), hocket.HocketError)

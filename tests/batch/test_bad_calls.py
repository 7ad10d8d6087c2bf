"""What is said to a wrong call of map, stream and the verbs for a handful: what was found, and what to write.

Nothing has happened by then: the function is not called, the input not touched.
"""

# ruff: noqa: ISC004 - a call, and what is said to it

from __future__ import annotations

import math
import re
from functools import partial

import pytest
import trio

import hocket
from hocket import HedgingBudget, ParallelGroup, WorkerPool
from hocket.testing import assert_idle

POOL = WorkerPool()
UNLIMITED = WorkerPool(max_concurrent=math.inf)


async def fetch(page):
    raise AssertionError("nothing runs")


async def pair(one, two):
    raise AssertionError("nothing runs")


async def ping():
    raise AssertionError("nothing runs")


def sync_ping():
    raise AssertionError("nothing runs")


def generate(page):
    yield page


async def generate_async(page):
    yield page


def records():
    raise AssertionError("nothing is read")
    yield


async def async_records():
    raise AssertionError("nothing is read")
    yield


async def list_of_records():
    return [1, 2]


def late(urls):
    return [lambda: fetch(url) for url in urls]  # noqa: B023 - the mistake


def late_by_a_loop(urls):
    functions = []
    for url in urls:

        async def get():
            return await fetch(url)  # noqa: B023 - the mistake

        functions.append(get)
    return functions


def late_with_default(urls):
    return [lambda tries=3: fetch((url, tries)) for url in urls]  # noqa: B023 - the mistake


HERE = re.escape(__file__)

CALLS = {
    # The function.
    "a coroutine for the function": (
        lambda: POOL.stream(ping(), [1]),
        "stream takes an async function of an item; got a coroutine (pass the function itself, without calling it)",
    ),
    "function and items exchanged": (
        lambda: POOL.stream([1, 2], fetch),
        "stream takes the function first, and then the items: write stream(fetch, ...)",
    ),
    "None for the function": (
        lambda: POOL.stream(None, [1]),
        "the function of stream must be an async function; got None",
    ),
    "a text for the function": (
        lambda: POOL.stream("fetch", [1]),
        "the function of stream must be an async function; got 'fetch'",
    ),
    "a generator function": (
        lambda: POOL.stream(generate, [1]),
        "the function of stream must be an async function; 'generate' yields (generator)",
    ),
    "an async generator function": (
        lambda: POOL.stream(generate_async, [1]),
        "the function of stream must return a value; 'generate_async' yields (async generator)",
    ),
    "a function of two": (
        lambda: POOL.stream(pair, [1]),
        "the function of stream: pair(one, two) cannot be called with (item): missing a required "
        "argument: 'two' (bind what else it takes with functools.partial)",
    ),
    "a function of none": (
        lambda: POOL.stream(ping, [1]),
        "the function of stream: ping() cannot be called with (item): too many positional arguments "
        "(bind what else it takes with functools.partial)",
    ),
    "a partial that has its argument": (
        lambda: hocket.stream(partial(fetch, 1), [1]),
        re.compile(
            r"the function of stream: functools\.partial\(.*\) cannot be called with \(item\)"
        ),
    ),
    # The items.
    "no items": (
        lambda: POOL.stream(fetch, None),
        "items of stream must be an iterable, or an async one; got None",
    ),
    "a number for items": (
        lambda: POOL.stream(fetch, 5),
        "items of stream must be an iterable, or an async one; got 5",
    ),
    "a text for items": (
        lambda: POOL.stream(fetch, "http://a"),
        "items of stream must be an iterable, or an async one; got 'http://a': write ['http://a'] for one",
    ),
    "bytes for items": (
        lambda: POOL.stream(fetch, b"ab"),
        "items of stream must be an iterable, or an async one; got b'ab': write [b'ab'] for one",
    ),
    "a coroutine for items": (
        lambda: POOL.stream(fetch, list_of_records()),
        "items of stream must be an iterable, or an async one; got a coroutine: await it first, for what it returns",
    ),
    "a generator function for items": (
        lambda: POOL.stream(fetch, records),
        "items of stream must be an iterable, or an async one; got the function 'records': call it, records()",
    ),
    "an async generator function for items": (
        lambda: POOL.stream(fetch, async_records),
        "items of stream must be an iterable, or an async one; got the function 'async_records': call it, async_records()",
    ),
    # The settings.
    "a buffer of 0": (
        lambda: POOL.stream(fetch, [1], buffer=0),
        "buffer must be at least 1; got 0",
    ),
    "half a buffer": (
        lambda: POOL.stream(fetch, [1], buffer=1.5),
        "buffer must be a whole number of at least 1, or None for twice the limit; got 1.5",
    ),
    "a buffer without end": (
        lambda: POOL.stream(fetch, [1], buffer=math.inf),
        "buffer must be a whole number, as the input may have no end; got inf",
    ),
    "no buffer where there is no limit": (
        lambda: UNLIMITED.stream(fetch, [1]),
        "stream needs a buffer where max_concurrent is math.inf: write stream(..., buffer=1000) for at "
        "most 1,000 items that are taken and not yet handed out",
    ),
    "ordered as a text": (
        lambda: POOL.stream(fetch, [1], ordered="yes"),
        "ordered must be True or False; got 'yes'",
    ),
    "an unknown on_error": (
        lambda: POOL.stream(fetch, [1], on_error="ignore"),
        "on_error must be 'raise' or 'collect'; got 'ignore'",
    ),
    "a time limit as a text": (
        lambda: POOL.stream(fetch, [1], step_timeout="5s"),
        "step_timeout must be a number of seconds, a timedelta, or None for no limit; got '5s'; write 5",
    ),
    "a time limit of 0": (
        lambda: POOL.stream(fetch, [1], step_timeout=0),
        "step_timeout must be more than 0 seconds; got 0; leave it out, or pass None, for no limit",
    ),
    "a number for a rate": (
        lambda: POOL.stream(fetch, [1], rate=400),
        "rate must be a Rate, or None for none; got 400; write Rate(400) for so many starts a second",
    ),
    "the class for a rate": (
        lambda: hocket.stream(fetch, [1], rate=hocket.Rate),
        re.compile(
            r"rate must be a Rate, or None for none; got .*; write Rate\(10\) for ten starts"
        ),
    ),
    "a number for a retry": (
        lambda: POOL.stream(fetch, [1], retry=3),
        "retry must be a Retry, or None for one attempt; got 3; write Retry(3, on=OSError), with the "
        "errors after which to try again",
    ),
    "a type of errors for a retry": (
        lambda: hocket.stream(fetch, [1], retry=OSError),
        re.compile(r"retry must be a Retry, or None for one attempt; got .*OSError"),
    ),
    "an async observer": (
        lambda: POOL.stream(fetch, [1], observer=fetch),
        re.compile(r"observer must be an ordinary function of a StepEvent, which nobody awaits"),
    ),
    "a key that is no function": (
        lambda: POOL.stream(fetch, [1], key="id"),
        "key must be an ordinary function of an item that returns a text; got 'id'",
    ),
    "an async key": (
        lambda: POOL.stream(fetch, [1], key=fetch),
        re.compile(
            r"key must be an ordinary function of an item that returns a text; got <function"
        ),
    ),
    "a limit of 0": (
        lambda: hocket.stream(fetch, [1], max_concurrent=0),
        "max_concurrent must be at least 1; got 0; to start nothing for a while, call pool.pause()",
    ),
    # The use.
    "a stream that is not entered": (
        lambda: aiter(POOL.stream(fetch, [1])),
        "a stream has to be entered: write 'async with pool.stream(...) as outcomes:', and inside of it "
        "'async for outcome in outcomes:'",
    ),
    # A handful.
    "one function without a list": (
        lambda: hocket.as_completed(ping),
        "as_completed takes a list of async functions: write as_completed([ping, ...])",
    ),
    "no function": (
        lambda: hocket.as_completed([]),
        "as_completed needs at least one function; got an empty list",
    ),
    "a coroutine among the functions": (
        lambda: hocket.as_completed([ping, ping()]),
        re.compile(
            r"function 1 of as_completed must be an async function; got <coroutine object ping at .*> "
            r"\(pass the function itself, without calling it\)"
        ),
    ),
    "a function that takes something": (
        lambda: hocket.as_completed([fetch]),
        "function 0 of as_completed: fetch(page) cannot be called with no arguments: missing a required "
        "argument: 'page' (bind what else it takes with functools.partial)",
    ),
    "a generator among the functions": (
        lambda: hocket.as_completed([partial(generate, 1)]),
        re.compile(r"function 0 of as_completed must be an async function; functools\.partial\("),
    ),
    "lambdas that bind late": (
        lambda: hocket.as_completed(late(["a", "b"])),
        re.compile(
            rf"functions 0 and 1 of as_completed are one lambda \(line \d+ of {HERE}\) that binds late: "
            r"both find in 'url' what is there when they are called, the last value of the loop\. Bind it "
            r"now, with functools\.partial\(f, url\); for one function several times write \[function\] \* 2"
        ),
    ),
    "functions of a loop that bind late": (
        lambda: hocket.as_completed([ping, *late_by_a_loop(["a", "b"])]),
        re.compile(
            r"functions 1 and 2 of as_completed are one function 'get' \(line \d+ of .*binds late"
        ),
    ),
    "lambdas that bind something, and the rest late": (
        lambda: hocket.as_completed(late_with_default(["a", "b"])),
        re.compile(r"functions 0 and 1 of as_completed are one lambda .* that binds late"),
    ),
    "a stagger of 0": (
        lambda: hocket.as_completed([ping], stagger=0),
        "stagger must be more than 0 seconds; got 0; leave it out, or pass None, to start all at once",
    ),
    # Groups.
    "a stagger where all are needed": (
        lambda: ParallelGroup("g", [1], stagger=1),
        "group 'g': stagger is for wait_strategy 'any', 'race' or quorum(k), which may be decided before "
        "all steps have started; got 'all'",
    ),
    "max_hedges without a stagger": (
        lambda: ParallelGroup("g", [1], "any", max_hedges=1),
        "group 'g': max_hedges needs a stagger, the seconds after which the next one starts: without it "
        "all start at once",
    ),
    "a budget without a stagger": (
        lambda: ParallelGroup("g", [1], "any", hedging_budget=HedgingBudget()),
        "group 'g': hedging_budget needs a stagger, the seconds after which the next one starts: without "
        "it all start at once",
    ),
    "a number for the budget": (
        lambda: ParallelGroup("g", [1], "any", stagger=1, hedging_budget=0.1),
        "group 'g': hedging_budget must be a HedgingBudget, such as HedgingBudget(share=0.1); got 0.1",
    ),
    "a share of more than all": (
        lambda: HedgingBudget(share=10),
        "share must be a number from 0 to 1; got 10",
    ),
    "no burst": (lambda: HedgingBudget(burst=0), "burst must be at least 1; got 0"),
}

AWAITED = {
    "map, function and items exchanged": (
        lambda: POOL.map([1], fetch),
        "map takes the function first, and then the items: write map(fetch, ...)",
    ),
    "map without a buffer where there is no limit": (
        lambda: UNLIMITED.map(fetch, records()),
        "map needs a buffer where max_concurrent is math.inf: write map(..., buffer=1000) for at most "
        "1,000 items that are taken and not yet handed out",
    ),
    "a sync function in a race": (
        lambda: hocket.race([sync_ping_2]),
        re.compile("running step 'sync_ping_2' gave NoneType, not an awaitable. Steps are async"),
    ),
    "quorum_of without a number": (
        lambda: hocket.quorum_of([ping], 2),
        re.compile(
            r"quorum_of takes the number first: write quorum_of\(2, \[f, g, h\]\); got \[<function"
        ),
    ),
    "a quorum of 0": (
        lambda: hocket.quorum_of(0, [ping]),
        "k of quorum_of must be at least 1; got 0",
    ),
    "a quorum of more than there are": (
        lambda: hocket.quorum_of(3, [ping, ping]),
        "group 'quorum_of': quorum(3) can never be reached, as there are 2 step(s)",
    ),
    "half a hedge": (
        lambda: hocket.first_success([ping], stagger=1, max_hedges=0.5),
        "group 'first_success': max_hedges must be a whole number of at least 1, or None for no limit; got 0.5",
    ),
}


def sync_ping_2():
    return None


def check(caught, text):
    said = str(caught.value)
    assert text.match(said) if isinstance(text, re.Pattern) else said == text
    assert_idle(POOL)


def test_there_are_as_many_as_were_asked_for():
    assert len(CALLS) + len(AWAITED) >= 40


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_told_what_to_write(name):
    call, text = CALLS[name]
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        call()
    check(caught, text)


@pytest.mark.parametrize("name", AWAITED)
async def test_a_wrong_call_that_is_awaited_is_told_too(name):
    call, text = AWAITED[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        await call()
    check(caught, text)


async def test_the_text_of_a_call_that_was_right_is_not_needed(autojump_clock):
    async def nap(seconds):
        await trio.sleep(seconds)
        return seconds

    # Several made by one lambda that bind early, or the same function listed again.
    assert await hocket.first_success([lambda s=s: nap(s) for s in (3, 2)]) == 2
    assert await hocket.first_success([partial(nap, 1)] * 3) == 1
    three = [lambda: nap(1), lambda: nap(1)]
    assert await hocket.race(three) == 1


async def test_a_stream_is_entered_once_and_read_inside_by_one_task(autojump_clock):
    pool = WorkerPool()
    stream = pool.stream(trio.sleep, [1, 1])
    with pytest.raises(
        RuntimeError, match="read inside of its 'async with': this one was not entered"
    ):
        await anext(stream)
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(anext, stream)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match="let one task read it"):
            await anext(stream)
    with pytest.raises(RuntimeError, match="this one has been left"):
        await anext(stream)
    with pytest.raises(RuntimeError, match=r"entered once: call stream\(\.\.\.\) again"):
        await stream.__aenter__()


def test_outside_of_trio_a_call_says_where_it_belongs():
    coroutine = hocket.map(fetch, [1])
    with pytest.raises(RuntimeError, match="hocket runs on Trio, and this is outside of a"):
        coroutine.send(None)


@pytest.mark.parametrize("made", [3, "", None])
async def test_a_key_that_makes_no_text_fails_the_input(made):
    with pytest.raises(hocket.GroupFailed) as caught:
        await POOL.map(fetch, [1], key=lambda _: made)
    (error,) = caught.value.exceptions
    assert str(error) == f"key must return a text that is not empty; returned {made!r}"

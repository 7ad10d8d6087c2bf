"""What the verbs over many items are given: a function, and items that are taken one by one."""

from __future__ import annotations

import inspect
import types
from collections.abc import AsyncIterable, Callable, Iterable
from functools import partial
from typing import Any

from trio.lowlevel import disable_ki_protection

from .._base.callables import check_call, name_of, never_awaitable, not_async, uncalled_hint
from .._base.checks import check_count, plain_text
from .._base.shown import shown
from .._model.run_in import RunIn, check_for_thread, check_run_in

__all__ = [
    "check_buffer",
    "check_function",
    "check_items",
    "check_key",
    "close_now",
    "id_of",
    "step_name",
]

# Items that are taken before the consumer comes: one for each slot, and one that follows it.
_AHEAD = 2


def step_name(fn: object) -> str:
    """Return what messages and events call the steps of a function: its own name.

    >>> step_name(partial(sorted, key=len))
    'sorted'
    """
    while isinstance(fn, partial):
        fn = fn.func
    return name_of(fn).rpartition(".")[2]


def check_function(verb: str, fn: Any, items: object, run_in: RunIn) -> None:
    """Refuse what is no function of one item, async or for threads.

    Raises:
        TypeError: the message says what to write instead.
    """
    if not callable(fn):
        if uncalled := uncalled_hint(fn):
            raise TypeError(f"{verb} takes an async function of an item; got a coroutine{uncalled}")
        if callable(items):
            raise TypeError(
                f"{verb} takes the function first, and then the items: "
                f"write {verb}({step_name(items)}, ...)"
            )
    what = f"the function of {verb}"
    if check_run_in("run_in", run_in) == "thread" and callable(fn):
        check_for_thread(what, fn)
    elif never_awaitable(fn):
        raise not_async(what, fn)
    check_call(what, fn, "item")


def check_items(verb: str, items: Any) -> None:
    """Refuse what cannot be iterated over, and a text, which would fall apart into letters.

    Raises:
        TypeError: the message says what to write instead.
    """
    where = f"items of {verb} must be an iterable, or an async one"
    if type(items) is types.CoroutineType:
        items.close()  # or Python warns, far from here, that it was never awaited
        raise TypeError(f"{where}; got a coroutine: await it first, for what it returns")
    if isinstance(items, str | bytes | bytearray):
        raise TypeError(f"{where}; got {shown(items)}: write [{shown(items)}] for one")
    if isinstance(items, AsyncIterable | Iterable):
        return
    if inspect.isasyncgenfunction(items) or inspect.isgeneratorfunction(items):
        name = step_name(items)
        raise TypeError(f"{where}; got the function {name!r}: call it, {name}()")
    if not hasattr(type(items), "__getitem__"):  # the old protocol of sequences
        raise TypeError(f"{where}; got {shown(items)}")


def check_buffer(verb: str, buffer: float | None, limit: float) -> int:
    """Return how many items may be ahead of the consumer.

    Raises:
        TypeError, ValueError: it is no whole number of at least 1, or it is not given and there is
            no limit to tell it by.
    """
    try:
        count = check_count("buffer", buffer)
    except TypeError:
        raise TypeError(
            f"buffer must be a whole number of at least 1, or None for twice the limit; got {shown(buffer)}"
        ) from None
    if count is not None:
        return count
    if buffer is not None:
        raise ValueError(
            f"buffer must be a whole number, as the input may have no end; got {shown(buffer)}"
        )
    if limit == float("inf"):
        raise ValueError(
            f"{verb} needs a buffer where max_concurrent is math.inf: write {verb}(..., buffer=1000) "
            "for at most 1,000 items that are taken and not yet handed out"
        )
    return min(_AHEAD * int(limit), 2**32 - 2)


def check_key(key: Any) -> None:
    """Refuse what is no function of an item.

    Raises:
        TypeError: the message says so.
    """
    if key is None:
        return
    if not callable(key) or inspect.iscoroutinefunction(key):
        raise TypeError(
            f"key must be an ordinary function of an item that returns a text; got {shown(key)}"
        )
    check_call("key", key, "item")


def id_of(key: Callable[[Any], str], item: object) -> str:
    """Return what a key makes of an item.

    Raises:
        TypeError: it is no text, or an empty one.
    """
    made = key(item)
    text = plain_text(made) if isinstance(made, str) else None
    if not text:
        raise TypeError(f"key must return a text that is not empty; returned {shown(made)}")
    return text


@disable_ki_protection
def close_now(iterator: object) -> None:
    """Close a generator, so that its ``finally`` runs; of what else there is its owner closes it."""
    if isinstance(iterator, types.GeneratorType):
        iterator.close()

"""Taking whatever can be iterated over where a list is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any

from .callables import uncalled_hint
from .shown import shown

__all__ = ["as_tuple"]


def as_tuple(where: str, what: str, value: Iterable[Any]) -> tuple[Any, ...]:
    """Copy a list, a generator, a set's or a dict's keys, an array: any iterable but a text.

    Args:
        where: what the message begins with: the parameter, or what returned the value.
        what: what was asked for, as in ``"a list of steps"``.
        value: what was given.

    Raises:
        TypeError: it cannot be iterated over, or only asynchronously; the message says what to
            write instead.

    >>> as_tuple("steps", "a list of steps", (step for step in "ab"))
    ('a', 'b')
    """
    if uncalled := uncalled_hint(value):
        raise TypeError(f"{where} must be {what}; got a coroutine{uncalled}")
    if isinstance(value, str | bytes | bytearray):  # would fall apart into letters
        raise TypeError(
            f"{where} must be {what}; got {shown(value)}: write [{shown(value)}] for one"
        )
    try:
        iterator = iter(value)
    except TypeError:
        raise TypeError(f"{where} must be {what}; got {shown(value)}{_collect(value)}") from None
    return tuple(iterator)


def _collect(value: object) -> str:
    if not isinstance(value, AsyncIterable):
        return ""
    return ", which is async: collect it first, with [item async for item in ...]"

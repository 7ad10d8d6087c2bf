"""What the operators of expressions do: JavaScript's truth, equality and arithmetic.

Where JavaScript would convert a value into one of another type, these raise :class:`Mismatch`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from .._base.shown import shown

__all__ = ["BINARY", "Mismatch", "is_true", "kind_of", "negative", "positive", "same", "size_of"]

_DEEPEST = 100
_LONGEST_SHOWN = 40


class Mismatch(Exception):
    """An operator cannot be applied to these values; the text says why."""


def kind_of(value: Any) -> str:
    """What a value is, in a word or two."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {_short(value)}"
        case str():
            return f"the text {_short(value)}"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return f"of type {type(value).__name__}"


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def is_true(value: Any) -> bool:
    """JavaScript's truth: false are ``false``, 0, NaN, the empty text and null, and nothing else.

    >>> is_true(0), is_true(""), is_true([])
    (False, False, True)
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, int | float):
        return bool(value) and value == value
    return not (isinstance(value, str) and not value)


def same(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two values are the same without any conversion; lists and mappings by what they hold.

    >>> same(1, 1.0), same(1, True), same(1, "1"), same([1], [1])
    (True, False, False, True)
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if depth > _DEEPEST:
        raise Mismatch(f"values nested more than {_DEEPEST} deep are not compared")
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(
            same(a, b, depth + 1) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in other and same(value, other[key], depth + 1) for key, value in one.items()
        )
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(sign: str, one: Any, other: Any) -> None:
    if not (_is_number(one) and _is_number(other)):
        raise Mismatch(f"{sign!r} takes two numbers; found {kind_of(one)} and {kind_of(other)}")


def _add(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return one + other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return [*one, *other]
    if not (_is_number(one) and _is_number(other)):
        found = f"{kind_of(one)} and {kind_of(other)}"
        raise Mismatch(f"'+' takes two numbers, two texts or two lists; found {found}")
    return _kept(lambda: one + other)


def _subtract(one: Any, other: Any) -> Any:
    _numbers("-", one, other)
    return _kept(lambda: one - other)


def _multiply(one: Any, other: Any) -> Any:
    _numbers("*", one, other)
    return _kept(lambda: one * other)


def _kept(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except OverflowError:  # a whole number beyond what a fraction can be
        raise Mismatch("the number is too large") from None


def _divide(one: Any, other: Any) -> Any:
    _numbers("/", one, other)
    if other == 0:
        if one == 0 or one != one:
            return math.nan
        return math.copysign(math.inf, _sign(one) * _sign(other))
    return _kept(lambda: one / other)


def _sign(number: float) -> float:
    return math.copysign(1.0, number)


def _remainder(one: Any, other: Any) -> Any:
    _numbers("%", one, other)
    if isinstance(one, int) and isinstance(other, int) and other:
        rest = abs(one) % abs(other)
        return -rest if one < 0 else rest
    if other == 0 or math.isinf(one):
        return math.nan
    return _kept(lambda: math.fmod(one, other))


_TIMES: tuple[Any, ...] = (datetime, date, time)


def _ordered(sign: str, one: Any, other: Any) -> tuple[Any, Any]:
    """Two values that have an order; texts are ordered as JavaScript does, by their UTF-16."""
    if _is_number(one) and _is_number(other):
        return one, other
    if isinstance(one, bool) and isinstance(other, bool):
        return one, other
    if isinstance(one, str) and isinstance(other, str):
        if one.isascii() and other.isascii():
            return one, other
        return _utf_16(one), _utf_16(other)
    for kind in _TIMES:
        if isinstance(one, kind) and isinstance(other, kind):
            return one, other
    found = f"{kind_of(one)} and {kind_of(other)}"
    raise Mismatch(f"{sign!r} takes two numbers, texts or times; found {found}")


def _utf_16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _comparison(sign: str, compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def work(one: Any, other: Any) -> Any:
        if type(one) is not type(other) or type(one) not in (int, float):
            one, other = _ordered(sign, one, other)
        try:
            return bool(compare(one, other))
        except TypeError as error:  # a time with a zone and one without
            raise Mismatch(f"{sign!r}: {error}") from None

    return work


def _is_in(one: Any, other: Any) -> bool:
    if isinstance(other, Mapping):
        return isinstance(one, str) and one in other
    if isinstance(other, list | tuple | set | frozenset):
        return any(same(one, item) for item in other)
    hint = "; write text.contains(part)" if isinstance(other, str) else ""
    raise Mismatch(f"'in' looks into a list or a mapping; found {kind_of(other)}{hint}")


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": same,
    "===": same,
    "!=": lambda one, other: not same(one, other),
    "!==": lambda one, other: not same(one, other),
    "<": _comparison("<", lambda one, other: one < other),
    "<=": _comparison("<=", lambda one, other: one <= other),
    ">": _comparison(">", lambda one, other: one > other),
    ">=": _comparison(">=", lambda one, other: one >= other),
    "in": _is_in,
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
}
"""What each sign between two values does."""


def negative(value: Any) -> Any:
    """The value with the other sign."""
    if not _is_number(value):
        raise Mismatch(f"'-' takes a number; found {kind_of(value)}")
    return -value


def positive(value: Any) -> Any:
    """The value, which is a number."""
    if not _is_number(value):
        raise Mismatch(f"'+' takes a number; found {kind_of(value)}")
    return value


def size_of(value: Any) -> int:
    """How many items, keys or characters a value has."""
    if isinstance(value, str | list | tuple | Mapping | set | frozenset):
        return len(value)
    raise Mismatch(f"size takes a text, a list or a mapping; found {kind_of(value)}")

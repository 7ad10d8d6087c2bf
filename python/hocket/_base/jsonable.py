"""Values as JSON can show them."""

from __future__ import annotations

import base64
import dataclasses
import enum
import math
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set as AbstractSet
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

import attrs

from .shown import one_line, said, shown

__all__ = ["iso_dates", "jsonable"]

_DEEPEST = 100
# The least limit that `sys.set_int_max_str_digits` takes is 640 digits.
_MOST_BITS = 2_000
_MOST_MADE = 1_000_000
_HOLDERS = (list, tuple, set, frozenset, deque)


def jsonable(value: Any) -> Any:
    """A value made of what JSON has: dicts with text keys, lists, text, numbers, true, false, null.

    What JSON does not have is shown as follows. Objects of attrs classes, dataclasses and named
    tuples: dicts of their public fields. Tuples, sets and other sequences: lists. Exceptions:
    ``"Type: text"``. Dates and times: ISO 8601; a ``timedelta``: seconds. Enum members: their
    value. Bytes: base64. Paths, and NaN and the infinities: text. Numbers of 600 digits: their
    hexadecimal text. Everything else, a range of more than a million items, and what holds itself,
    is nested more than 100 deep, or has methods that raise: its ``repr``. Of keys that come to one
    text, all but one say their type.

    >>> jsonable({"at": date(2030, 1, 31), 1: (ValueError("no"), b"hi")})
    {'at': '2030-01-31', '1': ['ValueError: no', 'aGk=']}
    >>> jsonable({"1": "a", 1: "b"})
    {'1': 'a', '1 (int)': 'b'}
    """
    return _convert(value, ())


def iso_dates(value: Any) -> Any:
    """A value made of dicts and lists, in which dates and times are text as :func:`jsonable` makes it.

    >>> iso_dates({"since": [date(2030, 1, 31)], "rows": 5})
    {'since': ['2030-01-31'], 'rows': 5}
    """
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {iso_dates(key): iso_dates(item) for key, item in value.items()}
    if isinstance(value, list | tuple | deque):
        return [iso_dates(item) for item in value]
    return value


def _convert(value: Any, around: tuple[int, ...]) -> Any:
    if value is None or type(value) in (bool, str):
        return value
    try:
        return _shape(value, around)
    except Exception:  # noqa: BLE001 - somebody else's methods, of which any may fail
        return shown(value)


def _shape(value: Any, around: tuple[int, ...]) -> Any:
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return convert(value)
    if id(value) in around or len(around) >= _DEEPEST:
        return shown(value)
    around = (*around, id(value))
    if isinstance(value, Mapping):
        return _mapping(value, around)
    names = _fields(value)
    if names is not None:
        return {name: _convert(getattr(value, name), around) for name in names}
    if isinstance(value, Sequence | AbstractSet):
        # One that makes its items as it is asked, range(10**9) say, has more than a memory holds.
        if not isinstance(value, _HOLDERS) and len(value) > _MOST_MADE:
            return shown(value)
        return [_convert(item, around) for item in value]
    return shown(value)


def _fields(value: Any) -> Iterable[str] | None:
    """The names of a record's public fields; None if it is no record."""
    cls = type(value)
    if attrs.has(cls):
        names: Iterable[str] = (field.name for field in attrs.fields(cls))
    elif dataclasses.is_dataclass(cls):
        names = (field.name for field in dataclasses.fields(cls))
    elif isinstance(value, tuple) and hasattr(cls, "_fields"):
        names = cls._fields
    else:
        return None
    return [name for name in names if not name.startswith("_") and hasattr(value, name)]


def _mapping(value: Mapping[Any, Any], around: tuple[int, ...]) -> dict[str, Any]:
    """Texts stay the keys that they are; what else would have one of them says its type besides."""
    items = list(value.items())
    taken = {key for key, _ in items if type(key) is str}
    made: dict[str, Any] = {}
    for key, item in items:
        name = key
        if type(key) is not str or key in made:
            name = _free_name(_key(key), key, taken)
            taken.add(name)
        made[name] = _convert(item, around)
    return made


def _free_name(name: str, key: Any, taken: Container[str]) -> str:
    free, number = name, 1
    while free in taken:
        count = f" {number}" if number > 1 else ""
        free, number = f"{name} ({type(key).__name__}{count})", number + 1
    return free


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    converted = _convert(key, ())
    return converted if isinstance(converted, str) else shown(key)


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))


def _whole(value: int) -> int | str:
    number = int.__int__(value)
    # Python writes numbers of some thousand digits in no other way.
    return number if number.bit_length() < _MOST_BITS else hex(number)


def _bytes(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


_SCALARS: list[tuple[Any, Callable[[Any], Any]]] = [
    # An IntEnum is an int too, and a StrEnum a str: so enums come first.
    (enum.Enum, lambda value: _convert(value.value, ())),
    (str, str.__str__),
    (int, _whole),
    (float, _number),
    ((datetime, date, time), lambda value: said(value.isoformat())),
    (timedelta, timedelta.total_seconds),
    (bytes | bytearray | memoryview, _bytes),
    (BaseException, one_line),
    (PurePath, said),
]

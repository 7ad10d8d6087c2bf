"""Values as JSON can show them."""

from __future__ import annotations

import base64
import dataclasses
import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set as AbstractSet
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

import attrs

__all__ = ["jsonable", "one_line"]

_DEEPEST = 100


def jsonable(value: Any) -> Any:
    """A value made of what JSON has: dicts with text keys, lists, text, numbers, true, false, null.

    What JSON does not have is shown as follows. Objects of attrs classes, dataclasses and named
    tuples: dicts of their public fields. Tuples, sets and other sequences: lists. Exceptions:
    ``"Type: text"``. Dates and times: ISO 8601; a ``timedelta``: seconds. Enum members: their
    value. Bytes: base64. Paths, and NaN and the infinities: text. Everything else, and what holds
    itself or is nested more than 100 deep: its ``repr``.

    >>> jsonable({"at": date(2030, 1, 31), 1: (ValueError("no"), b"hi")})
    {'at': '2030-01-31', '1': ['ValueError: no', 'aGk=']}
    """
    return _convert(value, ())


def one_line(error: BaseException) -> str:
    r"""An exception in one line that is safe to print: ``Type: text``.

    >>> one_line(ValueError("two\nlines"))
    'ValueError: two lines'
    """
    if isinstance(error, BaseExceptionGroup):
        text = f"{type(error).__name__}: {error.message}"
    else:
        said = _said(error)
        text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - somebody else's __str__; its failure is shown
        return f"(its text failed: {type(broken).__name__})"


def _convert(value: Any, around: tuple[int, ...]) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return convert(value)
    if id(value) in around or len(around) >= _DEEPEST:
        return _repr(value)
    around = (*around, id(value))
    if isinstance(value, Mapping):
        return {_key(key): _convert(item, around) for key, item in value.items()}
    names = _fields(value)
    if names is not None:
        return {name: _convert(getattr(value, name), around) for name in names}
    if isinstance(value, Sequence | AbstractSet):
        return [_convert(item, around) for item in value]
    return _repr(value)


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


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    shown = _convert(key, ())
    return shown if isinstance(shown, str) else _repr(key)


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))


def _bytes(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as broken:  # noqa: BLE001 - somebody else's __repr__; its failure is shown
        return f"<{type(value).__name__}; its repr failed: {type(broken).__name__}>"


_SCALARS: list[tuple[Any, Callable[[Any], Any]]] = [
    # An IntEnum is an int too, and a StrEnum a str: so enums come first.
    (enum.Enum, lambda value: _convert(value.value, ())),
    (str, str.__str__),
    (int, int.__int__),
    (float, _number),
    ((datetime, date, time), lambda value: value.isoformat()),
    (timedelta, timedelta.total_seconds),
    (bytes | bytearray | memoryview, _bytes),
    (BaseException, one_line),
    (PurePath, str),
]

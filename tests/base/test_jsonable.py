"""What JSON cannot hold is shown in one documented way each."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import NamedTuple

import attrs
import pytest

from hocket import GroupFailed
from hocket._base.jsonable import jsonable
from hocket._base.shown import one_line, traceback_of


@attrs.define
class Record:
    name: str
    inner: object = None
    _secret: str = "hidden"


@dataclasses.dataclass
class Data:
    x: int


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Broken:
    def __repr__(self):
        raise RuntimeError("no")

    def __str__(self):
        raise RuntimeError("no")


class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (Text("text"), "text"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ((1, [2]), [1, [2]]),
        ({3}, [3]),
        (range(3), [0, 1, 2]),
        (collections.deque([1]), [1]),
        ({1: "a", None: "b", False: "c"}, {"1": "a", "null": "b", "false": "c"}),
        ({(1, 2): 3, Colour.RED: 4}, {"(1, 2)": 3, "red": 4}),
        (Record("a", Record("b")), {"name": "a", "inner": {"name": "b", "inner": None}}),
        (Data(1), {"x": 1}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (ValueError("a\nb"), "ValueError: a b"),
        (KeyError(), "KeyError"),
        (datetime(2030, 1, 31, 12, tzinfo=UTC), "2030-01-31T12:00:00+00:00"),
        (date(2030, 1, 31), "2030-01-31"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=1), 60.0),
        (b"hi", "aGk="),
        (bytearray(b"hi"), "aGk="),
        (PurePosixPath("a/b"), "a/b"),
        (Decimal("1.5"), "Decimal('1.5')"),
        (Record, repr(Record)),
        (Broken(), "<Broken; its repr failed: RuntimeError>"),
        (BrokenError(), "BrokenError: (its text failed: RuntimeError)"),
    ],
)
def test_a_value_is_shown_as_documented(value, shown):
    made = jsonable(value)
    assert made == shown
    assert type(made) is type(shown)
    json.dumps(made, allow_nan=False)


def test_what_holds_itself_is_shown_by_its_repr_where_it_does():
    value = [1]
    value.append(value)
    assert jsonable(value) == [1, "[1, [...]]"]


def test_what_is_held_twice_is_shown_twice():
    inner = [1]
    assert jsonable([inner, inner]) == [[1], [1]]


def test_what_is_nested_too_deep_ends_in_a_repr():
    value = []
    for _ in range(500):
        value = [value]
    made = json.dumps(jsonable(value))
    assert made.startswith("[" * 100 + '"')


def test_an_error_in_one_line_has_no_control_characters():
    assert one_line(OSError("a\x1b[2J\tb")) == r"OSError: a\x1b[2J b"


def test_a_group_of_errors_is_shown_by_its_message():
    assert one_line(GroupFailed("2 of 3", [ValueError()])) == "GroupFailed: 2 of 3"


def refuse(*_):
    raise LookupError("odd")


@pytest.mark.parametrize(
    "method", ["items", "__iter__", "__len__", "__getitem__", "__class__", "keys"]
)
@pytest.mark.parametrize(
    "kind", [dict, list, tuple, set, int, float, str, PurePosixPath, date, ValueError]
)
def test_every_value_has_a_form_in_json_whatever_its_methods_raise(kind, method):
    odd = property(refuse) if method == "__class__" else refuse
    broken = type("Odd", (kind,), {method: odd, "__repr__": refuse, "__str__": refuse})
    value = broken(2030, 1, 31) if kind is date else broken()
    assert json.loads(json.dumps(jsonable([1, {"a": value}])))[0] == 1


def test_a_number_too_long_for_python_s_text_is_hexadecimal():
    assert jsonable(16**5000) == "0x1" + "0" * 5000


def test_an_error_has_a_line_and_a_traceback_whatever_it_refuses():
    class Odd(Exception):
        __str__ = __repr__ = __getattribute__ = refuse
        __class__ = property(refuse)

    assert one_line(Odd()) == "Odd: (its text failed: LookupError)"
    assert traceback_of(Odd()).startswith("Odd: ")
    assert traceback_of(ValueError("no")) == "ValueError: no\n"

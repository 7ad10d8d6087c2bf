"""What JSON cannot hold is shown in one documented way each."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

import attrs
import pytest
from hypothesis import given, strategies as st

from hocket import GroupFailed
from hocket._base.jsonable import iso_dates, jsonable
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


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({1: "a", "1": "b"}, {"1 (int)": "a", "1": "b"}),
        ({1: "a", Colour.RED: "b", "red": "c"}, {"1": "a", "red (Colour)": "b", "red": "c"}),
        (
            {float("nan"): 1, float("nan") * 1: 2, "nan": 3},
            {"nan (float)": 1, "nan (float 2)": 2, "nan": 3},
        ),
        ({None: 1, "null": 2, True: 3, "true": 4}, {"null (NoneType)": 1, "null": 2,
         "true (bool)": 3, "true": 4}),
        ({1: 1, "1": 2, "1 (int)": 3}, {"1 (int 2)": 1, "1": 2, "1 (int)": 3}),
        ({date(2030, 1, 31): 1, "2030-01-31": 2}, {"2030-01-31 (date)": 1, "2030-01-31": 2}),
    ],
)  # fmt: skip
def test_keys_of_one_text_are_all_shown_and_none_is_lost(value, shown):
    assert jsonable(value) == shown
    assert list(jsonable(value)) == list(shown)


KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.sampled_from(["1", "nan", "null"]),
    st.sampled_from(["true", "1 (int)", "1.0", Colour.RED, "red", date(2030, 1, 31), (1,), b"x"]),
)  # fmt: skip


@given(st.dictionaries(KEYS, st.integers()))
def test_as_many_keys_are_shown_as_there_are(value):
    made = jsonable(value)
    assert list(made.values()) == list(value.values())
    assert all(made[key] == value[key] for key in value if type(key) is str)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_dates_become_iso_text_and_all_else_stays_what_it_is():
    odd = object()
    value = {"a": [date(2030, 1, 31), (time(12, 30), odd)], date(2030, 1, 31): 1.5}
    assert iso_dates(value) == {"a": ["2030-01-31", ["12:30:00", odd]], "2030-01-31": 1.5}


@pytest.mark.parametrize("kind", [collections.OrderedDict, MappingProxyType])
def test_dates_become_text_in_every_kind_of_mapping_and_list(kind):
    value = kind({"a": collections.deque([date(2030, 1, 31)])})
    assert iso_dates(value) == {"a": ["2030-01-31"]}


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

"""Time is converted in one place, exactly, and checked at the door."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from hocket._base.durations import (
    check_seconds,
    milliseconds_to_seconds,
    ns_to_seconds,
    parse_duration,
    seconds_to_ns,
)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (15, 15.0),
        (0.25, 0.25),
        ("500ms", 0.5),
        ("15s", 15.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1h 30m 5s 250ms", 5405.25),
        (" 5 s ", 5.0),
    ],
    ids=str,
)
def test_a_native_duration_is_seconds_or_text_with_units(value, seconds):
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    ["15", "", "s", "5 parsecs", "30m1h", "5s5s", "-5s", "1e3s", "5S", None, True, [5], "٣s"],
    ids=repr,
)
def test_any_other_duration_is_refused_with_what_was_expected(value):
    expected = (
        "expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); "
        f"found {value!r}"
    )
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared below
        parse_duration(value)
    assert str(caught.value) == expected


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "0s", 10**400], ids=str)
def test_a_duration_is_more_than_nothing_and_less_than_forever(value):
    with pytest.raises(ValueError, match="expected more than 0, and less than forever; found"):
        parse_duration(value)


def test_a_camel_case_duration_is_a_number_of_milliseconds():
    assert milliseconds_to_seconds(15_000) == 15.0
    with pytest.raises(ValueError, match=r"expected a number of milliseconds .* found '15s'"):
        milliseconds_to_seconds("15s")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (math.inf, math.inf),
        (15, 15.0),
        (0.5, 0.5),
        (10**400, math.inf),
        (Fraction(3, 2), 1.5),
        (timedelta(milliseconds=250), 0.25),
    ],
)
def test_seconds_pass_the_door_as_a_float_or_as_no_limit(value, seconds):
    assert check_seconds("timeout", value) == seconds


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (
            "15s",
            TypeError,
            "number of seconds, a timedelta, or None for no limit; got '15s'; write 15",
        ),
        ("soon", TypeError, "number of seconds, a timedelta, or None for no limit; got 'soon'"),
        (True, TypeError, "number of seconds, a timedelta, or None for no limit; got True"),
        ([1], TypeError, "number of seconds, a timedelta, or None for no limit; got [1]"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_at_the_door(value, kind, text):
    with pytest.raises(kind) as caught:
        check_seconds("step_timeout", value)
    assert str(caught.value) == f"step_timeout must be a {text}"


@pytest.mark.parametrize("value", [0, -1, -0.0, math.nan, -math.inf, -(10**400)], ids=repr)
def test_zero_negative_and_nan_are_refused_at_the_door(value):
    with pytest.raises(ValueError, match="timeout must be more than 0 seconds") as caught:
        check_seconds("timeout", value)
    assert str(caught.value).endswith(f"got {value!r}; leave it out, or pass None, for no limit")


@pytest.mark.parametrize(
    ("seconds", "ns"),
    [
        (0, 0),
        (-1, 0),
        (1e-12, 1),
        (0.1, 100_000_000),
        (1.5, 1_500_000_000),
        (1e300, 2**63 - 1),
        (math.inf, 2**63 - 1),
    ],
)
def test_nanoseconds_are_whole_and_fit_64_bits(seconds, ns):
    assert seconds_to_ns(seconds) == ns


@given(st.integers(min_value=0, max_value=2**53))
def test_nanoseconds_survive_the_way_to_seconds_and_back_to_one_part_in_a_quadrillion(ns):
    assert abs(seconds_to_ns(ns_to_seconds(ns)) - ns) <= max(1, ns >> 52)

"""The one module that converts time: seconds, nanoseconds, milliseconds and text."""

from __future__ import annotations

import math
import operator
import re
from datetime import timedelta
from numbers import Real
from typing import Any, TypeAlias

from .shown import shown

__all__ = [
    "Seconds",
    "check_seconds",
    "format_duration",
    "limit_to_ns",
    "milliseconds_to_seconds",
    "ns_to_seconds",
    "parse_duration",
    "seconds_to_ns",
]

# A duration at a public door: a number of seconds, or a timedelta.
Seconds: TypeAlias = float | timedelta

_NS_PER_SECOND = 1_000_000_000
# What a signed 64-bit integer holds, 292 years: a longer limit is as good as none.
_LONGEST_NS = 2**63 - 1

_TEXT = re.compile(
    r"""\s*(?:(?P<h>\d+(?:\.\d+)?)\s*h\s*)?
        (?:(?P<m>\d+(?:\.\d+)?)\s*m(?!s)\s*)?
        (?:(?P<s>\d+(?:\.\d+)?)\s*s\s*)?
        (?:(?P<ms>\d+(?:\.\d+)?)\s*ms\s*)?""",
    re.VERBOSE | re.ASCII,
)
_MILLISECONDS_PER = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_EXPECTED = "seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m')"


def seconds_to_ns(seconds: float) -> int:
    """Convert seconds to whole nanoseconds, at least 1 for what is more than nothing.

    Infinity and whatever a signed 64-bit integer cannot hold become the largest that it can.

    >>> seconds_to_ns(1.5)
    1500000000
    """
    if seconds <= 0:
        return 0
    if seconds >= _LONGEST_NS / _NS_PER_SECOND:
        return _LONGEST_NS
    return max(1, round(seconds * _NS_PER_SECOND))


def ns_to_seconds(ns: int) -> float:
    """Convert nanoseconds to seconds.

    >>> ns_to_seconds(1_500_000_000)
    1.5
    """
    return ns / _NS_PER_SECOND


def check_seconds(name: str, value: Seconds | None, *, none: str = "for no limit") -> float | None:
    """Check a time limit in seconds at the door of a public call.

    Args:
        name: the parameter, for the message.
        none: what None stands for, for the message.
        value: seconds, or a timedelta, of more than 0; infinity means "no limit". None passes.

    Returns:
        The seconds as a float, or None. (Infinity stays: where None means somebody else's limit,
        it means none.)

    Raises:
        TypeError: the value is neither.
        ValueError: it is NaN, zero or negative.

    >>> check_seconds("timeout", 15)
    15.0
    >>> check_seconds("timeout", timedelta(minutes=1))
    60.0
    """
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        raise TypeError(
            f"{name} must be a number of seconds, a timedelta, or None {none}; {_hint(value)}"
        )
    if math.isnan(seconds) or seconds <= 0:
        raise ValueError(
            f"{name} must be more than 0 seconds; got {shown(value)}; leave it out, or pass None, {none}"
        )
    return seconds


def limit_to_ns(seconds: float | None) -> int | None:
    """Convert a time limit to nanoseconds; None and infinity are no limit.

    >>> limit_to_ns(1.5), limit_to_ns(math.inf)
    (1500000000, None)
    """
    return None if seconds is None or seconds == math.inf else seconds_to_ns(seconds)


def parse_duration(value: object) -> float:
    """Read a duration in the native spelling of a workflow file, as seconds.

    Args:
        value: a number of seconds, or text with units, the largest first: ``h``, ``m``,
            ``s``, ``ms``.

    Raises:
        ValueError: it is neither, or is not more than 0. The text says what was expected.

    >>> parse_duration("1h30m"), parse_duration("500ms"), parse_duration(15)
    (5400.0, 0.5, 15.0)
    """
    if isinstance(value, str):
        return _more_than_nothing(_parse_text(value), value)
    return _more_than_nothing(_number(value, _EXPECTED), value)


def milliseconds_to_seconds(value: object) -> float:
    """Read a duration in the camelCase spelling of a workflow file, as seconds.

    Args:
        value: a number of milliseconds, more than 0.

    Raises:
        ValueError: it is anything else. The text says what was expected.

    >>> milliseconds_to_seconds(15_000)
    15.0
    """
    expected = "a number of milliseconds (15000), as in every file with camelCase keys"
    return _more_than_nothing(_number(value, expected), value) / 1000


def format_duration(seconds: float) -> str:
    """A time for people to read, in the unit that suits it.

    >>> [format_duration(s) for s in (0.00003, 0.0021, 0.412, 2.5, 75, 3700)]
    ['30 µs', '2.1 ms', '412 ms', '2.50 s', '1m15s', '1h01m']
    """
    if seconds < 0.0001:
        return f"{max(seconds, 0) * 1_000_000:.0f} µs"
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def _parse_text(text: str) -> float:
    match = _TEXT.fullmatch(text)
    parts = {} if match is None else {k: v for k, v in match.groupdict().items() if v is not None}
    if not parts:
        raise ValueError(f"expected {_EXPECTED}; found {text!r}")
    # Summed in milliseconds, so that "500ms" is 0.5 and not 0.5000000000000001.
    return sum(float(amount) * _MILLISECONDS_PER[unit] for unit, amount in parts.items()) / 1000


def _number(value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected {expected}; found {shown(value)}")
    return _as_float(value)


def _more_than_nothing(number: float, found: object) -> float:
    if not 0 < number < math.inf:
        raise ValueError(f"expected more than 0, and less than forever; found {shown(found)}")
    return number


def _seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool):
        return None
    if isinstance(value, Real):
        return _as_float(value)
    # A whole number of somebody else's.
    return _as_float(operator.index(value)) if hasattr(value, "__index__") else None


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        return math.inf if value > 0 else -math.inf


def _hint(value: object) -> str:
    if isinstance(value, str):
        try:
            return f"got {shown(value)}; write {_parse_text(value):g}"
        except ValueError:
            if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
                return f"got {shown(value)}; write {value}"
    return f"got {shown(value)}"

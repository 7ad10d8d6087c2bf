"""Checking numbers and names at the door of a public call."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Sequence
from numbers import Real

from .shown import shown

__all__ = [
    "check_count",
    "check_flag",
    "check_id",
    "check_limit",
    "check_share",
    "is_one_of",
    "plain_text",
    "refuse_unnamed",
    "whole_number",
]

# What the core's counters hold, but for their largest number: that one is no limit.
_MOST = 2**32 - 2


def check_count(
    name: str, value: object, *, least: int = 1, no_limit: str = "None", of_zero: str = ""
) -> int | None:
    """Check a whole number, and return it as an int; None and infinity are no limit, and None.

    Args:
        name: the parameter, for the message.
        value: an int, or whatever says that it is a whole number (``__index__``).
        least: the smallest number that is right.
        no_limit: how the message writes "no limit".
        of_zero: what the message says besides, of a 0 that is too small.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: it is too small, or too large to be counted.

    >>> check_count("max_concurrent", 3), check_count("max_concurrent", math.inf)
    (3, None)
    """
    if value is None or (isinstance(value, Real) and value == math.inf):
        return None
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]  # it raises what we wait for
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number of at least {least}, or {no_limit} for no limit; "
            f"got {shown(value)}"
        ) from None
    if number < least:
        raise ValueError(
            f"{name} must be at least {least}; got {shown(value)}{of_zero * (number == 0)}"
        )
    if number > _MOST:
        raise ValueError(
            f"{name} must be at most {_MOST}, or {no_limit} for no limit; got {shown(value)}"
        )
    return number


def check_flag(name: str, value: object) -> None:
    """Check a switch.

    Raises:
        TypeError: it is neither True nor False.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")


def check_limit(value: float) -> float:
    """Check the ``max_concurrent`` of a pool: a whole number, or infinity for no limit.

    Raises:
        TypeError: the value is neither.
        ValueError: it is too small, or too large to be counted.

    >>> check_limit(3), check_limit(math.inf)
    (3, inf)
    """
    name, infinity = "max_concurrent", "math.inf"
    if value is None:
        raise TypeError(
            f"{name} must be a whole number of at least 1, or {infinity} for no limit; got None"
        )
    pause = "; to start nothing for a while, call pool.pause()"
    count = check_count(name, value, no_limit=infinity, of_zero=pause)
    return math.inf if count is None else count


def refuse_unnamed(what: str, given: Sequence[object], first: str) -> None:
    """Refuse arguments without a name, for what takes all of them by name.

    Args:
        what: what was called.
        given: the arguments.
        first: the name that the first one most likely has.

    Raises:
        TypeError: there is one; the message says what to write.
    """
    if given:
        raise TypeError(
            f"{what} takes its settings by name: write {what}({first}={shown(given[0])})"
        )


def check_id(name: str, value: object, *, blank: bool = True) -> str:
    """Check a name by which something is kept and found, and return it as a plain text.

    Args:
        name: the parameter, for the message.
        value: a text that is not empty. One of a subclass (an enum's member, say) stands for the
            plain text that it equals.
        blank: whether it may consist of spaces.

    Raises:
        TypeError: it is no text, or empty, or has an equality of its own.

    >>> check_id("id", "fetch")
    'fetch'
    """
    if type(value) is str and (value if blank else value.strip()):
        return value
    given = str.__str__(value) if isinstance(value, str) else ""
    if not (given if blank else given.strip()):
        raise TypeError(f"{name} must be a text that is not empty; got {shown(value)}")
    text = plain_text(value)  # type: ignore[arg-type]  # it is a text: it has letters
    if text is None:
        raise TypeError(
            f"{name} must be a text; got {shown(value)}, whose class {type(value).__name__} has an "
            f"equality or a hash of its own: nothing would be found by it. Pass a plain text"
        )
    return text


def plain_text(value: str) -> str | None:
    """Return the plain text that a text of a subclass equals; None if it equals none.

    What is kept by the one is then found by the other.

    >>> plain_text("fetch")
    'fetch'
    """
    text = str.__str__(value)
    if type(value) is str:
        return text
    try:
        same = hash(value) == hash(text) and bool(value == text)
    except Exception:  # noqa: BLE001 - somebody else's equality; what raises finds nothing
        return None
    return text if same else None


def whole_number(value: int) -> str:
    """Return the digits of an int, whatever its class makes of its text.

    >>> whole_number(12)
    '12'
    """
    return int.__repr__(value)


def is_one_of(value: object, texts: Collection[str]) -> bool:
    """Whether a value is one of a few texts; what it is compared with is never asked.

    >>> is_one_of("wait", ["raise", "wait"])
    True
    """
    return isinstance(value, str) and plain_text(value) in texts


def check_share(name: str, value: object) -> float:
    """Check a part of a whole.

    Raises:
        TypeError, ValueError: it is no number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number from 0 to 1; got {shown(value)}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1; got {shown(value)}")
    return float(value)

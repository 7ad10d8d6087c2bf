"""Checking numbers at the door of a public call."""

from __future__ import annotations

import math
import operator
from numbers import Real

__all__ = ["check_count", "check_limit"]

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
            f"got {value!r}"
        ) from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {value!r}{of_zero * (number == 0)}")
    if number > _MOST:
        raise ValueError(
            f"{name} must be at most {_MOST}, or {no_limit} for no limit; got {value!r}"
        )
    return number


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

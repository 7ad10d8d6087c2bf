"""Checking numbers at the door of a public call."""

from __future__ import annotations

__all__ = ["check_count"]

# What the core's counters hold.
_MOST = 2**32 - 1


def check_count(name: str, value: int | None) -> None:
    """Check a whole number of at least 1; None passes.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: it is 0 or negative.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of at least 1; got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1; got {value!r}{_instead(name)}")
    if value > _MOST:
        raise ValueError(f"{name} must be at most {_MOST}; got {value!r}")


def _instead(name: str) -> str:
    return "; pass None for a queue without limit" if name == "queue_size" else ""

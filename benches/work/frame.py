"""What is the same for all contenders, and all that they need to import."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

LIMIT = 10
"""The most steps at once."""

STEP_TIMEOUT = 30.0
"""Seconds that one step may run, for those that limit it (``TIME_LIMIT = True``)."""

CALLERS = 100
"""The tasks that share one limit in ``calls``."""

ATTEMPTS = 3
"""How often a step of ``retried`` is tried at most."""


def threes(names: Sequence[T]) -> list[Sequence[T]]:
    """Cut into the groups of ``groups``."""
    return [names[start : start + 3] for start in range(0, len(names), 3)]

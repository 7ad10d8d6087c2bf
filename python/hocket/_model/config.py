"""The configuration of a worker pool."""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from .._base.durations import check_seconds

__all__ = ["WhenFull", "WorkerPoolConfig", "check_count"]

WhenFull = Literal["raise", "wait"]

_MOST = 2**32 - 1


def check_count(name: str, value: int | None) -> None:
    """Check a whole number of at least 1 at the door of a public call; None passes.

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


@attrs.frozen(kw_only=True)
class WorkerPoolConfig:
    """How many steps run at once, how many may wait, and for how long one may run.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> WorkerPoolConfig(max_concurrent=5, timeout=30).timeout
    30.0
    """

    max_concurrent: int = attrs.field(default=10)
    """The most steps that run at the same time. Default 10."""
    queue_size: int | None = attrs.field(default=None)
    """The most steps that wait for a slot; None, the default, for no limit."""
    timeout: float | None = attrs.field(default=None)
    """Seconds that one step may run, from its start; None, the default, for no limit."""
    when_full: WhenFull = attrs.field(default="raise")
    """What a submission to a full queue does: ``"raise"`` (default) or ``"wait"``."""

    def __attrs_post_init__(self) -> None:
        if self.max_concurrent is None:
            raise TypeError("max_concurrent must be a whole number of at least 1; got None")
        check_count("max_concurrent", self.max_concurrent)
        check_count("queue_size", self.queue_size)
        object.__setattr__(self, "timeout", check_seconds("timeout", self.timeout))
        if self.when_full not in get_args(WhenFull):
            raise ValueError(f"when_full must be 'raise' or 'wait'; got {self.when_full!r}")


def _instead(name: str) -> str:
    return "; pass None for a queue without limit" if name == "queue_size" else ""

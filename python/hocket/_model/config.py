"""The configuration of a worker pool."""

from __future__ import annotations

from typing import Any, Literal, get_args

import attrs

from .._base.checks import check_count, check_limit, is_one_of
from .._base.durations import Seconds, check_seconds
from .._base.shown import shown
from .rate import Rate, check_rate
from .retry_budget import RetryBudget, check_budget

__all__ = [
    "MAX_CONCURRENT",
    "WHEN_FULL",
    "WhenFull",
    "WorkerPoolConfig",
    "as_keywords",
    "check_queue",
]

WhenFull = Literal["raise", "wait"]

# The defaults of every pool, however it is made; what has none is None: no limit.
MAX_CONCURRENT = 10
WHEN_FULL: WhenFull = "raise"


def _limit(value: float | None) -> float | None:
    return None if value is None else check_limit(value)


def _queue_size(value: float | None) -> int | None:
    return check_count("queue_size", value, least=0)


def _timeout(value: Seconds | None) -> float | None:
    return check_seconds("timeout", value)


def _rate(value: Rate | None) -> Rate | None:
    return check_rate("rate", value)


def _budget(value: RetryBudget | None) -> RetryBudget | None:
    return check_budget("retry_budget", value)


@attrs.frozen(kw_only=True)
class WorkerPoolConfig:
    """How many steps run at once, how many may wait, and for how long one may run.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> WorkerPoolConfig(max_concurrent=5, timeout=30).timeout
    30.0
    """

    max_concurrent: float | None = attrs.field(default=None, converter=_limit)
    """The most steps that run at the same time: a whole number, or ``math.inf`` for no limit. None,
    the default, is 10 for a pool; a workflow on a shared pool has only that pool's limit then."""
    queue_size: int | None = attrs.field(default=None, converter=_queue_size)
    """The most calls of ``execute`` that wait for a slot: a whole number (0: a call starts at once
    or is refused), or None, the default, for no limit."""
    timeout: float | None = attrs.field(default=None, converter=_timeout)
    """Seconds (or a timedelta) that one step may run, from its start; None, the default, for no
    limit."""
    when_full: WhenFull = attrs.field(default=WHEN_FULL)
    """What a submission to a full queue does: ``"raise"`` (default) or ``"wait"``."""

    rate: Rate | None = attrs.field(default=None, converter=_rate)
    """At most so many steps start in a time: a :class:`Rate`, or None, the default, for no limit."""
    retry_budget: RetryBudget | None = attrs.field(default=None, converter=_budget)
    """How many retries there may be beside the steps: a :class:`RetryBudget`, or None, the default, for no limit."""

    def __attrs_post_init__(self) -> None:
        check_queue(self.queue_size, self.when_full)


def check_queue(queue_size: float | None, when_full: object) -> int | None:
    """Check how a pool's queue is bounded, and return its size; None is no bound.

    Raises:
        TypeError, ValueError: one of the two is wrong, or they do not go together.
    """
    size = _queue_size(queue_size)
    if not is_one_of(when_full, get_args(WhenFull)):
        raise ValueError(f"when_full must be 'raise' or 'wait'; got {shown(when_full)}")
    if size == 0 and when_full == "wait":
        raise ValueError(
            "queue_size=0 leaves no place to wait in, and when_full='wait' says to wait for one: "
            "write when_full='raise' to refuse a call that cannot start at once, or a queue_size "
            "of at least 1"
        )
    return size


def as_keywords(config: WorkerPoolConfig) -> dict[str, Any]:
    """Return a configuration as the keywords that pools and managers take.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(config, WorkerPoolConfig):
        raise TypeError(f"from_config takes a WorkerPoolConfig; got {shown(config)}")
    # What is not said is left to the defaults of who takes the keywords.
    return attrs.asdict(config, recurse=False, filter=lambda _, value: value is not None)

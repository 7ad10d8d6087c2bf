"""The configuration of a worker pool."""

from __future__ import annotations

from typing import Any, Literal, get_args

import attrs

from .._base.checks import check_count
from .._base.durations import check_seconds

__all__ = ["MAX_CONCURRENT", "WHEN_FULL", "WhenFull", "WorkerPoolConfig", "as_keywords"]

WhenFull = Literal["raise", "wait"]

# The defaults of every pool, however it is made; what has none is None: no limit.
MAX_CONCURRENT = 10
WHEN_FULL: WhenFull = "raise"


@attrs.frozen(kw_only=True)
class WorkerPoolConfig:
    """How many steps run at once, how many may wait, and for how long one may run.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> WorkerPoolConfig(max_concurrent=5, timeout=30).timeout
    30.0
    """

    max_concurrent: int | None = attrs.field(default=None)
    """The most steps that run at the same time. None, the default, is 10 for a pool; a workflow on
    a shared pool then has that pool's limit and none of its own."""
    queue_size: int | None = attrs.field(default=None)
    """The most steps that wait for a slot; None, the default, for no limit."""
    timeout: float | None = attrs.field(default=None)
    """Seconds that one step may run, from its start; None, the default, for no limit."""
    when_full: WhenFull = attrs.field(default=WHEN_FULL)
    """What a submission to a full queue does: ``"raise"`` (default) or ``"wait"``."""

    def __attrs_post_init__(self) -> None:
        check_count("max_concurrent", self.max_concurrent)
        check_count("queue_size", self.queue_size)
        object.__setattr__(self, "timeout", check_seconds("timeout", self.timeout))
        if self.when_full not in get_args(WhenFull):
            raise ValueError(f"when_full must be 'raise' or 'wait'; got {self.when_full!r}")


def as_keywords(config: WorkerPoolConfig) -> dict[str, Any]:
    """Return a configuration as the keywords that pools and managers take.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(config, WorkerPoolConfig):
        raise TypeError(f"from_config takes a WorkerPoolConfig; got {config!r}")
    # What is not said is left to the defaults of who takes the keywords.
    return attrs.asdict(config, filter=lambda _, value: value is not None)

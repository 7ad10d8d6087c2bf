"""A group of steps that run side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import attrs

from .._base.checks import check_count
from .._base.durations import check_seconds
from .strategy import Strategy, WaitStrategy, parse_strategy

__all__ = ["Isolation", "ParallelGroup", "Steps"]

Isolation: TypeAlias = Literal["shared", "task"]
Steps: TypeAlias = Sequence[Any] | Callable[[Any], Sequence[Any] | Awaitable[Sequence[Any]]]

_ISOLATIONS = get_args(Isolation)


def _own_limit(value: float | None) -> int | None:
    return check_count("max_concurrent", value)


@attrs.frozen
class ParallelGroup:
    """A group of steps that run side by side.

    Args:
        id: its name.
        steps: what to run: a list of ids, or of objects with an ``id``; or a function of the
            context (async, or not) that returns such a list when the group starts. The executor
            says what a step means.
        wait_strategy: when the group is decided; see :class:`WaitStrategy` and :func:`quorum`.
        max_concurrent: at most so many of its steps at once. Default, or ``math.inf``: only the
            pool's limit.
        continue_on_error: failing steps do not stop the group, nor the workflow it is in; the
            group succeeds, and ``failed_steps`` says the rest. Default False.
        timeout: seconds for the whole group, from its start. What still runs then fails with
            :class:`StepTimeout`, what has not started is skipped. Default: no limit.
        step_timeout: seconds for each step, from its own start. Default: the pool's ``timeout``.
        isolation: ``"shared"`` (default): a few Trio tasks run all the steps, at a tenth of the
            cost. ``"task"``: every step has a Trio task of its own, for steps that must own
            something by task beyond their end.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> ParallelGroup("fetch", ["users", "orders"], wait_strategy="any", timeout=5).steps
    ['users', 'orders']
    """

    id: str
    steps: Steps
    wait_strategy: Strategy = attrs.field(default=WaitStrategy.ALL, converter=parse_strategy)
    max_concurrent: int | None = attrs.field(default=None, converter=_own_limit)
    continue_on_error: bool = False
    timeout: float | None = None
    step_timeout: float | None = None
    isolation: Isolation = attrs.field(default="shared", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise TypeError(f"id must be a text that is not empty; got {self.id!r}")
        where = f"group {self.id!r}"
        if isinstance(self.steps, str) or not (
            callable(self.steps) or isinstance(self.steps, Sequence)
        ):
            raise TypeError(
                f"{where}: steps must be a list of steps, or a function of the context that "
                f"returns one; got {self.steps!r}"
            )
        if self.timeout is not None:
            object.__setattr__(self, "timeout", check_seconds("timeout", self.timeout))
        if self.step_timeout is not None:
            object.__setattr__(
                self, "step_timeout", check_seconds("step_timeout", self.step_timeout)
            )
        if not isinstance(self.continue_on_error, bool):
            raise TypeError(f"continue_on_error must be a bool; got {self.continue_on_error!r}")
        if self.isolation not in _ISOLATIONS:
            raise ValueError(f"isolation must be 'shared' or 'task'; got {self.isolation!r}")

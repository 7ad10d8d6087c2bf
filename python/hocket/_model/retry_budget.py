"""How many retries there may be beside the steps that are tried for the first time."""

from __future__ import annotations

import attrs

from .. import _core
from .._base.checks import check_count, check_share
from .._base.shown import shown

__all__ = ["RetryBudget", "check_budget", "core_budget"]


@attrs.frozen(init=False, eq=False)
class RetryBudget:
    """What pools that share it may spend on retries, so that these cannot multiply the load.

    Every step with a :class:`Retry` adds ``share`` of a retry as it first starts, and every further
    attempt takes one. While nothing is left a failed attempt is its step's last, whatever its ``Retry``
    says: a server that fails for everybody gets ``share`` more to do, and not three times as much. The
    error has a note that says so, and ``retries_refused`` in the statistics counts it.

    Finagle has such a budget, with a fifth; gRPC throttles retries alike.

    Args:
        share: retries for each step, from 0 to 1. Default 0.1: one for ten steps.
        burst: the most retries that can be saved up, and what there is at first: at least 1.
            Default 10, so that few steps need no budget.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> RetryBudget(share=0.2).left
    10.0
    """

    share: float
    burst: int
    _core: _core.Budget = attrs.field(repr=False)

    def __init__(self, share: float = 0.1, burst: int = 10) -> None:
        part = check_share("share of RetryBudget", share)
        count = check_count("burst of RetryBudget", burst)
        if count is None:
            raise TypeError(
                f"burst of RetryBudget must be a whole number of at least 1; got {shown(burst)}"
            )
        core = _core.Budget(part, count)
        self.__attrs_init__(part, count, core)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def left(self) -> float:
        """How many retries there may be now."""
        return self._core.left


def check_budget(name: str, value: object) -> RetryBudget | None:
    """Check a budget at the door of a public call.

    Raises:
        TypeError: it is none; the message says what to write.
    """
    if value is None or isinstance(value, RetryBudget):
        return value
    hint = ""
    if value is RetryBudget:
        hint = "; write RetryBudget() for one retry to ten steps"
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        hint = f"; write RetryBudget({value:g}) for so many retries to a step"
    raise TypeError(f"{name} must be a RetryBudget, or None for none; got {shown(value)}{hint}")


def core_budget(budget: RetryBudget | None) -> _core.Budget | None:
    """Return what the core knows a budget by."""
    return None if budget is None else budget._core

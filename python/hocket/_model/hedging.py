"""How contenders of a race follow each other, and how many of them may."""

from __future__ import annotations

import attrs

from .._base.checks import check_count, check_share
from .._base.durations import Seconds, check_seconds
from .._base.shown import shown

__all__ = ["HedgingBudget", "Stagger", "check_stagger"]


@attrs.define(init=False, eq=False)
class HedgingBudget:
    """What calls that share it may spend on hedges: contenders that start beside one that still runs.

    Every call adds ``share`` of a hedge, and every hedge takes one. While nothing is left no hedge
    starts, so that a server that has become slow gets no more than that much more to do. What runs
    goes on, and a contender that follows one that has failed is no hedge and costs nothing.

    Args:
        share: hedges for each call, from 0 to 1. Default 0.1: one for ten calls.
        burst: the most hedges that can be saved up, and what there is at first: at least 1.
            Default 10.

    Raises:
        TypeError, ValueError: an argument is out of range; the message names it.

    >>> HedgingBudget(share=0.2).left
    10.0
    """

    share: float
    burst: int
    left: float
    """How many hedges may start now."""

    def __init__(self, share: float = 0.1, burst: int = 10) -> None:
        part = check_share("share", share)
        count = check_count("burst", burst)
        if count is None:
            raise TypeError(f"burst must be a whole number of at least 1; got {shown(burst)}")
        self.share, self.burst, self.left = part, count, float(count)

    def earn(self) -> None:
        """A call has begun."""
        self.left = min(self.left + self.share, float(self.burst))

    def spend(self) -> bool:
        """Take one hedge; whether there was one."""
        # Ten tenths are a little less than one.
        if self.left < 1 - 1e-9:
            return False
        self.left -= 1
        return True


@attrs.frozen
class Stagger:
    """How contenders follow each other."""

    seconds: float
    max_hedges: int | None
    budget: HedgingBudget | None


def check_stagger(
    where: str, stagger: Seconds | None, max_hedges: float | None, budget: HedgingBudget | None
) -> Stagger | None:
    """Check how contenders are to follow each other; None if they do not.

    Raises:
        TypeError, ValueError: an argument is wrong, or has no meaning without ``stagger``.
    """
    seconds = check_seconds(f"{where}stagger", stagger, none="to start all at once")
    hedges = check_count(f"{where}max_hedges", max_hedges)
    if budget is not None and not isinstance(budget, HedgingBudget):
        raise TypeError(
            f"{where}hedging_budget must be a HedgingBudget, such as HedgingBudget(share=0.1); "
            f"got {shown(budget)}"
        )
    if seconds is None:
        for name, given in (("max_hedges", max_hedges), ("hedging_budget", budget)):
            if given is not None:
                raise ValueError(
                    f"{where}{name} needs a stagger, the seconds after which the next one starts: "
                    "without it all start at once"
                )
        return None
    return Stagger(seconds, hedges, budget)

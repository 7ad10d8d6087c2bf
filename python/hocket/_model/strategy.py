"""When a group is decided: the four wait strategies, and the quorum."""

from __future__ import annotations

import enum
import re
from typing import Literal, TypeAlias

import attrs

from .._base.checks import check_count
from .._base.shown import shown
from .._base.suggestions import did_you_mean

__all__ = [
    "Quorum",
    "Strategy",
    "StrategyLike",
    "WaitStrategy",
    "check_quorum",
    "parse_strategy",
    "quorum",
    "thresholds",
]


class WaitStrategy(enum.Enum):
    """When a group is decided. What still runs then is cancelled and awaited.

    Wherever a strategy is asked for, its text does as well: ``"all"``, ``"any"``,
    ``"all_settled"`` (or ``"allSettled"``), ``"race"``; and so does :func:`quorum`.
    """

    ALL = "all"
    """Every step has succeeded; the first failure decides against it."""
    ANY = "any"
    """One step has succeeded; failures count only when all have failed."""
    ALL_SETTLED = "all_settled"
    """Every step has ended, one way or the other. Never fails."""
    RACE = "race"
    """One step has ended: its success or failure is the group's."""


@attrs.frozen
class Quorum:
    """Decided when ``k`` steps have succeeded, or can no longer succeed. See :func:`quorum`."""

    k: int
    """How many steps must succeed."""

    def __attrs_post_init__(self) -> None:
        k = None if self.k is None else check_count("k of quorum(k)", self.k)
        if k is None:
            raise TypeError(
                f"k of quorum(k) must be a whole number of at least 1; got {shown(self.k)}"
            )
        object.__setattr__(self, "k", k)

    @property
    def value(self) -> str:
        """The strategy's text, as a workflow file has it."""
        return f"quorum({self.k})"


Strategy: TypeAlias = WaitStrategy | Quorum
StrategyText: TypeAlias = Literal["all", "any", "all_settled", "allSettled", "race"]
StrategyLike: TypeAlias = Strategy | StrategyText


def quorum(k: int) -> Quorum:
    """Return the strategy that needs ``k`` successes.

    >>> import hocket
    >>> hocket.ParallelGroup("replicas", ["a", "b", "c"], wait_strategy=hocket.quorum(2)).id
    'replicas'

    Raises:
        TypeError, ValueError: ``k`` is not a whole number from 1 on.
    """
    return Quorum(k)


_TEXTS = {strategy.value: strategy for strategy in WaitStrategy} | {
    "allSettled": WaitStrategy.ALL_SETTLED
}


def parse_strategy(strategy: StrategyLike) -> Strategy:
    """Return the strategy that was meant.

    Raises:
        ValueError: there is no such strategy; the message lists those there are.
    """
    if isinstance(strategy, WaitStrategy | Quorum):
        return strategy
    text = str.__str__(strategy) if isinstance(strategy, str) else ""
    if text:
        if text in _TEXTS:
            return _TEXTS[text]
        if match := re.fullmatch(r"quorum\(([0-9]+)\)", text):
            return Quorum(int(match[1]))
    hint = did_you_mean(text, _TEXTS) if text else ""
    raise ValueError(
        f"wait_strategy is {shown(strategy)}; it takes 'all', 'any', 'all_settled', 'race' or "
        f"quorum(k){hint}"
    )


def check_quorum(where: str, strategy: Strategy, steps: int) -> None:
    """Refuse a quorum of more steps than there are: it could never be reached."""
    if isinstance(strategy, Quorum) and strategy.k > steps:
        raise ValueError(
            f"{where}: quorum({strategy.k}) can never be reached, as there are {steps} step(s)"
        )


def thresholds(
    strategy: Strategy, steps: int, *, continue_on_error: bool
) -> tuple[int | None, int | None]:
    """Return (need, give up): how many successes, or failures, decide a group of ``steps``.

    None is a threshold that is never reached. With ``continue_on_error`` failures decide nothing.
    """
    if strategy is WaitStrategy.ALL_SETTLED:
        return None, None
    if strategy is WaitStrategy.ALL:
        # With continue_on_error it means that all have ended: what happens when nothing decides.
        return (None, None) if continue_on_error else (steps, 1)
    if isinstance(strategy, Quorum):
        need, give_up = strategy.k, max(steps - strategy.k + 1, 0)
    else:
        need, give_up = 1, (steps if strategy is WaitStrategy.ANY else 1)
    return need, None if continue_on_error else give_up

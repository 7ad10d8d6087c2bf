"""What a step asks of those that it depends on: the rules of edges, and their truth table.

| a step that is depended on    | plain    | succeeded | failed | finished | ended |
|-------------------------------|----------|-----------|--------|----------|-------|
| succeeded                     | success  | holds     | -      | holds    | holds |
| failed, timed out             | obstacle | -         | holds  | holds    | holds |
| the same, ``continue``        | success  | holds     | holds  | holds    | holds |
| skipped, omitted              | neither  | -         | -      | -        | holds |
| cancelled, not reached        | obstacle | -         | -      | -        | holds |

Plain dependencies are judged together: they hold if there is no obstacle among them, and at least
one success. A dependency with a rule must hold by itself.
"""

from __future__ import annotations

import enum
from typing import Any, Literal, TypeAlias

import attrs

from .._base.checks import check_id
from .._base.shown import shown
from .._base.suggestions import did_you_mean
from .._model.states import StepState

__all__ = ["Edge", "Rule", "RuleLike", "is_obstacle", "is_success", "rule_holds"]


class Rule(enum.Enum):
    """What a step asks of one that it depends on. Wherever one is asked for, its text does as well."""

    SUCCEEDED = "succeeded"
    """It succeeded, or failed where it may (``on_error: continue``)."""
    FAILED = "failed"
    """It failed or ran past a time limit, whether it may or not."""
    FINISHED = "finished"
    """It ran to its end, well or not."""
    ENDED = "ended"
    """It will not run any more, for whatever reason."""


RuleLike: TypeAlias = Rule | Literal["succeeded", "failed", "finished", "ended"]
_TEXTS = {rule.value: rule for rule in Rule}


def _rule(value: Any) -> Rule:
    if isinstance(value, Rule):
        return value
    text = str.__str__(value) if isinstance(value, str) else ""
    if text in _TEXTS:
        return _TEXTS[text]
    near = did_you_mean(text, _TEXTS) if text else ""
    names = "'succeeded', 'failed', 'finished' or 'ended'"
    raise ValueError(f"rule must be {names}; got {shown(value)}{near}")


def _step(value: Any) -> str:
    return check_id("step of an Edge", getattr(value, "id", value))


@attrs.frozen
class Edge:
    """A dependency with a rule of its own, in a step's ``depends_on``.

    Args:
        step: the id of the step that is depended on, or that step.
        rule: what is asked of it; see :class:`Rule`.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> Edge("store", "failed").rule
    <Rule.FAILED: 'failed'>
    """

    step: str = attrs.field(converter=_step)
    rule: Rule = attrs.field(converter=_rule)


_FAILING = (StepState.FAILED, StepState.TIMED_OUT)
_HALTED = (StepState.CANCELLED, StepState.NOT_REACHED)


def is_success(state: StepState | None, *, tolerated: bool) -> bool:
    """Whether a step has ended well, as those see it that depend on it."""
    return state is StepState.SUCCEEDED or (tolerated and state in _FAILING)


def is_obstacle(state: StepState | None, *, tolerated: bool) -> bool:
    """Whether a plain dependency on a step keeps another one from running."""
    return state is None or state in _HALTED or (state in _FAILING and not tolerated)


def rule_holds(rule: Rule, state: StepState | None, *, tolerated: bool) -> bool:
    """Whether a step that ended so is what a rule asks for."""
    if rule is Rule.SUCCEEDED:
        return is_success(state, tolerated=tolerated)
    if rule is Rule.ENDED:
        return True
    return state in _FAILING or (rule is Rule.FINISHED and state is StepState.SUCCEEDED)

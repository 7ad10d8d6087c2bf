"""What became of the steps that gave no value, and why: kept during a run, told after it.

A step that succeeded or failed is known by its result or its error, so that a graph of 100,000
steps costs nothing here as long as all goes well.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from .._base.errors import GroupFailed
from .._base.exceptions import is_a
from .._base.shown import said, visible
from .._model.result import first_in
from .._model.states import StepState
from .layers import Layered
from .rules import Rule

__all__ = [
    "Cause",
    "Ledger",
    "Told",
    "Why",
    "brief",
    "error_text",
    "explain",
    "reason",
    "said_no",
    "said_of",
]

_LONGEST_CHAIN = 20


class Why(enum.Enum):
    """Why a step ended as it did, where it did not end by itself."""

    CONDITION = "condition"
    """Its condition said no."""
    EDGE = "edge"
    """It needs something of a step that this did not come to."""
    NO_SUCCESS = "no_success"
    """None of the steps that it depends on succeeded."""
    OTHER_SIDE = "other_side"
    """Its branch took another side."""
    OWNER = "owner"
    """The step that was to run it did not get to it, or was stopped."""
    WON = "won"
    """Enough steps of its group succeeded without it."""
    LOST = "lost"
    """Its group had failed, or the run had: a step failed."""
    OUT_OF_TIME = "out_of_time"
    """The time of its group, or of the run, was up."""
    STOPPED = "stopped"
    """The run was cancelled from outside."""
    STATUS = "status"
    """It is for runs that end in another way."""


@attrs.frozen
class Cause:
    """Why a step ended as it did."""

    why: Why
    step: str = ""
    """The step that it comes from, if it comes from one."""
    text: str = ""
    """The condition, the side that was taken, or what is stopped: ``the run``, ``group 'g'``."""
    rule: Rule | None = None
    """What was asked of that step; None for what a plain dependency asks."""


@attrs.define
class Ledger:
    """How steps of one run ended that neither gave a value nor failed, and why."""

    states: dict[str, StepState] = attrs.field(factory=dict)
    causes: dict[str, Cause] = attrs.field(factory=dict)
    attempts: dict[str, int] = attrs.field(factory=dict)
    """How often steps were tried that were tried more than once."""

    def inside(self) -> Ledger:
        """One that knows all of this, and keeps what it is told for itself."""
        return Ledger(Layered(self.states), Layered(self.causes), Layered(self.attempts))

    def note(self, step: str, state: StepState, cause: Cause) -> None:
        """Take note of how a step ended."""
        self.states[step] = state
        self.causes[step] = cause


class Told(Protocol):
    """What can tell of the steps of a run: its context, or its result."""

    @property
    def errors(self) -> Mapping[str, Exception]: ...
    @property
    def causes(self) -> Mapping[str, Cause]: ...
    def state_of(self, step: str) -> StepState | None: ...
    def attempts_at(self, step: str) -> int: ...


_WORDS = {
    StepState.SUCCEEDED: "succeeded",
    StepState.FAILED: "failed",
    StepState.TIMED_OUT: "timed out",
    StepState.SKIPPED: "was skipped",
    StepState.OMITTED: "was omitted",
    StepState.CANCELLED: "was cancelled",
    StepState.NOT_REACHED: "was not reached",
}
_ASKED = {
    Rule.SUCCEEDED: "it needs {} to succeed",
    Rule.FAILED: "it needs {} to fail",
    Rule.FINISHED: "it needs {} to finish",
    Rule.ENDED: "it needs {} to end",
}


def explain(step: str, told: Told) -> str:
    """Say in a sentence how a step ended and why, with the chain of causes.

    ``tell was skipped: it needs store, which failed: disk full``
    """
    text = f"{step} {_word(step, told)}"
    for _ in range(_LONGEST_CHAIN):
        error, cause = told.errors.get(step), told.causes.get(step)
        if cause is not None:
            because = _because(cause, told)
        elif error is not None:
            return visible(f"{text}: {error_text(error)}")
        else:
            return visible(text)
        text = f"{text}: {because}"
        if not cause.step or cause.why in _ENDS_OF_CHAINS:
            return visible(text)
        step = cause.step
    return visible(f"{text}: ...")


def reason(step: str, told: Told) -> str:
    """Say why a step ended as it did, with the chain of causes; empty if there is no more to say."""
    return explain(step, told).partition(": ")[2]


# What happened to the step that these name says no more of why.
_ENDS_OF_CHAINS = (Why.WON, Why.OTHER_SIDE)


def _word(step: str, told: Told) -> str:
    state = told.state_of(step)
    return "has not ended" if state is None else said_of(state, told.attempts_at(step))


def said_of(state: StepState, attempts: int = 1) -> str:
    """How a step ended, in words, and how often it was tried if that was more than once."""
    return _WORDS[state] if attempts < 2 else f"{_WORDS[state]} after {attempts:,} attempts"


def error_text(error: BaseException) -> str:
    """What an error says; of that of a group, what the first in it says besides."""
    text = said(error)
    group: Any = error
    if is_a(error, GroupFailed):
        first = first_in(group)
        text = group.message if first is None else f"{group.message}: {said(first)}"
    if not text:
        return type(error).__name__
    return text if len(text) <= 1_000 else f"{text[:1_000]}..."


def brief(step: str, told: Told) -> str:
    """Say in a few words what is at the root of it that a step neither succeeded nor failed itself."""
    first = step
    for _ in range(_LONGEST_CHAIN):
        cause = told.causes.get(step)
        if cause is None:
            return "" if step == first else visible(f"{step} {_word(step, told)}")
        if cause.why is Why.WON:
            return visible(f"{cause.step} won")
        if cause.why is Why.OTHER_SIDE:
            return visible(_because(cause, told))
        if not cause.step:
            whose = "its" if step == first else f"{step}'s"
            at_root = f"{whose} condition said no"
            return visible(at_root if cause.why is Why.CONDITION else _because(cause, told))
        step = cause.step
    return visible(f"{step} {_word(step, told)}")


def _because(cause: Cause, told: Told) -> str:
    step, word = cause.step, _word(cause.step, told) if cause.step else ""
    if cause.why is Why.CONDITION:
        return said_no(cause.text)
    if cause.rule is not None:
        return f"{_ASKED[cause.rule].format(step)}, which {word}"
    return _TEXTS[cause.why].format(step=step, word=word, text=cause.text)


def said_no(condition: str) -> str:
    """Say that a condition has kept a step from running."""
    return f"its condition said no: {condition}" if condition else "its condition said no"


_TEXTS = {
    Why.EDGE: "it needs {step}, which {word}",
    Why.NO_SUCCESS: "no step that it depends on succeeded: {step} {word}",
    Why.OTHER_SIDE: "{step} took {text}",
    Why.OWNER: "it runs in {step}, which {word}",
    Why.WON: "{text} was decided: {step} {word}",
    Why.LOST: "{text} stopped: {step} {word}",
    Why.OUT_OF_TIME: "{text} ran out of time",
    Why.STOPPED: "{text} was cancelled",
    Why.STATUS: "{text}",
}

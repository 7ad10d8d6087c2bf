"""The values of a workflow file: what each must be, and what is said of one that is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from .._base.checks import check_count
from .._base.errors import ExpressionError
from .._base.shown import shown
from .._base.suggestions import did_you_mean
from .._model.config import WhenFull
from .._model.run_in import RunIn
from .._model.strategy import parse_strategy
from .._workflow.computed import Computed, is_reference
from .._workflow.conditions import make_condition
from .._workflow.loop import check_name
from .._workflow.parameters import check_type
from .._workflow.rules import Rule
from .._workflow.step import OnError
from .entries import (
    Axes,
    ConditionText,
    Count,
    Delay,
    Factor,
    Failure,
    FailureText,
    Flag,
    Full,
    Given,
    Kind,
    Limit,
    Name,
    Patience,
    Place,
    Places,
    RuleText,
    Seconds,
    Slots,
    Strategy,
    Text,
    TypeText,
    Variable,
    Version,
    Wait,
)
from .failure_kinds import check_failure
from .spelling import Spelling

__all__ = ["MISTAKEN", "WrongValue", "expected", "found", "name", "value_checks"]


# A file is YAML 1.2, where these are text.
_FLAGS_OF_YAML_1_1 = {"yes": "true", "on": "true", "y": "true"} | {
    "no": "false",
    "off": "false",
    "n": "false",
}


class _Mistaken:
    """Stands where a value was that has been reported as wrong."""

    def __repr__(self) -> str:
        return "MISTAKEN"


MISTAKEN: Any = _Mistaken()


class WrongValue(ValueError):
    """A value is not what was expected. The text says both."""

    def __init__(self, text: str, part: str = "") -> None:
        super().__init__(text)
        self.part = part
        """What of a text is wrong; empty when it is the whole."""


def expected(what: str, value: object, near: str = "") -> WrongValue:
    """Return the error for a value that is something else."""
    return WrongValue(f"expected {what}; found {found(value)}{near or _no_reference(value)}")


def _no_reference(value: object) -> str:
    """Say of a reference that it is to be no reference, where one was found instead of a value."""
    return "; no reference may stand here: write the value" if is_reference(value) else ""


def value_checks(spelling: Spelling) -> dict[Any, Callable[[Any], Any]]:
    """For the type of each single value, the function that checks and reads one."""
    return {
        Text: _text,
        Name: name,
        Flag: _flag,
        Count: partial(_count, least=1),
        Places: partial(_count, least=0),
        Seconds: lambda value: _seconds(value, spelling),
        Limit: lambda value: _limit(value, spelling),
        Slots: _slots,
        Wait: lambda value: _wait(value, spelling),
        Delay: lambda value: _delay(value, spelling),
        Patience: lambda value: _patience(value, spelling),
        Full: _when_full,
        Place: _place,
        Strategy: lambda value: _strategy(value, spelling),
        ConditionText: _condition,
        FailureText: _failure_text,
        Factor: _factor,
        Failure: lambda value: _failure(value, spelling),
        Kind: lambda value: _one_of(value, ("if", "switch")),
        RuleText: lambda value: _one_of(value, [rule.value for rule in Rule]),
        TypeText: _type,
        Version: _version,
        Variable: _variable,
        Axes: lambda value: value,
        Given: _given,
    }


def found(value: object) -> str:
    """A value as a message shows it."""
    match value:
        case None:
            return "nothing"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = shown(value)
            return text if len(text) <= 60 else f"{text[:57]}..."


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        quoted = "" if value is None or isinstance(value, Mapping | list) else "; put it in quotes"
        raise expected("text", value, quoted)
    return value


def name(value: Any) -> Any:
    """Check a text that is not empty."""
    if not _text(value).strip():
        raise expected("text that is not empty", value)
    return value


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        meant = _FLAGS_OF_YAML_1_1.get(value.lower()) if isinstance(value, str) else None
        raise expected("true or false", value, f"; write {meant}" if meant else "")
    return value


def _count(value: Any, *, least: int) -> Any:
    try:
        if value is not None:
            check_count("it", value, least=least)
    except (TypeError, ValueError):
        what = f"a whole number of at least {least}, or .inf for no limit"
        raise expected(what, value, _as_number(value)) from None
    return value


def _as_number(value: Any) -> str:
    """What to write instead of a number that YAML 1.1 has and 1.2 has not, or one in quotes."""
    digits = value.replace("_", "") if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return "; so much is no limit: write .inf"
    return f"; write {digits}" if digits.isdecimal() and digits.isascii() else ""


def _seconds(value: Any, spelling: Spelling) -> float:
    try:
        return spelling.seconds(value)
    except ValueError as error:
        raise WrongValue(f"{error}{_no_reference(value)}") from None


def _patience(value: Any, spelling: Spelling) -> float:
    """A duration, or infinity for no limit."""
    is_endless = isinstance(value, float) and value == math.inf
    return math.inf if is_endless else _seconds(value, spelling)


def _limit(value: Any, spelling: Spelling) -> Any:
    """A duration, or a reference that leads to one, written as this spelling writes them."""

    def read(value: Any) -> float:
        return _patience(_some("a duration", value), spelling)

    return _duration(value, read, spelling)


def _delay(value: Any, spelling: Spelling) -> Any:
    """A time to wait, or a reference that leads to one."""

    def read(value: Any) -> float:
        return _wait(_some("a duration, or 0", value), spelling)

    return _duration(value, read, spelling)


def _duration(value: Any, read: Callable[[Any], Any], spelling: Spelling) -> Any:
    """Read a time, or what works one out: with snake_case keys a text with its unit too."""
    if not is_reference(value):
        return read(value)
    return _computed(value, read, may_be_text=spelling is not Spelling.CAMEL)


def _slots(value: Any) -> Any:
    """How many at once, or a reference that leads to that."""

    def read(value: Any) -> Any:
        return check_count("it", _count(_some("a whole number", value), least=1))

    return _computed(value, read) if is_reference(value) else _count(value, least=1)


def _some(what: str, value: Any) -> Any:
    """Refuse nothing: no limit is to be meant, not to be come by."""
    if value is None:
        raise expected(what, value, "; write ?? and a value behind it for a default")
    return value


def _computed(value: str, read: Callable[[Any], Any], *, may_be_text: bool = False) -> Computed:
    try:
        return Computed.of(value, read, may_be_text=may_be_text)
    except ExpressionError as error:
        raise WrongValue(_in_expression(error), _part(error)) from None


def _in_expression(error: ExpressionError) -> str:
    return f"column {error.column} of the expression: {error.reason}"


def _part(error: ExpressionError) -> str:
    return error.expression[error.column - 1 :].rstrip()


def _wait(value: Any, spelling: Spelling) -> float:
    is_none = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
    return 0.0 if is_none else _seconds(value, spelling)


def _place(value: Any) -> Any:
    return _one_of(value, get_args(RunIn))


def _when_full(value: Any) -> Any:
    return _one_of(value, get_args(WhenFull))


def _one_of(value: Any, texts: Sequence[str]) -> Any:
    if value not in texts:
        *others, last = map(repr, texts)
        raise expected(f"{', '.join(others)} or {last}", value, did_you_mean(value, texts))
    return value


def _failure(value: Any, spelling: Spelling) -> Any:
    """Like strategies, these are texts of several words, and each spelling has its own."""
    texts = get_args(OnError)
    if spelling is not Spelling.CAMEL:
        return _one_of(value, texts)
    camel = {"skipDependents": "skip_dependents"}
    return camel.get(_one_of(value, ("fail", "continue", *camel)), value)


def _failure_text(value: Any) -> Any:
    try:
        check_failure(_text(value))
    except WrongValue:
        raise
    except ValueError as error:
        raise WrongValue(str(error)) from None
    return value


def _factor(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < math.inf:
        raise expected("a number of at least 1", value)
    return float(value)


def _condition(value: Any) -> Any:
    if value is None or not isinstance(value, str | bool):
        quoted = "; put it in quotes" if isinstance(value, int | float) else ""
        raise expected("an expression as text, or true or false", value, quoted)
    try:
        make_condition("it", value)
    except ExpressionError as error:
        raise WrongValue(_in_expression(error), _part(error)) from None
    return value


def _type(value: Any) -> Any:
    try:
        check_type(value)
    except ValueError as error:
        raise WrongValue(str(error)) from None
    return value


def _version(value: Any) -> Any:
    if isinstance(value, bool) or value != 1:
        raise expected("1, the only version there is", value)
    return value


def _given(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise expected("a mapping of the workflow's parameters to values", value)
    return value


def _variable(value: Any) -> Any:
    try:
        return check_name(value)
    except ValueError as error:
        raise WrongValue(str(error)) from None


def _strategy(value: Any, spelling: Spelling) -> Any:
    try:
        return parse_strategy(value)
    except ValueError:
        settled = "allSettled" if spelling is Spelling.CAMEL else "all_settled"
        names = ("all", "any", "race", settled)
        near = did_you_mean(value, names)
        raise expected(f"{', '.join(names)} or quorum(k)", value, near) from None

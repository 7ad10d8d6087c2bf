"""The values of a workflow file: what each must be, and what is said of one that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

from .._base.checks import check_count
from .._base.suggestions import did_you_mean
from .._model.config import WhenFull
from .._model.strategy import parse_strategy
from .entries import Count, Flag, Full, Name, Places, Seconds, Strategy, Text
from .spelling import Spelling

__all__ = ["MISTAKEN", "WrongValue", "expected", "name", "value_checks"]


class _Mistaken:
    """Stands where a value was that has been reported as wrong."""

    def __repr__(self) -> str:
        return "MISTAKEN"


MISTAKEN: Any = _Mistaken()


class WrongValue(ValueError):
    """A value is not what was expected. The text says both."""


def expected(what: str, value: object, near: str = "") -> WrongValue:
    """Return the error for a value that is something else."""
    return WrongValue(f"expected {what}; found {_found(value)}{near}")


def value_checks(spelling: Spelling) -> dict[Any, Callable[[Any], Any]]:
    """For the type of each single value, the function that checks and reads one."""
    return {
        Text: _text,
        Name: name,
        Flag: _flag,
        Count: partial(_count, least=1),
        Places: partial(_count, least=0),
        Seconds: lambda value: _seconds(value, spelling),
        Full: _when_full,
        Strategy: lambda value: _strategy(value, spelling),
    }


def _found(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
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
        raise expected("true or false", value)
    return value


def _count(value: Any, *, least: int) -> Any:
    try:
        if value is not None:
            check_count("it", value, least=least)
    except (TypeError, ValueError):
        raise expected(f"a whole number of at least {least}, or .inf for no limit", value) from None
    return value


def _seconds(value: Any, spelling: Spelling) -> float:
    try:
        return spelling.seconds(value)
    except ValueError as error:
        raise WrongValue(str(error)) from None


def _when_full(value: Any) -> Any:
    if value not in get_args(WhenFull):
        raise expected("'raise' or 'wait'", value, did_you_mean(value, get_args(WhenFull)))
    return value


def _strategy(value: Any, spelling: Spelling) -> Any:
    try:
        return parse_strategy(value)
    except ValueError:
        settled = "allSettled" if spelling is Spelling.CAMEL else "all_settled"
        names = ("all", "any", "race", settled)
        near = did_you_mean(value, names)
        raise expected(f"{', '.join(names)} or quorum(k)", value, near) from None

"""Whether what a file holds is of the type that a tool declares for a parameter."""

from __future__ import annotations

import collections.abc
import json
import re
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .._base.shown import shown

__all__ = ["UNKNOWN", "Known", "mistyped"]


class _Unknown:
    """Stands for a value that is known only in the run."""


UNKNOWN: Any = _Unknown()

Known = Callable[[str], Any]
"""What a text stands for: its references resolved, or UNKNOWN."""

_LISTS = (list, collections.abc.Sequence, collections.abc.MutableSequence)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# What a file can hold. Of other values, which Python may pass, the tool is the judge.
_OF_FILES = (str, bool, int, float, NoneType, list, dict)
_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    None: "null",
}
_PLURALS: dict[Any, str] = {str: "texts", int: "whole numbers", float: "numbers"}
_TYPES: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    NoneType: (NoneType,),
    None: (NoneType,),
}
# Text in YAML 1.2, and a flag in YAML 1.1.
_FLAGS = {"yes": "true", "on": "true", "true": "true"} | {
    "no": "false",
    "off": "false",
    "false": "false",
}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?")
_LONGEST = 60
_IN_QUOTES = "; put it in quotes"


def mistyped(value: Any, annotation: Any, known: Known) -> tuple[str, str] | None:
    """Say what was expected, and what was found and what to write; None if the value may fit.

    Only what certainly does not fit is refused: a type that no file can hold is not judged.

    >>> mistyped("fast", float, str)
    ('a number', "found 'fast'")
    >>> mistyped(5, str | None, str)
    ('text or null', 'found 5; put it in quotes')
    """
    if _fits(value, annotation, known):
        return None
    given = known(value) if type(value) is str else value
    found, hint = _found(given), _hint(given, annotation)
    if given is value:
        return _name(annotation), f"found {found}{hint}"
    # What was passed to the run is text in a shell, which takes one pair of quotes away.
    hint = f"""; pass it as '"{found}"', with both quotes""" if hint == _IN_QUOTES else hint
    return _name(annotation), f"found {found} as {value}{hint}"


def _fits(value: Any, annotation: Any, known: Known) -> bool:
    if type(value) is str:
        value, known = known(value), str  # what it stands for is no reference, whatever it says
    if type(value) not in _OF_FILES:
        return True
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(_fits(value, arg, known) for arg in args)
    if origin is Annotated:
        return _fits(value, args[0], known)
    if origin is Literal:
        listed = [arg for arg in args if type(arg) in _OF_FILES]
        return len(listed) < len(args) or any(
            type(arg) is type(value) and arg == value for arg in listed
        )
    if _is_one_of(origin or annotation, _LISTS):
        return type(value) is list and all(_fits(v, arg, known) for arg in args for v in value)
    if _is_one_of(origin or annotation, _MAPPINGS):
        inner = args[1:]
        return type(value) is dict and all(
            _fits(v, arg, known) for arg in inner for v in value.values()
        )
    types = next((types for kind, types in _TYPES.items() if kind is annotation), None)
    return types is None or type(value) in types


def _is_one_of(annotation: Any, kinds: tuple[Any, ...]) -> bool:
    # By identity: an annotation may be anything, with an equality of its own.
    return any(annotation is kind for kind in kinds)


def _name(annotation: Any) -> str:
    """What a type is called in a file."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _name(args[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_name, args)))
    if origin is Literal:
        return " or ".join(map(shown, args))
    for what, kinds in {"a list": _LISTS, "a mapping": _MAPPINGS}.items():
        if _is_one_of(origin or annotation, kinds):
            of = next((name for kind, name in _PLURALS.items() if args and kind is args[-1]), "")
            return f"{what} of {of}" if of else what
    return next((name for kind, name in _NAMES.items() if kind is annotation), shown(annotation))


def _found(value: Any) -> str:
    text = json.dumps(value) if value is None or type(value) is bool else shown(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _hint(value: Any, annotation: Any) -> str:
    if type(value) in (int, float, bool) and _fits("", annotation, str):
        return _IN_QUOTES
    if type(value) is not str:
        return ""
    meant = _FLAGS.get(value.lower())
    if meant and _fits(True, annotation, str):
        return f"; write {meant}"
    if _NUMBER.fullmatch(value) and _fits(json.loads(value), annotation, str):
        return f"; write {value}, without quotes"
    if len(value) <= _LONGEST and _fits([value], annotation, str):
        return f"; write [{json.dumps(value, ensure_ascii=False)}]"
    return ""

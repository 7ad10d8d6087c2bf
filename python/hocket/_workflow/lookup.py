"""One step of a path: from a value to what it holds under a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .._base.names import snake_case
from .._base.shown import said

__all__ = ["NotThere", "contents", "look_up"]


class NotThere(Exception):
    """The value holds nothing under that key."""


def look_up(value: Any, key: str) -> Any:
    """What ``value`` holds under ``key``.

    Mappings are indexed; lists, tuples and text have ``length`` and (text apart) whole-number
    indices; attrs and dataclass objects give their public attributes, in either spelling;
    exceptions also have ``message`` and ``type``.

    Raises:
        NotThere: it holds nothing under that key.
        Exception: the value's own methods raise.
    """
    if isinstance(value, Mapping):
        return _in_mapping(value, key)
    if isinstance(value, BaseException):
        return _in_exception(value, key)
    if _is_record(value):
        return _attribute(value, key)
    if isinstance(value, Sequence):
        return _in_sequence(value, key)
    raise NotThere


def contents(value: Any) -> list[str]:
    """The keys that ``look_up`` would find in the value; indices are left out."""
    if isinstance(value, Mapping):
        return [key for key in value if isinstance(key, str)]
    if isinstance(value, BaseException):
        return ["message", "type", *_public(vars(value))]
    if _is_record(value):
        return _public(dir(value))
    return ["length"] if isinstance(value, Sequence) else []


def _in_mapping(value: Mapping[Any, Any], key: str) -> Any:
    if key in value:
        return value[key]
    if key.isdecimal() and int(key) in value:
        return value[int(key)]
    raise NotThere


def _in_sequence(value: Sequence[Any], key: str) -> Any:
    if key == "length":
        return len(value)
    # Text is one value, not a list of letters: "$context.name.0" is far likelier a slip.
    if key.isdecimal() and not isinstance(value, str | bytes) and int(key) < len(value):
        return value[int(key)]
    raise NotThere


def _in_exception(value: BaseException, key: str) -> Any:
    if key == "message":
        return said(value)
    return type(value).__name__ if key == "type" else _attribute(value, key)


def _is_record(value: Any) -> bool:
    cls = type(value)
    return attrs.has(cls) or dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")


def _attribute(value: Any, key: str) -> Any:
    # A path comes from a file: it must reach data, never methods or the interpreter's innards.
    for name in (key, snake_case(key)):
        if not name.startswith("_") and hasattr(value, name):
            found = getattr(value, name)
            if not callable(found):
                return found
    if isinstance(value, tuple):
        return _in_sequence(value, key)
    raise NotThere


def _public(names: Any) -> list[str]:
    return [name for name in names if not name.startswith("_")]

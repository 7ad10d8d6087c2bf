"""What a workflow file may hold, and how its values are checked: cattrs, one converter a spelling.

A wrong value is taken out, reported, and replaced by ``MISTAKEN``, so that the rest of the file
is still checked and every mistake is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NewType, get_args

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn

from .._base.mistakes import Keys
from .._base.suggestions import did_you_mean, nearest
from .._model.config import WhenFull
from .._model.strategy import WaitStrategy, parse_strategy
from .spelling import Spelling

__all__ = [
    "MISTAKEN",
    "ConfigEntry",
    "FileEntry",
    "GroupEntry",
    "StepEntry",
    "Wrong",
    "read_entries",
]


class _Mistaken:
    """Stands where a value was that has been reported as wrong."""

    def __repr__(self) -> str:
        return "MISTAKEN"


MISTAKEN: Any = _Mistaken()

Text = NewType("Text", str)
Name = NewType("Name", str)
Flag = NewType("Flag", bool)
Count = NewType("Count", int)
Seconds = NewType("Seconds", float)
Full = NewType("Full", str)
Strategy = NewType("Strategy", object)
Member = NewType("Member", object)


@attrs.frozen
class GroupEntry:
    """``group:`` of a step."""

    id: Name | None = None
    wait_strategy: Strategy = Strategy(WaitStrategy.ALL)
    max_concurrent: Count | None = None
    continue_on_error: Flag = Flag(False)
    timeout: Seconds | None = None
    step_timeout: Seconds | None = None
    steps: list[Member] | None = None


@attrs.frozen
class StepEntry:
    """One of ``steps:``."""

    id: Name | None = None
    tool: Name | None = None
    input: Any = None
    depends_on: list[Name] | None = None
    timeout: Seconds | None = None
    continue_on_error: Flag = Flag(False)
    group: GroupEntry | None = None


@attrs.frozen
class ConfigEntry:
    """``parallel_config:``."""

    max_concurrent: Count | None = None
    queue_size: Count | None = None
    timeout: Seconds | None = None
    when_full: Full | None = None


@attrs.frozen
class FileEntry:
    """A whole file."""

    name: Name | None = None
    description: Text | None = None
    max_duration: Seconds | None = None
    parallel_config: ConfigEntry | None = None
    steps: list[StepEntry] | None = None
    output: Any = None


@attrs.frozen
class Wrong:
    """One thing in a file that is not what it should be."""

    keys: Keys
    text: str
    is_key: bool = False
    """Whether the key itself is wrong, not its value."""
    meant: str | None = None
    """The native key that an unknown key most likely means."""


def read_entries(data: Any, spelling: Spelling) -> tuple[Any, list[Wrong]]:
    """Structure a file that has native keys already. Changes ``data`` where it is wrong.

    Returns:
        The :class:`FileEntry`, or ``MISTAKEN`` if it is not even a mapping, and what is wrong.
    """
    convert = _converter(spelling).structure
    wrong: list[Wrong] = []
    try:
        return convert(data, FileEntry), wrong
    except (BaseValidationError, _Wrong) as error:
        _collect(error, (), wrong, spelling)
    for one in wrong:
        data = _take_out(data, one)
    return convert(data, FileEntry), wrong


class _Wrong(ValueError):
    """A value is not what was expected. The text says both."""


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


def _expect(what: str, value: object, near: str = "") -> _Wrong:
    return _Wrong(f"expected {what}; found {_found(value)}{near}")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        quoted = "" if value is None or isinstance(value, Mapping | list) else "; put it in quotes"
        raise _expect("text", value, quoted)
    return value


def _name(value: Any) -> Any:
    if not _text(value).strip():
        raise _expect("text that is not empty", value)
    return value


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise _expect("true or false", value)
    return value


def _count(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _expect("a whole number of at least 1", value)
    return value


def _when_full(value: Any) -> Any:
    if value not in get_args(WhenFull):
        raise _expect("'raise' or 'wait'", value, did_you_mean(value, get_args(WhenFull)))
    return value


def _strategy(value: Any, spelling: Spelling) -> Any:
    try:
        return parse_strategy(value)
    except ValueError:
        settled = "allSettled" if spelling is Spelling.CAMEL else "all_settled"
        names = ("all", "any", "race", settled)
        near = did_you_mean(value, names)
        raise _expect(f"{', '.join(names)} or quorum(k)", value, near) from None


@cache
def _converter(spelling: Spelling) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)

    def seconds(value: Any) -> Any:
        try:
            return spelling.seconds(value)
        except ValueError as error:
            raise _Wrong(str(error)) from None

    def member(value: Any) -> Any:
        if isinstance(value, str):
            return _name(value)
        if isinstance(value, Mapping):
            return converter.structure(value, StepEntry)
        raise _expect("a step id, or a step written out", value)

    checks: dict[Any, Callable[[Any], Any]] = {
        Text: _text,
        Name: _name,
        Flag: _flag,
        Count: _count,
        Seconds: seconds,
        Full: _when_full,
        Strategy: lambda value: _strategy(value, spelling),
        Member: member,
    }
    for type_, check in checks.items():
        converter.register_structure_hook_func(_is(type_), _lenient(check))
    converter.register_structure_hook_factory(_is_list, _list_hook)
    for cls in (GroupEntry, StepEntry, ConfigEntry, FileEntry):  # the inner ones first
        converter.register_structure_hook(cls, _mapping_hook(cls, converter))
    return converter


def _is(wanted: Any) -> Callable[[Any], bool]:
    return lambda type_: type_ is wanted


def _is_list(type_: Any) -> bool:
    return getattr(type_, "__origin__", None) is list


def _lenient(check: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: value if value is MISTAKEN else check(value)


def _list_hook(type_: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    inner = list_structure_factory(type_, converter)

    def structure(value: Any, _: Any) -> Any:
        if value is MISTAKEN:
            return value
        if not isinstance(value, list | tuple):
            near = f"; write [{value}]" if isinstance(value, str) else ""
            raise _expect("a list", value, near)
        return inner(value, type_)

    return structure


def _mapping_hook(cls: type, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    inner: Any = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
    names = [field.name for field in attrs.fields(cls)]

    def structure(value: Any, _: Any) -> Any:
        if value is MISTAKEN:
            return value
        if not isinstance(value, Mapping):
            raise _expect(f"a mapping with {_names(names)}", value)
        return inner(value, cls)

    return structure


def _names(names: Iterable[str]) -> str:
    shown = list(names)
    return f"{', '.join(shown[:3])}, ..." if len(shown) > 3 else ", ".join(shown)


def _collect(error: Exception, keys: Keys, wrong: list[Wrong], spelling: Spelling) -> None:
    """Turn the tree of errors that cattrs raises into a list of mistakes."""
    if isinstance(error, ClassValidationError):
        named, others = error.group_exceptions()
        for inner, name in named:
            _collect(inner, (*keys, name.name), wrong, spelling)
        for other in others:
            if not isinstance(other, ForbiddenExtraKeysError):
                raise other
            wrong.extend(_unknown_keys(other, keys, spelling))
    elif isinstance(error, IterableValidationError):
        for inner, index in error.group_exceptions()[0]:
            _collect(inner, (*keys, index.index), wrong, spelling)
    elif isinstance(error, _Wrong):
        wrong.append(Wrong(keys, str(error)))
    else:
        raise error


def _unknown_keys(
    error: ForbiddenExtraKeysError, keys: Keys, spelling: Spelling
) -> Iterator[Wrong]:
    names = [field.name for field in attrs.fields(error.cl)]
    written = {spelling.key(name): name for name in names}
    for key in sorted(error.extra_fields, key=str):
        meant = nearest(key, written)
        near = f"did you mean {meant!r}?" if meant else f"known keys: {', '.join(written)}"
        yield Wrong(
            (*keys, key),
            f"unknown key {key!r}; {near}",
            is_key=True,
            meant=written[meant] if meant else None,
        )


def _take_out(data: Any, wrong: Wrong) -> Any:
    """Put ``MISTAKEN`` where a wrong value is, and drop an unknown key."""
    if not wrong.keys:
        return MISTAKEN
    holder = data
    for key in wrong.keys[:-1]:
        holder = holder[key]
    if wrong.is_key:
        del holder[wrong.keys[-1]]
        if wrong.meant is not None:  # so that the meant key is not reported as missing as well
            holder.setdefault(wrong.meant, MISTAKEN)
    else:
        holder[wrong.keys[-1]] = MISTAKEN
    return data

"""From plain data to the entries of a file: cattrs, one converter a spelling.

A wrong value is taken out, reported, and replaced by ``MISTAKEN``, so that the rest of the file
is still checked and every mistake is reported at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import attrs
import cattrs
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from .._base.mistakes import Keys
from .._base.shown import shown
from .._base.suggestions import nearest
from .entries import (
    ENTRIES,
    Before,
    BranchEntry,
    ConfigEntry,
    EdgeEntry,
    FileEntry,
    ForEachEntry,
    GroupEntry,
    MatrixEntry,
    Member,
    RepeatEntry,
    RetryEntry,
    StepEntry,
    StepText,
)
from .spelling import Spelling
from .values import MISTAKEN, WrongValue, expected, found, name, value_checks

__all__ = ["Wrong", "read_entries"]

# So many mistakes of a file, and no more of it is read: each costs a thousand times what it takes
# to write one.
_MOST_WRONG = 1_001
# Keys whose values may refer to steps, and have no keys of their own with two spellings.
_READ_ANYWAY = (
    "input",
    "output",
    "when",
    "depends_on",
    "with_",
    "condition",
    "expression",
    "until",
)
_SURE = 0.8
# What may stand one level too high, by the key that holds it.
_IN_FILE: dict[str, type] = {"parallel_config": ConfigEntry}
_IN_STEP: dict[str, type] = {
    "retry": RetryEntry,
    "group": GroupEntry,
    "branch": BranchEntry,
    "for_each": ForEachEntry,
    "matrix": MatrixEntry,
    "repeat": RepeatEntry,
}
_HELD = {FileEntry: _IN_FILE, StepEntry: _IN_STEP | _IN_FILE}
# What is the same text inside brackets: no number, no word with a meaning, no sign of YAML's.
_BARE_IN_LIST = re.compile(r"(?!(?:true|false|null)\Z)[^\W\d][\w.-]*(?: [\w.-]+)*", re.IGNORECASE)


@attrs.frozen
class Wrong:
    """One thing in a file that is not what it should be."""

    keys: Keys
    text: str
    is_key: bool = False
    """Whether the key itself is wrong, not its value."""
    meant: str | None = None
    """The native key that an unknown key most likely means."""
    is_sure: bool = False
    """Whether hardly another one can be meant."""
    part: str = ""
    """What of a text is wrong; empty when it is the whole."""


def read_entries(data: Any, spelling: Spelling) -> tuple[Any, list[Wrong]]:
    """Structure a file that has native keys already. Changes ``data`` where it is wrong.

    Returns:
        The :class:`FileEntry`, or ``MISTAKEN`` if it is not even a mapping, and what is wrong.
    """
    convert = _converter(spelling).structure
    wrong: list[Wrong] = []
    # Again and again: what stood under a misspelt key is read in the next round.
    while True:
        found: list[Wrong] = []
        try:
            return convert(data, FileEntry), wrong
        except (BaseValidationError, WrongValue) as error:
            _collect(error, (), found, spelling)
        wrong += found
        if len(wrong) >= _MOST_WRONG:
            return MISTAKEN, wrong
        for one in found:
            data = _take_out(data, one)


@cache
def _converter(spelling: Spelling) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)

    checks = {**value_checks(spelling), **_step_checks(converter)}
    for type_, check in checks.items():
        converter.register_structure_hook_func(_is(type_), _lenient(check))
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_named, _named_hook)
    for cls in ENTRIES:
        converter.register_structure_hook(cls, _mapping_hook(cls, converter))
    return converter


def _step_checks(converter: cattrs.Converter) -> dict[Any, Callable[[Any], Any]]:
    """For what may be one of several things, the function that checks and reads it."""

    def member(value: Any) -> Any:
        if isinstance(value, str):
            return name(value)
        if isinstance(value, Mapping):
            return converter.structure(value, StepEntry)
        raise expected("a step id, or a step written out", value)

    def before(value: Any) -> Any:
        if isinstance(value, Mapping):
            return converter.structure(value, EdgeEntry)
        if isinstance(value, str):
            return name(value)
        raise expected("a step id, or a mapping with step and rule", value, _quoted(value))

    def one_step(value: Any) -> Any:
        if isinstance(value, Mapping):
            return converter.structure(value, StepEntry)
        raise expected("a step written out", value)

    return {Member: member, Before: before, StepText: one_step}


def _is(wanted: Any) -> Callable[[Any], bool]:
    return lambda type_: type_ is wanted


def _is_list(type_: Any) -> bool:
    return getattr(type_, "__origin__", None) is list


def _is_named(type_: Any) -> bool:
    return getattr(type_, "__origin__", None) is dict


def _lenient(check: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: value if value is MISTAKEN else check(value)


def _list_hook(type_: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (item_type,) = type_.__args__

    def structure(value: Any, _: Any) -> Any:
        if value is MISTAKEN:
            return value
        if not isinstance(value, list | tuple):
            raise expected("a list", value, _how_to_list(value, item_type))
        made: list[Any] = []
        errors: list[Exception] = []
        left = _MOST_WRONG
        for index, item in enumerate(value):
            try:
                made.append(converter.structure(item, item_type))
            except Exception as error:  # noqa: BLE001 - all are collected, and raised below
                error.__notes__ = [IterableValidationNote("", index, item_type)]
                errors.append(error)
                left -= _count(error)
                if left <= 0:
                    break
        if errors:
            # It takes the type besides, which the stub of exception groups does not know.
            raise IterableValidationError("", errors, type_)  # pyright: ignore[reportCallIssue]
        return made

    return structure


def _named_hook(type_: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """For a mapping whose keys are the author's own."""
    _, item_type = type_.__args__

    def structure(value: Any, _: Any) -> Any:
        if value is MISTAKEN:
            return value
        if not isinstance(value, Mapping):
            raise expected("a mapping, with a name for each of them", value)
        made: dict[Any, Any] = {}
        errors: list[Exception] = []
        for key, item in value.items():
            try:
                made[name(key)] = converter.structure(item, item_type)
            except Exception as error:  # noqa: BLE001 - all are collected, and raised below
                error.__notes__ = [IterableValidationNote("", key, item_type)]
                errors.append(error)
        if errors:
            raise IterableValidationError("", errors, type_)  # pyright: ignore[reportCallIssue]
        return made

    return structure


def _count(error: BaseException) -> int:
    if not isinstance(error, BaseExceptionGroup):
        return 1
    return sum(map(_count, error.exceptions))


def _how_to_list(value: Any, item_type: Any) -> str:
    """What to write instead of what is no list, where that is known."""
    if item_type is StepEntry:
        return "; write steps as '- id: ...' below each other: a file lists them all"
    if not isinstance(value, str) or not value.strip():
        return ""
    if "$" in value:
        return "; it names steps of this file: write their ids as [a, b]"
    names = [name.strip() for name in value.split(",")]
    plain = all(_BARE_IN_LIST.fullmatch(name) for name in names)
    return f"; write [{', '.join(names)}]" if plain else f"; write [{_in_quotes(value)}]"


def _quoted(value: Any) -> str:
    is_one = value is not None and not isinstance(value, list | tuple)
    return "; put it in quotes" if is_one else ""


def _in_quotes(text: str) -> str:
    # JSON is YAML, apart from a few characters that hardly any id has.
    return json.dumps(text, ensure_ascii=False)


def _mapping_hook(cls: type, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    inner: Any = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
    fields = attrs.fields(cls)
    names = [field.name for field in fields if not field.metadata.get("is_rest")]
    rest = next((field.name for field in fields if field.metadata.get("is_rest")), None)

    def structure(value: Any, _: Any) -> Any:
        if value is MISTAKEN:
            return value
        if not isinstance(value, Mapping):
            raise expected(f"a mapping with {_names(names)}", value)
        if rest is not None:  # the author's own keys
            own = {key: item for key, item in value.items() if key not in names}
            value = {key: value[key] for key in names if key in value} | {rest: own}
        return inner(value, cls)

    return structure


def _names(names: Iterable[str]) -> str:
    shown = [name.removesuffix("_") for name in names]
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
    elif isinstance(error, WrongValue):
        wrong.append(Wrong(keys, str(error), part=error.part))
    else:
        raise error


def _unknown_keys(
    error: ForbiddenExtraKeysError, keys: Keys, spelling: Spelling
) -> Iterator[Wrong]:
    names = [field.name for field in attrs.fields(error.cl)]
    written = {spelling.key(name): name for name in names}
    for key in sorted(error.extra_fields, key=shown):
        meant = nearest(key, written)
        is_sure = meant is not None and nearest(key, [meant], _SURE) is not None
        near = f"did you mean {meant!r}?" if meant else f"known keys: {', '.join(written)}"
        if not is_sure and (homes := _homes(key, error.cl, spelling)):
            meant, near = None, f"it stands in {homes}"
        yield Wrong(
            (*keys, key),
            f"unknown key {found(key)}; {near}",
            is_key=True,
            meant=written[meant] if meant else None,
            is_sure=is_sure,
        )


def _homes(key: Any, cls: type, spelling: Spelling) -> str:
    """Where a key belongs that stands beside what holds it; empty if that is nowhere."""
    homes = [
        repr(spelling.key(name))
        for name, entry in _HELD.get(cls, {}).items()
        if key in map(spelling.key, attrs.fields_dict(entry))
    ]
    return f"{', '.join(homes[:-1])} or {homes[-1]}" if len(homes) > 1 else "".join(homes)


def _copied(value: Any) -> Any:
    """A copy of a list, and of the mappings in it: what is wrong there is taken out."""
    if not isinstance(value, list):
        return value
    return [dict(item) if isinstance(item, Mapping) else item for item in value]


def _take_out(data: Any, wrong: Wrong) -> Any:
    """Put ``MISTAKEN`` where a wrong value is, and drop an unknown key."""
    if not wrong.keys:
        return MISTAKEN
    holder = data
    for key in wrong.keys[:-1]:
        holder = holder[key]
    if wrong.is_key:
        value, meant = holder.pop(wrong.keys[-1]), wrong.meant
        if meant is not None and meant not in holder:
            # So that it is not reported as missing as well; and what it refers to is looked at.
            is_read = wrong.is_sure and meant in _READ_ANYWAY
            holder[meant] = _copied(value) if is_read else MISTAKEN
    else:
        holder[wrong.keys[-1]] = MISTAKEN
    return data

"""The two spellings of a workflow file: native snake_case, and camelCase with milliseconds."""

from __future__ import annotations

import enum
from collections.abc import Container, Mapping
from typing import Any

import attrs

from .._base.durations import milliseconds_to_seconds, parse_duration
from .._base.mistakes import Keys
from .entries import (
    BranchEntry,
    ConfigEntry,
    FileEntry,
    ForEachEntry,
    GroupEntry,
    MatrixEntry,
    RateEntry,
    RetryEntry,
    StepEntry,
    camel_keys,
)

__all__ = ["CAMEL", "Spelled", "Spelling", "spell_out"]

# Where workflow keys stand: below these the keys are the author's own (an input, say).
_TOP, _CONFIG = camel_keys(FileEntry), camel_keys(ConfigEntry)
_STEP, _GROUP, _BRANCH = camel_keys(StepEntry), camel_keys(GroupEntry), camel_keys(BranchEntry)
_RETRY, _RATE = camel_keys(RetryEntry), camel_keys(RateEntry)
_LOOPS = {"for_each": camel_keys(ForEachEntry), "matrix": camel_keys(MatrixEntry)}
_SIDES = ("then_steps", "else_steps", "default_steps")

# Words that Python keeps for itself, and so have another name in entries.
_WORDS = {"in": "in_", "as": "as_", "finally": "finally_", "with": "with_"}

CAMEL = {
    **_TOP,
    **_CONFIG,
    **_STEP,
    **_GROUP,
    **_BRANCH,
    **_RETRY,
    **_RATE,
    **_LOOPS["for_each"],
    **_LOOPS["matrix"],
}
"""The keys that differ, native to camelCase. All others are the same in both spellings."""

_NATIVE = {camel: native for native, camel in CAMEL.items()}
_DEEPEST = 50


class Spelling(enum.Enum):
    """How the keys and durations of one file are written."""

    NATIVE = "snake_case"
    CAMEL = "camelCase"

    def key(self, native: str) -> str:
        """A native key as this spelling writes it."""
        written = CAMEL.get(native, native) if self is Spelling.CAMEL else native
        return written.removesuffix("_")

    def seconds(self, value: object) -> float:
        """A duration as this spelling writes it, in seconds.

        Raises:
            ValueError: it is none; the text says what was expected.
        """
        if self is Spelling.CAMEL:
            return milliseconds_to_seconds(value)
        return parse_duration(value)


@attrs.define
class Spelled:
    """A workflow in native keys, and how it was spelled."""

    data: Any = None
    first: dict[Spelling, tuple[Keys, str]] = attrs.field(factory=dict)
    """The first key of each spelling: where (as written) and the key."""

    @property
    def spelling(self) -> Spelling:
        """That of the first key which decides; native if none does."""
        return next(iter(self.first), Spelling.NATIVE)


def spell_out(data: Any) -> Spelled:
    """Rename the keys of a workflow to the native ones. The author's own keys stay as they are.

    Raises:
        ValueError: steps are nested more than 50 deep.
    """
    spelled = Spelled()
    spelled.data = _top(data, spelled)
    return spelled


def _top(data: Any, spelled: Spelled) -> Any:
    renamed = _rename(data, _TOP, (), spelled)
    if renamed is data:
        return data
    for key in [key for key in renamed if isinstance(key, str) and key.startswith("x-")]:
        del renamed[key]  # the author's own: it holds what anchors name
    if "parallel_config" in renamed:
        keys = (_written("parallel_config", data),)
        config = _rename(renamed["parallel_config"], _CONFIG, keys, spelled)
        _admission(config, keys, spelled)
        renamed["parallel_config"] = config
    _spell_words(renamed, "finally")
    for key in ("steps", "on_success", "on_failure", "on_cancel", "finally_"):
        if key in renamed:
            where = _written(key, data).removesuffix("_")
            renamed[key] = _steps(renamed[key], (where,), spelled, 0)
    if isinstance(renamed.get("parameters"), Mapping):
        named = renamed["parameters"].items()
        renamed["parameters"] = {
            key: dict(value) if isinstance(value, Mapping) else value for key, value in named
        }
    return renamed


def _steps(data: Any, keys: Keys, spelled: Spelled, depth: int) -> Any:
    if not isinstance(data, list | tuple):
        return data
    _check_depth(depth)
    return [_step(item, (*keys, index), spelled, depth) for index, item in enumerate(data)]


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"steps must not be nested more than {_DEEPEST} deep")


def _step(data: Any, keys: Keys, spelled: Spelled, depth: int) -> Any:
    renamed = _rename(data, _STEP, keys, spelled)
    if renamed is data:
        return data
    if "depends_on" in renamed:  # copies: the reader takes out what is wrong
        renamed["depends_on"] = _copied(renamed["depends_on"])
    _admission(renamed, keys, spelled)
    if "group" in renamed:
        inner = (*keys, _written("group", data))
        renamed["group"] = _group(renamed["group"], inner, spelled, depth + 1)
    if "branch" in renamed:
        inner = (*keys, "branch")
        renamed["branch"] = _branch(renamed["branch"], inner, spelled, depth + 1)
    for key in ("steps", "sequence"):
        if key in renamed:
            renamed[key] = _steps(renamed[key], (*keys, key), spelled, depth + 1)
    _spell_words(renamed, "with")
    _loops(renamed, data, keys, spelled, depth + 1)
    return renamed


def _admission(renamed: Any, keys: Keys, spelled: Spelled) -> None:
    """Rename what ``retry`` and ``rate`` hold, where a step, a group, a loop or the pool has them."""
    if isinstance(renamed, dict):
        for key, natives in (("retry", _RETRY), ("rate", _RATE)):
            if key in renamed:
                renamed[key] = _rename(renamed[key], natives, (*keys, key), spelled)
                if key == "retry" and isinstance(renamed[key], dict) and "on" in renamed[key]:
                    renamed[key]["on"] = _copied(renamed[key]["on"])


def _group(data: Any, keys: Keys, spelled: Spelled, depth: int) -> Any:
    renamed = _rename(data, _GROUP, keys, spelled)
    _admission(renamed, keys, spelled)
    if renamed is not data and "steps" in renamed:
        renamed["steps"] = _steps(renamed["steps"], (*keys, "steps"), spelled, depth)
    return renamed


def _loops(renamed: dict[str, Any], data: Any, keys: Keys, spelled: Spelled, depth: int) -> None:
    if isinstance(renamed.get("step"), Mapping):
        _check_depth(depth)
        renamed["step"] = _step(renamed["step"], (*keys, "step"), spelled, depth)
    for key, natives in _LOOPS.items():
        if key in renamed:
            inner = (*keys, _written(key, data))
            renamed[key] = _loop(renamed[key], natives, inner, spelled)


def _loop(data: Any, natives: Container[str], keys: Keys, spelled: Spelled) -> Any:
    renamed = _rename(data, natives, keys, spelled)
    if renamed is data:
        return data
    if keys[-1] != "matrix" or isinstance(renamed.get("rate"), Mapping):
        _admission(renamed, keys, spelled)
    if keys[-1] != "matrix":
        _spell_words(renamed, "in", "as")
    for key in ("include", "exclude"):
        if key in renamed:
            renamed[key] = _copied(renamed[key])
    return renamed


def _branch(data: Any, keys: Keys, spelled: Spelled, depth: int) -> Any:
    renamed = _rename(data, _BRANCH, keys, spelled)
    if renamed is data:
        return data
    for side in _SIDES:
        if side in renamed:
            inner = (*keys, _written(side, data))
            renamed[side] = _steps(renamed[side], inner, spelled, depth)
    if isinstance(renamed.get("cases"), list | tuple):
        cases = renamed["cases"] = _copied(renamed["cases"])
        for index, case in enumerate(cases):
            if isinstance(case, dict) and "steps" in case:
                inner = (*keys, "cases", index, "steps")
                case["steps"] = _steps(case["steps"], inner, spelled, depth)
    return renamed


def _spell_words(renamed: dict[Any, Any], *words: str) -> None:
    for word in words:
        if word in renamed:
            renamed[_WORDS[word]] = renamed.pop(word)


def _copied(data: Any) -> Any:
    """A copy of a list, and of the mappings in it."""
    if not isinstance(data, list | tuple):
        return data
    return [dict(item) if isinstance(item, Mapping) else item for item in data]


def _rename(data: Any, natives: Container[str], keys: Keys, spelled: Spelled) -> Any:
    """A copy with native keys, or ``data`` itself if it is no mapping."""
    if not isinstance(data, Mapping):
        return data
    renamed: dict[Any, Any] = {}
    for key, value in data.items():
        native = _NATIVE.get(key, key) if isinstance(key, str) else key
        if native not in natives:
            renamed[key] = value
            continue
        spelling = Spelling.NATIVE if native == key else Spelling.CAMEL
        spelled.first.setdefault(spelling, ((*keys, key), key))
        renamed[native] = value
    return renamed


def _written(native: str, data: Mapping[Any, Any]) -> str:
    return native if native in data else CAMEL.get(native, native)

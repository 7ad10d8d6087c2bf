"""``--set KEY=VALUE`` and ``--params FILE``: values for a run, from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from .._base.errors import HocketError
from .._base.shown import shown, visible

__all__ = ["SettingError", "read_settings", "read_values"]

_DEEPEST = 100
_LONGEST_SHOWN = 100
_NESTED = ("[", "{", '"', "'")


class SettingError(HocketError, ValueError):
    """A ``KEY=VALUE`` cannot be read; the message lists every one."""


def read_values(files: Iterable[str], texts: Iterable[str]) -> dict[str, Any]:
    """Read files of values, and then assignments, which count more.

    Raises:
        SettingError: some cannot be read.
    """
    values: dict[str, Any] = {}
    for file in files:
        values |= _read_file(file)
    return read_settings(texts, values)


def _read_file(file: str) -> dict[str, Any]:
    from .._files.document import parse  # PyYAML is an extra
    from .._files.source import CannotRead, read_text

    try:
        document, mistakes = parse(read_text(file))
    except CannotRead as error:
        raise SettingError(visible(f"--params {file}: {error}")) from None
    if mistakes:
        lines = [f"--params {attrs.evolve(one, source=file)}" for one in mistakes]
        raise SettingError("\n".join(lines))
    if document is None or not isinstance(document.data, dict):
        raise SettingError(visible(f"--params {file}: expected a mapping of values by name"))
    return document.data


def read_settings(texts: Iterable[str], values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read assignments; of two with one key, the later counts.

    Args:
        texts: each ``KEY=VALUE``. A dotted key is one inside another. The value is read as in a
            workflow file (``5``, ``true``, ``null``, ``[a, b]``, ``{a: 1}``, ``"5"``); what is
            nothing of that sort is text.
        values: what they are added to. Default: nothing.

    Raises:
        SettingError: some cannot be read.

    >>> read_settings(["city=Ghent", "limits.rows=5", "note=a: b"])
    {'city': 'Ghent', 'limits': {'rows': 5}, 'note': 'a: b'}
    """
    values = {} if values is None else values
    mistakes: list[str] = []
    for text in texts:
        try:
            _assign(values, text)
        except SettingError as error:
            mistakes.append(visible(f"--set {_short(text)}: {error}"))
    if mistakes:
        raise SettingError("\n".join(mistakes))
    return values


def _assign(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    names = key.split(".")
    if not equals:
        raise SettingError(f"expected KEY=VALUE; write {text}=VALUE")
    if len(names) > _DEEPEST:
        raise SettingError(f"keys are nested at most {_DEEPEST} deep")
    if not all(name.strip() for name in names):
        raise SettingError("expected a key before '=', such as city or limits.rows")
    target = values
    for depth, name in enumerate(names[:-1], 1):
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            raise SettingError(f"{'.'.join(names[:depth])!r} is already set, to {shown(target)}")
    target[names[-1]] = _value(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def _value(text: str) -> Any:
    from .._files.document import parse  # PyYAML is an extra

    document, mistakes = parse(text)
    if text.lstrip().startswith(_NESTED):
        if document is None or mistakes:
            reason = mistakes[0].text.removeprefix("not YAML: ")
            raise SettingError(f"the value cannot be read: {reason}")
        return document.data
    # Text with a meaning in YAML that nobody has in mind on a command line: "*.csv", "a: b", "#1".
    if document is None or mistakes or isinstance(document.data, dict | list | str):
        return text
    return document.data

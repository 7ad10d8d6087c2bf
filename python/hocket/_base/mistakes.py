"""The mistakes of a workflow: where each is, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from .shown import shown, visible
from .suggestions import did_you_mean

__all__ = [
    "Keys",
    "Mistake",
    "Mistakes",
    "format_keys",
    "headline",
    "is_unreadable",
    "unreadable_id",
]

# How the id of a step begins whose real id could not be read.
_UNREADABLE = "\0"
# A suggestion compares names, which is slow: the first mistakes get one, the thousandth does not.
_MOST_SUGGESTIONS = 100

Keys = tuple[str | int, ...]
"""Where something is inside a workflow: ``("steps", 3, "group", "timeout")``."""


@attrs.frozen
class Mistake:
    """One mistake in a workflow definition or file."""

    keys: Keys
    """Where it is, as keys and indices from the top, in the native spelling."""
    text: str
    """What is wrong, what was expected, and a suggestion where there is one."""
    path: str = ""
    """``keys`` as text, in the spelling of the file: ``steps[3].parallelGroup.timeout``."""
    source: str | None = None
    """The file, as it was named; None for a definition made in Python."""
    line: int | None = None
    """The line in the file, counted from 1; None when there is none."""
    column: int | None = None
    """The column in the file, counted from 1; None when there is none."""

    def __str__(self) -> str:
        place = ":".join(str(x) for x in (self.source, self.line, self.column) if x is not None)
        path = self.path or format_keys(self.keys)
        # A name of a file, and whatever a text quotes, may hold what a terminal obeys.
        return visible(": ".join(part for part in (place, path, self.text) if part))


@attrs.define
class Mistakes:
    """Collects the mistakes of one workflow, so that all are reported at once."""

    found: list[Mistake] = attrs.field(factory=list)
    _suggestions: int = 0

    def add(self, keys: Keys, text: str) -> None:
        """Note one mistake."""
        self.found.append(Mistake(keys, text))

    def near(self, found: object, names: Iterable[str]) -> str:
        """Return a clause with the name that was most likely meant; empty when none is near."""
        self._suggestions += 1
        return did_you_mean(found, names) if self._suggestions <= _MOST_SUGGESTIONS else ""


def unreadable_id(keys: Keys = ()) -> str:
    """Return what stands for an id that could not be read, which is already reported."""
    return _UNREADABLE + format_keys(keys)


def is_unreadable(id_: str) -> bool:
    """Whether an id only stands for one that could not be read."""
    return id_.startswith(_UNREADABLE)


def format_keys(keys: Sequence[str | int]) -> str:
    """Render keys the way one would write them.

    >>> format_keys(("steps", 3, "group", "timeout"))
    'steps[3].group.timeout'
    """
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif not isinstance(key, str) or not key.replace("-", "_").isidentifier():
            text += f"[{shown(key)}]"
        else:
            text += f".{key}" if text else key
    return text


def headline(what: str, mistakes: Sequence[Mistake]) -> str:
    """The message of an error that carries mistakes: a count, then one mistake a line."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    return "\n".join([visible(f"{what} has {count}:"), *map(str, mistakes)])

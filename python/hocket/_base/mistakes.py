"""One mistake in a workflow: where it is, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["UNREADABLE", "Keys", "Mistake", "format_keys", "headline"]

UNREADABLE = "\0"
"""How the id of a step begins whose real id could not be read; that is already reported."""

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
        return ": ".join(part for part in (place, path, self.text) if part)


def format_keys(keys: Sequence[str | int]) -> str:
    """Render keys the way one would write them.

    >>> format_keys(("steps", 3, "group", "timeout"))
    'steps[3].group.timeout'
    """
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif not key.replace("-", "_").isidentifier():
            text += f"[{key!r}]"
        else:
            text += f".{key}" if text else key
    return text


def headline(what: str, mistakes: Sequence[Mistake]) -> str:
    """The message of an error that carries mistakes: a count, then one mistake a line."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    return "\n".join([f"{what} has {count}:", *map(str, mistakes)])

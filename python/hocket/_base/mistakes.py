"""The mistakes of a workflow: where each is, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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
# A small file can repeat a mistake very often, with aliases, and what it holds can be very long.
_MOST_MISTAKES = 1_000
_MOST_TEXT = 100_000
_LONGEST = 1_000
_LONGEST_KEY = 60

Keys = tuple[str | int, ...]
"""Where something is inside a workflow: ``("steps", 3, "group", "timeout")``."""


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    # What was found stands in the middle: before it what was expected, after it what to write.
    half = _LONGEST // 2
    return f"{text[:half]} ... {text[-half:]}"


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
    part: str = attrs.field(default="", repr=False)
    """What of the text there is wrong: a reference in a longer text. Empty when it is the whole."""

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
    _text: int = 0

    @property
    def full(self) -> bool:
        """Whether no more are noted."""
        return len(self.found) > _MOST_MISTAKES

    def add(self, keys: Keys, text: str, *, part: str = "") -> None:
        """Note one mistake; from the thousandth on, only that there are more."""
        self.note(Mistake(keys, text, part=part))

    def note(self, mistake: Mistake) -> None:
        """Note one mistake that knows its place."""
        if self._text > _MOST_TEXT:
            mistake = attrs.evolve(mistake, text=_shortened(mistake.text))
        self._text += len(mistake.text)
        if len(self.found) < _MOST_MISTAKES:
            self.found.append(mistake)
        elif len(self.found) == _MOST_MISTAKES:
            text = f"these are {_MOST_MISTAKES:,} mistakes; there are more"
            self.found.append(Mistake((), text, source=mistake.source))

    def near(
        self, found: object, names: Iterable[str], written: Callable[[str], str] = repr
    ) -> str:
        """Return a clause with the name that was most likely meant; empty when none is near."""
        self._suggestions += 1
        if self._suggestions > _MOST_SUGGESTIONS:
            return ""
        return did_you_mean(found, names, written)


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
        if _is_plain(key):
            text += f".{key}" if text else str(key)
            continue
        written = shown(key)
        short = f"{written[: _LONGEST_KEY - 3]}..." if len(written) > _LONGEST_KEY else written
        text += f"[{short}]"
    return text


def _is_plain(key: object) -> bool:
    if not isinstance(key, str) or len(key) > _LONGEST_KEY:
        return False
    return key.replace("-", "_").isidentifier()


def headline(what: str, mistakes: Sequence[Mistake]) -> str:
    """The message of an error that carries mistakes: a count, then one mistake a line."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    return "\n".join([visible(f"{what} has {count}:"), *map(str, mistakes)])

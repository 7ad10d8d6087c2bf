"""The mistakes of one file, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from .._base.errors import WorkflowFileError
from .._base.mistakes import Keys, Mistake, Mistakes, format_keys
from .spelling import CAMEL, Spelling

if TYPE_CHECKING:
    from .document import Document

__all__ = ["Findings"]


@attrs.define(kw_only=True)
class Findings(Mistakes):
    """Collects the mistakes of one file, and finds where in the file they are."""

    source: str
    data: Any
    document: Document | None = None
    spelling: Spelling = Spelling.NATIVE
    renamed: dict[Keys, str | int] = attrs.field(factory=dict)
    """For what was read under a key that was meant, how the file has misspelt that."""

    def add(self, keys: Keys, text: str, *, is_key: bool = False, part: str = "") -> None:
        """Note one mistake: at a value, at the key itself, or at a part of a text."""
        if is_key and self.is_guess(keys):
            return  # of the key that is there it has been said that it is none
        self.note(self.placed(keys, text, is_key=is_key, part=part))

    def is_guess(self, keys: Keys) -> bool:
        """Whether a key is not in the file, and only what a misspelt one is taken for."""
        return keys in self.renamed and self._as_written(keys)[-1] == self.renamed[keys]

    def written(self, entry: Any, names: Iterable[str], keys: Keys) -> list[str]:
        """Which of these an entry has; what is only a guess counts if it has no others."""
        given = [name for name in names if getattr(entry, name) is not None]
        return [name for name in given if not self.is_guess((*keys, name))] or given

    def placed(self, keys: Keys, text: str, *, is_key: bool = False, part: str = "") -> Mistake:
        """Say where in the file something is."""
        written = self._as_written(keys)
        line, column = None, None
        if self.document is not None:
            line, column = self.document.locate(written, key=is_key, part=part)
        path = format_keys(written)
        return Mistake(keys, text, path, self.source, line, column, part)

    def line(self, keys: Keys) -> str:
        """`` (line 3)``, or nothing if there are no lines."""
        if self.document is None:
            return ""
        return f" (line {self.document.locate(keys, key=True)[0]})"

    def error(self) -> WorkflowFileError:
        """Return the error that lists them all, in the order of the file."""
        # A mistake of the whole, such as the note that there are more, has no line.
        last = float("inf")
        in_order = sorted(
            self.found,
            key=lambda m: (
                m.source != self.source,
                m.source or "",
                m.line or last,
                m.column or last,
            ),
        )
        return WorkflowFileError(self.source, in_order)

    def _as_written(self, keys: Keys) -> Keys:
        """Native keys as the file spells them."""
        written: list[str | int] = []
        value = self.data
        for depth, key in enumerate(keys, 1):
            misspelt = self.renamed.get(keys[:depth])
            camel = CAMEL.get(key, key) if isinstance(key, str) else key
            if isinstance(value, Mapping) and key not in value and camel in value:
                key = camel
            elif misspelt is not None and not _holds(value, key):
                key = misspelt
            elif not _holds(value, key) and isinstance(key, str):
                key = self.spelling.key(key)
            written.append(key)
            value = _inside(value, key)
        return tuple(written)


def _inside(value: Any, key: str | int) -> Any:
    return value[key] if _holds(value, key) else None


def _holds(value: Any, key: str | int) -> bool:
    if isinstance(value, Mapping):
        return key in value
    return isinstance(value, list | tuple) and isinstance(key, int) and key < len(value)

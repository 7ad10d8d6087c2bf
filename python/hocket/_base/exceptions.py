"""Reading and marking somebody else's exceptions without asking any method of theirs.

An exception may be frozen, or raise for whatever is read, set or compared. What would be lost then
is the error itself, of which nothing must be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["each_leaf", "inner", "is_a", "leaves", "note_on", "notes_of", "split"]

# Of the base: a group's class may have made something else of them.
_fields: Any = vars(BaseExceptionGroup)


def note_on(error: BaseException, note: str) -> bool:
    """Add a note to an exception, unless it has the same one; return whether it has it now.

    >>> error = ValueError("no")
    >>> note_on(error, "in step 'a'"), error.__notes__
    (True, ["in step 'a'"])
    """
    try:
        try:
            notes = object.__getattribute__(error, "__notes__")
        except AttributeError:
            notes = []
            object.__setattr__(error, "__notes__", notes)
        if type(notes) is not list:
            return False
        if not any(type(one) is str and one == note for one in notes):
            notes.append(note)
    except Exception:  # noqa: BLE001 - its class has made something of its own of the notes
        return False
    return True


def notes_of(error: BaseException) -> list[str]:
    """The notes of an exception, as far as they are texts."""
    try:
        notes = object.__getattribute__(error, "__notes__")
    except AttributeError:
        return []
    return [note for note in notes if type(note) is str] if type(notes) is list else []


def is_a(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether an exception is of one of these kinds. ``isinstance`` would ask it for its class."""
    return issubclass(type(error), kinds)


def inner(group: BaseException) -> tuple[BaseException, ...]:
    """The exceptions in a group, whatever its class makes of the attribute."""
    found: tuple[BaseException, ...] = _fields["exceptions"].__get__(group)
    return found


def each_leaf(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group and the groups in it, however deep; of what is no group, itself."""
    left = [error]
    while left:
        one = left.pop()
        if is_a(one, BaseExceptionGroup):
            left.extend(reversed(inner(one)))
        else:
            yield one


def leaves(error: BaseException) -> list[BaseException]:
    """All of them."""
    return list(each_leaf(error))


def split(
    error: BaseExceptionGroup[Any], kind: type[BaseException]
) -> tuple[BaseException | None, BaseException | None]:
    """Split a group as ``error.split(kind)`` does: what is of a kind, and the rest.

    Where its class fails to make groups of its own (``derive``), both are plain groups.
    """
    try:
        return BaseExceptionGroup.split(error, kind)
    except Exception:  # noqa: BLE001 - somebody else's derive
        found = leaves(error)
        message: str = _fields["message"].__get__(error)
        return (
            _group(message, found, lambda leaf: is_a(leaf, kind)),
            _group(message, found, lambda leaf: not is_a(leaf, kind)),
        )


def _group(
    message: str, found: list[BaseException], belongs: Callable[[BaseException], bool]
) -> BaseException | None:
    chosen = [leaf for leaf in found if belongs(leaf)]
    return BaseExceptionGroup(message, chosen) if chosen else None

"""A set of objects that forgets those that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar
from weakref import ref

__all__ = ["WeakSet"]

T = TypeVar("T")


class WeakSet(Generic[T]):
    """Holds objects by their identity, for as long as somebody else holds them.

    That of :mod:`weakref` is called as an object goes, in a function in Python. A Ctrl-C that strikes in
    there is printed and lost. Here nothing is called: an entry stays until another object has the same
    address, and so there are never more than there were objects at once.

    >>> held = {1, 2}
    >>> known = WeakSet[set[int]]()
    >>> known.add(held)
    >>> held in known, {1, 2} in known
    (True, False)
    >>> del held
    >>> list(known)
    []
    """

    __slots__ = ("_refs",)

    def __init__(self) -> None:
        self._refs: dict[int, ref[T]] = {}

    def add(self, one: T) -> None:
        """Take an object in."""
        self._refs[id(one)] = ref(one)

    def __contains__(self, one: object) -> bool:
        known = self._refs.get(id(one))
        return known is not None and known() is one

    def __iter__(self) -> Iterator[T]:
        return iter([one for known in list(self._refs.values()) if (one := known()) is not None])

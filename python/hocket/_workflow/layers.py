"""A dict in front of another one: what is put in goes into the first, what is asked for is in both.

One pass of a loop has such a view of what steps around the loop have come to. It costs the same
whatever these are.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, TypeVar

__all__ = ["Layered"]

K = TypeVar("K")
V = TypeVar("V")


class Layered(dict[K, V]):
    """Has its own items, and those of another dict behind them.

    >>> outer = {"a": 1}
    >>> layered = Layered(outer)
    >>> layered["b"] = 2
    >>> dict(layered), outer
    ({'a': 1, 'b': 2}, {'a': 1})
    """

    __slots__ = ("_behind",)

    # A dict, as the core puts into it what steps have come to: into the first one.
    def __init__(self, behind: dict[K, V]) -> None:
        super().__init__()
        self._behind = behind

    def __missing__(self, key: K) -> V:
        return self._behind[key]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._behind

    def __iter__(self) -> Iterator[K]:
        yield from self._behind
        for key in super().__iter__():
            if key not in self._behind:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def __eq__(self, other: object) -> bool:
        return dict(self) == other

    __hash__ = None  # as of every dict

    def __repr__(self) -> str:
        return repr(dict(self))

    def get(self, key: K, default: Any = None) -> Any:
        """Return what is under a key in one of the two."""
        return super().get(key, self._behind.get(key, default))

    def keys(self) -> Any:
        """Return the keys of both."""
        return KeysView(self)

    def values(self) -> Any:
        """Return the values of both."""
        return ValuesView(self)

    def items(self) -> Any:
        """Return the items of both."""
        return ItemsView(self)

    def copy(self) -> dict[K, V]:
        """Return a plain dict with the items of both."""
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

"""Steps that a step holds: the sides of a branch, a block, what a loop does each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import attrs

from .._base.iterables import as_tuple
from .._base.mistakes import Keys

__all__ = ["AnyStep", "Members", "Side", "as_members"]


class AnyStep:
    """What a :class:`WorkflowStep` is, which may hold sides and so stands above them."""

    __slots__ = ()

    id: str
    depends_on: Any


Members: TypeAlias = Iterable[str | AnyStep]


def as_members(name: str, steps: Any) -> tuple[Any, ...]:
    """Take in what was given as a list of steps, or of ids.

    Raises:
        TypeError: it is no list.
    """
    return as_tuple(name, "a list of step ids, or of steps", steps)


@attrs.frozen
class Side:
    """A graph of steps that one step holds."""

    keys: Keys
    """Where it is written in its step: ``("branch", "cases", 0, "steps")``."""
    steps: tuple[Any, ...]
    in_order: bool = False
    """Whether each of them waits for the one before it."""

    @property
    def name(self) -> str:
        """What messages call it: ``then_steps``, ``cases[0]``."""
        return f"cases[{self.keys[-2]}]" if self.keys[1:2] == ("cases",) else str(self.keys[-1])

    def keys_of(self, index: int) -> Keys:
        """Where one of its steps is written in the step that holds the side."""
        return self.keys if self.keys == ("step",) else (*self.keys, index)

"""A block: steps that are one step for everything outside of it."""

from __future__ import annotations

from typing import Any

import attrs

from .sides import Side, as_members

__all__ = ["Block", "make_block"]


@attrs.frozen
class Block:
    """Steps that a step holds: a graph, a sequence, or the one step that a loop does each time."""

    key: str
    """What it is written under: ``steps``, ``sequence`` or ``step``."""
    steps: tuple[Any, ...]

    @property
    def side(self) -> Side:
        """The graph."""
        return Side((self.key,), self.steps, self.key == "sequence")

    @property
    def single(self) -> Any:
        """The one step, if it is one that has no id of its own; None otherwise."""
        return self.steps[0] if self.key == "step" else None


def make_block(where: str, key: str, steps: Any) -> Block:
    """Take in what was given under ``steps``, ``sequence`` or ``step``.

    Raises:
        TypeError: it is no list.
        ValueError: it is empty.
    """
    if key == "step":
        return Block(key, (steps,))
    listed = as_members(f"{where}: {key}", steps)
    if not listed:
        raise ValueError(f"{where}: {key} needs at least one step")
    return Block(key, listed)

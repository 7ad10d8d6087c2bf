"""The parts of an expression, as the grammar finds them."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

__all__ = ["Call", "Chain", "Choice", "Items", "Link", "Literal", "Node", "Root", "Unary"]


@attrs.frozen
class Literal:
    """A value that is written out."""

    at: int
    value: Any


@attrs.frozen
class Root:
    """What a reference begins with: ``$results``."""

    at: int
    name: str


@attrs.frozen
class Link:
    """What something holds under a key: ``.name``, or ``[...]`` with an expression."""

    at: int
    base: Node
    key: str | Node


@attrs.frozen
class Unary:
    """A sign before a value."""

    at: int
    sign: str
    value: Node


@attrs.frozen
class Chain:
    """Values with signs of one rank between them: ``a + b - c``."""

    at: int
    first: Node
    rest: tuple[tuple[str, int, Node], ...]
    wrapped: bool = False
    """Whether it stands in parentheses."""


@attrs.frozen
class Choice:
    """``condition ? one : other``."""

    at: int
    condition: Node
    one: Node
    other: Node


@attrs.frozen
class Items:
    """A list that is written out."""

    at: int
    items: tuple[Node, ...]


@attrs.frozen
class Call:
    """A function: ``has(...)``, ``size(...)``, or a method of the first argument."""

    at: int
    name: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Literal | Root | Link | Unary | Chain | Choice | Items | Call

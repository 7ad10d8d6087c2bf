"""The passes of a loop: for each item, or each cell, what it is called and what it sees."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sized
from typing import Any

import attrs

from .._base.shown import one_line, shown
from .._model.result import ParallelExecutionResult
from .._workflow.cells import cells_of
from .._workflow.context import WorkflowContext
from .._workflow.loop import INDEX, MATRIX, ForEach, Matrix
from .._workflow.templates import as_text

__all__ = ["Pass", "Passes", "Seats", "open_passes"]

_MOST_NAMED = 5


@attrs.define(eq=False)
class Pass:
    """One pass of a loop."""

    key: str
    context: WorkflowContext
    error: Exception | None = None
    """What its condition has raised: it fails as it starts."""
    seat: int = 0
    """Which of the places it has that are for passes under way."""
    attempt: int = 0
    """How often it has been started."""


class Seats(list[Any]):
    """The places for passes under way. Each pass is told which of them it gets."""

    def __setitem__(self, place: Any, one: Any) -> None:
        if one is not None:
            one.seat = place
        super().__setitem__(place, one)


@attrs.define(eq=False)
class Passes:
    """What a loop goes through."""

    where: str
    """What messages call the loop."""
    context: WorkflowContext
    """That of the step with the loop."""
    name: str
    items: Iterable[Any] | AsyncIterable[Any]
    own_keys: Iterable[str] | None
    """A key for each of the items; None for those that the loop says, or their indices."""
    key: Any
    """What makes a key: a template, a function of the item, or None."""
    apart: bool
    """Whether its steps have ids, by which only those of the same pass see them."""
    known: list[str] | None = None
    """All keys, where they are known before the first pass."""

    @property
    def size(self) -> int | None:
        """How many items there are, if they are all there."""
        return len(self.items) if isinstance(self.items, list) else None

    def check_keys(self) -> None:
        """Work out all keys, if the items are all there.

        Raises:
            ValueError: two items have the same one.
        """
        if not isinstance(self.items, list):
            return
        keys = list(self._keys(self.items))
        if len(set(keys)) < len(keys):
            often = [key for key, count in Counter(keys).items() if count > 1]
            raise ValueError(f"{self.where}: {_often(often)}")
        self.known = keys

    def _keys(self, items: list[Any]) -> Iterator[str]:
        if self.own_keys is not None:
            yield from self.own_keys
        elif self.key is None:
            yield from map(str, range(len(items)))
        else:
            for index, item in enumerate(items):
                yield self.key_of(index, item, self.inside(index, item))

    def inside(self, index: int, item: Any) -> WorkflowContext:
        """What one pass sees."""
        return self.context.inside({self.name: item, INDEX: index}, apart=self.apart)

    def key_of(self, index: int, item: Any, context: WorkflowContext) -> str:
        """The key of one item.

        Raises:
            ValueError: it has none, or the function that makes it has raised.
        """
        if self.known is not None:
            return self.known[index]
        if self.key is None:
            return str(index)
        made = self._called(index, item) if callable(self.key) else self.key.resolve(context)
        text = as_text(made)
        if made is None or not text:
            raise ValueError(
                f"{self.where}: a key is a text that is not empty; that of item {index} is {shown(made)}"
            )
        return text

    def _called(self, index: int, item: Any) -> Any:
        """What the function for keys gives for an item."""
        try:
            return self.key(item)
        except Exception as error:
            text = f"{self.where}: its key of item {index} cannot be made: {one_line(error)}"
            raise ValueError(text) from error

    def __iter__(self) -> Iterator[Pass]:
        assert isinstance(self.items, Iterable)
        for index, item in enumerate(self.items):
            yield self._pass(index, item)

    async def __aiter__(self) -> AsyncIterator[Pass]:
        assert isinstance(self.items, AsyncIterable)
        index = 0
        async for item in self.items:
            yield self._pass(index, item)
            index += 1

    def _pass(self, index: int, item: Any) -> Pass:
        context = self.inside(index, item)
        return Pass(self.key_of(index, item, context), context)


def _often(keys: list[str]) -> str:
    named = ", ".join(map(repr, keys[:_MOST_NAMED])) + (", ..." if len(keys) > _MOST_NAMED else "")
    what = "the key" if len(keys) == 1 else "the keys"
    return f"{what} {named} belong{'s' if len(keys) == 1 else ''} to more than one item; give each its own key"


async def open_passes(
    where: str, loop: ForEach | Matrix, context: WorkflowContext, *, apart: bool
) -> Passes:
    """Find out what a loop goes through.

    Raises:
        TypeError: it is nothing to go through.
        ValueError: two items have one key.
        UnresolvedReference: what it refers to is not there.
    """
    key = loop.passes.key if callable(loop.passes.key) else loop.passes.template
    key = None if loop.passes.key is None else key
    if isinstance(loop, Matrix):
        cells = _cells(where, loop, context)
        keys = [", ".join(map(as_text, cell.values())) for cell in cells] if key is None else None
        passes = Passes(where, context, MATRIX, cells, keys, key, apart)
    else:
        items = await _items(loop, context)
        own = None
        if isinstance(items, Mapping):
            own, items = [as_text(one) for one in items] if key is None else None, [*items.values()]
        elif not _can_be_gone_through(items):
            raise TypeError(f"{where}: 'in' has to be a list, or a mapping; {_instead(items)}")
        passes = Passes(where, context, loop.name, _taken(items), own, key, apart)
    passes.check_keys()
    return passes


async def _items(loop: ForEach, context: WorkflowContext) -> Any:
    if not callable(loop.items):
        return loop.template.resolve(context)
    made = loop.items(context)
    return await made if inspect.isawaitable(made) else made


def _can_be_gone_through(items: Any) -> bool:
    if isinstance(items, str | bytes | bytearray | ParallelExecutionResult):
        return False
    return isinstance(items, Iterable | AsyncIterable)


def _taken(items: Iterable[Any] | AsyncIterable[Any]) -> Iterable[Any] | AsyncIterable[Any]:
    """Take the items, if they are all there: what the list is made to hold later changes nothing.

    Something may have a length and yet be gone through only once, or have one without knowing it.
    """
    if isinstance(items, AsyncIterable) or not isinstance(items, Sized):
        return items
    try:
        len(items)
    except TypeError:
        return items
    return list(items)


def _instead(items: Any) -> str:
    if isinstance(items, ParallelExecutionResult):
        return "this is the outcome of a group or a loop: add '.results' for its values"
    return f"found {shown(items)}"


def _cells(where: str, loop: Matrix, context: WorkflowContext) -> list[dict[str, Any]]:
    values = loop.template.resolve(context)
    include, exclude = values.pop("include", ()), values.pop("exclude", ())
    for name, listed in values.items():
        if not isinstance(listed, list | tuple):
            raise TypeError(
                f"{where}: the values of {name!r} have to be a list; found {shown(listed)}"
            )
    for name, listed in (("include", include), ("exclude", exclude)):
        if not isinstance(listed, list | tuple) or not all(isinstance(c, Mapping) for c in listed):
            raise TypeError(
                f"{where}: {name!r} has to be a list of mappings; found {shown(listed)}"
            )
    return cells_of(values, include, exclude)

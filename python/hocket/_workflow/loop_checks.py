"""What is wrong with a loop that is plain from what is written: its items, its cells, its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

from .._base.errors import ExpressionError, UnresolvedReference
from .._base.mistakes import Keys, Mistakes
from .._base.shown import shown
from .._model.strategy import Quorum, WaitStrategy
from .cells import cells_of
from .context import WorkflowContext
from .loop import INDEX, MATRIX, ForEach, Matrix
from .places import Places
from .templates import Template, as_text, is_late

__all__ = ["check_loops"]

# What a program makes is not written by hand: the run looks at it.
_MOST = 1_000
_PLAIN = (str, int, float, bool, type(None), dict, list, tuple)
_NEEDS_ONE = (WaitStrategy.ANY, WaitStrategy.RACE)

Items: TypeAlias = Sequence[Any]


def check_loops(places: Places, mistakes: Mistakes) -> None:
    """Refuse what can only fail in the run: too few items, keys that collide, cells that are none."""
    for place in places.sides:
        loop = places.steps[place].loop
        if isinstance(loop, ForEach | Matrix):
            around = places.variables(place)
            _Check(loop, (*places.keys(place), loop.kind), around, mistakes).all()


class _Check:
    def __init__(
        self, loop: ForEach | Matrix, keys: Keys, around: Iterable[str], mistakes: Mistakes
    ) -> None:
        self.loop = loop
        self.keys = keys
        self.mistakes = mistakes
        self.known = {*around, *loop.variables}
        """What a reference may begin with besides the roots there are everywhere."""
        try:
            self.template: Template | None = loop.template
        except ValueError:
            self.template = None  # nested too deep, which is reported

    def add(self, text: str, *more: str | int) -> None:
        self.mistakes.add((*self.keys, *more), text)

    def all(self) -> None:
        if isinstance(self.loop, Matrix):
            self.axes(self.loop)
        if (count := self.count()) is not None:
            self.need(count)
            self.same_for_all(count)
        if (items := self.items()) is not None:
            self.own_keys(items)

    @property
    def is_written(self) -> bool:
        """Whether nothing of it is worked out in the run."""
        found = self.template
        return found is not None and not (found.references or found.slips)

    def count(self) -> int | None:
        """How many items there will be, if that is written."""
        if isinstance(self.loop, Matrix):
            cells = self.items()
            return None if cells is None else len(cells)
        items = self.loop.items
        is_text = isinstance(items, str | bytes | bytearray)
        is_known = isinstance(items, Sequence | Mapping) and not is_text
        return len(items) if is_known else None

    def items(self) -> Items | None:
        """What it goes through, if that is plain values that are written out."""
        if not self.is_written or self.template is None:
            return None
        made = self.template.constant
        if isinstance(self.loop, ForEach):
            items = list(made.values()) if isinstance(made, dict) else made
            is_plain = isinstance(items, list | tuple) and len(items) <= _MOST
            return items if is_plain and all(type(item) in _PLAIN for item in items) else None
        axes = {name: made[name] for name in self.loop.axes}
        if not all(map(_is_list, made.values())) or prod(map(len, axes.values())) > _MOST:
            return None
        cells = [*made["include"], *made["exclude"]]
        if not all(isinstance(cell, Mapping) for cell in cells):
            return None
        return cells_of(axes, made["include"], made["exclude"])

    # --- how many

    def need(self, count: int) -> None:
        strategy = self.loop.passes.wait_strategy
        need = strategy.k if isinstance(strategy, Quorum) else int(strategy in _NEEDS_ONE)
        if count < need:
            items = "1 item" if need == 1 else f"{need:,} items"
            there = {0: "are none", 1: "is 1"}.get(count, f"are {count:,}")
            self.add(f"{strategy.value} needs {items}, and there {there}", "wait_strategy")

    # --- what they are called

    def same_for_all(self, count: int) -> None:
        key = self.key()
        if (
            key is None
            or count < 2
            or key.slips
            or self.names & {one.root for one in key.references}
        ):
            return
        if any(one.is_variable and one.root not in self.known for one in key.references):
            return  # which is reported
        name = MATRIX if isinstance(self.loop, Matrix) else self.loop.name
        text = f"the key is the same for all {count:,} items: refer to the item in it, ${name}"
        self.add(text, "key")

    @property
    def names(self) -> set[str]:
        """The names whose values are others in each pass."""
        return {*self.loop.variables}

    def key(self) -> Template | None:
        """What makes the key of an item, if a text does."""
        passes = self.loop.passes
        try:
            return None if passes.key is None or callable(passes.key) else passes.template
        except ValueError:
            return None

    def own_keys(self, items: Items) -> None:
        if self.loop.passes.key is None:
            self.default_keys(items)
            return
        key = self.key()
        if key is None or not {one.root for one in key.references} & self.names:
            return
        if key.slips or not {one.root for one in key.references} <= self.names:
            return  # what else it refers to is known in the run
        made: dict[str, int] = {}
        for index, item in enumerate(items):
            name = self.key_of(key, index, item)
            if name is None:
                return
            if (first := made.setdefault(name, index)) != index:
                self.add(_twice(name, first, index), "key")
                return

    def key_of(self, key: Template, index: int, item: Any) -> str | None:
        """The key of an item; None if it has none, which is a mistake."""
        name = MATRIX if isinstance(self.loop, Matrix) else self.loop.name
        seen = WorkflowContext().inside({name: item, INDEX: index}, apart=False)
        try:
            value = key.resolve(seen)
        except (UnresolvedReference, ExpressionError) as error:
            self.add(f"item {index}: {error}", "key")
            return None
        text = as_text(value)
        if value is None or not text:
            self.add(
                f"a key is a text that is not empty; that of item {index} is {shown(value)}", "key"
            )
            return None
        return text

    def default_keys(self, items: Items) -> None:
        """Those of a matrix are made of the values of a cell."""
        if not isinstance(self.loop, Matrix):
            return
        made: dict[str, int] = {}
        added = len(items) - len(self.loop.include)
        for index, cell in enumerate(items):
            name = ", ".join(map(as_text, cell.values()))
            if (first := made.setdefault(name, index)) == index:
                continue
            if index >= added:
                text = f"there is a cell {name!r} already: include adds cells, and changes none"
                self.add(text, "include", index - added)
            else:
                self.add(_twice(name, first, index))
            return

    # --- what is left out

    def axes(self, loop: Matrix) -> None:
        """Look at what is left out."""
        listed: Items = loop.exclude if _is_list(loop.exclude) else ()
        for index, cell in enumerate(listed):
            if not isinstance(cell, Mapping):
                continue
            if not cell:
                self.add("this leaves out every cell: name at least one value", "exclude", index)
            for name, value in cell.items():
                if why := self.leaves_nothing_out(loop.axes, name, value):
                    self.add(why, "exclude", index, name)

    def leaves_nothing_out(self, axes: Mapping[str, Any], name: Any, value: Any) -> str | None:
        if name not in axes:
            near = self.mistakes.near(name, axes)
            return f"the matrix has no {shown(name)}, so that this leaves nothing out{near}"
        values = axes[name]
        if not _is_list(values) or any(map(is_late, (value, *values))):
            return None
        if not all(type(one) in _PLAIN for one in (value, *values)) or value in values:
            return None
        written = {as_text(one): one for one in values}
        near = self.mistakes.near(as_text(value), written, lambda text: shown(written[text]))
        return f"no value of {name!r} is {shown(value)}, so that this leaves nothing out{near}"


def _twice(name: str, *items: int) -> str:
    both = " and ".join(map(str, items))
    return f"the key {name!r} belongs to more than one item ({both}); give each its own key"


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)

"""From the entries of a loop to the model, as far as they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .._base.mistakes import Keys
from .._base.suggestions import did_you_mean
from .._workflow.block import Block
from .._workflow.loop import ForEach, Loop, Matrix, Passes, Repeat
from .findings import Findings
from .values import MISTAKEN, found

__all__ = ["LOOPS", "TEMPLATES", "build_loop", "build_template"]

LOOPS = ("for_each", "matrix", "repeat")
TEMPLATES = ("step", "steps", "sequence")
"""What stands beside one of these: what it does each time."""


# Stands for values that cannot be read: what they will be is not known, as of any reference.
_UNKNOWN = "$context"


class _Builder(Protocol):
    """What builds the steps in a loop."""

    @property
    def findings(self) -> Findings: ...
    def template_step(self, entry: Any, loop: str, keys: Keys) -> Any: ...
    def members(self, entries: list[Any], keys: Keys) -> list[Any]: ...
    def fail_fast(self, entry: Any, keys: Keys) -> bool: ...
    def rate(self, entry: Any, keys: Keys) -> Any: ...


def build_loop(builder: _Builder, entry: Any, kind: str, id_: str, keys: Keys) -> Loop | None:
    """Build the loop of a step, of what can be read of it; None if that is too little.

    It has stand-ins for the rest, so that what its steps refer to can be checked.
    """
    block = build_template(builder, entry, kind, id_, keys) or Block("steps", ())
    inner, keys = getattr(entry, kind), (*keys, kind)
    if inner is MISTAKEN:
        return None
    reader = _Reader(builder, inner, keys)
    makers = {"for_each": reader.for_each, "matrix": reader.matrix, "repeat": reader.repeat}
    return makers[kind](block)


def build_template(builder: _Builder, entry: Any, kind: str, id_: str, keys: Keys) -> Block | None:
    """Build what a loop does each time."""
    given = builder.findings.written(entry, TEMPLATES, keys)
    key = builder.findings.spelling.key
    if len(given) != 1:
        others = "'step', 'steps' or 'sequence'"
        text = f"{key(kind)!r} needs {others} beside it: what it does each time"
        if given:
            text = f"{key(kind)!r} needs one of {others} beside it; found {' and '.join(map(repr, given))}"
        builder.findings.add((*keys, kind), text, is_key=True)
        if not given:
            return None
    name = given[0]
    value, here = getattr(entry, name), (*keys, name)
    if value is MISTAKEN:
        return None
    if name == "step":
        return Block(name, (builder.template_step(value, id_, here),))
    if not value:
        builder.findings.add(here, f"{name!r} needs at least one step")
        return None
    return Block(name, tuple(builder.members(value, here)))


class _Reader:
    def __init__(self, builder: _Builder, entry: Any, keys: Keys) -> None:
        self.builder = builder
        self.findings = builder.findings
        self.entry = entry
        self.keys = keys

    def passes(self) -> Passes:
        entry = self.entry
        settings = {
            name: getattr(entry, name)
            for name in ("key", "max_concurrent", "wait_strategy", "continue_on_error")
        }
        rate = self.builder.rate(entry.rate, (*self.keys, "rate"))
        fail_fast = self.builder.fail_fast(entry, self.keys)
        known = {name: one for name, one in settings.items() if one not in (None, MISTAKEN)}
        return Passes("", fail_fast=fail_fast, rate=rate, **known)

    def add(self, text: str, *more: str | int) -> None:
        self.findings.add((*self.keys, *more), text)

    def for_each(self, block: Block) -> ForEach | None:
        entry, passes = self.entry, self.passes()
        items = entry.in_
        if items is None:
            self.add("'in' is needed: a list, or a reference to one")
        elif items is not MISTAKEN and not _is_list(items) and not isinstance(items, Mapping):
            self.add(f"expected a list, or a reference to one; found {found(items)}", "in_")
            items = None
        if entry.as_ is MISTAKEN:
            return None  # what its steps call an item is not known
        name = "item" if entry.as_ is None else entry.as_
        return ForEach(_UNKNOWN if items in (None, MISTAKEN) else items, name, passes, block)

    def matrix(self, block: Block) -> Matrix:
        entry, passes = self.entry, self.passes()
        axes = {} if entry.axes is None else entry.axes
        right = {
            name: values if self._is_axis(name, values) else _UNKNOWN
            for name, values in axes.items()
        }
        right = {name: values for name, values in right.items() if isinstance(name, str)}
        cells = [self._cells(name, getattr(entry, name)) for name in ("include", "exclude")]
        if not axes and not entry.include:
            self.add("a matrix needs names with their values: os: [linux, mac]")
            return Matrix({}, _UNKNOWN, [], passes, block)
        return Matrix(right, cells[0], cells[1], passes, block)

    def _is_axis(self, name: Any, values: Any) -> bool:
        if not isinstance(name, str):
            self.add(f"expected a name as text; found {found(name)}")
            return False
        if not _is_list(values) or values == []:
            near = did_you_mean(name, ("include", "exclude", "max_concurrent", "wait_strategy"))
            text = f"expected a list of values, or a reference to one; found {found(values)}{near}"
            self.add("expected at least one value" if values == [] else text, name)
            return False
        return True

    def _cells(self, name: str, cells: Any) -> Any:
        if cells is None:
            return []
        if cells is MISTAKEN or not _is_list(cells):
            self.add(f"expected a list of mappings; found {found(cells)}", name)
            return _UNKNOWN
        for index, cell in enumerate(cells if isinstance(cells, list | tuple) else ()):
            if not isinstance(cell, Mapping):
                self.add(f"expected a mapping of names to values; found {found(cell)}", name, index)
                return _UNKNOWN
        return cells

    def repeat(self, block: Block) -> Repeat:
        entry = self.entry
        if entry.until is None:
            self.add("'until' is needed: the condition that ends it")
        given = {name: getattr(entry, name) for name in ("until", "delay", "max")}
        known = {name: None if one is MISTAKEN else one for name, one in given.items()}
        until = True if known["until"] is None else known["until"]
        return Repeat("", block, **{**known, "until": until})


def _is_list(value: Any) -> bool:
    if isinstance(value, str):
        return "$" in value
    return isinstance(value, list | tuple)

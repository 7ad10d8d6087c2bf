"""Loops: the same steps for every item of a list, for every cell of a matrix, or until something holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from .._base.callables import check_call, is_async_callable
from .._base.checks import check_flag, check_id
from .._base.iterables import as_tuple
from .._base.mistakes import Keys
from .._base.shown import shown
from .._model.group import check_patience
from .._model.rate import Rate, check_rate
from .._model.strategy import Strategy, parse_strategy
from .block import Block
from .computed import Computed, CountLike, count_or_computed, wait_or_computed
from .conditions import Condition, make_condition
from .context import WorkflowContext
from .syntax import ALL_ROOTS, VARIABLE
from .templates import Template, compile_template

__all__ = ["INDEX", "MATRIX", "ForEach", "Loop", "Matrix", "Passes", "Repeat", "check_name"]

INDEX, MATRIX = "index", "matrix"
_RESERVED = (*ALL_ROOTS, INDEX, MATRIX)

Text: TypeAlias = Computed | Condition | Template
Texts: TypeAlias = Iterator[tuple[Keys, Callable[[], Text]]]


def check_name(value: Any) -> str:
    """Check what a loop calls its item.

    Raises:
        ValueError: a reference cannot begin with it, or begins with it already.
    """
    if not isinstance(value, str) or not VARIABLE.fullmatch(value):
        raise ValueError(
            f"expected a name of letters, digits and _, such as user; found {shown(value)}"
        )
    if value in _RESERVED:
        raise ValueError(f"${value} is taken: choose another name than {value!r}")
    return str.__str__(value)


@attrs.frozen(init=False)
class Passes:
    """How the passes of a loop run side by side, and when it is decided."""

    key: Any
    max_concurrent: int | Computed | None
    wait_strategy: Strategy
    fail_fast: bool
    continue_on_error: bool
    rate: Rate | None

    def __init__(
        self,
        where: str,
        *,
        key: Any = None,
        max_concurrent: CountLike | Computed | None = None,
        wait_strategy: Any = "all",
        fail_fast: bool = True,
        continue_on_error: bool = False,
        rate: Rate | None = None,
    ) -> None:
        if callable(key):
            _check_function(f"{where}key", key, "item")
        elif key is not None and not isinstance(key, str):
            raise TypeError(
                f"{where}key must be a text with references, or a function of an item; got {shown(key)}"
            )
        strategy = parse_strategy(wait_strategy)
        check_flag(f"{where}fail_fast", fail_fast)
        check_flag(f"{where}continue_on_error", continue_on_error)
        if not fail_fast:
            check_patience(where, strategy, continue_on_error)
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            key,
            count_or_computed(f"{where}max_concurrent", max_concurrent),
            strategy,
            fail_fast,
            continue_on_error,
            check_rate(f"{where}rate", rate),
        )

    @cached_property
    def template(self) -> Template:
        """The key with its references found."""
        return compile_template(None if callable(self.key) else self.key)

    def texts(self, loop: str) -> Texts:
        """What is worked out before there is a pass, and where it is written."""
        if isinstance(most := self.max_concurrent, Computed):
            yield (loop, "max_concurrent"), lambda: most

    def at_once(self, context: WorkflowContext) -> int | None:
        """How many passes may run at once.

        Raises:
            ExpressionError: it cannot be worked out.
        """
        most = self.max_concurrent
        return most.value(context) if isinstance(most, Computed) else most


def _check_function(where: str, function: Any, takes: str) -> None:
    if is_async_callable(function):
        raise TypeError(
            f"{where} must be an ordinary function of the {takes}, which nobody awaits; "
            f"{function!r} is async"
        )
    check_call(where, function, takes)


def _listed(where: str, values: Any) -> Any:
    if isinstance(values, str):
        return values  # a reference to a list
    return as_tuple(where, "a list, or a text that refers to one", values)


@attrs.frozen(eq=False)
class ForEach:
    """``for_each``: the same for every item of a list."""

    items: Any
    """A list or a mapping, a text that refers to one, or a function of the context."""
    name: str
    """What an item is called: ``$item``."""
    passes: Passes
    block: Block
    kind: str = attrs.field(default="for_each", init=False)

    @property
    def variables(self) -> dict[str, Sequence[str] | None]:
        """The names that its steps may refer to, and the keys of each as far as they are known."""
        return {self.name: None, INDEX: None}

    @cached_property
    def template(self) -> Template:
        """What it goes through, with its references found."""
        return compile_template(None if callable(self.items) else self.items)

    def texts(self) -> Texts:
        """What is worked out before there is a pass, and where it is written."""
        yield ("for_each", "in"), lambda: self.template
        yield from self.passes.texts("for_each")

    def inner_texts(self) -> Texts:
        """What is worked out for each pass, and where it is written."""
        yield ("for_each", "key"), lambda: self.passes.template


@attrs.frozen(eq=False)
class Matrix:
    """``matrix``: the same for every combination of values."""

    axes: Mapping[str, Any]
    """For each name its values: a list, or a text that refers to one."""
    include: Any
    """Cells besides."""
    exclude: Any
    """What cells to leave out: mappings of some names to values."""
    passes: Passes
    block: Block
    kind: str = attrs.field(default="matrix", init=False)

    @classmethod
    def of(
        cls, where: str, axes: Any, include: Any, exclude: Any, passes: Passes, block: Block
    ) -> Matrix:
        """Check what a matrix is made of.

        Raises:
            TypeError, ValueError: it is not what it has to be; the message says where.
        """
        if not isinstance(axes, Mapping):
            raise TypeError(f"{where}axes must be a mapping of names to lists; got {shown(axes)}")
        made: dict[str, Any] = {}
        for name, values in axes.items():
            if name in ("include", "exclude"):
                raise ValueError(f"{where}{name!r} is no name for values: pass {name}=...")
            made[check_id(f"{where}a name in axes", name, blank=False)] = _listed(
                f"{where}axes[{name!r}]", values
            )
        if not made and not include:
            raise ValueError(f"{where}axes needs at least one name, or include a cell")
        named = (("include", include), ("exclude", exclude))
        lists = [_listed(f"{where}{name}", cells) for name, cells in named]
        return cls(made, lists[0], lists[1], passes, block)

    @property
    def variables(self) -> dict[str, Sequence[str] | None]:
        """The names that its steps may refer to, and the keys of each as far as they are known."""
        cells = self.include if isinstance(self.include, list | tuple) else [self.include]
        if not all(isinstance(cell, Mapping) for cell in cells):
            return {MATRIX: None, INDEX: None}
        return {MATRIX: [*dict.fromkeys([*self.axes, *(k for c in cells for k in c)])], INDEX: None}

    @cached_property
    def template(self) -> Template:
        """All of it, with its references found."""
        return compile_template(
            {**self.axes, "include": self.include, "exclude": self.exclude},
        )

    def texts(self) -> Texts:
        """What is worked out before there is a pass, and where it is written."""
        yield ("matrix",), lambda: self.template
        yield from self.passes.texts("matrix")

    def inner_texts(self) -> Texts:
        """What is worked out for each pass, and where it is written."""
        yield ("matrix", "key"), lambda: self.passes.template


@attrs.frozen(eq=False, init=False)
class Repeat:
    """``repeat``: the same again, one pass after the other, until a condition holds."""

    until: Condition
    delay: float | Computed | None
    """Seconds between two passes."""
    max: int | Computed | None
    block: Block
    kind: str = attrs.field(default="repeat", init=False)

    def __init__(self, where: str, block: Block, *, until: Any, delay: Any, max: Any) -> None:
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            make_condition(f"{where}until", until),
            wait_or_computed(f"{where}delay", delay),
            count_or_computed(f"{where}max", max),
            block,
        )

    @property
    def variables(self) -> dict[str, Sequence[str] | None]:
        """The names that its steps may refer to, and the keys of each as far as they are known."""
        return {INDEX: None}

    def texts(self) -> Texts:
        """What is worked out before there is a pass, and where it is written."""
        if isinstance(most := self.max, Computed):
            yield ("repeat", "max"), lambda: most

    def inner_texts(self) -> Texts:
        """What is worked out for each pass, and where it is written."""
        yield ("repeat", "until"), lambda: self.until
        if isinstance(delay := self.delay, Computed):
            yield ("repeat", "delay"), lambda: delay

    def most(self, context: WorkflowContext) -> int | None:
        """How many passes there may be.

        Raises:
            ExpressionError: it cannot be worked out.
        """
        return self.max.value(context) if isinstance(self.max, Computed) else self.max

    def wait(self, context: WorkflowContext) -> float:
        """For how long to wait after a pass that has this context.

        Raises:
            ExpressionError: it cannot be worked out.
        """
        delay = self.delay.value(context) if isinstance(self.delay, Computed) else self.delay
        return delay or 0.0


Loop: TypeAlias = ForEach | Matrix | Repeat

"""A choice between sides, each of them a graph of steps of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from .._base.iterables import as_tuple
from .._base.mistakes import Keys
from .._base.shown import shown
from .conditions import Condition, ConditionLike, make_condition
from .context import WorkflowContext
from .operators import Mismatch, same
from .sides import Members, Side, as_members
from .templates import Template, compile_template, is_late

__all__ = ["Branch", "BranchResult", "IfBranch", "SwitchBranch", "SwitchCase"]

# What has no methods of its own.
_PLAIN = (str, int, float, bool, type(None))


@attrs.frozen
class BranchResult:
    """What a branch has come to: the value of its step."""

    taken: str | None
    """The side that was taken: ``"then_steps"``, ``"else_steps"``, ``"cases[0]"``, ``"default_steps"``;
    None if there was none to take."""
    results: dict[str, Any] = attrs.field(repr=shown)
    """The value of every step of that side that succeeded, by its id."""


@attrs.frozen(init=False)
class IfBranch:
    """Two sides, of which a condition takes one.

    Args:
        condition: an expression, or a function of the context.
        then_steps: the side that is taken when it holds: steps, or ids of steps of the workflow. They
            are a graph: steps depend on each other with ``depends_on``.
        else_steps: the side that is taken when it does not. Default: none.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> IfBranch("$results.count > 5", ["archive"]).condition
    '$results.count > 5'
    """

    condition: ConditionLike
    then_steps: tuple[Any, ...]
    else_steps: tuple[Any, ...]
    _compiled: Condition = attrs.field(repr=False, eq=False)

    def __init__(
        self, condition: ConditionLike, then_steps: Members, else_steps: Members = ()
    ) -> None:
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            condition,
            as_members("then_steps", then_steps),
            as_members("else_steps", else_steps),
            make_condition("condition", condition),
        )

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides, in the order in which they are written."""
        return (
            Side(("branch", "then_steps"), self.then_steps),
            Side(("branch", "else_steps"), self.else_steps),
        )

    def take(self, context: WorkflowContext) -> int | None:
        """Choose a side, by its place among the sides; None if there is none."""
        return 0 if self._compiled.holds(context) else 1

    def texts(self) -> Iterator[tuple[Keys, Condition | Template]]:
        """What may refer to steps, and where."""
        yield ("condition",), self._compiled


def _steps_of_case(steps: Members) -> tuple[Any, ...]:
    return as_members("steps", steps)


@attrs.frozen
class SwitchCase:
    """One side of a :class:`SwitchBranch`.

    Args:
        value: what the expression must be, strictly equal, for this side to be taken.
        steps: the side: steps, or ids of steps of the workflow.

    >>> SwitchCase("eu", ["ask_frankfurt"]).value
    'eu'
    """

    value: Any
    steps: tuple[Any, ...] = attrs.field(converter=_steps_of_case)

    @cached_property
    def template(self) -> Template:
        """The value with its references found."""
        return compile_template(self.value)


@attrs.frozen(init=False)
class SwitchBranch:
    """Sides, of which the value of an expression takes one: the first case that is strictly equal.

    Args:
        expression: an expression, or a function of the context.
        cases: :class:`SwitchCase` objects.
        default_steps: the side that is taken when no case is equal. Default: none.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> SwitchBranch("$context.region", [SwitchCase("eu", ["ask_frankfurt"])]).default_steps
    ()
    """

    expression: ConditionLike
    cases: tuple[SwitchCase, ...]
    default_steps: tuple[Any, ...]
    _compiled: Condition = attrs.field(repr=False, eq=False)

    def __init__(
        self,
        expression: ConditionLike,
        cases: Iterable[SwitchCase],
        default_steps: Members = (),
    ) -> None:
        listed = as_tuple("cases", "a list of SwitchCase objects", cases)
        for index, case in enumerate(listed):
            if not isinstance(case, SwitchCase):
                raise TypeError(
                    f"cases must hold SwitchCase objects; cases[{index}] is {shown(case)}"
                )
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]
            expression,
            listed,
            as_members("default_steps", default_steps),
            make_condition("expression", expression),
        )

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides, in the order in which they are written."""
        cases = (
            Side(("branch", "cases", n, "steps"), case.steps) for n, case in enumerate(self.cases)
        )
        return *cases, Side(("branch", "default_steps"), self.default_steps)

    def take(self, context: WorkflowContext) -> int | None:
        """Choose a side, by its place among the sides; None if there is none."""
        value = self._compiled.value(context)
        for index, case in enumerate(self.cases):
            try:
                if same(value, case.template.resolve(context)):
                    return index
            except Mismatch as error:
                raise ValueError(f"cases[{index}].value: {error}") from None
        return len(self.cases)

    def never_taken(self) -> Iterator[tuple[int, int]]:
        """The cases with the value of an earlier one, and which that is."""
        seen: dict[tuple[bool, Any], int] = {}
        for index, case in enumerate(self.cases):
            if type(case.value) not in _PLAIN or is_late(case.value):
                continue
            value = case.template.constant
            first = seen.setdefault((type(value) is bool, value), index)
            if first != index:
                yield index, first

    def texts(self) -> Iterator[tuple[Keys, Condition | Template]]:
        """What may refer to steps, and where."""
        yield ("expression",), self._compiled
        for index, case in enumerate(self.cases):
            yield ("cases", index, "value"), case.template


Branch: TypeAlias = IfBranch | SwitchBranch

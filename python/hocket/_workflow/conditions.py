"""What decides in a run: an expression, a function of the context, or a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from .._base.callables import check_call, is_async_callable
from .._base.errors import ExpressionError
from .._base.shown import shown
from .context import WorkflowContext
from .expressions import Expression, compile_expression
from .operators import is_true
from .references import Reference

__all__ = ["Condition", "ConditionLike", "make_condition"]

ConditionLike: TypeAlias = str | bool | Callable[[WorkflowContext], Any]


@attrs.frozen(eq=False)
class Condition:
    """What is worked out when a step's turn has come."""

    given: ConditionLike
    """As it was given: a text with an expression, a value, or a function of the context."""
    expression: Expression | None = None

    @property
    def text(self) -> str:
        """As messages show it; empty for a function."""
        if self.expression is not None:
            return self.expression.text
        return "" if callable(self.given) else str(self.given).lower()

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it refers to, as far as that is known before the run."""
        return () if self.expression is None else self.expression.references

    def value(self, context: WorkflowContext) -> Any:
        """Work it out."""
        if self.expression is not None:
            return self.expression.value(context)
        return self.given(context) if callable(self.given) else self.given

    def holds(self, context: WorkflowContext) -> bool:
        """Work it out, and say whether it is true: as JavaScript sees it, or Python of a function."""
        value = self.value(context)
        return bool(value) if callable(self.given) else is_true(value)


def make_condition(where: str, given: Any) -> Condition:
    """Check what decides.

    Args:
        where: what messages call it.
        given: a text with an expression, True or False, or an ordinary function of the context.

    Raises:
        TypeError: it is something else.
        ExpressionError: the text is no expression.
    """
    if isinstance(given, str):
        try:
            return Condition(given, compile_expression(str.__str__(given), has_variables=True))
        except ExpressionError as error:
            error.add_note(f"in {where}")
            raise
    if isinstance(given, bool):
        return Condition(given)
    if not callable(given):
        raise TypeError(
            f"{where} must be an expression as text, True or False, or a function of the context; "
            f"got {shown(given)}"
        )
    if is_async_callable(given):
        raise TypeError(
            f"{where} must be an ordinary function of the context, which nobody awaits; "
            f"{given!r} is async: let a step before this one get what it waits for"
        )
    check_call(where, given, "context")
    return Condition(given)

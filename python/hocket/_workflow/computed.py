"""Limits that are worked out in the run: time limits, and how many steps run at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, TypeAlias, TypeVar

import attrs

from .._base.callables import check_call, is_async_callable
from .._base.checks import check_count
from .._base.durations import Seconds, check_seconds
from .._base.errors import ExpressionError, UnresolvedReference
from .._base.mistakes import Keys
from .._base.shown import shown
from .._model.group import ParallelGroup
from .context import WorkflowContext
from .expressions import Expression, compile_expression
from .references import Reference
from .syntax import Slip
from .templates import Template, compile_template

__all__ = [
    "Computed",
    "CountLike",
    "LimitLike",
    "changed",
    "count_or_computed",
    "group_in_run",
    "group_limits",
    "is_reference",
    "seconds_or_computed",
    "wait_or_computed",
    "work_out",
    "written",
]

LimitLike: TypeAlias = Seconds | str | Callable[[WorkflowContext], Seconds]
"""A time limit: seconds, an expression as text (``"$context.patience"``), or a function of the context."""
CountLike: TypeAlias = float | str | Callable[[WorkflowContext], float]
"""How many at once: a number, an expression as text, or a function of the context."""

C = TypeVar("C")

Read: TypeAlias = Callable[[Any], Any]


@attrs.frozen(eq=False)
class Computed:
    """A limit that is worked out as it begins to count."""

    given: Expression | Template | Callable[[WorkflowContext], Any]
    read: Read
    """Checks what comes out, and makes a limit of it."""
    text: str = ""
    """As it was written; empty for a function."""

    @classmethod
    def of(cls, text: str, read: Read, *, may_be_text: bool = False) -> Computed:
        """Read an expression: ``$context.patience`` or ``${context.patience ?? 30}``.

        Args:
            text: the expression.
            read: checks what comes out.
            may_be_text: whether it may also be a text with references in it: ``${context.patience}s``.

        Raises:
            ExpressionError: it is none.
        """
        text = str.__str__(text)
        braces = text.count("${")
        if braces and not (braces == 1 and text.startswith("${") and text.endswith("}")):
            if may_be_text:
                return cls(compile_template(text), read, text)
            inner = text.partition("${")[2].partition("}")[0]
            raise ExpressionError(text, 1, f"write one value, with no text around it: ${inner}")
        plain = f"${text[2:-1]}" if braces else text
        expression = compile_expression(plain, absent_is_null=False, has_variables=True)
        return cls(expression, read, text)

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it refers to, as far as that is known before the run."""
        return self.given.references if isinstance(self.given, Expression | Template) else ()

    @property
    def slips(self) -> tuple[tuple[Keys, Slip], ...]:
        """What looks like a reference and is none."""
        return self.given.slips if isinstance(self.given, Template) else ()

    def value(self, context: WorkflowContext) -> Any:
        """Work it out.

        Raises:
            ExpressionError: what comes out is no such limit, or nothing does.
        """
        if isinstance(self.given, Template):
            value = self._text(context, self.given)
        elif isinstance(self.given, Expression):
            value = self.given.value(context)
        else:
            return self.read(self.given(context))
        try:
            return self.read(value)
        except (TypeError, ValueError) as error:
            raise ExpressionError(self.text, 1, str(error)) from None

    def _text(self, context: WorkflowContext, template: Template) -> Any:
        try:
            return template.resolve(context)
        except UnresolvedReference as error:
            raise ExpressionError(self.text, 1, str(error)) from None


def seconds_or_computed(where: str, given: Any) -> float | Computed | None:
    """Check a time limit, or what works one out.

    Raises:
        TypeError, ValueError: it is neither; the message says where.
    """
    if given is None or not _is_computed(given):
        return check_seconds(where, given)
    return _computed(where, given, lambda value: check_seconds(where, _some(where, value)))


def wait_or_computed(where: str, given: Any) -> float | Computed | None:
    """Check a time to wait, which may be 0, or what works one out.

    Raises:
        TypeError, ValueError: it is neither; the message says where.
    """

    def read(value: Any) -> float | None:
        is_none = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
        return 0.0 if is_none else check_seconds(where, _some(where, value))

    if given is None:
        return None
    return _computed(where, given, read) if _is_computed(given) else read(given)


def count_or_computed(where: str, given: Any) -> int | Computed | None:
    """Check how many may run at once, or what works that out.

    Raises:
        TypeError, ValueError: it is neither; the message says where.
    """
    if given is None or not _is_computed(given):
        return check_count(where, given)
    return _computed(where, given, lambda value: check_count(where, _some(where, value)))


def group_limits(
    where: str, max_concurrent: Any, timeout: Any, step_timeout: Any
) -> dict[str, Any]:
    """Check the limits of a group, each of which may be worked out."""
    return {
        "max_concurrent": count_or_computed(f"{where}max_concurrent", max_concurrent),
        "timeout": seconds_or_computed(f"{where}timeout", timeout),
        "step_timeout": seconds_or_computed(f"{where}step_timeout", step_timeout),
    }


def written(limit: Any) -> Any:
    """Return a limit as it is written; None if it is worked out."""
    return None if isinstance(limit, Computed) else limit


def work_out(step: Any, limits: Mapping[str, Any]) -> None:
    """Have a step that is just being made work out those of its limits that are not written."""
    computed = {name: one for name, one in limits.items() if isinstance(one, Computed)}
    if computed:
        object.__setattr__(step, "limits", {**step.limits, **computed})


def group_in_run(step: Any, context: WorkflowContext) -> ParallelGroup[Any]:
    """Return the group of a step with the limits that it has in a run.

    Raises:
        ExpressionError: one cannot be worked out.
    """
    group: ParallelGroup[Any] = step.group
    named = [name for name in step.limits if name.startswith("group.")]
    if not named:
        return group
    values = {name: step.limits[name].value(context) for name in named}
    return changed(group, {name.removeprefix("group."): value for name, value in values.items()})


def changed(frozen: C, values: Mapping[str, Any]) -> C:
    """Return a copy with other values, which have been checked; all else that is known of it stays."""
    made = copy(frozen)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def is_reference(given: Any) -> bool:
    """Whether a text is what works a limit out, and not the limit."""
    return isinstance(given, str) and "$" in given


def _is_computed(given: Any) -> bool:
    return isinstance(given, Computed) or callable(given) or is_reference(given)


def _computed(where: str, given: Any, read: Read) -> Computed:
    if isinstance(given, Computed):
        return given
    if isinstance(given, str):
        try:
            return Computed.of(given, read)
        except ExpressionError as error:
            error.add_note(f"in {where}")
            raise
    if is_async_callable(given):
        raise TypeError(
            f"{where} must be an ordinary function of the context, which nobody awaits; "
            f"{given!r} is async"
        )
    check_call(where, given, "context")
    return Computed(given, read)


def _some(where: str, value: Any) -> Any:
    """Refuse nothing: no limit is to be meant, not to be come by."""
    if value is None:
        raise ValueError(
            f"{where} came to {shown(value)}: give it a default (write ?? and a value behind it), or "
            "inf for no limit"
        )
    return value

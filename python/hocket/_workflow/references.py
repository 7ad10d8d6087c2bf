"""References: ``$results.fetch.users``, and what they lead to in a run.

How they are written is in ``syntax``.
"""

from __future__ import annotations

import os
from typing import Any

import attrs

from .._base.errors import UnresolvedReference
from .._base.mistakes import Keys
from .._base.shown import one_line, said
from .._base.suggestions import did_you_mean
from .context import WorkflowContext
from .ledger import explain
from .lookup import NotThere, contents, look_up
from .syntax import ALL_ROOTS, ROOTS_OF_STEPS, segment, written

__all__ = ["Reference", "resolve"]

_MOST_SHOWN = 8


@attrs.frozen
class Reference:
    """One reference, as it was written and where."""

    text: str
    """As it was written: ``$results.fetch.users``."""
    root: str
    """``results``, ``errors``, ``states``, ``context``, ``env``, ``run`` or ``now``; or the name of a
    variable, which only a loop has."""
    path: tuple[str, ...]
    """The keys after the root."""
    where: Keys = ()
    """Where in the input it stands."""
    optional: bool = False
    """Whether it may lead to nothing: it has a default, or stands in ``has()``."""
    column: int = 0
    """Of one in an expression: where it stands there, counted from 1."""
    expression: str = ""
    """The condition that it stands in."""

    def __call__(self, context: WorkflowContext) -> Any:
        return resolve(self, context)

    @property
    def step(self) -> str | None:
        """The id of the step that it refers to, if it does so."""
        return self.path[0] if self.path and self.root in ROOTS_OF_STEPS else None

    @property
    def is_variable(self) -> bool:
        """Whether its root is a name that only a loop can give a meaning."""
        return self.root not in ALL_ROOTS

    @property
    def may_be_text(self) -> bool:
        """Whether it is only text where its root has no meaning: ``$HOME``, but not ``${HOME}``."""
        return self.is_variable and not (self.path or self.column or self.text.startswith("${"))


def resolve(reference: Reference, context: WorkflowContext) -> Any:
    """Follow one reference.

    ``$errors.step`` is None for a step that did not fail.

    Raises:
        UnresolvedReference: it leads to nothing; the message says how far it got, and what is
            there.
    """
    if reference.root == "now":
        return context.now_text()
    if reference.is_variable and reference.root not in context.variables:
        return reference.text  # for somebody else: "$HOME"
    value: Any = _start(reference, context)
    path = reference.path
    if not path:
        # As it is now: what the run goes on to put into it is not for this step.
        return value if reference.is_variable else dict(value)
    if reference.root == "errors" and path[0] not in value:
        return None
    for depth, key in enumerate(path):
        try:
            value = look_up(value, key)
        except NotThere:
            reason = _why_not(reference, depth, value, context)
            raise UnresolvedReference(reference.text, reason) from None
        except Exception as error:
            reason = f"looking up {key!r} failed: {one_line(error)}"
            raise UnresolvedReference(reference.text, reason) from error
    return value


def _start(reference: Reference, context: WorkflowContext) -> Any:
    """What the keys are looked up in."""
    match reference.root:
        case "context":
            return context.values
        case "env":
            return os.environ
        case "run":
            return context.run_values
        case "states":
            # Only the one that is asked for: there may be very many.
            ids = context.states if reference.step is None else [reference.step]
            states = {id_: context.state_of(id_) for id_ in ids}
            return {id_: state.value for id_, state in states.items() if state is not None}
        case "results" | "errors" as root:
            return getattr(context, root)
        case name:
            return context.variables[name]


def _why_not(reference: Reference, depth: int, value: Any, context: WorkflowContext) -> str:
    key = reference.path[depth]
    if depth == 0 and reference.root == "results" and key in context.errors:
        return f"step {key!r} has no result, it failed: {said(context.errors[key])}"
    if depth == 0 and reference.root == "results" and context.state_of(key) is not None:
        return f"step {key!r} has no result: {explain(key, context)}"
    reached = written(reference.root, reference.path[:depth])
    try:
        names = contents(value)
        there = f"{_what_is_there(value, names)}{did_you_mean(key, names, segment)}"
    except Exception:  # noqa: BLE001 - somebody else's methods; it is only for the message
        there = f"it is of type {type(value).__name__}"
    return f"{reached} has no {key!r}; {there}"


def _what_is_there(value: Any, names: list[str]) -> str:
    if not names:
        return "it is empty" if isinstance(value, dict) else f"it is {_kind(value)}"
    shown = ", ".join(names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")
    return f"it has: {shown}" if isinstance(value, dict) else f"it is {_kind(value)}, with: {shown}"


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, list | tuple | str) and not hasattr(value, "_fields"):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"of type {type(value).__name__}"

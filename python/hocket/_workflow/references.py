"""References inside a step's input: ``$results.fetch.users``, found once, resolved every run.

A text that is one reference and nothing else keeps the type of the value; a reference inside a
longer text is interpolated. How they are written is in ``syntax``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

import attrs

from .._base.errors import UnresolvedReference
from .._base.mistakes import Keys
from .._base.shown import one_line, said
from .._base.suggestions import did_you_mean
from .context import WorkflowContext
from .lookup import NotThere, contents, look_up
from .syntax import Found, Slip, find, segment, written

__all__ = ["Reference", "Template", "compile_template", "resolve"]

_DEEPEST = 100
_MOST_SHOWN = 8
_SHOWN_AS_JSON = (bool, dict, list, tuple, date, time)

Part = str | Callable[[WorkflowContext], Any]


@attrs.frozen
class Reference:
    """One reference, as it was written and where."""

    text: str
    """As it was written: ``$results.fetch.users``."""
    root: str
    """``results``, ``errors``, ``context`` or ``now``."""
    path: tuple[str, ...]
    """The keys after the root."""
    where: Keys = ()
    """Where in the input it stands."""

    def __call__(self, context: WorkflowContext) -> Any:
        return resolve(self, context)


@attrs.frozen
class Template:
    """An input with its references found. One without any is handed out as it is, uncopied."""

    constant: Any
    references: tuple[Reference, ...] = ()
    slips: tuple[tuple[Keys, Slip], ...] = ()
    """What looks like a reference and is none, and where."""
    _render: Callable[[WorkflowContext], Any] | None = None

    def resolve(self, context: WorkflowContext) -> Any:
        """The input with every reference replaced by what it leads to.

        Raises:
            UnresolvedReference: a reference leads to nothing.
        """
        return self.constant if self._render is None else self._render(context)


def compile_template(value: Any) -> Template:
    """Find the references in a nested value of dicts, lists, tuples and text.

    Raises:
        ValueError: the value is nested more than 100 deep, or holds itself.

    >>> template = compile_template({"who": "$context.user", "text": "at $$5"})
    >>> template.resolve(WorkflowContext(values={"user": "ada"}))
    {'who': 'ada', 'text': 'at $5'}
    """
    compiler = _Compiler()
    constant, render = compiler.compile(value, ())
    return Template(constant, tuple(compiler.references), tuple(compiler.slips), render)


def resolve(reference: Reference, context: WorkflowContext) -> Any:
    """Follow one reference.

    ``$errors.step`` is None for a step that did not fail.

    Raises:
        UnresolvedReference: it leads to nothing; the message says how far it got, and what is
            there.
    """
    if reference.root == "now":
        return context.now_text()
    value: Any = context.values if reference.root == "context" else getattr(context, reference.root)
    path = reference.path
    if not path:
        return dict(value)  # as it is now: what the run goes on to put into it is not for this step
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


def _why_not(reference: Reference, depth: int, value: Any, context: WorkflowContext) -> str:
    key = reference.path[depth]
    if depth == 0 and reference.root == "results" and key in context.errors:
        return f"step {key!r} has no result, it failed: {said(context.errors[key])}"
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


class _Compiler:
    """Walks an input once; collects its references and builds what renders it.

    Every ``compile`` gives a pair: the value to use when it is constant, and a function that
    renders it, or None when it is constant.
    """

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.slips: list[tuple[Keys, Slip]] = []

    def compile(self, value: Any, where: Keys) -> tuple[Any, Callable[..., Any] | None]:
        if isinstance(value, str):
            return self._text(value, where) if "$" in value else (value, None)
        if not isinstance(value, dict | list | tuple) or not value:
            return value, None
        if len(where) >= _DEEPEST:
            raise ValueError(f"an input must not be nested more than {_DEEPEST} deep")
        if isinstance(value, dict):
            return self._mapping(value, where)
        return self._items(value, where)

    def _text(self, text: str, where: Keys) -> tuple[Any, Callable[..., Any] | None]:
        parts = [self._part(piece, where) for piece in find(text)]
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return text, parts[0]
        if not any(isinstance(part, Reference) for part in parts):
            return "".join(part for part in parts if isinstance(part, str)), None
        return text, lambda context: "".join([_render(part, context) for part in parts])

    def _part(self, piece: str | Found | Slip, where: Keys) -> Part:
        if isinstance(piece, Slip):
            self.slips.append((where, piece))
            return piece.text
        if isinstance(piece, str):
            return piece
        if not piece.root:
            return "$"
        reference = Reference(piece.text, piece.root, piece.path, where)
        self.references.append(reference)
        return reference

    def _mapping(self, value: dict[Any, Any], where: Keys) -> tuple[Any, Callable[..., Any] | None]:
        constant: dict[Any, Any] = {}
        dynamic: list[tuple[Any, Callable[..., Any]]] = []
        for key, item in value.items():
            constant[key], render = self.compile(item, (*where, key))
            if render is not None:
                dynamic.append((key, render))
        if not dynamic:
            return constant if _changed(constant.values(), value.values()) else value, None
        return value, lambda context: _fill(constant.copy(), dynamic, context)

    def _items(
        self, value: list[Any] | tuple[Any, ...], where: Keys
    ) -> tuple[Any, Callable[..., Any] | None]:
        constant: list[Any] = []
        dynamic: list[tuple[Any, Callable[..., Any]]] = []
        for index, item in enumerate(value):
            part, render = self.compile(item, (*where, index))
            constant.append(part)
            if render is not None:
                dynamic.append((index, render))
        as_type: Callable[[list[Any]], Any] = tuple if isinstance(value, tuple) else list
        if not dynamic:
            return as_type(constant) if _changed(constant, value) else value, None
        return value, lambda context: as_type(_fill(constant.copy(), dynamic, context))


def _changed(new: Any, old: Any) -> bool:
    return any(a is not b for a, b in zip(new, old, strict=True))


def _fill(target: Any, dynamic: list[tuple[Any, Callable[..., Any]]], context: Any) -> Any:
    for key, render in dynamic:
        target[key] = render(context)
    return target


def _as_text(value: Any) -> str:
    """A value inside a text: as it is in JSON, ``true`` or ``{"at": "2030-01-31"}``, or its own."""
    if isinstance(value, str):
        return value
    if value is not None and not isinstance(value, _SHOWN_AS_JSON):
        return str(value)
    import json  # only here, and every import of hocket would pay for it

    from .._base.jsonable import jsonable

    shown = jsonable(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def _render(part: Part, context: WorkflowContext) -> str:
    if isinstance(part, str):
        return part
    try:
        return _as_text(part(context))
    except UnresolvedReference:
        raise
    except Exception as error:
        text = part.text if isinstance(part, Reference) else repr(part)
        raise UnresolvedReference(text, f"it has no text: {one_line(error)}") from error

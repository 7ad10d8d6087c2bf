"""Values with references in them, such as a step's input: compiled once, filled in in every run.

A text that is one reference and nothing else keeps the type of the value, with a default behind
``??`` too; a reference inside a longer text is interpolated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import Any

import attrs

from .._base.errors import ExpressionError, UnresolvedReference
from .._base.mistakes import Keys
from .._base.shown import one_line
from .context import WorkflowContext
from .expressions import Expression, compile_expression
from .references import Reference
from .syntax import Found, Slip, find

__all__ = ["Template", "as_text", "compile_template", "is_late"]

_DEEPEST = 100
_SHOWN_AS_JSON = (bool, dict, list, tuple, date, time)
_WITH_DEFAULT = re.compile(r"\s*\$[A-Za-z][^?]*\?\?")

Part = str | Callable[[WorkflowContext], Any]


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


def is_late(value: Any) -> bool:
    """Whether a value, or something in it, is known only in the run."""
    try:
        template = compile_template(value)
    except ValueError:
        return True  # nested too deep, which is reported
    return bool(template.references or template.slips)


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
        if "??" in text and _begins_with_default(text):
            made = self._expression(text, where)
            return text, made.value if isinstance(made, Expression) else None
        parts = [self._part(piece, where) for piece in find(text, has_variables=True)]
        if len(parts) == 1 and not isinstance(parts[0], str):
            return text, parts[0]
        if all(isinstance(part, str) for part in parts):
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
        if piece.default:
            made = self._expression(f"${piece.text[2:-1]}", where)
            return made.value if isinstance(made, Expression) else piece.text
        reference = Reference(piece.text, piece.root, piece.path, where)
        self.references.append(reference)
        return reference

    def _expression(self, text: str, where: Keys) -> Expression | None:
        try:
            made = compile_expression(text, absent_is_null=False, has_variables=True)
        except ExpressionError as error:
            # The part of the text that a message can point at.
            found = text[error.column - 1 :].strip() or text
            self.slips.append((where, Slip(found, str(error))))
            return None
        self.references += [attrs.evolve(found, where=where) for found in made.references]
        return made

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


def as_text(value: Any) -> str:
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
        return as_text(part(context))
    except UnresolvedReference:
        raise
    except Exception as error:
        text = part.text if isinstance(part, Reference) else "a reference"
        raise UnresolvedReference(text, f"it has no text: {one_line(error)}") from error


def _begins_with_default(text: str) -> bool:
    """Whether a text is a reference with a default, and no sentence that has one in it."""
    return _WITH_DEFAULT.match(text) is not None and isinstance(
        next(find(text.strip(), has_variables=True)), Found
    )

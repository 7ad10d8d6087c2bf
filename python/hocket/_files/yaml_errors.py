"""What is said of a text that is no YAML: in the parser's words, and what to write instead."""

from __future__ import annotations

import yaml  # type: ignore[import-untyped,unused-ignore]

from .._base.mistakes import Mistake

__all__ = ["not_yaml", "strange_character"]


def not_yaml(text: str, error: yaml.YAMLError) -> Mistake:
    """The mistake for what the parser has refused."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Mistake((), f"not YAML: {error}")
    what = ", ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Mistake((), f"not YAML: {what}")
    context, problem = error.context or "", error.problem or ""
    opened = next((name for word, name in _OPENED.items() if word in context), None)
    if opened and error.context_mark and not text[mark.index :].strip():
        # The parser has looked for an end until the file's; what is to be mended stands before.
        mark, hint = error.context_mark, f"; {opened} that opens here is never closed"
    else:
        hint = _hint(text[mark.index : mark.index + 1], context, problem)
    return Mistake((), f"not YAML: {what}{hint}", line=mark.line + 1, column=mark.column + 1)


_OPENED = {"quoted scalar": "the quote", "flow sequence": "the '['", "flow mapping": "the '{'"}


def _hint(found: str, context: str, problem: str) -> str:
    """What to write, for the slips that people make."""
    if found == "\t":
        return "; indent with spaces, not with tabs"
    if "cannot start any token" in problem:
        return f"; put a text that begins with {found!r} in quotes"
    if "an alias" in context or "an anchor" in context:
        return "; put a text that begins with '*' or '&' in quotes"
    if "escape character" in problem:
        return "; write '\\\\' for a backslash, or put the text in single quotes"
    if "mapping values are not allowed" in problem:
        return "; put a text with ': ' in it in quotes, or mend the indentation"
    if "flow node" in context and not found.strip():
        return "; a '[' or '{' is never closed"
    if "parsing a flow" in context or ("block node" in context and found in ("]", "}")):
        return "; put a text with any of '[]{},' in it in quotes"
    if "expected ':'" in problem:
        return "; write 'key: value'"
    if "block mapping" in context or "block collection" in context:
        return "; what belongs together begins in one column, and nothing stands behind a closing quote"
    return ""


def strange_character(text: str, position: int) -> Mistake:
    """The mistake for a character that no YAML may hold."""
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    what = f"not YAML: the character U+{ord(text[position]):04X} is not allowed"
    return Mistake((), what, line=line, column=column)

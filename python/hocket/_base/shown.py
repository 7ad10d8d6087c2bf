"""Somebody else's objects as messages show them, whatever their methods raise."""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Callable
from typing import Any

__all__ = ["Escapes", "one_line", "said", "shown", "traceback_of", "visible", "visible_lines"]

# Of the base: a group's class may have made something else of it.
_message: Any = vars(BaseExceptionGroup)["message"].__get__

_BLANKS = re.compile("[ \\t\\r\\n]+")


class Escapes(dict[int, str]):
    """For ``str.translate``: every character that a terminal obeys, or does not show, as an escape.

    Those are control characters, line separators, marks of the direction of writing, what is
    invisible or has no meaning yet, and half characters; blanks of any width are none.
    """

    def __init__(self, escape: Callable[[str], str], keep: str = "") -> None:
        super().__init__({ord(char): char for char in keep})
        self._escape = escape

    def __missing__(self, code: int) -> str:
        char = chr(code)
        safe = char.isprintable() or unicodedata.category(char) == "Zs"
        self[code] = char if safe else self._escape(char)
        return self[code]


def _escape(char: str) -> str:
    return ascii(char)[1:-1]


_IN_A_LINE = Escapes(_escape)
_IN_LINES = Escapes(_escape, keep="\n\t")


def visible(text: str) -> str:
    r"""A text as one line that shows all of it, and does nothing to a terminal.

    >>> print(visible("\x1b[31mred\nnext"))
    \x1b[31mred\nnext
    """
    return text.translate(_IN_A_LINE)


def visible_lines(text: str) -> str:
    """The same for a text of several lines: ends of lines and tabs stay what they are."""
    return text.replace("\r\n", "\n").translate(_IN_LINES)


def shown(value: object) -> str:
    """The ``repr`` of a value; if that raises, what it is and what was raised.

    >>> shown("a")
    "'a'"
    """
    try:
        # Exact: a text of a subclass may have methods of its own, which f-strings would call.
        return str.__str__(repr(value))
    except Exception as broken:  # noqa: BLE001 - somebody else's __repr__; its failure is shown
        return f"<{type(value).__name__}; its repr failed: {type(broken).__name__}>"


def said(value: object) -> str:
    """The ``str`` of a value; if that raises, what was raised.

    >>> said(ValueError("no"))
    'no'
    """
    try:
        return str.__str__(str(value))
    except Exception as broken:  # noqa: BLE001 - somebody else's __str__; its failure is shown
        return f"(its text failed: {type(broken).__name__})"


def one_line(error: BaseException) -> str:
    r"""An exception in one line that is safe to print: ``Type: text``.

    >>> one_line(ValueError("two\nlines"))
    'ValueError: two lines'
    """
    is_group = issubclass(type(error), BaseExceptionGroup)
    text = said(_message(error) if is_group else error)
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return visible(" ".join(part for part in _BLANKS.split(line) if part))


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception as Python prints it, or at least the exception in one line."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - as above
        return f"{one_line(error)} (its traceback failed: {type(broken).__name__})\n"

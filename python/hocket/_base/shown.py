"""Somebody else's objects as messages show them, whatever their methods raise."""

from __future__ import annotations

import traceback
from typing import Any

__all__ = ["one_line", "said", "shown", "traceback_of"]

# Of the base: a group's class may have made something else of it.
_message: Any = vars(BaseExceptionGroup)["message"].__get__


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
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(line.split()))


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception as Python prints it, or at least the exception in one line."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - as above
        return f"{one_line(error)} (its traceback failed: {type(broken).__name__})\n"

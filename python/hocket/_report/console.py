"""A terminal to write to in colours."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from .._base.errors import MissingExtra
from .._base.shown import visible
from .output import Stream

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Line", "cells", "cut", "is_terminal", "make_console", "write_lines"]

Line: TypeAlias = list[tuple[str, str]]
"""Pieces of a line, each with its style."""


def is_terminal(stream: Stream) -> bool:
    """Whether the stream is a terminal that can do more than lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def make_console(stream: Stream) -> Console:
    """A rich console on a terminal.

    Raises:
        MissingExtra: rich is not installed.
    """
    try:
        from rich.console import Console
    except ModuleNotFoundError as error:
        what = "a report on a terminal needs rich (--json, and output to a file or pipe, do not)"
        raise MissingExtra(what, "cli") from error
    file: Any = stream
    # A width or height of 0 is what some programs say where they know none; rich would believe it.
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES") or v.strip("0")}
    return Console(file=file, highlight=False, emoji=False, markup=False, _environ=known)


def write_lines(lines: Iterable[Line], stream: Stream) -> None:
    """Write lines, in their styles on a terminal; whatever is in a piece, it stays in its line."""
    if not is_terminal(stream):
        for line in lines:
            stream.line("".join(visible(text) for text, _ in line).rstrip())
        return
    from rich.text import Text

    console = make_console(stream)
    for line in lines:
        # Text, not markup: a step may be named "[red]". The terminal wraps what is too long.
        text = Text.assemble(*((visible(text), style) for text, style in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def cells(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text
    )


def cut(text: str, width: int, *, wide: bool = True) -> str:
    """A text of at most so many columns: what is too long loses its middle, as ids differ there
    the least.

    >>> cut("fetch_customer_records_of_page_12", 20)
    'fetch_cust…f_page_12'
    """
    text = visible(text)
    if cells(text) <= width:
        return text
    mark = "…" if wide else "..."
    room = max(width - len(mark), 1)
    front, back = _front(text, room - room // 2), _front(text[::-1], room // 2)[::-1]
    return f"{front}{mark}{back}"


def _front(text: str, width: int) -> str:
    front = text[:width]
    while cells(front) > width:
        front = front[:-1]
    return front

"""A terminal to write to in colours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._base.errors import MissingExtra
from .output import Stream

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["is_terminal", "make_console"]


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

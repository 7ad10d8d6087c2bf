"""Standard output and error, kept for what hocket itself writes."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import IO

from .._report.output import Stream
from .._report.screen import Screen, printing_to

__all__ = ["kept_for_the_output"]


@contextlib.contextmanager
def kept_for_the_output() -> Iterator[tuple[Stream, Screen]]:
    """Keep standard output for the output, inside the block; give it, and standard error.

    Whatever else writes there gets to standard error: tools that print, as they are imported too,
    child processes, ``os.write(1, ...)``, and whoever has got hold of ``sys.stdout`` before.
    """
    _fill_gaps()
    screen = Screen(Stream(sys.stderr))
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(_moved(Stream(sys.stdout)))
        for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            stack.enter_context(redirect(printing_to(screen.write, screen.err)))
        yield out, screen


@contextlib.contextmanager
def _moved(out: Stream) -> Iterator[Stream]:
    """Give standard output another file descriptor, and its own to standard error."""
    file = out.file
    if file is None or out.raw is None or out.fileno() != 1:  # a caller has put another file there
        yield out
        return
    file.flush()
    with open(os.dup(1), "wb", buffering=0) as raw:  # noqa: PTH123 - it has no path
        os.dup2(2, 1)
        if isinstance(file, io.TextIOWrapper):
            file.reconfigure(line_buffering=True)  # in the order of what others write
        try:
            yield Stream(file, raw=raw)
        finally:
            _drain(file)
            os.dup2(raw.fileno(), 1)


def _drain(file: IO[str]) -> None:
    """Let nothing that was left in the buffer of ``sys.stdout`` get to the output in the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (2, nowhere):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(number, 1)
            file.flush()
            break
    os.close(nowhere)


def _fill_gaps() -> None:
    """Let no file that a tool opens become standard output or error by chance."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free

"""Where log lines, and what steps print, go while a workflow runs."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

from .._report.output import Stream

__all__ = ["logging_to_stderr", "redirected"]


@contextlib.contextmanager
def logging_to_stderr(level: int) -> Iterator[None]:
    """Send log lines to standard error, inside the block."""
    root = logging.getLogger()
    handler, before = _Handler(), root.level
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


@contextlib.contextmanager
def redirected(err: Stream) -> Iterator[None]:
    """Keep what steps print out of the output, and safe from a reader that leaves."""
    file: Any = err
    with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield


class _Handler(logging.Handler):
    """Writes to whatever is standard error at that moment: a live display takes its place."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")

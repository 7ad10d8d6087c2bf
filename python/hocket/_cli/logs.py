"""Where log lines go while tools are loaded and a workflow runs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from .._base.shown import one_line, shown
from .._report.screen import Screen

__all__ = ["logging_to"]


@contextlib.contextmanager
def logging_to(screen: Screen, level: int) -> Iterator[None]:
    """Show log lines, inside the block."""
    root = logging.getLogger()
    handler, before = _Handler(screen), root.level
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class _Handler(logging.Handler):
    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - a wrong call of the log fails no step
            text = (
                f"{record.levelname} {record.name}: a wrong log call in {record.pathname}, line "
                f"{record.lineno}: {one_line(error)}; message {shown(record.msg)}, "
                f"arguments {shown(record.args)}"
            )
        # What follows the first line must not look like a line of its own.
        self._screen.line(text.replace("\n", "\n    "))

"""A text stream that outlives its reader, and whatever else happens to it."""

from __future__ import annotations

import io
import os
import select
from typing import IO, Any

import attrs

from .._base.shown import visible, visible_lines

__all__ = ["Stream", "terminal_width"]


@attrs.define(eq=False)
class Stream:
    """Standard output or error, for a reader that may leave (``| head``).

    Nothing that happens to it raises: after a failure (the reader has left, the disk is full, the
    terminal is closed) what is written goes nowhere, and the run goes on. What the stream's
    encoding lacks is written as an escape.
    """

    file: IO[str] | None
    """None if the process was started without it (``>&-``)."""
    trouble: OSError | ValueError | None = None
    """Why nothing can be written any more."""
    raw: Any = None
    """Where bytes go, past the buffers of ``file``: they would fail once more as Python ends."""

    def __attrs_post_init__(self) -> None:
        if self.file is None:
            self.trouble = ValueError("it is closed")
        elif self.raw is None:
            buffer = getattr(self.file, "buffer", None)
            raw = getattr(buffer, "raw", buffer)  # PYTHONUNBUFFERED leaves the buffer out
            self.raw = raw if isinstance(raw, io.RawIOBase) else None

    @property
    def is_lost(self) -> bool:
        """Whether something was not written that somebody may still want."""
        return self.trouble is not None and not isinstance(self.trouble, BrokenPipeError)

    def why_lost(self) -> str:
        """What happened to it, for a message."""
        reason = getattr(self.trouble, "strerror", None) or str(self.trouble)
        return visible(reason)

    def write(self, text: str) -> int:
        """Write text as it is, at once. Only what hocket has made itself may go this way."""
        if self.trouble is None:
            try:
                self._write(text)
            except (OSError, ValueError) as error:
                self.trouble = error
        return len(text)

    def text(self, text: str) -> None:
        """Write somebody else's text, of any number of lines: a terminal obeys nothing in it."""
        self.write(visible_lines(text))

    def line(self, text: str = "") -> None:
        """Write such a text, and end the line."""
        self.text(f"{text}\n")

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        try:
            return self.trouble is None and bool(self._end.isatty())
        except ValueError:  # somebody has closed it
            return False

    def fileno(self) -> int:
        """The file descriptor, which tells the width of a terminal."""
        number: int = self._end.fileno()
        return number

    @property
    def encoding(self) -> str:
        """That of the file."""
        return getattr(self.file, "encoding", None) or "utf-8"

    @property
    def is_wide(self) -> bool:
        """Whether every character can be written."""
        return self.encoding.lower().replace("-", "").startswith("utf")

    @property
    def _end(self) -> Any:
        return self.file if self.raw is None else self.raw

    def _write(self, text: str) -> None:
        data = text.encode(self.encoding, "backslashreplace")
        if self.raw is None:
            assert self.file is not None
            self.file.write(data.decode(self.encoding))
            self.file.flush()
            return
        left = memoryview(data)
        while left:
            written = self.raw.write(left)
            if written is None:  # somebody who shares it has made it non-blocking
                select.select([], [self.raw], [])
            else:
                left = left[written:]


def terminal_width(stream: Stream) -> int:
    """Columns to write in: those of the terminal; elsewhere 120, unless COLUMNS says so."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return (stream.isatty() and os.get_terminal_size(stream.fileno()).columns) or 120
    except (OSError, ValueError):
        return 120

"""A text stream that outlives its reader."""

from __future__ import annotations

import contextlib
import os
from typing import IO, Any

import attrs

__all__ = ["Stream"]


@attrs.define(eq=False)
class Stream:
    """Standard output or error, for a reader that may leave (``| head``).

    What is written after that goes nowhere, and the run goes on. What the stream's encoding lacks
    is written as an escape.
    """

    file: IO[str]
    broken: bool = False

    def write(self, text: str) -> int:
        """Write text, at once."""
        if not self.broken:
            encoding = self.encoding
            try:
                self.file.write(text.encode(encoding, "backslashreplace").decode(encoding))
                self.file.flush()
            except BrokenPipeError:
                self._go_silent()
        return len(text)

    def line(self, text: str = "") -> None:
        """Write a line, at once."""
        self.write(f"{text}\n")

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return self.file.isatty()

    def fileno(self) -> int:
        """The file descriptor, which tells the width of a terminal."""
        return self.file.fileno()

    @property
    def encoding(self) -> str:
        """That of the file."""
        return getattr(self.file, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def _go_silent(self) -> None:
        self.broken = True
        # What is still buffered must not fail when the interpreter ends.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)

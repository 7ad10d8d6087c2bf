"""The one place that writes to standard error while a workflow runs."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import Any

import attrs

from .output import Stream

__all__ = ["Screen", "printing_to"]


@attrs.define
class Screen:
    """Standard error: plain lines, or lines above a live display while there is one."""

    err: Stream
    above: Callable[[str], object] | None = None
    """Writes whole lines above the live display."""
    _begun: str = ""
    """The beginning of a line, kept until it ends."""

    def write(self, text: str) -> None:
        """Write somebody else's text."""
        if self.above is None:
            self.err.text(text)
            return
        whole, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self.above(whole)

    def line(self, text: str) -> None:
        """Write a line."""
        self.write(f"{text}\n")

    def end(self) -> None:
        """Write from now on without a live display."""
        self.above = None
        begun, self._begun = self._begun, ""
        if begun:
            self.err.line(begun)


def printing_to(write: Callable[[str], object], stream: Stream) -> io.TextIOWrapper:
    """A file that stands for ``sys.stdout`` or ``sys.stderr``: what is printed there is written.

    It is no terminal, so that nobody colours what is shown as it is.

    Args:
        write: is called with the text.
        stream: whose file descriptor a child process gets.
    """
    sink: Any = _Sink(write, stream)
    return io.TextIOWrapper(sink, "utf-8", "backslashreplace", write_through=True)


class _Sink(io.RawIOBase):
    def __init__(self, write: Callable[[str], object], stream: Stream) -> None:
        self._show = write
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        text = self._decode(bytes(data))
        if text:
            self._show(text)
        return len(data)

    def fileno(self) -> int:
        return self._stream.fileno()

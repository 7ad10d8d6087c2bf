"""The one place that writes to standard error while a workflow runs."""

from __future__ import annotations

import codecs
import io
import threading
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
    _begun: dict[int, str] = attrs.field(factory=dict, init=False)
    """The beginnings of lines, kept until they end: of each thread its own, without a lock, which a
    signal handler might wait for in vain."""
    _in_a_line: bool = attrs.field(default=False, init=False)
    """Whether what was written last has not ended its line."""

    def write(self, text: str) -> None:
        """Write somebody else's text."""
        if self.above is None:
            self.err.text(text)
            self._in_a_line = not text.endswith("\n")
            return
        thread = threading.get_ident()
        whole, end, begun = (self._begun.pop(thread, "") + text).rpartition("\n")
        if begun:
            self._begun[thread] = begun
        if end:
            self.above(whole)

    def line(self, text: str) -> None:
        """Write a line of its own, also where somebody has not ended theirs."""
        if self.above is None and self._in_a_line:
            text = f"\n{text}"
        self.write(f"{text}\n")

    def end(self) -> None:
        """Write from now on without a live display."""
        self.above = None
        self._in_a_line = False
        while self._begun:
            self.err.line(self._begun.popitem()[1])


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

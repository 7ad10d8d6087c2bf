"""Ctrl-C, SIGTERM and SIGHUP: the first cancels the run, and lets it clean up; the second ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import attrs

__all__ = ["Interrupt", "name_of", "taken"]

_NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@attrs.define
class Interrupt:
    """What the signals of one run have come to."""

    cancel: Callable[[], object] | None = None
    """Cancels the run; is called in the signal handler. None until there is one."""
    abandon: Callable[[], object] | None = None
    """Ends the process without waiting for the run; is called in the signal handler."""
    signal: signal.Signals | None = None
    """The first signal of the run."""
    reports: bool = False
    """Whether the run has ended, and its report is being written."""
    _again: bool = False

    @property
    def code(self) -> int | None:
        """The exit code that shells give to it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return None if self.signal is None else 128 + self.signal

    def take(self, number: int) -> None:
        """Do what a signal asks for.

        Of two that come as the report is written, the second stops that: whoever meant the run with
        the first one must not lose the report.
        """
        # A terminal that closes may say so twice, and asks for no hurry.
        is_patient = signal.Signals(number).name == "SIGHUP"
        if self.reports:
            if self._again and not is_patient:
                raise KeyboardInterrupt
            self._again = True
        elif self.signal is None:
            self.signal = signal.Signals(number)
            if self.cancel is not None:
                self.cancel()
        elif self.abandon is not None and not is_patient:
            self.abandon()


def name_of(number: signal.Signals) -> str:
    """What people call it."""
    return "Ctrl-C" if number == signal.SIGINT else number.name


@contextmanager
def taken(interrupt: Interrupt) -> Iterator[None]:
    """Let these signals go to the run, inside the block, wherever the program happens to be."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours to take
        return
    # None: a handler that was not made in Python, and cannot be put back.
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _NUMBERS}

    def handle(number: int, _: FrameType | None) -> None:
        interrupt.take(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup, and jobs in the background of some shells
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)

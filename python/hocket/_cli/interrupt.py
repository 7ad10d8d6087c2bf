"""Ctrl-C and SIGTERM: the first cancels the run, and lets it clean up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import attrs
import trio

__all__ = ["Interrupt", "interruptible"]


@attrs.define
class Interrupt:
    """Whether, and by which signal, a run was interrupted."""

    signal: signal.Signals | None = None

    @property
    def code(self) -> int | None:
        """The exit code that shells give to it: 130 for Ctrl-C, 143 for SIGTERM."""
        return None if self.signal is None else 128 + self.signal


@contextmanager
def interruptible(
    interrupt: Interrupt, scope: trio.CancelScope, announce: Callable[[signal.Signals], object]
) -> Iterator[None]:
    """Cancel the scope at the first Ctrl-C or SIGTERM inside the block.

    Trio would raise KeyboardInterrupt wherever the run happens to be; this cancels it as a whole,
    so that every step sees the same thing. A second signal does what it would have done without
    us: that is the way out of a step that does not end.

    Args:
        interrupt: takes note of the signal.
        scope: what to cancel.
        announce: is called with the signal, in the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours to take
        return
    token = trio.lowlevel.current_trio_token()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def cancel() -> None:
        if interrupt.signal is not None:
            announce(interrupt.signal)
        scope.cancel()

    def handle(number: int, _: FrameType | None) -> None:
        interrupt.signal = signal.Signals(number)
        restore()
        token.run_sync_soon(cancel)

    def restore() -> None:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup, and jobs in the background of some shells
            signal.signal(number, handle)
    try:
        yield
    finally:
        restore()

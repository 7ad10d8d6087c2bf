"""Progress for programs: an observer that counts steps, and shows how far they are."""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Literal, Self

import trio

from .._base.checks import check_count, is_one_of
from .._base.durations import format_duration
from .._base.shown import shown
from .._model.event import NEVER_STARTED, EventKind, StepEvent
from .console import is_terminal, make_console
from .output import Stream

__all__ = ["Progress", "progress"]

_SHOW = ("auto", "lines", "nothing")
_PERIOD_S = {"live": 0.1, "lines": 5.0}
# The rate is that of the last seconds.
_RATE_OVER_S = 10.0

Show = Literal["auto", "lines", "nothing"]


class Progress:
    """Counts the steps of whatever it observes, and shows how far they are.

    It is made by :func:`progress`, and is an observer: pass it as ``observer=``, to one call or to
    several. Its figures may be read at any time.
    """

    def __init__(self, total: int | None, how: str, stream: Stream) -> None:
        self.total: int | None = total
        """How many steps there will be; None if that is not known."""
        self.done: int = 0
        """How many steps have returned."""
        self.failed: int = 0
        """How many have raised, or ran past their time limit."""
        self.cancelled: int = 0
        """How many were stopped from outside."""
        self.skipped: int = 0
        """How many will not run: a condition said no, or a branch was not taken."""
        self.running: int = 0
        """How many run now."""
        self.retries: int = 0
        """How many starts were not a step's first."""
        self.waited: float = 0.0
        """Seconds that steps have waited for their start, all together."""
        self._starts = 0
        self._last: EventKind | None = None
        self._how = how
        self._stream = stream
        self._began: float | None = None
        self._shown_at = 0.0
        self._ends: deque[tuple[float, int]] = deque()
        self._live: Any = None

    def __call__(self, event: StepEvent) -> None:
        """Take note of a step's start or end."""
        now = trio.current_time()
        if self._began is None:
            self._began = self._shown_at = now
            self._ends.append((now, 0))
        before, self._last = self._last, event.kind
        self._count(event)
        # As a step ends another one mostly starts in its place: only then is it told how many run.
        is_settled = event.kind is EventKind.STARTED or before is not EventKind.STARTED
        if is_settled and now - self._shown_at >= _PERIOD_S.get(self._how, float("inf")):
            self._shown_at = now
            self._note_rate(now)
            self._show()

    def _count(self, event: StepEvent) -> None:
        if event.kind is EventKind.STARTED:
            self.running += 1
            self._starts += 1
            self.waited += event.seconds
            self.retries += event.attempt > 1
        elif event.kind in NEVER_STARTED:
            self.skipped += 1
        else:
            self.running -= 1
            self.done += event.kind is EventKind.SUCCEEDED
            self.cancelled += event.kind is EventKind.CANCELLED
            self.failed += event.kind in (EventKind.FAILED, EventKind.TIMED_OUT)

    @property
    def ended(self) -> int:
        """How many steps have returned or failed."""
        return self.done + self.failed

    @property
    def rate(self) -> float:
        """Steps that ended a second: of about the last ten seconds."""
        if self._began is None or not trio.lowlevel.in_trio_run():
            return 0.0
        at, count = self._ends[0]
        passed = trio.current_time() - at
        return (self.ended - count) / passed if passed > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take at this rate; None where it cannot be told."""
        rate = self.rate
        if self.total is None or rate <= 0:
            return None
        return max(self.total - self.ended - self.skipped - self.cancelled, 0) / rate

    def __str__(self) -> str:
        """How far it is, in one line."""
        of = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{self.ended:,}{of} ended"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped")
        parts.append(f"{self.running:,} running")
        if self.retries:
            parts.append(f"{self.retries:,} retries")
        if rate := self.rate:
            parts.append(f"{rate:,.1f} a second")
        if self.waited:
            parts.append(f"waited {format_duration(self.waited / self._starts)} each")
        if remaining := self.remaining:
            parts.append(f"{format_duration(remaining)} left")
        return ", ".join(parts)

    def __enter__(self) -> Self:
        """Show it, inside the block."""
        if self._how == "live":
            from rich.live import Live

            self._live = Live(
                console=make_console(self._stream), auto_refresh=False, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take it off the terminal, and leave one line that says what it came to."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._how != "nothing" and self._began is not None:
            self._stream.line(str(self))

    def _note_rate(self, now: float) -> None:
        self._ends.append((now, self.ended))
        while len(self._ends) > 2 and now - self._ends[1][0] >= _RATE_OVER_S:
            self._ends.popleft()

    def _show(self) -> None:
        if self._live is None:
            self._stream.line(str(self))
            return
        from rich.text import Text

        self._live.update(Text(str(self), no_wrap=True, overflow="ellipsis"), refresh=True)


def progress(total: int | None = None, *, show: Show = "auto") -> Progress:
    """Return an observer that shows how far a batch is: ``with hocket.progress() as observer:``.

    On a terminal it is one live line; elsewhere a line now and then, on standard error.

    Args:
        total: how many steps there will be, for the remaining time. Default: not known.
        show: ``"auto"`` (the default): live on a terminal (with rich installed), lines into a pipe,
            nothing into a file. ``"lines"``: a line every five seconds, wherever that is.
            ``"nothing"``: it only counts.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> import trio
    >>> async def main() -> None:
    ...     with progress(total=3, show="nothing") as observer:
    ...         await map(trio.sleep, [0, 0, 0], observer=observer)
    ...         print(observer.done, "of", observer.total)
    >>> trio.run(main)
    3 of 3
    """
    count = None if total is None else check_count("total", total, least=0)
    if total is not None and count is None:
        raise ValueError(
            f"total must be a whole number, or None where it is not known; got {shown(total)}"
        )
    if not is_one_of(show, _SHOW):
        raise ValueError(f"show must be 'auto', 'lines' or 'nothing'; got {shown(show)}")
    stream = Stream(sys.stderr)
    return Progress(count, _how(stream) if show == "auto" else show, stream)


def _how(stream: Stream) -> str:
    if is_terminal(stream):
        return "lines" if find_spec("rich") is None else "live"
    return "nothing" if _is_file(stream) else "lines"


def _is_file(stream: Stream) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return True  # there is no telling where it leads

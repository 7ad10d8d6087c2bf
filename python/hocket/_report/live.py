"""The live display: a bar, a line for every group and step that runs, the last failure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import attrs

from .._base.durations import format_duration
from .._base.shown import visible, visible_lines
from .._model.event import EventKind, StepEvent
from .console import cells, cut
from .record import RunRecord, StepRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

__all__ = ["LiveDisplay"]

_MOST_SHOWN = 10
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_RATE_OVER = 10.0


@attrs.define
class LiveDisplay:
    """What is seen of a run on a terminal; it disappears when the run has ended."""

    record: RunRecord
    console: Console
    interrupted_by: str | None = None
    """The name of the signal that cancels the run."""
    period: float = 0.1
    """Seconds between two pictures."""
    _running: dict[str, StepRecord] = attrs.field(factory=dict, init=False)
    _ends: deque[tuple[float, int]] = attrs.field(factory=deque, init=False)
    """How many steps had ended at some times of the last seconds."""
    _live: Any = attrs.field(default=None, init=False)
    _drawing: bool = attrs.field(default=False, init=False)

    def observe(self, event: StepEvent) -> None:
        """Take note; what is seen changes with the next picture."""
        if event.inside is not None:
            return  # one line for the loop
        step = self.record.of(event)
        if event.kind is EventKind.STARTED:
            self._running[step.id] = step
        else:
            self._running.pop(step.id, None)

    def start(self) -> None:
        """Take a place at the bottom of the terminal."""
        from rich.live import Live

        # No thread of rich's own: it would read the record while steps change it.
        self._live = Live(
            self,
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def draw(self) -> None:
        """Draw it anew, unless that is being done: a signal may come in the midst of it."""
        if self._live is None or self._drawing:
            return
        self._drawing = True
        try:
            self._live.refresh()
        finally:
            self._drawing = False

    def print_above(self, text: str) -> None:
        """Write lines above it."""
        from rich.text import Text

        self.console.print(Text(visible_lines(text).expandtabs()), soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        room = max(1, min(_MOST_SHOWN, console.size.height - 5))
        yield self._head(width)
        groups = [step for step in self._running.values() if step.is_group]
        steps = [step for step in self._running.values() if not step.is_group]
        yield from self._groups(groups, max(1, room // 2), width)
        yield from self._steps(steps, room, width)
        failed = self.record.last_failed
        if failed is not None:
            yield _line(width, (" ✗ ", "red"), (failed.id, ""), (f"  {failed.error or ''}", "red"))
        if self.interrupted_by is not None:
            yield _line(width, (self._last_words(), "bold yellow"))

    def _head(self, width: int) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        record = self.record
        counts = f"{record.ended:,}/{record.size:,}"
        if record.failed:
            counts += f", {record.failed:,} failed"
        parts = [counts, *self._speed()]
        name = cut(record.workflow.name, max(8, width // 4))
        grid = Table.grid(padding=(0, 1), pad_edge=False)
        bar = ProgressBar(total=max(record.size, 1), completed=record.ended, width=None)
        grid.add_column(no_wrap=True)
        if width < 40:
            grid.add_row(_text((name, "bold")), _text((counts, "")))
            return grid
        grid.add_column(min_width=8, max_width=30, ratio=1)
        grid.add_column(no_wrap=True)
        grid.expand = True
        grid.add_row(_text((name, "bold")), bar, _text(("  ".join(parts), "")))
        return grid

    def _speed(self) -> Iterator[str]:
        """The time that has passed, steps a second, and how long it may still take."""
        record, now = self.record, self.record.elapsed()
        yield f"{now:.1f} s"
        self._ends.append((now, record.ended))
        while now - self._ends[0][0] > _RATE_OVER:
            self._ends.popleft()
        since, before = self._ends[0]
        rate = (record.ended - before) / (now - since) if now - since >= 1 else 0.0
        if rate > 0 and self.interrupted_by is None:
            yield f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
            left = max(1, round((record.size - record.ended) / rate))
            yield f"{left} s left" if left < 60 else f"{format_duration(left)} left"

    def _groups(self, groups: list[StepRecord], most: int, width: int) -> Iterator[RenderableType]:
        for step in groups[:most]:
            count = f"{step.ended:,}/{step.size:,}" if step.size else ""
            yield _line(width, (f"   {'  ' * step.depth}{step.id}", "bold"), (f"  {count}", ""))
        if len(groups) > most:
            yield _line(width, (f"   and {len(groups) - most:,} groups more", "dim"))

    def _steps(self, steps: list[StepRecord], most: int, width: int) -> Iterator[RenderableType]:
        frame = _SPINNER[int(self.record.elapsed() / self.period) % len(_SPINNER)]
        names = [cut(step.id, max(8, width - 34)) for step in steps[:most]]
        longest = max(map(cells, names), default=0)
        for name, step in zip(names, steps, strict=False):
            age = f"{self.record.now() - step.started_at:.1f} s"
            what = cut(step.what, 20)
            yield _line(
                width,
                (f" {frame} ", "cyan"),
                (name + " " * (longest - cells(name)), ""),
                (f"  {what}", "dim"),
                (f"  {age}", ""),
            )
        if len(steps) > most:
            yield _line(width, (f"   and {len(steps) - most:,} steps more", "dim"))

    def _last_words(self) -> str:
        record = self.record
        since = record.now() - (record.stopped_at or record.now())
        left, them = record.unended
        going = "handlers go on" if record.is_handling else "cancelling"
        return f"{going}: {left} left, {since:.1f} s; Ctrl-C again abandons {them}"


def _line(width: int, *pieces: tuple[str, str]) -> RenderableType:
    line = _text(*((piece[: 4 * width], style) for piece, style in pieces))
    line.truncate(max(1, width - 1), overflow="ellipsis")
    return line


def _text(*pieces: tuple[str, str]) -> Text:
    from rich.text import Text

    # Text, not markup: a step may be named "[red]".
    return Text.assemble(*((visible(text), style) for text, style in pieces), no_wrap=True)

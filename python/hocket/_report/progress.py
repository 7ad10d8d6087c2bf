"""Progress while a workflow runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import trio

from .._base.errors import MissingExtra
from .output import Stream
from .record import RunRecord, StepRecord

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Progress", "is_terminal", "make_console", "make_progress"]

_PERIOD = 0.1
_MOST_SHOWN = 12
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress(Protocol):
    """Shows how a run gets on."""

    def shown(self) -> AbstractContextManager[object]:
        """Show it, inside the block."""
        ...

    async def refresh(self) -> None:
        """Keep it up to date until cancelled."""


def is_terminal(stream: Stream) -> bool:
    """Whether the stream is a terminal that can do more than lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def make_progress(record: RunRecord, stream: Stream, *, quiet: bool = False) -> Progress:
    """Choose how to show a run on a stream.

    Raises:
        MissingExtra: it is a terminal, and rich is not installed.
    """
    if quiet:
        return Silence()
    if is_terminal(stream):
        return LiveDisplay(record, make_console(stream))
    record.listener = Lines(record, stream).tell
    return Silence()


def make_console(stream: Stream) -> Console:
    """A rich console on a terminal.

    Raises:
        MissingExtra: rich is not installed.
    """
    try:
        from rich.console import Console
    except ModuleNotFoundError as error:
        what = "a report on a terminal needs rich (--json, and output to a file or pipe, do not)"
        raise MissingExtra(what, "cli") from error
    file: Any = stream
    return Console(file=file, highlight=False, emoji=False, markup=False)


class Silence:
    """Shows nothing by itself."""

    def shown(self) -> AbstractContextManager[object]:
        """Nothing to show."""
        return nullcontext()

    async def refresh(self) -> None:
        """Nothing to keep up to date."""


@attrs.define
class Lines:
    """A line for every step that starts or ends, with the time since the run started."""

    record: RunRecord
    stream: Stream

    def tell(self, step: StepRecord) -> None:
        """Write the line."""
        text = f"{self.record.elapsed():9.3f} s  "
        if step.state == "running":
            text += f"started    {step.id} ({step.what})"
        else:
            text += f"{step.state:<10} {step.id} after {step.run:.3f} s"
        self.stream.line(text)


@attrs.define
class LiveDisplay:
    """Counts, and a line for every step that runs; it disappears when the run has ended."""

    record: RunRecord
    console: Console
    _live: Any = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it, inside the block. What steps print appears above it."""
        from rich.live import Live

        # No thread of rich's own: it would read the record while steps change it.
        with Live(self, console=self.console, auto_refresh=False, transient=True) as self._live:
            yield

    async def refresh(self) -> None:
        """Draw it again, ten times a second, until cancelled."""
        while True:
            self._live.refresh()
            await trio.sleep(_PERIOD)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        now = self.record.elapsed()
        yield Text.assemble((self.record.workflow.name, "bold"), f"  {now:.1f} s  ", self._counts())
        grid = Table.grid(padding=(0, 2))
        running = self.record.running()
        frame = _SPINNER[int(now / _PERIOD) % len(_SPINNER)]
        for step in running[:_MOST_SHOWN]:
            age = f"{trio.current_time() - step.started_at:.1f} s"
            grid.add_row(Text(f" {frame}", "cyan"), Text(step.id), Text(step.what, "dim"), age)
        if running:
            yield grid
        if len(running) > _MOST_SHOWN:
            yield Text(f"    and {len(running) - _MOST_SHOWN} more", "dim")

    def _counts(self) -> str:
        counts = self.record.counts()
        failed = counts["failed"] + counts["timed out"]
        done = counts["completed"] + failed + counts["cancelled"]
        text = f"{done} of {counts.total()} steps ended, {counts['running']} running"
        return f"{text}, {failed} failed" if failed else text

"""Progress while a workflow runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import trio

from .._model.event import EventKind, StepEvent
from .._model.states import StepState
from .console import is_terminal, make_console
from .output import Stream
from .record import RunRecord

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Progress", "make_progress"]

_PERIOD = 0.1
_MOST_SHOWN = 12
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress(Protocol):
    """Shows how a run gets on: an observer that comes after the record's."""

    def observe(self, event: StepEvent) -> None:
        """Take note of a step's start or end."""
        ...

    def shown(self) -> AbstractContextManager[object]:
        """Show it, inside the block."""
        ...

    async def refresh(self) -> None:
        """Keep it up to date until cancelled."""


def make_progress(record: RunRecord, stream: Stream, *, quiet: bool = False) -> Progress:
    """Choose how to show a run on a stream.

    Raises:
        MissingExtra: it is a terminal, and rich is not installed.
    """
    if quiet:
        return Silence()
    if is_terminal(stream):
        return LiveDisplay(record, make_console(stream))
    return Lines(record, stream)


class Silence:
    """Shows nothing."""

    def observe(self, event: StepEvent) -> None:
        """Nothing to show."""

    def shown(self) -> AbstractContextManager[object]:
        """Nothing to show."""
        return nullcontext()

    async def refresh(self) -> None:
        """Nothing to keep up to date."""


@attrs.define
class Lines(Silence):
    """A line for every step that starts or ends, with the time since the run started."""

    record: RunRecord
    stream: Stream

    def observe(self, event: StepEvent) -> None:
        """Write the line."""
        step = self.record.of(event)
        if event.kind is EventKind.STARTED:
            text = f"started    {step.id} ({step.what})"
        else:
            text = f"{event.kind.value:<10} {step.id} after {event.seconds:.3f} s"
        self.stream.line(f"{self.record.elapsed():9.3f} s  {text}")


@attrs.define
class LiveDisplay:
    """Counts, and a line for every step that runs; it disappears when the run has ended."""

    record: RunRecord
    console: Console
    _running: dict[str, float] = attrs.field(factory=dict)
    """The steps that run, groups left out, each with when it started."""
    _ended: Counter[StepState] = attrs.field(factory=Counter)
    _live: Any = None

    def observe(self, event: StepEvent) -> None:
        """Take note; what is seen changes with the next refresh."""
        step = self.record.of(event)
        if step.is_group:
            return
        if event.kind is EventKind.STARTED:
            self._running[step.id] = trio.current_time()
        else:
            self._running.pop(step.id, None)
            self._ended[event.kind.state] += 1

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
        running = list(self._running.items())
        frame = _SPINNER[int(now / _PERIOD) % len(_SPINNER)]
        for id_, started in running[:_MOST_SHOWN]:
            age = f"{trio.current_time() - started:.1f} s"
            what = self.record.steps[id_].what
            grid.add_row(Text(f" {frame}", "cyan"), Text(id_), Text(what, "dim"), age)
        if running:
            yield grid
        if len(running) > _MOST_SHOWN:
            yield Text(f"    and {len(running) - _MOST_SHOWN} more", "dim")

    def _counts(self) -> str:
        failed = self._ended[StepState.FAILED] + self._ended[StepState.TIMED_OUT]
        total = self.record.counts().total()
        text = f"{self._ended.total()} of {total} steps ended, {len(self._running)} running"
        return f"{text}, {failed} failed" if failed else text

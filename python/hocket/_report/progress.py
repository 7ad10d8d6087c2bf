"""Progress while a workflow runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import attrs
import trio

from .._base.durations import format_duration
from .._base.shown import one_line, visible
from .._model.event import EventKind, StepEvent
from .console import is_terminal, make_console
from .live import LiveDisplay
from .record import FAILING, RunRecord, is_pass
from .screen import Screen

__all__ = ["KINDS", "Progress", "make_progress"]

KINDS = ("auto", "plain", "summary", "none")
_MOST_LINES = 100
_SUMMARY_PERIOD = 5.0
_LONGEST_REASON = 500


class Progress(Protocol):
    """Shows how a run gets on: an observer that comes after the record's."""

    def observe(self, event: StepEvent) -> None:
        """Take note of a step's start or end."""
        ...

    def cancelling(self, name: str) -> None:
        """Show that a signal of this name cancels the run; is called in the signal handler."""
        ...

    def shown(self) -> AbstractContextManager[object]:
        """Show it, inside the block."""
        ...

    def close(self) -> None:
        """Take it off the screen, as the block does when it is left."""
        ...

    async def refresh(self) -> None:
        """Keep it up to date until cancelled."""


def make_progress(record: RunRecord, screen: Screen, kind: str) -> Progress:
    """Choose how to show a run.

    Args:
        record: what is known of the run.
        screen: where to show it.
        kind: ``plain``: a line for every start and end. ``summary``: a line now and then, and one
            for every failure. ``none``: nothing. ``auto``: live on a terminal; elsewhere plain, or
            the summary of a workflow of more than 100 steps.

    Raises:
        MissingExtra: it is a terminal, and rich is not installed.
    """
    if kind == "none":
        return Silence(screen, record)
    if kind == "auto" and is_terminal(screen.err):
        return Live(record, screen, LiveDisplay(record, make_console(screen.err)))
    if kind == "summary" or (kind == "auto" and record.size > _MOST_LINES):
        return Summary(screen, record)
    return Lines(screen, record)


@attrs.define
class Silence:
    """Shows nothing but that a signal has come."""

    screen: Screen
    record: RunRecord

    def observe(self, event: StepEvent) -> None:
        """Nothing to show."""

    def cancelling(self, name: str) -> None:
        """Say so."""
        going = "handlers go on" if self.record.is_handling else "cancelling"
        self.screen.line(f"interrupted by {name}: {going}; Ctrl-C again abandons what is left")

    def shown(self) -> AbstractContextManager[object]:
        """Nothing to show."""
        return nullcontext()

    def close(self) -> None:
        """Nothing to take away."""

    async def refresh(self) -> None:
        """Nothing to keep up to date."""


@attrs.define
class Lines(Silence):
    """A line for every step that starts or ends, with the time since the run started."""

    def observe(self, event: StepEvent) -> None:
        """Write the line."""
        step = self.record.of(event)
        if event.inside is not None:
            self.tell_inside(event)
            return
        if event.kind is EventKind.STARTED:
            self.tell(f"started    {step.id} ({step.what})")
            return
        state = "retrying" if event.kind is EventKind.RETRYING else step.state.value
        text = f"{state:<10} {step.id} after {format_duration(event.seconds)}"
        if step.state in FAILING:
            text += f": {shortened(step.error or '', _LONGEST_REASON)}"
        self.tell(text)

    def tell_inside(self, event: StepEvent) -> None:
        """Write a line for a pass of a loop that has failed, and none for the others."""
        if is_pass(event) and event.kind.state in FAILING and event.error is not None:
            why = shortened(one_line(event.error), _LONGEST_REASON)
            state, after = event.kind.value, format_duration(event.seconds)
            self.tell(f"{state:<10} {event.step} after {after}: {why}")

    def cancelling(self, name: str) -> None:
        """Say what has to end."""
        left, them = self.record.unended
        going = f"cancelling, and waiting for {left} to clean up"
        if self.record.is_handling:
            going, them = "handlers go on", "them"
        self.tell(f"interrupted by {name}: {going}; Ctrl-C again abandons {them}")

    def tell(self, text: str) -> None:
        """Write a line with the time, whatever is in its text."""
        self.screen.line(f"{self.record.elapsed():9.3f} s  {visible(text)}")


@attrs.define
class Summary(Lines):
    """A line now and then, and one for every failure."""

    _told: int = attrs.field(default=0, init=False)

    def observe(self, event: StepEvent) -> None:
        """Write the line of a failure."""
        if event.inside is not None:
            self.tell_inside(event)
        elif self.record.of(event).state in FAILING:
            Lines.observe(self, event)

    async def refresh(self) -> None:
        """Tell how far it is, every five seconds, if something has ended meanwhile."""
        while True:
            await trio.sleep(_SUMMARY_PERIOD)
            if self.record.ended != self._told:
                self._told = self.record.ended
                self.tell(progress_of(self.record))


@attrs.define
class Live:
    """A live display; what others print appears above it."""

    record: RunRecord
    screen: Screen
    display: LiveDisplay

    def observe(self, event: StepEvent) -> None:
        """Take note; what is seen changes with the next refresh."""
        self.display.observe(event)

    def cancelling(self, name: str) -> None:
        """Show it at once: a step that never awaits lets nothing else be drawn."""
        self.display.interrupted_by = name
        self.display.draw()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it, inside the block."""
        self.display.start()
        self.screen.above = self.display.print_above
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Take it off the screen; its last words stay if a signal came."""
        self.display.stop()
        self.screen.end()
        if self.display.interrupted_by is not None:
            name, self.display.interrupted_by = self.display.interrupted_by, None
            self.screen.line(f"interrupted by {name}")

    async def refresh(self) -> None:
        """Draw it again, ten times a second, until cancelled."""
        while True:
            try:
                self.display.draw()
            except Exception as error:  # noqa: BLE001 - the run goes on without a display
                self.close()
                self.screen.line(f"the display has failed: {one_line(error)}")
                return
            await trio.sleep(self.display.period)


def progress_of(record: RunRecord) -> str:
    """How far a run is, in one line."""
    text = f"{record.ended:,} of {record.size:,} steps ended, {record.running:,} running"
    return f"{text}, {record.failed:,} failed" if record.failed else text


def shortened(text: str, longest: int) -> str:
    """A text that is not too long to read; where something is left out it says how much."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}... ({len(text):,} characters; --json has them)"

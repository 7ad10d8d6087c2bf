"""The report on a run that has ended: a table of steps, their errors, and the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import attrs

from .._base.durations import format_duration
from .._base.shown import visible
from .._model.states import StepState
from .console import Line, cells, cut, is_terminal, write_lines
from .output import Stream, terminal_width
from .reasons import Reasons
from .record import RunRecord, StepRecord

__all__ = ["write_report", "write_verdict"]

_HEADER: tuple[str, ...] = ("step", "what", "state", "wait", "run", "note")
_RIGHT = ("wait", "run")
# What gives way where the table is too wide, one after the other: columns, and what is left of them
# at least. 0: it may go.
_LEAST: tuple[dict[str, int], ...] = (
    {"what": 0, "step": 24, "note": 14},
    {"wait": 0},
    {"step": 8, "note": 8},
    {"note": 0, "run": 0},
)
_GAP = 2
_WORTHLESS = 6
_COLOURS = {
    StepState.SUCCEEDED: "green",
    StepState.FAILED: "bold red",
    StepState.TIMED_OUT: "bold red",
    StepState.CANCELLED: "yellow",
    StepState.SKIPPED: "dim",
    StepState.OMITTED: "dim",
    StepState.NOT_REACHED: "dim",
}
_MOST_ROWS = 40
_MOST_FAILED = 20
_SLOWEST = 10
_MOST_LINES = 4
_LONGEST_ERROR = 1_000

_Row = tuple[Sequence[str], Sequence[str]]
"""The cells of a row, and their styles."""


def write_report(record: RunRecord, stream: Stream, *, everything: bool = False) -> None:
    """Write the table of steps, and their errors.

    Args:
        record: of a run that has ended.
        stream: where to write.
        everything: list each step also of very many; otherwise those that failed and the slowest.
    """
    report = _Report(record, stream, everything)
    write_lines([*report.table(), *report.errors()], stream)


def write_verdict(record: RunRecord, stream: Stream) -> None:
    """Write how it went, in a line, and what went wrong beside the steps."""
    colour = "bold green" if record.success else "bold red"
    texts = [_verdict(record), *(record.problem or "").splitlines()]
    if is_terminal(stream):
        width = max(terminal_width(stream), 16)
        texts = [line for text in texts for line in textwrap.wrap(visible(text), width)]
    write_lines([[(text, colour)] for text in texts], stream)


@attrs.define
class _Report:
    record: RunRecord
    stream: Stream
    everything: bool
    reasons: Reasons = attrs.field(init=False)
    width: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reasons = Reasons(self.record)
        self.width = terminal_width(self.stream)

    def table(self) -> list[Line]:
        steps = list(self.record.steps.values())
        if self.everything or len(steps) <= _MOST_ROWS:
            return self._lines(steps)
        failed = self._failed()
        ran = [step for step in steps if step.run is not None and step.error is None]
        slowest = sorted(ran, key=lambda step: -(step.run or 0))[:_SLOWEST]
        left = len(steps) - len(failed[:_MOST_FAILED]) - len(slowest)
        rest: Line = [(f"the slowest {len(slowest)}, and {left:,} more: --all lists them", "dim")]
        return [*self._lines([*failed[:_MOST_FAILED], *slowest]), rest]

    def errors(self) -> Iterator[Line]:
        """Those that failed the workflow come first."""
        failed = self._failed()
        if not failed:
            return
        chosen = failed if self.everything else failed[:_MOST_FAILED]
        yield []
        yield [("errors", "bold")]
        width = min(max(cells(visible(step.id)) for step in chosen), max(self.width // 3, 4))
        for step in chosen:
            name = self._cut(step.id, width)
            first, *more = self._wrapped(step.error or "", self.width - width - 2 * _GAP)
            yield [("  " + _padded(name, width + _GAP), _COLOURS[step.state]), (first, "")]
            yield from ([(" " * (width + 2 * _GAP) + line, "")] for line in more)
        if len(failed) > len(chosen):
            yield [(f"  and {len(failed) - len(chosen):,} more: --all lists them", "dim")]

    def _failed(self) -> list[StepRecord]:
        steps = [step for step in self.record.steps.values() if step.error is not None]
        return sorted(steps, key=lambda step: not self.reasons.is_fatal(step))

    def _lines(self, steps: Sequence[StepRecord]) -> list[Line]:
        rows: list[_Row] = [(_HEADER, ("bold",) * len(_HEADER))]
        rows += [(self._cells(step), _styles(step)) for step in steps]
        widths = self._widths([row for row, _ in rows])
        lines = [self._aligned(row, styles, widths) for row, styles in rows]
        rule: Line = [("  ".join("-" * width for width in widths if width), "dim")]
        return [lines[0], rule, *lines[1:]]

    def _cells(self, step: StepRecord) -> tuple[str, ...]:
        name = "  " * step.depth + visible(step.id)
        note = visible(self.reasons.note(step))
        times = _time(step.wait), _time(step.run)
        return (name, visible(step.what), step.state.value, *times, note)

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """The width of every column: where there is too little room, the widest gives way first."""
        widths = [max(cells(row[column]) for row in rows) for column in range(len(_HEADER))]
        if all(not row[-1] for row in rows[1:]):
            widths[-1] = 0
        for least in _LEAST:
            while _total(widths) > self.width:
                may = [
                    column
                    for column, name in enumerate(_HEADER)
                    if widths[column] > least.get(name, widths[column])
                ]
                if not may:
                    break
                widest = max(may, key=lambda column: widths[column])
                # Of a column that may go, too little is worth nothing.
                goes = not least[_HEADER[widest]] and widths[widest] <= _WORTHLESS
                widths[widest] = 0 if goes else widths[widest] - 1
        return widths

    def _aligned(self, row: Sequence[str], styles: Sequence[str], widths: Sequence[int]) -> Line:
        line: Line = []
        for name, cell, style, width in zip(_HEADER, row, styles, widths, strict=True):
            if width:
                text = self._cut(cell, width)
                line += [(_padded(text, width, right=name in _RIGHT), style), (" " * _GAP, "")]
        return line

    def _cut(self, text: str, width: int) -> str:
        return cut(text, width, wide=self.stream.is_wide)

    def _wrapped(self, text: str, width: int) -> list[str]:
        if not is_terminal(self.stream):
            return [_shortened(text, _LONGEST_ERROR)]
        width = max(width, 8)
        lines = textwrap.wrap(visible(text[: width * (_MOST_LINES + 1)]), width) or [""]
        if len(lines) <= _MOST_LINES:
            return lines
        rest = f"... ({len(text):,} characters; --json has them)"
        return [*lines[:_MOST_LINES], *textwrap.wrap(rest, width)]


def _styles(step: StepRecord) -> tuple[str, ...]:
    note = "green" if step.state is StepState.SUCCEEDED else _COLOURS.get(step.state, "")
    return ("bold" if step.is_group else "", "dim", _COLOURS.get(step.state, ""), "", "", note)


def _time(value: float | None) -> str:
    return "-" if value is None else format_duration(value)


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cells(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"


def _total(widths: Sequence[int]) -> int:
    return sum(width + _GAP for width in widths if width) - _GAP


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}... ({len(text):,} characters; --json has them)"


def _verdict(record: RunRecord) -> str:
    states = record.states
    counts = ", ".join(f"{states[state]:,} {state.value}" for state in _COLOURS if states[state])
    steps = f"{record.size:,} step{'s' * (record.size != 1)}"
    more = f"; tools have run {record.of_tools:,} more" if record.of_tools else ""
    took = format_duration(record.duration)
    return f"{record.workflow.name}: {_outcome(record)} after {took} ({steps}: {counts}{more})"


def _outcome(record: RunRecord) -> str:
    if record.interrupted is not None:
        return "interrupted"
    if record.result is not None and record.result.timed_out:
        return f"{record.ran_out_of_time},"
    return "succeeded" if record.success else "failed"

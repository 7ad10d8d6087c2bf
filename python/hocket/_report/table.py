"""The report on a run that has ended: a table of steps, their errors, and the verdict."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TypeAlias

from .._model.states import StepState
from .console import is_terminal, make_console
from .output import Stream
from .record import RunRecord, StepRecord

__all__ = ["write_report"]

Line: TypeAlias = list[tuple[str, str]]
"""Pieces of a line, each with its style."""

_HEADER: tuple[str, ...] = ("step", "what", "state", "wait", "run", "note")
_COLOURS = {
    StepState.SUCCEEDED: "green",
    StepState.FAILED: "bold red",
    StepState.TIMED_OUT: "bold red",
    StepState.CANCELLED: "yellow",
    StepState.SKIPPED: "dim",
}


def write_report(record: RunRecord, stream: Stream) -> None:
    """Write the table of steps, their errors, and the verdict."""
    lines = [*_table(record), [], *_errors(record), [_verdict(record)]]
    if is_terminal(stream):
        _write_coloured(lines, stream)
    else:
        for line in lines:
            stream.line("".join(text for text, _ in line).rstrip())


def _table(record: RunRecord) -> list[Line]:
    winners = {step.winner for step in record.steps.values()}
    rows = [(_HEADER, ("bold",) * len(_HEADER))]
    rows += [(_cells(step, winners), _styles(step)) for step in record.steps.values()]
    widths = [max(len(cells[column]) for cells, _ in rows) for column in range(len(_HEADER))]
    lines = [_aligned(cells, styles, widths) for cells, styles in rows]
    rule: Line = [("  ".join("-" * width for width in widths), "dim")]
    return [lines[0], rule, *lines[1:]]


def _cells(step: StepRecord, winners: Container[str | None]) -> tuple[str, ...]:
    won = "winner" if step.state is StepState.SUCCEEDED else "decided"
    note = won if step.id in winners else ""
    name = "  " * step.depth + step.id
    return (name, step.what, step.state.value, _seconds(step.wait), _seconds(step.run), note)


def _styles(step: StepRecord) -> tuple[str, ...]:
    return ("bold" if step.is_group else "", "dim", _COLOURS.get(step.state, ""), "", "", "green")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _aligned(cells: Sequence[str], styles: Sequence[str], widths: Sequence[int]) -> Line:
    line: Line = []
    for name, cell, style, width in zip(_HEADER, cells, styles, widths, strict=True):
        padded = cell.rjust(width) if name in ("wait", "run") else cell.ljust(width)
        line += [(padded, style), ("  ", "")]
    return line


def _errors(record: RunRecord) -> list[Line]:
    failed = [step for step in record.steps.values() if step.error is not None]
    if not failed:
        return []
    width = max(len(step.id) for step in failed)
    lines: list[Line] = [
        [("  " + step.id.ljust(width + 2), _COLOURS[step.state]), (step.error or "", "")]
        for step in failed
    ]
    return [[("errors", "bold")], *lines, []]


def _verdict(record: RunRecord) -> tuple[str, str]:
    counts = record.counts()
    states = ", ".join(f"{counts[state]} {state.value}" for state in _COLOURS if counts[state])
    text = f"{record.workflow.name}: {_outcome(record)} after {record.duration:.3f} s ({states})"
    if record.problem is not None:
        text += f"\n{record.problem}"
    return text, "bold green" if record.success else "bold red"


def _outcome(record: RunRecord) -> str:
    if record.interrupted is not None:
        return "interrupted"
    if record.result is not None and record.result.timed_out:
        return f"ran past its max_duration of {record.workflow.max_duration:g} s,"
    return "succeeded" if record.success else "failed"


def _write_coloured(lines: Sequence[Line], stream: Stream) -> None:
    from rich.text import Text

    console = make_console(stream)
    for line in lines:
        # Text, not markup: a step may be named "[red]". The terminal wraps what is too long.
        console.print(Text.assemble(*line), soft_wrap=True)

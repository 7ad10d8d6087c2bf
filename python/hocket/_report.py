"""The report on a run that has ended: a table of steps and the output, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ._jsonable import jsonable
from ._progress import is_terminal, make_console
from ._record import RunRecord, StepRecord
from ._stream import Stream

__all__ = ["write_json", "write_output", "write_report"]

_HEADER = ("step", "what", "state", "wait", "run", "note")
_COLOURS = {
    "completed": "green",
    "failed": "bold red",
    "timed out": "bold red",
    "cancelled": "yellow",
    "skipped": "dim",
}


def write_report(record: RunRecord, stream: Stream) -> None:
    """Write the table of steps, and the verdict."""
    if is_terminal(stream):
        _rich_table(record, stream)
    else:
        _plain_table(record, stream)
    stream.line()
    stream.line(_verdict(record))


def write_output(record: RunRecord, stream: Stream) -> None:
    """Write the output of a run that succeeded, as JSON for reading."""
    if record.success and record.result is not None:
        stream.line(_dump(record.result.output, stream, indent=2))


def write_json(record: RunRecord, stream: Stream) -> None:
    """Write everything as one JSON document."""
    result = record.result
    document = {
        "workflow": record.workflow.name,
        "success": record.success,
        "output": result.output if result is not None and record.success else None,
        "duration": record.duration,
        "timed_out": result is not None and result.timed_out,
        "interrupted": record.interrupted,
        "error": record.problem,
        "steps": [_entry(step) for step in record.steps.values()],
        "stats": None if result is None else result.stats,
    }
    stream.line(_dump(document, stream, indent=2))


def _dump(value: Any, stream: Stream, **options: Any) -> str:
    wide = stream.encoding.lower().replace("-", "").startswith("utf")
    return json.dumps(jsonable(value), ensure_ascii=not wide, allow_nan=False, **options)


def _entry(step: StepRecord) -> dict[str, Any]:
    return {
        "id": step.id,
        "what": step.what,
        "parent": step.parent,
        "state": step.state,
        "wait": step.wait,
        "run": step.run,
        "error": step.error,
        "winner": step.winner,
    }


def _verdict(record: RunRecord) -> str:
    counts = record.counts()
    states = ", ".join(f"{counts[state]} {state}" for state in _COLOURS if counts[state])
    head = f"{record.workflow.name}: {_outcome(record)} after {record.duration:.3f} s ({states})"
    return head if record.problem is None else f"{head}\n{record.problem}"


def _outcome(record: RunRecord) -> str:
    if record.interrupted is not None:
        return "interrupted"
    if record.result is not None and record.result.timed_out:
        return f"ran past its max_duration of {record.workflow.max_duration:g} s,"
    return "succeeded" if record.success else "failed"


def _row(step: StepRecord) -> tuple[str, ...]:
    note = step.error or (f"won by {step.winner}" if step.winner is not None else "")
    indented = "  " * step.depth + step.id
    return (indented, step.what, step.state, _seconds(step.wait), _seconds(step.run), note)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _plain_table(record: RunRecord, stream: Stream) -> None:
    rows = [_HEADER, *map(_row, record.steps.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    stream.line(_aligned(_HEADER, widths))
    stream.line("  ".join("-" * width for width in (*widths[:-1], len(_HEADER[-1]))))
    for row in rows[1:]:
        stream.line(_aligned(row, widths))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if name in ("wait", "run") else cell.ljust(width)
        for name, cell, width in zip(_HEADER, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _rich_table(record: RunRecord, stream: Stream) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in _HEADER:
        numeric = name in ("wait", "run")
        table.add_column(
            name, justify="right" if numeric else "left", no_wrap=name != "note", overflow="fold"
        )
    for step in record.steps.values():
        styles = ("bold" if step.is_group else "", "dim", _COLOURS.get(step.state, ""), "", "", "")
        # Text, not markup: a step may be named "[red]".
        table.add_row(*(Text(*pair) for pair in zip(_row(step), styles, strict=True)))
    make_console(stream).print(table)

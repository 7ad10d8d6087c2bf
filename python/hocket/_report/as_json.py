"""A run as JSON: its output, or everything as one document."""

from __future__ import annotations

import json
from typing import Any

from .._base.jsonable import jsonable
from .._base.shown import Escapes, one_line
from .._model.result import ParallelExecutionResult
from .output import Stream
from .record import RunRecord, StepRecord

__all__ = ["write_json", "write_output"]

_ESCAPES = Escapes(lambda char: json.dumps(char)[1:-1], keep="\n")
_UNSHOWN: Any = object()


def write_output(record: RunRecord, stream: Stream) -> None:
    """Write the output of a run, if it has one, as JSON for reading.

    If it cannot be shown, the record has a problem.
    """
    value = _output(record)
    if record.has_output and value is not _UNSHOWN:
        stream.write(f"{_dump(value, stream)}\n")


def write_json(record: RunRecord, stream: Stream) -> None:
    """Write everything as one JSON document."""
    result = record.result
    output = _output(record)
    document = {
        "workflow": record.workflow.name,
        "success": record.success,
        "output": None if output is _UNSHOWN else output,
        "duration": record.duration,
        "timed_out": result is not None and result.timed_out,
        "interrupted": record.interrupted,
        "error": record.problem,
        "steps": [_entry(step) for step in record.steps.values()],
        "stats": None if result is None else result.stats,
    }
    stream.write(f"{_dump(document, stream)}\n")


def _output(record: RunRecord) -> Any:
    if record.result is None or not record.has_output:
        return None
    output = record.result.output
    # Of a group that says what it gives in no other way, the values are wanted.
    if issubclass(type(output), ParallelExecutionResult):
        output = output.results
    try:
        return jsonable(output)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - somebody else's objects; the report goes on
        record.problem = f"the output cannot be shown: {one_line(error)}"
        return _UNSHOWN


def _dump(value: Any, stream: Stream) -> str:
    text = json.dumps(jsonable(value), ensure_ascii=not stream.is_wide, allow_nan=False, indent=2)
    return text.translate(_ESCAPES)


def _entry(step: StepRecord) -> dict[str, Any]:
    return {
        "id": step.id,
        "what": step.what,
        "parent": step.parent,
        "state": step.state,
        "wait": step.wait,
        "run": step.run,
        "attempts": step.attempts,
        "error": step.error,
        "reason": step.reason or None,
        "winner": step.winner,
    }

"""A run as JSON: its output, or everything as one document."""

from __future__ import annotations

import json
from typing import Any

from .._base.jsonable import jsonable
from .output import Stream
from .record import RunRecord, StepRecord

__all__ = ["write_json", "write_output"]


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

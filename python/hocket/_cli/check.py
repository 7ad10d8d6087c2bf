"""``hocket check``."""

from __future__ import annotations

import argparse
from typing import Any

from .._report.output import Stream
from .door import Door
from .exits import SUCCESS, USAGE
from .options import add_command

__all__ = ["add_check"]


def add_check(commands: Any) -> None:
    """Add the command."""
    text = "Check a workflow file without running it: say that it is fine, or list every mistake."
    add_command(commands, "check", "check a workflow file", text, _check)


def _check(arguments: argparse.Namespace, out: Stream, err: Stream) -> int:
    door = Door()
    workflow, _ = door.load(arguments)
    if door.mistakes:
        err.line("\n".join(door.mistakes))
        return USAGE
    steps = len(workflow.analysis.places)
    out.line(f"{arguments.file}: ok ({workflow.name!r}, {steps} step{'s' * (steps != 1)})")
    return SUCCESS

"""``hocket check``."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from typing import Any

from .._base.shown import visible
from .._report.output import Stream
from .._report.record import RunRecord
from .._report.screen import Screen
from .door import Door
from .exits import FAILURE, SUCCESS, USAGE
from .logs import logging_to
from .options import add_command, add_values
from .settings import read_values

__all__ = ["add_check"]


def add_check(commands: Any) -> None:
    """Add the command."""
    text = "Check a workflow file without running it: say that it is fine, or list every mistake."
    add_values(add_command(commands, "check", "check a workflow file", text, _check))


def _check(arguments: argparse.Namespace, out: Stream, screen: Screen) -> int:
    door = Door()
    with logging_to(screen, logging.WARNING):
        # Without values it is not known what a run will be given; with some, these are all.
        given = bool(arguments.set or arguments.params)
        read = partial(read_values, arguments.params, arguments.set)
        values = door.attempt(read) if given else None
        workflow, _ = door.load(arguments, values)
    if door.mistakes:
        screen.line(door.text())
        return USAGE
    steps = RunRecord(workflow).size
    what = f"{workflow.name!r}, {steps:,} step{'s' * (steps != 1)}"
    out.line(f"{visible(arguments.file)}: ok ({visible(what)})")
    if out.is_lost:
        screen.line(f"standard output cannot be written to: {out.why_lost()}")
        return FAILURE
    return SUCCESS

"""``hocket run``."""

from __future__ import annotations

import argparse
import logging
from typing import Any

import trio

from .._report.console import is_terminal, make_console
from .._report.output import Stream
from .._report.progress import make_progress
from .._report.record import RunRecord
from .._runner.manager import WorkflowManager
from .._workflow.context import WorkflowContext
from .door import Door, Refused
from .exits import USAGE
from .logs import logging_to_stderr, redirected
from .options import add_command, log_level
from .session import Session
from .settings import read_settings

__all__ = ["add_run"]

_RUN = """\
Run a workflow. Progress goes to standard error, like whatever the steps print; the report and the
output (as JSON) go to standard output. Ctrl-C cancels the run and lets every step clean up; a
second one is the way out of a step that never awaits.
"""


def add_run(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "run", "run a workflow file", _RUN, _run)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a value for $context: a number, true, false, null, [a, b], {a: 1} or text; "
        "a.b=1 sets b inside a (repeatable)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document instead: workflow, success, output, duration, timed_out, "
        "interrupted, error, steps, stats",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="no progress and no table: only the output, or why not"
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=log_level,
        default=logging.WARNING,
        help="debug, info, warning (default), error or critical; "
        "debug also shows the traceback of every failed step",
    )


def _run(arguments: argparse.Namespace, out: Stream, err: Stream) -> int:
    try:
        session = _prepare(arguments, out, err)
    except Refused as refused:
        err.line(str(refused))
        return USAGE
    with redirected(err), logging_to_stderr(arguments.log_level):
        code = trio.run(session.run)
    if arguments.log_level <= logging.DEBUG:
        session.write_tracebacks()
    session.write()
    return code


def _prepare(arguments: argparse.Namespace, out: Stream, err: Stream) -> Session:
    door = Door()
    values = door.attempt(read_settings, arguments.set)
    workflow, tools = door.load(arguments, values)
    human = not (arguments.json or arguments.quiet)
    if human and is_terminal(out):
        # The report will need rich: better missed now than after the run.
        door.attempt(make_console, out)
    if workflow is None or values is None:
        door.refuse()
    record = RunRecord(workflow)
    progress = door.attempt(lambda: make_progress(record, err, quiet=arguments.quiet))
    if progress is None or door.mistakes:
        door.refuse()
    context = WorkflowContext(values=values)
    style = "json" if arguments.json else "quiet" if arguments.quiet else "table"
    return Session(record, WorkflowManager(tools), context, progress, style, out, err)

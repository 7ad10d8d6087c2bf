"""``hocket run``."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from .._report.console import is_terminal, make_console
from .._report.inner_steps import InnerSteps
from .._report.output import Stream
from .._report.progress import KINDS, make_progress
from .._report.record import RunRecord
from .._report.screen import Screen
from .._runner.manager import WorkflowManager
from .._workflow.context import WorkflowContext
from .door import Door, Refused
from .exits import USAGE
from .logs import logging_to
from .options import add_command, add_values, log_level
from .session import Session
from .settings import SettingError, read_values

__all__ = ["add_run"]

_RUN = """\
Run a workflow. Progress goes to standard error, like whatever the steps print; the report and the
output (as JSON) go to standard output. Ctrl-C cancels the run and lets every step clean up; a
second one abandons what is left: clean-up, threads, a step that never awaits.
"""


def add_run(commands: Any) -> None:
    """Add the command."""
    parser = add_command(commands, "run", "run a workflow file", _RUN, _run)
    add_values(parser)
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
        "--all",
        action="store_true",
        help="list every step in the report: of more than 40 it has those that failed and the "
        "slowest ten",
    )
    parser.add_argument(
        "--explain",
        metavar="STEP",
        action="append",
        default=[],
        help="say at the end how a step ended and why, with the chain of causes, on standard error; "
        "users[ada] is an item of a loop, users[ada].store a step in it (repeatable)",
    )
    parser.add_argument(
        "--progress",
        choices=KINDS,
        help="plain: a line for every start and end; summary: a line now and then; none; "
        "auto (default): live on a terminal, elsewhere plain, or summary for more than 100 steps",
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=log_level,
        default=logging.WARNING,
        help="debug, info, warning (default), error or critical; "
        "debug also shows the traceback of every failed step",
    )


def _run(arguments: argparse.Namespace, out: Stream, screen: Screen) -> int:
    with logging_to(screen, arguments.log_level):
        try:
            session = _prepare(arguments, out, screen)
        except Refused as refused:
            screen.line(str(refused))
            return USAGE
        return session.run()


def _prepare(arguments: argparse.Namespace, out: Stream, screen: Screen) -> Session:
    door = Door()
    values = door.attempt(read_values, arguments.params, arguments.set)
    workflow, tools = door.load(arguments, values)
    style = "json" if arguments.json else "quiet" if arguments.quiet else "table"
    if style == "table" and is_terminal(out):
        # The report will need rich: better missed now than after the run.
        door.attempt(make_console, out)
    if workflow is None or values is None:
        door.refuse()
    record = RunRecord(workflow)
    inner = door.attempt(_inner_steps, record, arguments.explain)
    kind = arguments.progress or ("none" if arguments.quiet else "auto")
    progress = door.attempt(make_progress, record, screen, kind)
    if progress is None or inner is None or door.mistakes:
        door.refuse()
    context = WorkflowContext(values=values)
    return Session(
        record,
        WorkflowManager(tools),
        context,
        progress,
        style,
        out,
        screen,
        inner,
        everything=arguments.all,
        explained=arguments.explain,
        tracebacks=arguments.log_level <= logging.DEBUG,
    )


def _inner_steps(record: RunRecord, names: list[str]) -> InnerSteps:
    """Return what is to be explained that is inside of steps; refuse what is no step at all."""
    inner = InnerSteps(record, [name for name in names if name not in record.steps])
    for name in inner.names:
        if inner.owner(name) is None:
            raise SettingError(f"--explain {name}: {inner.why_none(name)}")
    return inner

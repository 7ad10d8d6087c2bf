"""The command ``hocket``: run a workflow file, or check one."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import logging
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import attrs
import trio

from .._base.errors import MissingExtra, ToolModuleError, UnresolvedReference, WorkflowInvalid
from .._base.jsonable import one_line
from .._files.load import load_workflow
from .._report.output import Stream
from .._report.progress import Progress, is_terminal, make_console, make_progress
from .._report.record import RunRecord
from .._report.table import write_json, write_output, write_report
from .._runner.manager import WorkflowManager
from .._workflow.context import WorkflowContext
from ..tools._registry import ToolRegistry
from .interrupt import Interrupt, interruptible
from .settings import SettingError, read_settings

__all__ = ["main"]

SUCCESS, FAILURE, USAGE = 0, 1, 2

_EXAMPLES = """\
examples:
  hocket check workflow.yaml --tools my_tools
  hocket run workflow.yaml --tools my_tools --set city=Ghent --set limits.rows=5
  hocket run workflow.yaml --json | jq .output
  hocket run workflow.yaml --quiet > output.json

exit codes:
  0    success
  1    the workflow failed
  2    a mistake in the file or in the command; every one is listed on standard error
  130  Ctrl-C (143: SIGTERM); everything was cancelled, and has cleaned up
"""
_RUN = """\
Run a workflow. Progress goes to standard error, like whatever the steps print; the report and the
output (as JSON) go to standard output. Ctrl-C cancels the run and lets every step clean up; a
second one does not wait for that.
"""
_T = TypeVar("_T")


def main(argv: Sequence[str] | None = None) -> int:
    """Be the command; return its exit code.

    Args:
        argv: the arguments. Default: those of the process.

    Raises:
        SystemExit: after ``--help`` and ``--version``, and for a wrong argument (code 2).
    """
    out, err = Stream(sys.stdout), Stream(sys.stderr)
    try:
        arguments = _parser().parse_args(argv)
        command: Callable[[argparse.Namespace, Stream, Stream], int] = arguments.command
        return command(arguments, out, err)
    except KeyboardInterrupt:
        err.line("interrupted")
        return 128 + signal.SIGINT


# --- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hocket",
        description="Run workflows: many steps at once, under limits.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"hocket {importlib.metadata.version('hocket')}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_check(commands)
    return parser


def _add_run(commands: Any) -> None:
    parser = _add(commands, "run", "run a workflow file", _RUN, _run)
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
        help="print one JSON document instead: success, output, duration, steps, stats",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="no progress and no table: only the output, or why not"
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=_log_level,
        default=logging.WARNING,
        help="debug, info, warning (default), error or critical; "
        "debug also shows the traceback of every failed step",
    )


def _add_check(commands: Any) -> None:
    text = "Check a workflow file without running it: say that it is fine, or list every mistake."
    _add(commands, "check", "check a workflow file", text, _check)


def _add(
    commands: Any, name: str, help: str, text: str, command: Callable[..., int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=text,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    parser.add_argument("file", metavar="FILE", help="a workflow in YAML")
    parser.add_argument(
        "--tools",
        metavar="MODULE[:ATTR]",
        action="append",
        default=[],
        help="a module with tools, or one registry or tool in it; the current directory is searched "
        "too; of two tools with one name the later counts, built-in ones come first (repeatable)",
    )
    return parser


def _log_level(text: str) -> int:
    level = logging.getLevelNamesMapping().get(text.upper())
    if level is None:
        raise argparse.ArgumentTypeError(
            f"expected debug, info, warning, error or critical; found {text!r}"
        )
    return level


# --- what the commands need


class _Refused(Exception):
    """The command or the file has mistakes; the text lists them."""


@attrs.define
class _Door:
    """Collects mistakes of the command and the file, so that all are reported at once."""

    mistakes: list[str] = attrs.field(factory=list)

    def attempt(self, read: Callable[..., _T], *args: Any) -> _T | None:
        try:
            return read(*args)
        except (WorkflowInvalid, ToolModuleError, MissingExtra, SettingError) as error:
            text = str(error)
            if text not in self.mistakes:
                self.mistakes.append(text)
            return None

    def refuse(self) -> NoReturn:
        raise _Refused("\n".join(self.mistakes))


def _load(arguments: argparse.Namespace, door: _Door) -> tuple[Any, ToolRegistry]:
    """The workflow and its tools; the workflow is None if there is a mistake."""
    if arguments.tools:
        sys.path.insert(0, str(Path.cwd()))
    from ..tools import builtin_tools

    registry = builtin_tools()
    loaded = [door.attempt(ToolRegistry.from_module, text) for text in arguments.tools]
    for tools in loaded:
        registry = registry if tools is None else registry.merge(tools)
    # With a module missing, most tools would be unknown, and that is not the file's mistake.
    known = None if None in loaded else registry
    return door.attempt(load_workflow, arguments.file, known), registry


@contextlib.contextmanager
def _logging(level: int) -> Iterator[None]:
    """Send log lines to standard error, inside the block."""
    root = logging.getLogger()
    handler, before = _Handler(), root.level
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


@contextlib.contextmanager
def _redirected(err: Stream) -> Iterator[None]:
    """Keep what steps print out of the output, and safe from a reader that leaves."""
    file: Any = err
    with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield


class _Handler(logging.Handler):
    """Writes to whatever is standard error at that moment: a live display takes its place."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


# --- commands


def _check(arguments: argparse.Namespace, out: Stream, err: Stream) -> int:
    door = _Door()
    workflow, _ = _load(arguments, door)
    if door.mistakes:
        err.line("\n".join(door.mistakes))
        return USAGE
    steps = len(workflow.analysis.places)
    out.line(f"{arguments.file}: ok ({workflow.name!r}, {steps} step{'s' * (steps != 1)})")
    return SUCCESS


def _run(arguments: argparse.Namespace, out: Stream, err: Stream) -> int:
    try:
        session = _prepare(arguments, out, err)
    except _Refused as refused:
        err.line(str(refused))
        return USAGE
    with _redirected(err), _logging(arguments.log_level):
        code = trio.run(session.run)
    if arguments.log_level <= logging.DEBUG:
        session.write_tracebacks()
    session.write()
    return code


def _prepare(arguments: argparse.Namespace, out: Stream, err: Stream) -> _Session:
    door = _Door()
    values = door.attempt(read_settings, arguments.set)
    workflow, tools = _load(arguments, door)
    human = not (arguments.json or arguments.quiet)
    if human and is_terminal(out):
        door.attempt(make_console, out)
    if workflow is None or values is None:
        door.refuse()
    record = RunRecord(workflow)
    progress = door.attempt(lambda: make_progress(record, err, quiet=arguments.quiet))
    if progress is None or door.mistakes:
        door.refuse()
    context = WorkflowContext(values=values)
    style = "json" if arguments.json else "quiet" if arguments.quiet else "table"
    return _Session(record, WorkflowManager(tools), context, progress, style, out, err)


@attrs.define
class _Session:
    """One run of one workflow, for ``hocket run``."""

    record: RunRecord
    manager: WorkflowManager
    context: WorkflowContext
    progress: Progress
    style: str
    out: Stream
    err: Stream

    async def run(self) -> int:
        """Run it; return the exit code when nothing of it runs any more."""
        self.record.started_at = trio.current_time()
        interrupt = Interrupt()
        try:
            await self._run_until(interrupt)
        except* KeyboardInterrupt:  # the second Ctrl-C: somebody had enough of waiting
            interrupt.signal = interrupt.signal or signal.SIGINT
        # A run that had already been decided when the signal came counts as what it is.
        if interrupt.signal is not None and self.record.result is None:
            self.record.interrupted = interrupt.signal.name
        self.record.close(self.context.results, self.context.errors)
        if self.record.interrupted is not None and interrupt.code is not None:
            return interrupt.code
        return SUCCESS if self.record.success else FAILURE

    async def _run_until(self, interrupt: Interrupt) -> None:
        with (
            trio.CancelScope() as scope,
            interruptible(interrupt, scope, self._announce),
            self.progress.shown(),
        ):
            await self._run_with_progress()

    async def _run_with_progress(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.progress.refresh)
            await self._execute()
            nursery.cancel_scope.cancel()

    async def _execute(self) -> None:
        try:
            self.record.result = await self.manager.execute(
                self.record.workflow, self.context, observer=self.record.observe
            )
        except UnresolvedReference as error:
            self.record.problem = f"the output cannot be made: {error}"

    def _announce(self, number: signal.Signals) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else number.name
        sys.stderr.write(f"interrupted by {name}: cancelling, and waiting for steps to clean up\n")

    def write(self) -> None:
        """Write what the user asked to see."""
        if self.style == "json":
            write_json(self.record, self.out)
            return
        if self.style == "table":
            if self.out.isatty() or self.err.isatty():
                self.out.line()
            write_report(self.record, self.out)
            if self.record.success:
                self.out.line()
        elif not self.record.success:
            self._write_failures()
        write_output(self.record, self.out)

    def _write_failures(self) -> None:
        """Say why there is no output, where no table says it."""
        if self.record.problem is not None:
            self.err.line(self.record.problem)
        for step in self.record.steps.values():
            if step.error is not None and not step.is_group:
                self.err.line(f"{step.id} {step.state}: {step.error}")

    def write_tracebacks(self) -> None:
        """Write the traceback of every failed step that ran something itself."""
        for id_, error in self.context.errors.items():
            record = self.record.steps.get(id_)
            if record is None or not record.is_group:
                self.err.line(f"step {id_!r} failed: {one_line(error)}")
                self.err.write("".join(traceback.format_exception(error)))

"""The command ``hocket``: run a workflow file, or check one."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import signal
import sys
from collections.abc import Callable, Sequence

from .._report.output import Stream
from .._report.screen import Screen, printing_to
from .check import add_check
from .options import EXAMPLES
from .run import add_run
from .standard import kept_for_the_output

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Be the command; return its exit code.

    Args:
        argv: the arguments. Default: those of the process.

    Raises:
        SystemExit: after ``--help`` and ``--version``, and for a wrong argument (code 2).
    """
    try:
        arguments = _parse(argv)
        with kept_for_the_output() as (out, screen):
            command: Callable[[argparse.Namespace, Stream, Screen], int] = arguments.command
            return command(arguments, out, screen)
    except KeyboardInterrupt:
        Stream(sys.stderr).line("interrupted")
        return 128 + signal.SIGINT


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; what argparse prints meanwhile is safe to show, and to lose."""
    out, err = Stream(sys.stdout), Stream(sys.stderr)
    with (
        contextlib.redirect_stdout(printing_to(out.text, out)),
        contextlib.redirect_stderr(printing_to(err.text, err)),
    ):
        return _parser().parse_args(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hocket",
        description="Run workflows: many steps at once, under limits.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"hocket {importlib.metadata.version('hocket')}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_run(commands)
    add_check(commands)
    return parser

"""What the commands have in common: the file, its tools, examples."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import Any

__all__ = ["EXAMPLES", "add_command", "add_values", "log_level"]

EXAMPLES = """\
examples:
  hocket check workflow.yaml --tools my_tools
  hocket run workflow.yaml --tools my_tools --set city=Ghent --set limits.rows=5
  hocket run workflow.yaml --json | jq .output
  hocket run workflow.yaml --quiet > output.json

exit codes:
  0    success
  1    the workflow failed, or its output could not be written
  2    a mistake in the file or in the command; every one is listed on standard error
  130  Ctrl-C (143: SIGTERM, 129: SIGHUP); everything was cancelled, and has cleaned up
"""


def add_command(
    commands: Any, name: str, help: str, text: str, command: Callable[..., int]
) -> argparse.ArgumentParser:
    """Add a command that works on a file, and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=text,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    parser.add_argument("file", metavar="FILE", help="a workflow in YAML")
    parser.add_argument(
        "--tools",
        metavar="MODULE[:NAME]",
        action="append",
        default=[],
        help="a module with tools, or the path of its file (../my_tools.py), or one registry or tool in "
        "it; the current directory is searched too; of two tools with one name the later counts, "
        "built-in ones come first (repeatable)",
    )
    return parser


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a run is given."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a value for $context: a number, true, false, null, [a, b], {a: 1} or text; "
        "a.b=1 sets b inside a (repeatable)",
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        action="append",
        default=[],
        help="a YAML or JSON file with a mapping of values for $context; of several the later counts, "
        "and --set counts more (repeatable)",
    )


def log_level(text: str) -> int:
    """Read the value of ``--log-level``."""
    level = logging.getLevelNamesMapping().get(text.upper())
    if level is None:
        raise argparse.ArgumentTypeError(
            f"expected debug, info, warning, error or critical; found {text!r}"
        )
    return level

"""Compare hocket with other schedulers: ``python -m benches``. ``make bench`` does that."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benches.contender import read_all
from benches.measure import environment
from benches.plan import ROUNDS
from benches.work.workloads import WORKLOADS


def main() -> int:
    contenders, bad = read_all()
    parser = _parser()
    options = parser.parse_args()
    names = [contender.name for contender in contenders]
    for name in options.contender:
        if name in bad:
            parser.error(bad[name])
        if name not in names:
            parser.error(f"there is no contender {name!r}: choose from {', '.join(names)}")
    if options.again and (options.contender or not options.workload or options.rounds != ROUNDS):
        parser.error("--again is for whole workloads: name them with --workload, and nothing else")
    if options.write and (options.contender or (options.workload and not options.again)):
        parser.error("--write is for a complete run: leave out --contender and --workload")
    if options.write and not (options.full or options.show):
        parser.error("--write is for a full run: add --full")
    if not environment.inside():
        environment.make(contenders)
        # Everything else needs what has been installed there.
        python = str(environment.PYTHON)
        os.execve(python, [python, "-m", "benches", *sys.argv[1:]], environment.variables())
    from benches import suite

    return suite.run(options, contenders, bad)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benches",
        description="Compare hocket with other schedulers, side by side. Nothing passes or fails "
        "on a figure. docs/project/benchmarks.md says how it is measured.",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="everything, with many steps (an hour and a half)",
    )
    parser.add_argument(
        "--workload",
        action="extend",
        nargs="+",
        default=[],
        choices=WORKLOADS,
        metavar="NAME",
        help=f"only these: {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--contender",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only these files of benches/contenders",
    )
    parser.add_argument(
        "--rounds",
        type=_count,
        default=ROUNDS,
        metavar="N",
        help=f"how often each is measured (default: {ROUNDS})",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="put the tables of a full run into docs/project/benchmarks.md, five rows into README.md",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="measure these workloads once more, and put them in the place of those in the last "
        "complete result",
    )
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE",
        help="measure nothing: show the results in a file of benches/results again",
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one round")
    return number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environment.CannotMake as error:
        sys.exit(f"The benchmarks cannot be run yet. {error}")

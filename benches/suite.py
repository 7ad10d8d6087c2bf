"""A run from one end to the other: measure, show, write."""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benches import plan
from benches.contender import Contender
from benches.measure import environment, runner, server
from benches.show import markdown, pictures, results, table
from benches.show.progress import Rounds
from benches.show.results import Results
from benches.work.workloads import WORKLOADS

RUST = "What the Rust core takes by itself: cargo bench --package hocket-bench"


def run(options: Namespace, contenders: Sequence[Contender], bad: dict[str, str]) -> int:
    """Measure what was asked for, or take an earlier result; return the exit code."""
    console = Console(width=None if Console().is_terminal else 120)
    if options.show:
        found, stem = results.load(options.show), options.show.stem
    else:
        found = _measure(console, options, contenders, bad)
        if options.again and not found["interrupted"]:
            found = _renewed(found)
        stem = _stem(options, found)
        console.print(f"Written: {_short(results.save(found, stem))}", highlight=False)
    table.show(console, found)
    drawn = pictures.draw(found, stem)
    written = []
    if options.write and _is_complete(found):
        written = markdown.write(found, stem)
    elif options.write:
        console.print("No complete full run: the documentation stays as it is", style="yellow")
    for path in [*drawn, *written]:
        console.print(f"Written: {_short(path)}", highlight=False)
    console.print(RUST, highlight=False)
    return 130 if found["interrupted"] else 0


def _measure(
    console: Console, options: Namespace, contenders: Sequence[Contender], bad: dict[str, str]
) -> Results:
    kind = plan.FULL if options.full else plan.QUICK
    workloads = plan.chosen_workloads(kind, options.workload)
    chosen = plan.chosen_contenders(kind, contenders, options.contender)
    cells = plan.cells(kind, workloads, chosen, environment.broken())
    if not cells:
        sys.exit("There is nothing to measure: none of these contenders has any of these workloads")
    console.print(
        f"==> {kind.name} run: {len(cells)} measurements, {options.rounds} rounds. "
        "Ctrl-C ends it and shows what there is",
        highlight=False,
    )
    # A shell's background job ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupted = False
    try:
        with server.serving() as url, Rounds(console) as tell:
            runner.run(kind, cells, options.rounds, url, tell)
    except KeyboardInterrupt:
        interrupted = True
    return results.collect(kind, options.rounds, cells, contenders, bad, interrupted=interrupted)


def _renewed(found: Results) -> Results:
    """Put new workloads into the last complete result; where that fails they are kept apart."""
    try:
        return results.renewed(results.load(results.FOLDER / f"{found['kind']}.json"), found)
    except (OSError, ValueError) as error:
        kept = _short(results.save(found, "selection"))
        sys.exit(f"What was measured is in {kept}: it cannot go into the last result. {error}")


def _stem(options: Namespace, found: Results) -> str:
    """A part must not take the place of the whole."""
    if found["interrupted"]:
        return "interrupted"
    part = options.contender or (options.workload and not options.again)
    return "selection" if part or options.rounds != plan.ROUNDS else found["kind"]


def _is_complete(found: Results) -> bool:
    has_all = len(found["workloads"]) == len(WORKLOADS)
    return found["kind"] == plan.FULL.name and has_all and not found["interrupted"]


def _short(path: Path) -> str:
    return str(path.relative_to(environment.ROOT))

"""The rounds: every cell once in each, in random order, one process after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from benches.measure import process
from benches.plan import Cell, Kind

FATES = ("broken", "cut", "failed", "wrong")


def run(
    kind: Kind,
    cells: Sequence[Cell],
    rounds: int,
    url: str,
    tell: Callable[[Cell, float], None],
) -> None:
    """Measure; what comes out is noted in the cells.

    Args:
        kind: the time budget.
        cells: each round goes through them in an order of its own.
        rounds: how many.
        url: of the HTTP server.
        tell: is called before each process with the cell and the seconds that are still to go.
    """
    for number in range(rounds):
        # In another order each time: no contender comes always after the same one.
        order = random.sample(cells, len(cells))
        for at, cell in enumerate(order):
            if cell.wants_more(kind.patience):
                tell(cell, left(order, at, rounds - number, kind))
                _measure(kind, cell, number, url)


def left(cells: Sequence[Cell], at: int, rounds: int, kind: Kind) -> float:
    """Guess the seconds to go: a cell takes as long as it took so far, or as the others did."""
    known = [cell.spent / len(cell.runs) for cell in cells if cell.runs]
    typical = sum(known) / len(known) if known else 1.0
    return sum(
        _still(cell, typical, rounds - (index < at), kind) for index, cell in enumerate(cells)
    )


def _still(cell: Cell, typical: float, rounds: int, kind: Kind) -> float:
    if not cell.wants_more(kind.patience):
        return 0.0
    each = cell.spent / len(cell.runs) if cell.runs else typical
    more = max(int((kind.patience - cell.spent) / each), 1)
    return each * min(rounds, more)


def _measure(kind: Kind, cell: Cell, number: int, url: str) -> None:
    order = {
        "contender": cell.contender,
        "runtime": cell.runtime,
        "workload": cell.workload,
        "n": cell.n,
        "url": url,
        "verify": number == 0,
    }
    began = time.monotonic()
    answer = process.measure(order, kind.budget)
    cell.spent += time.monotonic() - began
    for fate in FATES:
        if fate in answer:
            cell.status, cell.reason = fate, answer[fate]
            return
    # There may be fewer files than were asked for.
    cell.n = answer.pop("n")
    cell.runs.append({"round": number} | answer)

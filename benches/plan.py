"""What is run: every contender on every workload it supports, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benches.contender import Contender
from benches.work.workloads import WORKLOADS, Workload

ROUNDS = 5


@dataclass(frozen=True)
class Kind:
    """The quick run or the full one."""

    name: str
    budget: float
    """Seconds that one process may take; then it is ended, and not tried again."""
    patience: float
    """Seconds for all rounds of one cell: one that takes longer has fewer rounds."""


QUICK = Kind("quick", budget=10, patience=10)
FULL = Kind("full", budget=60, patience=20)


@dataclass
class Cell:
    """One contender on one runtime at one workload: a line of a table."""

    workload: str
    contender: str
    runtime: str
    n: int
    scaling: bool = False
    """Only a point of the picture of how the cost grows."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    """What the worker said, and in which round."""
    status: str = "ok"
    """ok; cut (over the budget), wrong, failed or broken (cannot be imported or installed)."""
    reason: str = ""
    spent: float = 0.0
    """Seconds that all its processes have taken."""

    def wants_more(self, patience: float) -> bool:
        """Whether it is to be run again; the first time always."""
        if not self.runs:
            return self.status == "ok"
        return self.status == "ok" and self.spent + self.spent / len(self.runs) <= patience


def chosen_workloads(kind: Kind, names: Sequence[str]) -> list[Workload]:
    """Return those of these names; without any, what the kind of run has."""
    if names:
        return [WORKLOADS[name] for name in names]
    return [one for one in WORKLOADS.values() if one.in_quick or kind is FULL]


def chosen_contenders(
    kind: Kind, contenders: Sequence[Contender], names: Sequence[str]
) -> list[Contender]:
    """The same for contenders: the quick run has the slow ones only where they are asked for."""
    if names:
        return [one for one in contenders if one.name in names]
    return [one for one in contenders if not one.slow or kind is FULL]


def cells(
    kind: Kind,
    workloads: Iterable[Workload],
    contenders: Sequence[Contender],
    broken: dict[str, str],
) -> list[Cell]:
    """Return the cells, in the order of the tables.

    The quick run has each contender on the first of its runtimes only.
    """
    planned = []
    for workload in workloads:
        for n in _sizes(kind, workload):
            for contender in contenders:
                if workload.shape in contender.shapes:
                    planned += _cells(kind, workload, contender, n)
    for cell in planned:
        reason = broken.get(cell.contender) or broken.get(cell.runtime)
        if reason:
            cell.status, cell.reason = "broken", f"cannot be installed: {reason}"
    return planned


def _sizes(kind: Kind, workload: Workload) -> list[int]:
    return [workload.quick] if kind is QUICK else [workload.full, *workload.sizes]


def _cells(kind: Kind, workload: Workload, contender: Contender, n: int) -> list[Cell]:
    scaling = n != (workload.quick if kind is QUICK else workload.full)
    if contender.slow:
        if scaling:
            return []
        n = workload.slow
    # How the cost grows is a matter of the scheduler: one runtime shows it.
    runtimes = contender.runtimes[:1] if kind is QUICK or scaling else contender.runtimes
    return [Cell(workload.name, contender.name, runtime, n, scaling) for runtime in runtimes]

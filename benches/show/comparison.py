"""What the figures say: medians, spread, and ratios of figures of the same round."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from benches.show.results import Results
from benches.work.workloads import WORKLOADS

HOCKET = "hocket"
OURS = (HOCKET, "hocket_threads")


@dataclass(frozen=True)
class Row:
    """One contender at one workload."""

    contender: str
    runtime: str
    n: int
    rounds: int
    time_limit: bool
    serial: bool = False
    cost: float | None = None
    """The median, in the workload's unit; None if there is none, and ``why``."""
    low: float = 0.0
    high: float = 0.0
    to_floor: float | None = None
    """How many times the floor's; the median of the ratios of each round."""
    to_hocket: float | None = None
    growth: float = 0.0
    """Bytes that the process grew by while it ran, a step."""
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """All contenders at one workload, the cheapest first, those without a figure last."""

    name: str
    what: str
    unit: str
    floor: str | None
    memory: bool
    date: str
    revision: str
    n: int
    rows: list[Row]

    def find(self, contender: str | None) -> Row | None:
        rows = [row for row in self.rows if row.contender == contender and row.cost is not None]
        return rows[0] if rows else None


def comparisons(results: Results) -> list[Comparison]:
    return [_comparison(results, workload) for workload in results["workloads"]]


def scaling(results: Results, workload: str) -> dict[str, list[tuple[int, float]]]:
    """Return by contender the cost of a step at each number of steps, on its first runtime."""
    # The million is the same steps as `one_checkpoint`.
    named = {workload, "million"} if workload == "one_checkpoint" else {workload}
    curves: dict[str, dict[int, float]] = {}
    for cell in results["cells"]:
        about = results["contenders"][cell["contender"]]
        first = cell["runtime"] == about["runtimes"][0]
        if cell["workload"] in named and first and _runs(cell) and not about["slow"]:
            cost = statistics.median(_costs(cell).values())
            curves.setdefault(cell["contender"], {})[cell["n"]] = cost
    return {name: sorted(points.items()) for name, points in curves.items() if len(points) > 1}


def imports(results: Results) -> list[tuple[str, str, float]]:
    """Return contender, runtime and the milliseconds that importing both takes, cheapest first."""
    found: dict[tuple[str, str], list[float]] = {}
    for cell in results["cells"]:
        times = [run["imports"] * 1e3 for run in _runs(cell)]
        found.setdefault((cell["contender"], cell["runtime"]), []).extend(times)
    rows = [(*who, statistics.median(times)) for who, times in found.items() if times]
    return sorted(rows, key=lambda row: row[2])


def _comparison(results: Results, workload: dict[str, Any]) -> Comparison:
    cells = [
        cell
        for cell in results["cells"]
        if cell["workload"] == workload["name"] and not cell["scaling"]
    ]
    floor, ours = _base(cells, workload["floor"]), _base(cells, HOCKET)
    rows = [_row(results, cell, floor, ours) for cell in cells]
    rows.sort(key=lambda row: (row.cost is None, row.cost or 0.0, row.contender))
    # Slow contenders have fewer steps than the others.
    n = max((row.n for row in rows), default=0)
    return Comparison(rows=rows, n=n, **workload)


def _base(cells: list[dict[str, Any]], contender: str | None) -> dict[int, float]:
    """Return the costs by round of the one that others are compared with."""
    found = [cell for cell in cells if cell["contender"] == contender and _runs(cell)]
    return _costs(found[0]) if found else {}


def _row(
    results: Results, cell: dict[str, Any], floor: dict[int, float], ours: dict[int, float]
) -> Row:
    about = results["contenders"][cell["contender"]]
    who = {
        "contender": cell["contender"],
        "runtime": cell["runtime"],
        "n": cell["n"],
        "rounds": len(cell["runs"]),
        "time_limit": about["time_limit"],
        "serial": about["serial"],
    }
    if not _runs(cell):
        return Row(
            **who, why=f"{cell['status']}: {cell['reason']}" if cell["reason"] else "not run"
        )
    costs = _costs(cell)
    return Row(
        **who,
        cost=statistics.median(costs.values()),
        low=min(costs.values()),
        high=max(costs.values()),
        to_floor=_ratio(costs, floor),
        to_hocket=_ratio(costs, ours),
        growth=statistics.median(run["growth"] for run in cell["runs"]) / cell["n"],
    )


def _runs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs that count: none of a contender that was found wrong later."""
    return cell["runs"] if cell["status"] == "ok" else []


def _costs(cell: dict[str, Any]) -> dict[int, float]:
    workload = WORKLOADS[cell["workload"]]
    return {run["round"]: workload.cost(run["seconds"], cell["n"]) for run in cell["runs"]}


def _ratio(costs: dict[int, float], base: dict[int, float]) -> float | None:
    """Each with the other one of the same round: both were measured in the same minute."""
    ratios = [cost / base[number] for number, cost in costs.items() if number in base]
    return statistics.median(ratios) if ratios else None

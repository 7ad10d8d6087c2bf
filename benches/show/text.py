"""How figures are written, wherever they are shown."""

from __future__ import annotations

from typing import Any

from benches.show.comparison import Comparison, Row
from benches.show.results import Results


def figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"{figure(ratio)}×"


def spread(row: Row) -> str:
    return f"{figure(row.low)} – {figure(row.high)}"


def remark(row: Row, comparison: Comparison, results: Results) -> str:
    """Say what a reader must know of a row to compare it."""
    if row.cost is None:
        return row.why
    remarks = []
    if row.n != comparison.n:
        remarks.append(f"{row.n:,} steps")
    if row.rounds < results["rounds"]:
        remarks.append(f"{row.rounds} of {results['rounds']} rounds")
    if row.time_limit:
        remarks.append("time limit for each step")
    if row.serial:
        remarks.append("one step after another")
    return "; ".join(remarks)


def measured_on(results: Results) -> str:
    """Return one sentence: machine, versions, date, revision."""
    on: dict[str, Any] = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    revision = f", revision {results['revision']}" if results["revision"] else ""
    return (
        f"{results['kind'].capitalize()} run of {results['date'][:10]}{revision}, on {on['cpu']}, "
        f"{on['cores']} cores, {on['memory_gb']} GB; {on['system']}; {on['python']}; {packages}."
    )


def measured_briefly(results: Results) -> str:
    """Return what a summary has room for."""
    on: dict[str, Any] = results["machine"]
    return (
        f"Medians of up to {results['rounds']} rounds on {results['date'][:10]}: {on['cpu']}, "
        f"{on['cores']} cores; {on['python']}, Trio {results['packages']['trio']}."
    )


def again(comparison: Comparison, results: Results) -> str:
    """Say of a workload that it was measured later than the others, if it was."""
    if comparison.date == results["date"]:
        return ""
    return f" Measured again on {comparison.date[:10]}, revision {comparison.revision}."


def how(results: Results) -> str:
    return (
        f"Median of {results['rounds']} rounds, each in a fresh process; at most "
        f"{results['limit']} steps at once."
    )

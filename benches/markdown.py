"""The tables and pictures as Markdown, put between marks, so that no figure is typed by hand."""

from __future__ import annotations

import os
from pathlib import Path

from benches import results as store
from benches.comparison import HOCKET, Comparison, Row, comparisons, imports
from benches.environment import ROOT
from benches.results import Results
from benches.text import figure, how, measured_on, remark, spread, times

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def write(results: Results, stem: str, root: Path = ROOT) -> list[Path]:
    """Put everything into docs/benchmarks.md, and a summary into README.md if it has the marks."""
    written = []
    for path, make in ((root / "docs/benchmarks.md", report), (root / "README.md", summary)):
        text = path.read_text(encoding="utf-8")
        if BEGIN not in text:
            continue
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        folder = os.path.relpath(store.FOLDER, path.parent)
        inner = make(results, f"{folder}/{stem}")
        path.write_text(f"{before}{BEGIN}\n\n{inner}\n\n{END}{after}", encoding="utf-8")
        written.append(path)
    return written


def report(results: Results, pictures: str) -> str:
    """All tables. ``pictures`` is where the pictures are, without the end of their names."""
    parts = [
        measured_on(results),
        how(results),
        f"![Cost by workload]({pictures}-cost.svg)",
    ]
    if any(cell["scaling"] for cell in results["cells"]):
        parts.append(f"![Cost of a step by number of steps]({pictures}-scaling.svg)")
    for comparison in comparisons(results):
        parts.append(f"### {comparison.name}\n\n{comparison.what}: {comparison.n:,}.")
        parts.append(_table(comparison, results))
    if rows := imports(results):
        parts.append("### imports\n\nImporting a contender and its runtime.")
        lines = ["| contender | on | ms |", "| --- | --- | ---: |"]
        lines += [f"| {_name(who, None)} | {on} | {figure(ms)} |" for who, on, ms in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def summary(results: Results, pictures: str) -> str:
    """One line a workload: the floor, hocket, and the best of the others on each runtime."""
    header = ["", "number", "", "floor", "hocket", "best other on Trio", "best other elsewhere"]
    lines = [_line(header), _line(["---", "---:", "---", "---:", "---:", "---:", "---:"])]
    # What shows a floor is written by hand for that, and nothing to choose.
    apart = {HOCKET, *(workload["floor"] for workload in results["workloads"])}
    for comparison in comparisons(results):
        floor, ours = comparison.find(comparison.floor), comparison.find(HOCKET)
        others = [
            row for row in comparison.rows if row.cost is not None and row.contender not in apart
        ]
        here = [row for row in others if row.runtime == "trio"]
        elsewhere = [row for row in others if row.runtime != "trio"]
        lines.append(
            _line(
                [
                    comparison.what,
                    f"{comparison.n:,}",
                    comparison.unit,
                    figure(floor.cost) if floor else "",
                    f"**{figure(ours.cost)}**" if ours else "",
                    _best(here, on=False),
                    _best(elsewhere, on=True),
                ]
            )
        )
    picture = f"![Cost by workload]({pictures}-cost.svg)"
    return "\n\n".join(["\n".join(lines), picture, measured_on(results)])


def _best(rows: list[Row], *, on: bool) -> str:
    if not rows:
        return ""
    where = f" on {rows[0].runtime}" if on else ""
    return f"{figure(rows[0].cost)} ({rows[0].contender}{where})"


def _table(comparison: Comparison, results: Results) -> str:
    header = ["contender", "on", comparison.unit, "min – max", "÷ floor", "÷ hocket", ""]
    align = ["---", "---", "---:", "---:", "---:", "---:", "---"]
    if comparison.memory:
        header.insert(6, "bytes a step")
        align.insert(6, "---:")
    lines = [_line(header), _line(align)]
    for row in comparison.rows:
        fields = [_name(row.contender, comparison.floor), row.runtime]
        if row.cost is None:
            fields += [""] * (len(header) - 3)
        else:
            fields += [figure(row.cost), spread(row), times(row.to_floor), times(row.to_hocket)]
            fields += [f"{row.growth:,.0f}"] if comparison.memory else []
        lines.append(_line([*fields, remark(row, comparison, results).replace("|", "\\|")]))
    return "\n".join(lines)


def _name(contender: str, floor: str | None) -> str:
    if contender == HOCKET:
        return f"**{contender}**"
    return f"{contender} (floor)" if contender == floor else contender


def _line(fields: list[str]) -> str:
    return f"| {' | '.join(fields)} |"

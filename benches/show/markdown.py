"""The tables and pictures as Markdown, put between marks, so that no figure is typed by hand."""

from __future__ import annotations

import os
from pathlib import Path

from benches.measure.environment import ROOT
from benches.show import results as store
from benches.show.comparison import HOCKET, OURS, Comparison, Row, comparisons, imports
from benches.show.results import Results
from benches.show.text import (
    again,
    figure,
    how,
    measured_briefly,
    measured_on,
    remark,
    spread,
    times,
)

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"

README, PAGE = "README.md", "docs/project/benchmarks.md"

# The rows of README.md: what a step costs that does nothing, and one that waits; single calls, which
# hocket loses; a graph; and how long a small group waits where a big one is at work.
HIGHLIGHTS = ("no_op", "one_checkpoint", "calls", "dag_10k", "beside_a_batch")


def write(results: Results, stem: str, root: Path = ROOT) -> list[Path]:
    """Put everything into docs/project/benchmarks.md, and five rows into README.md.

    Raises:
        ValueError: one of them has not the marks that say where.
    """
    written = []
    for path, make in ((root / PAGE, report), (root / README, summary)):
        text = path.read_text(encoding="utf-8")
        if text.count(BEGIN) != 1 or text.count(END) != 1:
            raise ValueError(f"{path.name}: {BEGIN} and {END} must be there, once each")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        inner = make(results, stem)
        path.write_text(f"{before}{BEGIN}\n\n{inner}\n\n{END}{after}", encoding="utf-8")
        written.append(path)
    return written


def report(results: Results, stem: str) -> str:
    """All tables, and the pictures that are called ``stem``."""
    parts = [
        measured_on(results),
        how(results),
        _overview(comparisons(results), page=""),
        *_pictures(results, stem),
        _contenders(results),
    ]
    for comparison in comparisons(results):
        later = again(comparison, results)
        parts.append(f"### {comparison.name}\n\n{comparison.what}: {comparison.n:,}.{later}")
        parts.append(_table(comparison, results))
    if rows := imports(results):
        parts.append("### imports\n\nImporting a contender and its runtime.")
        lines = ["| contender | on | ms |", "| --- | --- | ---: |"]
        lines += [f"| {_name(who, None)} | {on} | {figure(ms)} |" for who, on, ms in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _contenders(results: Results) -> str:
    lines = ["| contender | what it is |", "| --- | --- |"]
    for name, about in results["contenders"].items():
        source = about["source"]
        link = source if source.startswith("https://") else _from_page(ROOT / source)
        lines.append(_line([f"[{name}]({link})", _escaped(about["what"])]))
    return "\n".join(lines)


def summary(results: Results, _stem: str) -> str:
    """The rows of README.md, and what they were measured on."""
    found = {one.name: one for one in comparisons(results)}
    shown = [found[name] for name in HIGHLIGHTS if name in found]
    return "\n\n".join([_overview(shown, page=PAGE), measured_briefly(results)])


def _overview(shown: list[Comparison], page: str) -> str:
    """One line a workload: the floor, hocket, and the best of the others on each runtime."""
    header = [
        "workload",
        "number",
        "unit",
        "floor",
        "hocket",
        "best other on Trio",
        "best elsewhere",
    ]
    lines = [_line(header), _line(["---", "---:", "---", "---:", "---:", "---:", "---:"])]
    for comparison in shown:
        apart = (*OURS, comparison.floor)
        floor, ours = comparison.find(comparison.floor), comparison.find(HOCKET)
        others = [
            row for row in comparison.rows if row.cost is not None and row.contender not in apart
        ]
        here = [row for row in others if row.runtime == "trio"]
        elsewhere = [row for row in others if row.runtime != "trio"]
        lines.append(
            _line(
                [
                    f"[{comparison.what}]({page}#{comparison.name})",
                    f"{comparison.n:,}",
                    comparison.unit,
                    figure(floor.cost) if floor else "",
                    f"**{figure(ours.cost)}**" if ours else "",
                    _best(here, on=False),
                    _best(elsewhere, on=True),
                ]
            )
        )
    return "\n".join(lines)


def _pictures(results: Results, stem: str) -> list[str]:
    pictures = _from_page(store.FOLDER / stem)
    links = [f"![Cost by workload]({pictures}-cost.svg)"]
    if any(cell["scaling"] for cell in results["cells"]):
        links.append(f"![Cost of a step by number of steps]({pictures}-scaling.svg)")
    return links


def _from_page(path: Path) -> str:
    return os.path.relpath(path, (ROOT / PAGE).parent)


def _best(rows: list[Row], *, on: bool) -> str:
    if not rows:
        return ""
    where = f" on {rows[0].runtime}" if on else ""
    alone = ", one after another" if rows[0].serial else ""
    return f"{figure(rows[0].cost)} ({rows[0].contender}{where}{alone})"


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
        lines.append(_line([*fields, _escaped(remark(row, comparison, results))]))
    return "\n".join(lines)


def _name(contender: str, floor: str | None) -> str:
    if contender == HOCKET:
        return f"**{contender}**"
    return f"{contender} (floor)" if contender == floor else contender


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _line(fields: list[str]) -> str:
    return f"| {' | '.join(fields)} |"

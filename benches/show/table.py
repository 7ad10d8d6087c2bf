"""The tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benches.show.comparison import HOCKET, Comparison, Row, comparisons, imports
from benches.show.results import Results
from benches.show.text import figure, how, measured_on, remark, spread, times


def show(console: Console, results: Results) -> None:
    """Print everything."""
    for comparison in comparisons(results):
        title = f"{comparison.name}: {comparison.what} ({comparison.n:,})"
        console.print(Text(f"\n{title}", style="bold"))
        console.print(_table(comparison, results))
    if rows := imports(results):
        console.print(Text("\nimports: importing a contender and its runtime", style="bold"))
        console.print(_imports(rows))
    console.print()
    for name, reason in results["bad"].items():
        console.print(Text(f"{name} is no contender: {reason}", style="red"))
    if results["interrupted"]:
        console.print("Interrupted: this is what there was by then.", style="yellow")
    console.print(how(results), highlight=False)
    console.print(measured_on(results), highlight=False)


def _table(comparison: Comparison, results: Results) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("contender", no_wrap=True)
    table.add_column("on", no_wrap=True)
    table.add_column(comparison.unit, justify="right")
    table.add_column("min – max", justify="right", no_wrap=True)
    table.add_column("÷ floor", justify="right")
    table.add_column("÷ hocket", justify="right")
    if comparison.memory:
        table.add_column("bytes a step", justify="right")
    table.add_column("")
    for row in comparison.rows:
        table.add_row(*_fields(row, comparison, results), style=_style(row, comparison))
    return table


def _fields(row: Row, comparison: Comparison, results: Results) -> list[str]:
    floor = " (floor)" if row.contender == comparison.floor else ""
    fields = [row.contender + floor, row.runtime]
    if row.cost is None:
        fields += [""] * (5 if comparison.memory else 4)
    else:
        fields += [figure(row.cost), spread(row), times(row.to_floor), times(row.to_hocket)]
        fields += [f"{row.growth:,.0f}"] if comparison.memory else []
    return [*fields, remark(row, comparison, results)]


def _style(row: Row, comparison: Comparison) -> str:
    if row.cost is None:
        return "red"
    if row.contender == HOCKET:
        return "bold green"
    return "dim" if row.contender == comparison.floor else ""


def _imports(rows: list[tuple[str, str, float]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("contender")
    table.add_column("on")
    table.add_column("ms", justify="right")
    for contender, runtime, milliseconds in rows:
        style = "bold green" if contender == HOCKET else ""
        table.add_row(contender, runtime, figure(milliseconds), style=style)
    return table

"""What the pictures have in common: colours, letters, axes."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benches.show.comparison import HOCKET, Comparison, Row

OURS = "#d1495b"
COLOURS = {"trio": "#2e6f95", "asyncio": "#8a7d2f", "uvloop": "#5f9e6e", "threads": "#8d6a9f"}
FLOOR = "#222222"
GRID = "#e4e4e4"

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    # The same figures give the same file.
    "svg.hashsalt": "hocket",
    "svg.fonttype": "path",
}


def colour_of(comparison: Comparison, row: Row) -> str:
    if row.contender == HOCKET:
        return OURS
    return FLOOR if row.contender == comparison.floor else COLOURS[row.runtime]


def logarithmic(axis: Axis) -> None:
    """Powers of ten, written as numbers."""
    axis.set_major_locator(LogLocator(base=10))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())

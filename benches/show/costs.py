"""The picture of what a step costs: a panel a workload, a line a contender."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benches.show.comparison import HOCKET, Comparison, Row
from benches.show.drawing import COLOURS, FLOOR, GRID, OURS, colour_of, logarithmic
from benches.show.text import figure

COLUMNS = 3
ROW_INCHES = 0.2


def draw(shown: list[Comparison]) -> Figure:
    """One panel a workload; each line of panels is as high as its fullest one."""
    lines = [shown[at : at + COLUMNS] for at in range(0, len(shown), COLUMNS)]
    heights = [max(len(_lines(one)) for one in line) * ROW_INCHES + 0.75 for line in lines]
    picture = Figure(figsize=(15, sum(heights) + 0.6), layout="constrained")
    axes = picture.subplots(len(lines), COLUMNS, squeeze=False, height_ratios=heights)
    for at, place in enumerate(axes.flat):
        if at < len(shown):
            fullest = max(len(_lines(one)) for one in lines[at // COLUMNS])
            _panel(place, shown[at], fullest)
        else:
            place.set_visible(False)
    marks = [_mark(OURS, "hocket"), _mark(FLOOR, "floor", hollow=True)]
    runtimes = {row.runtime for one in shown for row in one.rows}
    marks += [_mark(colour, name) for name, colour in COLOURS.items() if name in runtimes]
    picture.legend(handles=marks, loc="outside upper left", ncols=len(marks), frameon=False)
    return picture


def _mark(colour: str, name: str, *, hollow: bool = False) -> Line2D:
    face = "white" if hollow else colour
    return Line2D(
        [], [], color=colour, markerfacecolor=face, marker="o", linestyle="none", label=name
    )


def _lines(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.rows if row.cost is not None]


def _panel(place: Axes, comparison: Comparison, fullest: int) -> None:
    rows = _lines(comparison)
    least = min(row.low for row in rows)
    most = max(row.high for row in rows)
    # Room for the labels; and no panel narrower than a decade, or noise would look like much.
    left, right = least / 1.6, max(most, least * 10) * 3
    for height, row in enumerate(reversed(rows)):
        _line(place, comparison, row, height, left)
    place.set_xscale("log")
    place.set_xlim(left, right)
    # The rows are as far apart as in the fullest panel beside it.
    place.set_ylim(len(rows) - fullest - 0.7, len(rows) - 0.3)
    labels = [_label(row, comparison) for row in reversed(rows)]
    place.set_yticks(range(len(rows)), labels)
    for tick, row in zip(place.get_yticklabels(), reversed(rows), strict=True):
        tick.set_color(colour_of(comparison, row))
        tick.set_fontweight("bold" if row.contender == HOCKET else "normal")
    logarithmic(place.xaxis)
    place.tick_params(axis="y", length=0)
    place.grid(axis="x", color=GRID, linewidth=0.7)
    place.set_axisbelow(True)
    place.spines["left"].set_visible(False)
    place.set_title(_title(comparison))
    place.set_xlabel(comparison.unit)


def _line(place: Axes, comparison: Comparison, row: Row, height: int, left: float) -> None:
    colour = colour_of(comparison, row)
    ours = row.contender == HOCKET
    place.hlines(height, left, row.cost, color=colour, alpha=0.35, linewidth=3 if ours else 1.2)
    place.hlines(height, row.low, row.high, color=colour, linewidth=3.5, alpha=0.6)
    floor = row.contender == comparison.floor
    place.plot(
        row.cost,
        height,
        "o",
        color=colour,
        markerfacecolor="white" if floor else colour,
        markersize=7 if ours else 5,
    )
    place.annotate(
        figure(row.cost),
        (row.high, height),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontweight="bold" if ours else "normal",
    )


def _label(row: Row, comparison: Comparison) -> str:
    """Name the runtime where a contender is there on several, and the steps where it had fewer."""
    several = sum(other.contender == row.contender for other in comparison.rows) > 1
    label = f"{row.contender} ({row.runtime})" if several else row.contender
    return label if row.n == comparison.n else f"{label}, {row.n:,} steps"


def _title(comparison: Comparison) -> str:
    return f"{comparison.name.replace('_', ' ')} ({comparison.n:,})"

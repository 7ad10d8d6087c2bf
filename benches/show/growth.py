"""The picture of how the cost of a step grows with their number: a curve a contender."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benches.show.comparison import HOCKET, Comparison, Row, comparisons
from benches.show.drawing import GRID, colour_of, logarithmic
from benches.show.results import Results
from benches.show.text import figure


def draw(results: Results, curves: dict[str, dict[str, list[tuple[int, float]]]]) -> Figure:
    fullest = max(len(found) for found in curves.values())
    picture = Figure(figsize=(7.5 * len(curves), fullest * 0.26 + 2.2), layout="constrained")
    axes = picture.subplots(1, len(curves), squeeze=False)
    for place, (name, found) in zip(axes.flat, curves.items(), strict=True):
        comparison = next(one for one in comparisons(results) if one.name == name)
        for contender, points in found.items():
            runtime = results["contenders"][contender]["runtimes"][0]
            _curve(place, comparison, Row(contender, runtime, 0, 0, time_limit=False), points)
        _axes(place, comparison, found)
        _name_curves(place, comparison, results, found)
    return picture


def _curve(place: Axes, comparison: Comparison, row: Row, points: list[tuple[int, float]]) -> None:
    ours, floor = row.contender == HOCKET, row.contender == comparison.floor
    place.plot(
        [n for n, _ in points],
        [cost for _, cost in points],
        marker="o",
        markersize=5 if ours else 3,
        linewidth=2.8 if ours else 1.2,
        linestyle="--" if floor else "-",
        color=colour_of(comparison, row),
        zorder=3 if ours else 2,
    )


def _axes(place: Axes, comparison: Comparison, found: dict[str, list[tuple[int, float]]]) -> None:
    numbers = [n for points in found.values() for n, _ in points]
    place.set_xscale("log")
    place.set_yscale("log")
    # Room on the right for the names.
    place.set_xlim(min(numbers) / 1.3, max(numbers) * 60)
    for axis in (place.xaxis, place.yaxis):
        logarithmic(axis)
    decades = range(math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers))) + 1)
    place.set_xticks([10.0**power for power in decades])
    place.xaxis.set_minor_locator(NullLocator())
    place.spines["bottom"].set_bounds(place.get_xlim()[0], max(numbers))
    place.grid(color=GRID, linewidth=0.7)
    place.set_title(comparison.what)
    place.set_xlabel("number of steps")
    place.set_ylabel(comparison.unit)


def _name_curves(
    place: Axes,
    comparison: Comparison,
    results: Results,
    found: dict[str, list[tuple[int, float]]],
) -> None:
    """Write each name right of its curve's end, moved until no two are on top of each other."""
    low, high = place.get_ylim()
    far = max(n for points in found.values() for n, _ in points) * 1.5
    gap = math.log10(high / low) / (place.figure.get_figheight() - 1.2) * 0.17
    ends = sorted((math.log10(points[-1][1]), name) for name, points in found.items())
    height = -math.inf
    for end, name in ends:
        height = max(end, height + gap)
        runtime = results["contenders"][name]["runtimes"][0]
        row = Row(name, runtime, 0, 0, time_limit=False)
        colour = colour_of(comparison, row)
        n, cost = found[name][-1]
        place.plot([n, far * 0.95], [cost, 10**height], color=colour, linewidth=0.5, alpha=0.6)
        place.text(
            far,
            10**height,
            f"{name} ({runtime})  {figure(cost)}",
            va="center",
            color=colour,
            fontweight="bold" if name == HOCKET else "normal",
        )
    place.set_ylim(low, max(high, 10 ** (height + gap)))

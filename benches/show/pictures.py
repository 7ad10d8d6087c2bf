"""The pictures, drawn by matplotlib, as SVG and PNG."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benches.show import costs, growth, results as store
from benches.show.comparison import Row, comparisons, scaling
from benches.show.drawing import STYLE
from benches.show.results import Results


def draw(results: Results, stem: str) -> list[Path]:
    """Draw what the results are enough for; return the files."""
    with mpl.rc_context(STYLE):
        drawn = []
        shown = [one for one in comparisons(results) if sum(map(_has_cost, one.rows)) > 1]
        if shown:
            drawn += _save(costs.draw(shown), f"{stem}-cost")
        curves = {
            one.name: found
            for one in comparisons(results)
            if one.name in ("no_op", "one_checkpoint") and (found := scaling(results, one.name))
        }
        if curves:
            drawn += _save(growth.draw(results, curves), f"{stem}-scaling")
    return drawn


def _save(picture: Figure, stem: str) -> list[Path]:
    paths = [store.FOLDER / f"{stem}.{kind}" for kind in ("svg", "png")]
    store.FOLDER.mkdir(exist_ok=True)
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        picture.savefig(path, dpi=130, metadata=metadata, facecolor="white")
    return paths


def _has_cost(row: Row) -> bool:
    return row.cost is not None

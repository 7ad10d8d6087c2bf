"""The cells of a matrix: every combination of its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

__all__ = ["cells_of"]


def cells_of(
    axes: Mapping[str, Iterable[Any]],
    include: Iterable[Mapping[str, Any]],
    exclude: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the cells, in order: the combinations that are not left out, and then those besides.

    >>> cells_of({"os": ["linux", "mac"], "py": [3]}, [{"os": "bsd"}], [{"os": "mac"}])
    [{'os': 'linux', 'py': 3}, {'os': 'bsd'}]
    """
    combined = product(*axes.values()) if axes else ()
    cells = (dict(zip(axes, values, strict=True)) for values in combined)
    left = [cell for cell in cells if not any(_is_of(cell, one) for one in exclude)]
    return [*left, *map(dict, include)]


def _is_of(cell: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    """Whether a cell has all values of a pattern."""
    return all(name in cell and cell[name] == value for name, value in pattern.items())

"""The graph: layers of a hundred steps."""

from collections.abc import Sequence

WIDTH = 100


def layered(names: Sequence[str], width: int = WIDTH) -> dict[str, list[str]]:
    """Return for each name the three of the layer before that it depends on; none in the first."""
    dependencies: dict[str, list[str]] = {}
    for at, name in enumerate(names):
        layer, place = divmod(at, width)
        before = (layer - 1) * width
        others = {(place + far) % width for far in (0, 1, 7)}
        dependencies[name] = [names[before + other] for other in sorted(others)] if layer else []
    return dependencies

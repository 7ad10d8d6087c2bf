"""Near-misses: what somebody most likely meant to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

__all__ = ["did_you_mean", "nearest"]

# Comparing is slow (about 10 us a name), so a workflow of 100,000 steps is not searched whole.
_MOST_NAMES = 2_000
# The time to compare two texts grows with the product of their lengths.
_LONGEST = 200


def nearest(found: object, names: Iterable[object], cutoff: float = 0.6) -> str | None:
    """The name that is most like what was found, or None when nothing is.

    Case, ``_`` and ``-`` do not count. ``cutoff`` is the least likeness, from 0 to 1.
    """
    if not isinstance(found, str) or len(found) > _LONGEST:
        return None
    import difflib  # only a mistake needs it, and every import of hocket would pay for it

    texts = list(
        islice(
            (name for name in names if isinstance(name, str) and len(name) <= _LONGEST), _MOST_NAMES
        )
    )
    folded = {_fold(name): name for name in reversed(texts)}
    close = difflib.get_close_matches(_fold(found), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def did_you_mean(
    found: object, names: Iterable[object], written: Callable[[str], str] = repr
) -> str:
    """A clause for the end of a message; empty when nothing is near.

    ``written`` makes of the name what is to be written where the message stands.

    >>> did_you_mean("tol", ["tool", "id"])
    "; did you mean 'tool'?"
    """
    name = nearest(found, names)
    return "" if name is None else f"; did you mean {written(name)}?"


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()

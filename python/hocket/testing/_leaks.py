"""Steps that outlive what should have ended them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from .._engine.pool import WorkerPool, live_pools

__all__ = ["LeakedStep", "LeakedStepWarning", "leaks"]


class LeakedStepWarning(RuntimeWarning):
    """A test has ended, and a step that it started has not, or has left something behind."""


@attrs.frozen
class LeakedStep:
    """A step that still holds a slot of a pool."""

    pool: WorkerPool
    """The pool."""
    step: str
    """The step's id."""
    age: float
    """Seconds since it started."""

    def __str__(self) -> str:
        return f"step {self.step!r} still runs, after {self.age:.3f} s, in {self.pool!r}"


def leaks(*, ignore: Iterable[WorkerPool] = ()) -> list[LeakedStep]:
    """Return every step that runs now, in any pool of the process.

    Where nothing should run, as between two tests, these are leaks: steps of a ``trio.run`` that
    broke off, or of a guest run that was never finished.

    Args:
        ignore: pools that may be busy.

    >>> leaks()
    []
    """
    allowed = list(ignore)
    return [
        LeakedStep(pool, step, age)
        for pool in live_pools()
        if not any(pool is one for one in allowed)
        for step, age in pool.holders()
    ]

"""What observers are told of steps that a loop, or another workflow, holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from .._model.event import Observer

__all__ = ["inside"]


def inside(
    observers: Sequence[Observer], step: str, name: Callable[[str], str]
) -> tuple[Observer, ...]:
    """Observers of what runs inside of a step: they are told what it is, and where by its name.

    Args:
        observers: those of the step.
        step: the id of the step.
        name: makes the name of what runs inside.
    """

    def of(observer: Observer) -> Observer:
        return lambda event: observer(attrs.evolve(event, step=name(event.step), inside=step))

    return tuple(map(of, observers))

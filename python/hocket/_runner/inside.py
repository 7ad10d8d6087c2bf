"""What observers are told of steps that a loop, or another workflow, holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from .._model.event import Observer

__all__ = ["inside", "name_in_pass"]


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


def name_in_pass(nameless: str | None, name: str, inner: str) -> str:
    """Name what runs inside of a pass.

    The one step that a loop does each time has no id of its own: what it holds is called as if the pass
    held it.

    Args:
        nameless: what stands for the id of that step; None where there are several.
        name: that of the pass.
        inner: what runs inside, as it is called there.

    >>> name_in_pass(None, "u[ada]", "store"), name_in_pass("u[]", "u[ada]", "u[][0]")
    ('u[ada].store', 'u[ada][0]')
    """
    if nameless is not None and inner.startswith(nameless):
        return f"{name}{inner.removeprefix(nameless)}"
    return f"{name}.{inner}"

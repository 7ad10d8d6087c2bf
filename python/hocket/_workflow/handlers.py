"""Handlers: steps that run after the rest, as that has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import attrs

from .._base.mistakes import Mistakes, format_keys
from .analysis import Analysis, analyse
from .places import CLOSED, Places
from .step import WorkflowStep

__all__ = ["HANDLERS", "analyse_handlers", "which_runs"]

HANDLERS = ("on_success", "on_failure", "on_cancel", "finally_")
"""One of the first three runs after the rest, and then the last."""

_AFTER = {"succeeded": "on_success", "cancelled": "on_cancel"}


def which_runs(status: str) -> str:
    """Return which of the first three handlers runs after a run that ended so."""
    return _AFTER.get(status, "on_failure")


def analyse_handlers(
    handlers: Mapping[str, Sequence[WorkflowStep[Any]]], first: Analysis
) -> dict[str, Analysis]:
    """Look at the steps of each handler, which see what has run before.

    Args:
        handlers: the steps of each, by its name.
        first: the steps of the workflow itself.
    """
    made: dict[str, Analysis] = {}
    for name in HANDLERS:
        if steps := handlers.get(name):
            before = {"steps": first.places} | {key: one.places for key, one in made.items()}
            made[name] = analyse(steps, outside=_Before(name, before), root=name)
    return made


@attrs.frozen(eq=False)
class _Before:
    """What the steps of one handler see of the workflow around them."""

    name: str
    places: dict[str, Places]
    """Those of the workflow's own steps, and of the handlers that are looked at before."""

    def taken(self, id_: str) -> str | None:
        """Say whose id that is already; None if it is free."""
        for places in self.places.values():
            if id_ in places.number:
                return f"{format_keys(places.keys(places.number[id_]))} has it too"
        return None

    def why_no_member(self, id_: str) -> str:
        """Say why a group cannot run that step."""
        if self.taken(id_):
            return f"step {id_!r} runs before {_written(self.name)} does"
        return f"there is no step {id_!r}"

    def why_not_before(
        self, id_: str, mistakes: Mistakes, written: Callable[[str], str]
    ) -> str | None:
        """Say why that step has not run before; None if it has."""
        for name, places in self.places.items():
            if id_ in places.number:
                return self._why_unseen(id_, name, places)
        first = self.places["steps"]
        if id_ in first.group_ids:
            return first.no_step(id_, mistakes, written)
        known: Iterable[str] = chain.from_iterable(one.number for one in self.places.values())
        return f"there is no step {id_!r}{mistakes.near(id_, known, written)}"

    def judged(self, id_: str) -> str:
        """Return the step that a dependency on that one is judged by."""
        for places in self.places.values():
            if (place := places.number.get(id_)) is not None:
                return places.steps[places.group_around(place)].id
        return id_

    def _why_unseen(self, id_: str, name: str, places: Places) -> str | None:
        around = [one for one in places.around(places.number[id_]) if places.kind(one) in CLOSED]
        if around:
            owner = places.steps[around[-1]].id
            return f"step {id_!r} is inside step {owner!r}, which hides it: use {owner!r}"
        if name != "steps" and self.name != "finally_":
            return f"step {id_!r} runs in {name}, and {self.name} runs only where that does not"
        return None


def _written(name: str) -> str:
    return name.removesuffix("_")

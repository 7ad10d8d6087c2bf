"""Which top-level step waits for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._base.mistakes import Keys, Mistakes, is_unreadable
from .graph import find_cycles, runnable
from .places import Places
from .step import WorkflowStep

__all__ = ["check_cycles", "connect", "side_by_side"]


def connect(
    places: Places, top: Sequence[WorkflowStep[Any]], mistakes: Mistakes
) -> list[list[int]]:
    """Return, for each top-level step, those that it waits for, each once.

    What a member waits for, the step that runs its group waits for.
    """
    graph: list[list[int]] = [[] for _ in top]
    top_of, has_members = places.top_by_id(), bool(places.owner)
    for place, step in enumerate(places.steps):
        if not step.depends_on:
            continue
        here = places.top[place]
        try:
            before = [top_of[id_] for id_ in step.depends_on]
        except KeyError:
            before = None  # there is no such step, or it is in a circle of groups
        if before is None or here in before or here < 0:
            before = _look_closely(places, place, mistakes)
        if has_members and here >= 0:
            before = graph[here] + before
        if len(before) > 1 and len(set(before)) < len(before):
            before = list(dict.fromkeys(before))
        if here >= 0:
            graph[here] = before
    return graph


def _look_closely(places: Places, place: int, mistakes: Mistakes) -> list[int]:
    """The same for a step with a dependency that is out of the ordinary; most are mistakes."""
    before: list[int] = []
    for index, id_ in enumerate(places.steps[place].depends_on):
        keys = (*places.keys(place), "depends_on", index)
        earlier = _dependency(places, place, keys, id_, mistakes)
        if earlier is not None:
            before.append(places.top[earlier])
    return before


def _dependency(places: Places, place: int, keys: Keys, id_: str, mistakes: Mistakes) -> int | None:
    """Return the place of the step that is waited for, if there is such an order at all."""
    if is_unreadable(id_):
        return None
    earlier = places.number.get(id_)
    if earlier is None:
        if why := places.why_not_before(id_, mistakes):
            mistakes.add(keys, why)
    elif places.top[place] < 0 or places.top[earlier] < 0:
        return None  # inside a circle of groups, already reported
    elif earlier == place and place in places.owner:
        mistakes.add(keys, f"step {id_!r} depends on itself")
        return None
    elif earlier != place and places.top[place] == places.top[earlier]:
        mistakes.add(keys, side_by_side(places, place, earlier))
        return None
    return earlier


def side_by_side(places: Places, place: int, earlier: int) -> str:
    """Say why one step cannot wait for the other: one top-level step runs both."""
    one, other = places.steps[place].id, places.steps[earlier].id
    if place in places.around(earlier):
        return f"step {other!r} runs inside this step, which cannot wait for it"
    if earlier in places.around(place):
        return f"this step runs inside step {other!r}, which cannot end before it"
    *_, top = places.around(place)
    return (
        f"steps {one!r} and {other!r} both run in the group of step "
        f"{places.steps[top].id!r}, side by side; move one of them out of the group"
    )


def check_cycles(
    places: Places,
    top: Sequence[WorkflowStep[Any]],
    graph: Sequence[Sequence[int]],
    mistakes: Mistakes,
) -> list[int]:
    """Return the top-level steps in an order in which they can run, without those in cycles."""
    order = runnable(graph)
    if len(order) == len(top):
        return order
    reasons = _reasons(places)
    for cycle in find_cycles(graph):
        names = " -> ".join(top[node].id for node in (*cycle, cycle[0]))
        edges = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        found = [reasons[edge] for edge in edges if edge in reasons]
        why = f" ({', '.join(found)})" if found else ""
        keys = (*places.keys(places.number[top[cycle[0]].id]), "depends_on")
        mistakes.add(keys, f"these steps wait for each other: {names}{why}")
    return order


def _reasons(places: Places) -> dict[tuple[int, int], str]:
    """Why one top-level step waits for another, where a member of a group is the reason."""
    reasons: dict[tuple[int, int], str] = {}
    for place, step in enumerate(places.steps):
        for id_ in step.depends_on:
            earlier = places.number.get(id_)
            if earlier is not None and (place in places.owner or earlier in places.owner):
                edge = places.top[place], places.top[earlier]
                reasons.setdefault(edge, f"{step.id!r} depends on {id_!r}")
    return reasons

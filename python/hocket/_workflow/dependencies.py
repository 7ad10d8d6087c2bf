"""Which step waits for which: what is listed, and what references imply.

Every edge is between two steps that stand side by side: those around its ends that are in one graph,
the workflow itself or one side of a branch. A step that is judged by it may be further inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import attrs

from .._base.mistakes import Keys, Mistakes, format_keys, is_unreadable
from .graph import find_cycles, runnable
from .places import Places
from .rules import Edge

__all__ = ["Implied", "Order", "check_cycles", "connect", "side_by_side"]


@attrs.frozen
class Implied:
    """A step waits for another one because it refers to it."""

    place: int
    """The step that refers."""
    target: int
    """The step that it refers to."""
    keys: Keys
    """Where the reference is."""
    text: str
    """The reference, as it was written."""


@attrs.define(eq=False)
class Order:
    """Who waits for whom, by places."""

    before: list[list[int]]
    """For each step those that it, or a step inside it, waits for; only such as are side by side."""
    redirected: dict[int, dict[str, str]] = attrs.field(factory=dict)
    """For steps that depend on members of groups: the step that is judged in place of each."""
    implied: list[Implied] = attrs.field(factory=list)
    previous: dict[int, int] = attrs.field(factory=dict)
    """For the steps of sequences, the one before each."""

    def of(self, members: Sequence[int]) -> list[list[int]]:
        """The same for the steps of one graph, as indices among them; each once."""
        if len(members) == len(self.before):
            return self.before
        index = {place: n for n, place in enumerate(members)}
        return [
            [index[earlier] for earlier in self.before[place] if earlier in index]
            for place in members
        ]

    def tidy(self) -> None:
        """Keep each edge once."""
        for place, before in enumerate(self.before):
            if len(before) > 1 and len(set(before)) < len(before):
                self.before[place] = list(dict.fromkeys(before))


def connect(places: Places, mistakes: Mistakes) -> Order:
    """Find out who waits for whom, as far as it is listed."""
    order = Order([[] for _ in places.steps])
    number, has_members = places.number, bool(places.owner)
    for place, step in enumerate(places.steps):
        if not step.depends_on:
            continue
        try:
            before = [number[id_] for id_ in step.depends_on]  # type: ignore[index]
        except (KeyError, TypeError):
            before = None  # there is no such step, or one has a rule
        if before is None or has_members or place in before:
            _look_closely(places, place, order, mistakes)
        else:
            order.before[place] += before
    _connect_sequences(places, order)
    return order


def _connect_sequences(places: Places, order: Order) -> None:
    """Have each step of a sequence wait for the one before it."""
    for place, sides in places.sides.items():
        for side, members in zip(places.steps[place].sides, sides, strict=True):
            if side.in_order:
                for earlier, member in pairwise(members):
                    order.before[member].append(earlier)
                    order.previous[member] = earlier


def _look_closely(places: Places, place: int, order: Order, mistakes: Mistakes) -> None:
    """The same for a step whose dependencies may be out of the ordinary."""
    for index, one in enumerate(places.steps[place].depends_on):
        id_ = one.step if isinstance(one, Edge) else one
        keys = (*places.keys(place), "depends_on", index)
        earlier = _dependency(places, keys, id_, mistakes)
        if earlier is None and places.outside is not None:
            _judge_as(order, place, id_, places.outside.judged(id_))
        if earlier is None or places.top[place] < 0 or places.top[earlier] < 0:
            continue  # there is none, or it is inside a circle of groups: already reported
        here, there = places.meet(place, earlier)
        why = _why_not(places, place, earlier, here, there)
        if why is not None:
            mistakes.add(keys, why)
            continue
        order.before[here].append(there)
        judged = _judged(places, earlier, there)
        _judge_as(order, place, places.steps[earlier].id, places.steps[judged].id)


def _judge_as(order: Order, place: int, earlier: str, judged: str) -> None:
    """Note that of two steps the second is judged where a step depends on the first."""
    if judged != earlier:
        order.redirected.setdefault(place, {})[earlier] = judged


def _dependency(places: Places, keys: Keys, id_: str, mistakes: Mistakes) -> int | None:
    if is_unreadable(id_):
        return None
    earlier = places.number.get(id_)
    if earlier is None and (why := places.why_not_before(id_, mistakes)):
        mistakes.add(keys, why)
    return earlier


def _why_not(places: Places, place: int, earlier: int, here: int, there: int) -> str | None:
    """Say why one step cannot wait for the other; None if it can."""
    if place == earlier:
        return f"step {places.steps[place].id!r} depends on itself"
    if here == there:
        return side_by_side(places, place, earlier)
    if (closed := places.hides(place, earlier)) is not None:
        one, around = places.steps[earlier].id, places.steps[closed].id
        return f"step {one!r} is inside step {around!r}, which hides it: depend on {around!r}"
    owner = places.owner.get(here)
    if owner is None:
        return None
    if places.kind(owner) == "group" or not places.share_a_side(here, there):
        return side_by_side(places, place, earlier)
    return None


def _judged(places: Places, earlier: int, there: int) -> int:
    """The step that a dependency is judged by: of a member of a group, the one that runs the group."""
    judged, around = earlier, earlier
    while around != there:
        around = places.owner[around]
        if places.kind(around) == "group":
            judged = around
    return judged


def side_by_side(places: Places, place: int, earlier: int) -> str:
    """Say why one step cannot wait for the other: one step runs both."""
    one, other = places.steps[place].id, places.steps[earlier].id
    if place in places.around(earlier):
        return f"step {other!r} runs inside this step, which cannot wait for it"
    if earlier in places.around(place):
        return f"this step runs inside step {other!r}, which cannot end before it"
    here, _ = places.meet(place, earlier)
    owner = places.owner[here]
    top = places.steps[owner].id
    if places.kind(owner) == "branch":
        return f"steps {one!r} and {other!r} are on two sides of the branch of step {top!r}: never both run"
    return (
        f"steps {one!r} and {other!r} both run in the group of step "
        f"{top!r}, side by side; move one of them out of the group"
    )


def check_cycles(places: Places, order: Order, mistakes: Mistakes) -> None:
    """Refuse steps that wait for each other, in any of the graphs."""
    top = [place for place in range(len(places)) if _is_top(places, place)]
    graphs = [top, *(side for sides in places.sides.values() for side in sides)]
    reasons: _Reasons | None = None
    told: set[tuple[int, ...]] = set()
    for members in graphs:
        graph = order.of(members)
        if len(runnable(graph)) == len(members):
            continue
        reasons = reasons or _Reasons(places, order)
        for found in find_cycles(graph):
            cycle = [members[node] for node in found]
            if tuple(cycle) in told:
                continue  # on two sides of one branch
            told.add(tuple(cycle))
            names = " -> ".join(places.steps[place].id for place in (*cycle, cycle[0]))
            keys, why = reasons.of(cycle)
            mistakes.add(keys, f"these steps wait for each other: {names}{why}")


def _is_top(places: Places, place: int) -> bool:
    return place not in places.owner and (not places.owner or places.top[place] >= 0)


class _Reasons:
    """Why steps wait for each other, where it is not plain from their own dependencies."""

    def __init__(self, places: Places, order: Order) -> None:
        self.places = places
        self.listed: dict[tuple[int, int], tuple[int, Keys, int]] = {}
        self.implied: dict[tuple[int, int], Implied] = {}
        for place, index, earlier in _listed(places):
            edge = places.meet(place, earlier)
            keys = (*places.keys(place), "depends_on", index)
            self.listed.setdefault(edge, (place, keys, earlier))
        for one in order.implied:
            self.implied.setdefault(places.meet(one.place, one.target), one)

    def of(self, cycle: Sequence[int]) -> tuple[Keys, str]:
        """Where to report a cycle, and a clause with what is behind it."""
        edges = list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        place_of_first = (*self.places.keys(cycle[0]), "depends_on")
        if all(edge in self.listed for edge in edges):
            found = [text for edge in edges if (text := self.of_member(edge))]
            return place_of_first, f" ({', '.join(found)})" if found else ""
        found = [self.with_place(edge) for edge in edges]
        implied = (self.implied[edge].keys for edge in edges if edge in self.implied)
        listed = (self.listed[edge][1] for edge in edges if edge in self.listed)
        return next(chain(implied, listed)), f" ({', '.join(found)})"

    def of_member(self, edge: tuple[int, int]) -> str:
        place, _, earlier = self.listed[edge]
        if not {place, earlier} & self.places.owner.keys() or edge == (place, earlier):
            return ""
        return f"{self.id(place)!r} depends on {self.id(earlier)!r}"

    def with_place(self, edge: tuple[int, int]) -> str:
        if edge in self.listed:
            place, keys, earlier = self.listed[edge]
            return f"{self.id(place)!r} depends on {self.id(earlier)!r} in {format_keys(keys)}"
        if edge not in self.implied:
            return f"{self.id(edge[0])!r} comes after {self.id(edge[1])!r} in its sequence"
        one = self.implied[edge]
        return f"{self.id(one.place)!r} refers to {one.text} in {format_keys(one.keys)}"

    def id(self, place: int) -> str:
        return self.places.steps[place].id


def _listed(places: Places) -> Iterator[tuple[int, int, int]]:
    for place, step in enumerate(places.steps):
        for index, one in enumerate(step.depends_on):
            earlier = places.number.get(one.step if isinstance(one, Edge) else one)
            if earlier is not None and places.top[place] >= 0 <= places.top[earlier]:
                yield place, index, earlier

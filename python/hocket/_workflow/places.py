"""Every step of a workflow, and where it stands.

A step's place is its number in one list: first the steps that the workflow lists, then those that
are written inside groups and branches. What is known of a step is kept by that number. Programs make graphs of
100,000 steps, and an object for each of them would cost more than everything else that is planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from .._base.mistakes import Keys, Mistakes, format_keys
from .computed import Computed
from .step import WorkflowStep

__all__ = ["CLOSED", "Outside", "Places"]

# What is inside these is seen from inside alone.
CLOSED = ("block", "loop")


class Outside(Protocol):
    """The steps of a running workflow, around those that a function has made for a group."""

    def taken(self, id_: str) -> str | None:
        """Say whose id that is already; None if it is free."""

    def why_not_before(
        self, id_: str, mistakes: Mistakes, written: Callable[[str], str]
    ) -> str | None:
        """Say why that step has not run before; None if it has."""

    def why_no_member(self, id_: str) -> str:
        """Say why a group that was made cannot run that step."""
        raise NotImplementedError

    def judged(self, id_: str) -> str:
        """Return the step that a dependency on that one is judged by: from outside of a group, what runs
        the group.
        """
        raise NotImplementedError


class Places:
    """The places of a workflow's steps. Of two steps with one id, only the first has one."""

    def __init__(
        self,
        listed: Sequence[WorkflowStep[Any]],
        mistakes: Mistakes,
        outside: Outside | None = None,
        root: str = "steps",
    ) -> None:
        self.root = root
        """What the steps are written under: ``steps``, or the name of a handler."""
        self.outside = outside
        """What there is beside these steps; None for a workflow, which is all there is."""
        self.steps: list[WorkflowStep[Any]] = list(listed)
        self.number: dict[str, int] = {step.id: place for place, step in enumerate(listed)}
        """The place of the step with that id."""
        self._where: list[int | Keys] = list(range(len(listed)))
        self.limits: Mapping[str, Computed] = {}
        """The limits of the workflow that are worked out as a run begins, by where they are written."""
        self.owner: dict[int, int] = {}
        """For each member of a group or a branch, the place of the step that runs it."""
        self.sides: dict[int, list[list[int]]] = {}
        """For the place of each step that holds graphs (a branch, a block, a loop), the places of the
        steps of each of these."""
        self.top: list[int] = []
        """For each place, the index among the top-level steps of the one that runs it; -1 for
        those whose groups run each other in a circle."""
        # What a function has made is listed under a step of the workflow, whose id is taken.
        if len(self.number) < len(listed) or root != "steps":
            self.steps, self.number, self._where = [], {}, []
            for index, step in enumerate(listed):
                self.add(step, index, mistakes)

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: WorkflowStep[Any], where: int | Keys, mistakes: Mistakes) -> bool:
        """Give a step a place, unless its id is taken; return whether it has got one."""
        if self.outside is not None and (taken := self.outside.taken(step.id)):
            mistakes.add((*self._keys(where), "id"), f"the id {step.id!r} is taken: {taken}")
            return False
        known = self.number.setdefault(step.id, len(self.steps))
        if known < len(self.steps):
            first = format_keys(self.keys(known))
            text = f"the id {step.id!r} is taken: {first} has it too"
            mistakes.add((*self._keys(where), "id"), text)
            return False
        self.steps.append(step)
        self._where.append(where)
        return True

    def keys(self, place: int) -> Keys:
        """Return where the step is written: ``("steps", 3)``, or further inside another step."""
        return self._keys(self._where[place])

    def _keys(self, where: int | Keys) -> Keys:
        return (self.root, where) if isinstance(where, int) else where

    def is_listed(self, place: int) -> bool:
        """Whether the workflow itself lists the step; otherwise it is written inside another one."""
        return isinstance(self._where[place], int)

    def groups(self) -> list[int]:
        """Return the places of the steps that run a group."""
        return [place for place, step in enumerate(self.steps) if step.group is not None]

    def holders(self) -> list[int]:
        """Return the places of the steps that run others: groups and branches."""
        return [place for place, step in enumerate(self.steps) if step.runs_others]

    def kind(self, place: int) -> str:
        """Say what a step runs others by: its group, its branch, its block or its loop."""
        return self.steps[place].kind

    def hides(self, place: int, other: int) -> int | None:
        """Return the outermost block or loop around the other step that is not around the first.

        From outside only that is seen.
        """
        mine = {place, *self.around(place)}
        around = [one for one in self.around(other) if one not in mine]
        return next((one for one in reversed(around) if self.kind(one) in CLOSED), None)

    def variables(self, place: int) -> dict[str, Sequence[str] | None]:
        """The names that the loops around a step give a meaning to, and the keys of each if known."""
        known: dict[str, Sequence[str] | None] = {}
        for owner in self.around(place):
            loop = self.steps[owner].loop
            if loop is not None:
                known = loop.variables | known
        return known

    def tool_steps(self) -> Iterator[tuple[WorkflowStep[Any], Keys]]:
        """Yield every step that calls a tool, with where it is written."""
        for place, step in enumerate(self.steps):
            if step.tool is not None:
                yield step, self.keys(place)

    def around(self, place: int) -> Iterator[int]:
        """Yield the steps around a member, from the one that runs it outwards."""
        while (owner := self.owner.get(place)) is not None:
            yield owner
            place = owner

    def group_around(self, place: int) -> int:
        """Return the step that runs the outermost group around a step, which is all that is seen of it
        from outside; the step itself if there is none.
        """
        groups = [one for one in self.around(place) if self.kind(one) == "group"]
        return groups[-1] if groups else place

    def meet(self, place: int, other: int) -> tuple[int, int]:
        """Return the two steps, around two steps or these themselves, that stand side by side.

        Both are the same step if one of the two is inside the other, or they are one.
        """
        inside = {self.owner.get(one, -1): one for one in (place, *self.around(place))}
        for one in (other, *self.around(other)):
            if one in inside:  # it is around the first step, or is it
                return one, one
            if (mine := inside.get(self.owner.get(one, -1))) is not None:
                return mine, one
        raise AssertionError("the top level is around everything")

    def share_a_side(self, place: int, other: int) -> bool:
        """Whether two members of one branch can both run; those of a block or a loop always can."""
        sides = self.sides[self.owner[place]]
        return any(place in side and other in side for side in sides)

    @cached_property
    def size(self) -> int:
        """How many steps a run has: those in loops are passes of one, however often they run."""
        loops = {place for place, step in enumerate(self.steps) if step.loop is not None}
        if not loops:
            return len(self.steps)
        return sum(loops.isdisjoint(self.around(place)) for place in range(len(self.steps)))

    @cached_property
    def group_ids(self) -> dict[str, str]:
        """For the id of each group, the id of the first step that runs it."""
        ids: dict[str, str] = {}
        for place in self.groups():
            step = self.steps[place]
            assert step.group is not None
            ids.setdefault(step.group.id, step.id)
        return ids

    def why_not_before(
        self, id_: str, mistakes: Mistakes, written: Callable[[str], str] = repr
    ) -> str | None:
        """Say why what has no place here cannot have run before; None if it has.

        ``written`` makes of an id what is to be written instead.
        """
        if self.outside is not None:
            return self.outside.why_not_before(id_, mistakes, written)
        return self.no_step(id_, mistakes, written)

    def no_step(self, id_: str, mistakes: Mistakes, written: Callable[[str], str] = repr) -> str:
        """Say that there is no step of that id, and what was most likely meant."""
        if id_ in self.group_ids:
            step = self.group_ids[id_]
            return f"{id_!r} is a group, not a step; the step that runs it is {step!r}"
        return f"there is no step {id_!r}{mistakes.near(id_, self.number, written)}"

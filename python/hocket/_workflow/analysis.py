"""From the steps of a workflow to what the scheduler needs, and every mistake on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import attrs

from .._base.mistakes import UNREADABLE, Keys, Mistake, format_keys
from .._base.suggestions import did_you_mean
from .order import find_cycles, not_before, runnable
from .references import Reference, Template, compile_template
from .step import WorkflowStep

__all__ = ["Analysis", "WorkflowPlan", "analyse"]

# A suggestion compares names, which is slow: the first mistakes get one, the thousandth does not.
_MOST_SUGGESTIONS = 100


@attrs.frozen
class WorkflowPlan:
    """What runs by itself, in which order, and what runs only through a group."""

    steps: list[WorkflowStep]
    """The steps that run by themselves, in the order of the definition."""
    dependencies: list[list[int]]
    """For each of them, the indices in ``steps`` of those that it waits for, each once.

    A dependency on a member of a group is one on the step that runs the group, and the
    dependencies of members are those of that step too.
    """
    members: dict[str, WorkflowStep]
    """The steps that run only through a group, by id."""
    owners: dict[str, str]
    """For each member, the id of the step whose group runs it."""


@attrs.define
class _Place:
    """A step and where it stands; ``top`` is the index of the top-level step that runs it."""

    step: WorkflowStep
    where: int | Keys
    """The index in the workflow's steps, or the keys of a member that is written inside a group."""
    owner: str | None = None
    top: int = -1

    @property
    def keys(self) -> Keys:
        return ("steps", self.where) if isinstance(self.where, int) else self.where


@attrs.frozen(eq=False)
class Analysis:
    """The plan of a workflow and its mistakes. The plan is sound only if there are none."""

    plan: WorkflowPlan
    mistakes: list[Mistake]
    _declared: dict[str, _Place] | None
    """None where the steps are functions, and no step is anywhere but where the plan has it."""

    @cached_property
    def places(self) -> dict[str, _Place]:
        """Where each step stands, by id."""
        if self._declared is not None:
            return self._declared
        return {step.id: _Place(step, at, top=at) for at, step in enumerate(self.plan.steps)}

    def tool_places(self) -> list[tuple[str, _Place]]:
        """The tools that are called, each with the place of a step that does."""
        if self._declared is None:
            return []
        places = self._declared.values()
        return [(tool, place) for place in places if (tool := place.step.tool) is not None]


def analyse(
    steps: Sequence[WorkflowStep], output: Any = None, *, trust_order: bool = True
) -> Analysis:
    """Find out who owns whom, who waits for whom, and everything that is wrong with it.

    Args:
        steps: the steps of a definition.
        output: what the definition gives out, for the references in it.
        trust_order: False if some dependencies or groups could not be read, so that a missing
            order is no mistake of its own.
    """
    graph = _graph_of_functions(steps) if output is None else None
    if graph:
        return Analysis(WorkflowPlan(list(steps), graph, {}, {}), [], None)
    return _Analyst(steps, trust_order).analyse(output)


def _graph_of_functions(steps: Sequence[WorkflowStep]) -> list[list[int]] | None:
    """Return the dependencies of steps that are functions, written down in an order that can run.

    None where anything needs a closer look, and above all a mistake does. Large graphs are made by
    programs and have this form; looking at each step from all sides costs three times as much.
    """
    at = {step.id: index for index, step in enumerate(steps)}
    if len(at) < len(steps) or any(step.execute is None for step in steps):
        return None
    try:
        graph = [[at[id_] for id_ in step.depends_on] for step in steps]
    except KeyError:
        return None
    for index, before in enumerate(graph):
        if before and (max(before) >= index or len(set(before)) < len(before)):
            return None
    return graph


class _Analyst:
    """One analysis; each method is one look at the whole workflow, in the order of ``analyse``."""

    def __init__(self, steps: Sequence[WorkflowStep], trust_order: bool) -> None:
        self.steps = steps
        self.trust_order = trust_order
        self.mistakes: list[Mistake] = []
        self.places: dict[str, _Place] = {}
        self.group_ids: dict[str, str] = {}
        self.graph: list[list[int]] = []
        # Why one top-level step waits for another, where a member of a group is the reason.
        self.reasons: dict[tuple[int, int], str] = {}
        self.suggestions = 0

    def analyse(self, output: Any) -> Analysis:
        for index, step in enumerate(self.steps):
            self._declare(step, index)
        if not self.steps:
            self._wrong(("steps",), "a workflow needs at least one step")
        self._claim_members()
        top = self._find_tops()
        self._connect(top)
        order = self._check_cycles(top)
        self._check_references(set(order) if self.trust_order else set(), order)
        self._check_template(lambda: compile_template(output), ("output",))
        owners = {id_: p.owner for id_, p in self.places.items() if p.owner is not None}
        members = {id_: self.places[id_].step for id_ in owners}
        return Analysis(WorkflowPlan(top, self.graph, members, owners), self.mistakes, self.places)

    def _wrong(self, keys: Keys, text: str) -> None:
        self.mistakes.append(Mistake(keys, text))

    def _near(self, found: object, names: Iterable[str]) -> str:
        self.suggestions += 1
        return did_you_mean(found, names) if self.suggestions <= _MOST_SUGGESTIONS else ""

    def _declare(self, step: WorkflowStep, where: int | Keys) -> bool:
        known = self.places.setdefault(step.id, place := _Place(step, where))
        if known is not place:
            self._wrong(
                (*place.keys, "id"), f"the id {step.id!r} is taken: {_where(known)} has it too"
            )
            return False
        if step.group is not None:
            self.group_ids.setdefault(step.group.id, step.id)
        return True

    def _claim_members(self) -> None:
        groups = [place for place in self.places.values() if place.step.group is not None]
        for place in groups:  # grows: an inline member may be a group itself
            for keys, member in _members(place):
                if isinstance(member, WorkflowStep) and self._is_new(member):
                    if not self._declare(member, keys):
                        continue
                    if member.group is not None:
                        groups.append(self.places[member.id])
                self._claim(place, keys, getattr(member, "id", member))

    def _is_new(self, member: WorkflowStep) -> bool:
        known = self.places.get(member.id)
        return known is None or known.step is not member

    def _claim(self, place: _Place, keys: Keys, id_: Any) -> None:
        member = self.places.get(id_) if isinstance(id_, str) else None
        group = place.step.id
        if not isinstance(id_, str):
            self._wrong(keys, f"a member is a step id or a WorkflowStep; found {id_!r}")
        elif id_.startswith(UNREADABLE):
            return
        elif member is None:
            self._wrong(keys, f"there is no step {id_!r}{self._near(id_, self.places)}")
        elif member is place:
            self._wrong(keys, f"the group of step {group!r} cannot run that step itself")
        elif member.owner == group:
            self._wrong(keys, f"step {id_!r} is named twice by the group of step {group!r}")
        elif member.owner is not None:
            self._wrong(
                keys,
                f"step {id_!r} already runs in the group of step {member.owner!r}; "
                f"a step is in one group only",
            )
        else:
            member.owner = group

    def _find_tops(self) -> list[WorkflowStep]:
        top: list[WorkflowStep] = []
        for step in self.steps:
            place = self.places[step.id]
            if place.owner is None and place.step is step and place.top < 0:
                place.top = len(top)
                top.append(step)
        for place in self.places.values():
            if place.owner is not None:
                self._climb(place)
        return top

    def _climb(self, place: _Place) -> None:
        """Give a member, and the groups around it, the top-level step that runs them."""
        path: dict[str, _Place] = {}
        while place.top < 0 and place.owner is not None:
            if place.step.id in path:
                circle = [*path, place.step.id]
                names = " -> ".join(circle[circle.index(place.step.id) :])
                self._wrong((*place.keys, "group"), f"groups run each other in a circle: {names}")
                place.owner = None
                break
            path[place.step.id] = place
            place = self.places[place.owner]
        for member in path.values():
            member.top = place.top

    def _connect(self, top: list[WorkflowStep]) -> None:
        self.graph = [[] for _ in top]
        for place in self.places.values():
            for index, id_ in enumerate(place.step.depends_on):
                earlier = self.places.get(id_)
                if earlier is None or not -1 < earlier.top != place.top > -1:
                    earlier = self._dependency(place, (*place.keys, "depends_on", index), id_)
                    if earlier is None:
                        continue
                self.graph[place.top].append(earlier.top)
                if place.owner is not None or earlier.owner is not None:
                    reason = f"{place.step.id!r} depends on {id_!r}"
                    self.reasons.setdefault((place.top, earlier.top), reason)
        for before in self.graph:
            if len(set(before)) < len(before):
                before[:] = dict.fromkeys(before)

    def _dependency(self, place: _Place, keys: Keys, id_: str) -> _Place | None:
        """Give the step of a dependency that is out of the ordinary, if it is one at all."""
        earlier = self.places.get(id_)
        if id_.startswith(UNREADABLE):
            return None
        if earlier is None:
            self._wrong(keys, self._no_step(id_))
            return None
        if place.top < 0 or earlier.top < 0:  # inside a circle of groups, already reported
            return None
        if place.top == earlier.top and place is not earlier:
            self._wrong(keys, self._side_by_side(place, earlier))
            return None
        if place is earlier and place.owner is not None:
            self._wrong(keys, f"step {id_!r} depends on itself")
            return None
        return earlier

    def _no_step(self, id_: str) -> str:
        if id_ in self.group_ids:
            step = self.group_ids[id_]
            return f"{id_!r} is a group, not a step; the step that runs it is {step!r}"
        return f"there is no step {id_!r}{self._near(id_, self.places)}"

    def _side_by_side(self, place: _Place, earlier: _Place) -> str:
        if self._surrounds(place, earlier):
            return f"step {earlier.step.id!r} runs inside this step, which cannot wait for it"
        if self._surrounds(earlier, place):
            return f"this step runs inside step {earlier.step.id!r}, which cannot end before it"
        group = next(p for p in self.places.values() if p.top == place.top and p.owner is None)
        return (
            f"steps {place.step.id!r} and {earlier.step.id!r} both run in the group of step "
            f"{group.step.id!r}, side by side; move one of them out of the group"
        )

    def _surrounds(self, outer: _Place, inner: _Place) -> bool:
        while inner.owner is not None:
            inner = self.places[inner.owner]
            if inner is outer:
                return True
        return False

    def _check_cycles(self, top: list[WorkflowStep]) -> list[int]:
        order = runnable(self.graph)
        if len(order) == len(top):
            return order
        for cycle in find_cycles(self.graph):
            names = " -> ".join(top[node].id for node in (*cycle, cycle[0]))
            edges = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
            reasons = [self.reasons[edge] for edge in edges if edge in self.reasons]
            why = f" ({', '.join(reasons)})" if reasons else ""
            keys = (*self.places[top[cycle[0]].id].keys, "depends_on")
            self._wrong(keys, f"these steps wait for each other: {names}{why}")
        return order

    def _check_references(self, can_run: set[int], order: list[int]) -> None:
        uses: dict[tuple[int, int], list[tuple[_Place, Keys, Reference]]] = {}
        for place in self.places.values():
            if place.step.input is None:
                continue
            leads = self._check_template(lambda: place.step.template, (*place.keys, "input"))  # noqa: B023 - called at once
            for keys, reference, target in leads:
                if place.top == target.top:
                    self._wrong(keys, self._too_early(place, target, reference))
                elif place.top in can_run and target.top in can_run:
                    uses.setdefault((place.top, target.top), []).append((place, keys, reference))
        for pair in not_before(self.graph, order, list(uses)):
            for place, keys, reference in uses[pair]:
                target = self.places[reference.path[0]]
                self._wrong(keys, self._too_early(place, target, reference))

    def _check_template(
        self, compile: Callable[[], Template], keys: Keys
    ) -> list[tuple[Keys, Reference, _Place]]:
        """Refuse references to what does not exist; give those that lead to a step."""
        try:
            template = compile()
        except ValueError as error:
            self._wrong(keys, str(error))
            return []
        for where, text in template.slips:
            self._wrong((*keys, *where), text)
        leads: list[tuple[Keys, Reference, _Place]] = []
        for reference in template.references:
            if reference.root in ("results", "errors") and reference.path:
                target = self.places.get(reference.path[0])
                if target is None:
                    reason = self._no_step(reference.path[0])
                    self._wrong((*keys, *reference.where), f"{reference.text}: {reason}")
                elif target.top >= 0:
                    leads.append(((*keys, *reference.where), reference, target))
        return leads

    def _too_early(self, place: _Place, target: _Place, reference: Reference) -> str:
        id_ = target.step.id
        if target is place:
            return f"{reference.text}: step {id_!r} cannot use its own result"
        if place.top == target.top:
            return f"{reference.text}: {self._side_by_side(place, target)}"
        return (
            f"{reference.text}: step {id_!r} may not have run before this step, "
            f"which must depend on it"
        )


def _members(place: _Place) -> Iterator[tuple[Keys, Any]]:
    group = place.step.group
    if group is None or callable(group.steps):
        return
    for index, member in enumerate(group.steps):
        yield (*place.keys, "group", "steps", index), member


def _where(place: _Place) -> str:
    return format_keys(place.keys)

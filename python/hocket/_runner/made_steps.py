"""The steps that functions make for groups while a workflow runs, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import chain
from typing import Any

import attrs

from .._base.errors import WorkflowInvalid
from .._base.mistakes import Mistake, Mistakes, format_keys
from .._model.group import ParallelGroup
from .._workflow.analysis import analyse
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.places import Places
from .._workflow.plan import WorkflowPlan
from .._workflow.step import WorkflowStep
from ..tools._registry import ToolRegistry

__all__ = ["MadeSteps"]


class MadeSteps:
    """The made steps of one run: they go through the checks that written ones go through."""

    def __init__(
        self, workflow: WorkflowDefinition, context: WorkflowContext, tools: ToolRegistry
    ) -> None:
        self.places = [analysis.places for analysis in workflow.analyses]
        self.context = context
        self.tools = tools
        self.owners: dict[str, str] = {}
        """For each made step, the id of the step whose group runs it."""
        self._groups: set[str] = set()
        """The ids of made steps with groups."""
        self._written = {
            inner: outer
            for analysis in workflow.analyses
            for inner, outer in analysis.plan.owners.items()
        }

    def inside(self, context: WorkflowContext) -> MadeSteps:
        """Those of one pass of a loop: what its steps make is for that pass alone."""
        inner = copy(self)
        inner.context, inner.owners = context, dict(self.owners)
        inner._groups = set(self._groups)
        return inner

    def check(
        self, step: WorkflowStep[Any], group: ParallelGroup[Any], made: Iterable[Any]
    ) -> tuple[list[WorkflowStep[Any]], WorkflowPlan]:
        """Return the members that a function has made for the group of a step, and their plan.

        Raises:
            WorkflowInvalid: there are mistakes; it lists them all.
        """
        members = tuple(made)
        # mypy knows evolve for classes with one signature alone.
        group = attrs.evolve(group, steps=members)  # type: ignore[misc]
        alone = WorkflowStep(step.id, group=group)
        analysis = analyse([alone], outside=_Outside(self, step.id))
        mistakes = [*analysis.mistakes, *self.tools.check_steps(analysis)]
        if mistakes:
            named = list(_named(mistakes, analysis.places))
            raise WorkflowInvalid(f"group {group.id!r}, made by its function,", named)
        plan = analysis.plan
        self.owners |= plan.owners
        self._groups |= {one.id for one in analysis.places.steps if one.group is not None}
        return [found for one in members if (found := plan.member(one)) is not None], plan

    def around(self, id_: str) -> Iterator[str]:
        """Yield a step and the steps around it, outwards."""
        inner: str | None = id_
        while inner is not None:
            yield inner
            inner = self.owners.get(inner) or self._written.get(inner)

    def groups_around(self, id_: str) -> list[str]:
        """Return the steps that run the groups around a step, the outermost last."""
        return [one for one in self.around(id_) if one != id_ and self._runs_group(one)]

    def _runs_group(self, id_: str) -> bool:
        known = (places for places in self.places if id_ in places.number)
        written = next(known, None)
        if written is None:
            return id_ in self._groups
        return written.kind(written.number[id_]) == "group"


@attrs.frozen(eq=False)
class _Outside:
    """What the members of one group see of the run around them."""

    made: MadeSteps
    owner: str
    """The step whose group they are for."""

    def taken(self, id_: str) -> str | None:
        for places in self.made.places:
            if id_ in places.number:
                return f"{format_keys(places.keys(places.number[id_]))} of the workflow has it"
        if id_ in self.made.owners:
            return f"the group of step {self.made.owners[id_]!r} has made a step of that id"
        return None

    def why_no_member(self, id_: str) -> str:
        what = f"{id_!r} runs elsewhere" if self.taken(id_) else f"there is no step {id_!r}"
        return f"{what}; a function of steps returns WorkflowStep objects, which are new"

    def judged(self, id_: str) -> str:
        mine = set(self.made.around(self.owner))
        groups = [one for one in self.made.groups_around(id_) if one not in mine]
        return groups[-1] if groups else id_

    def why_not_before(
        self, id_: str, mistakes: Mistakes, written: Callable[[str], str]
    ) -> str | None:
        made = self.made
        if not self.taken(id_):
            for places in made.places:
                if id_ in places.group_ids:
                    return places.no_step(id_, mistakes, written)
            known = chain(*(places.number for places in made.places), made.owners)
            near = mistakes.near(id_, known, written)
            return f"there is no step {id_!r}{near}"
        *_, mine = around = list(made.around(self.owner))
        *_, other = made.around(id_)
        if id_ in around:
            return f"this step runs inside step {id_!r}, which cannot end before it"
        if other == mine:
            return (
                f"step {id_!r} runs in the group of step {mine!r} too, side by side with this step"
            )
        if other in made.context.results or other in made.context.errors:
            return None
        return (
            f"step {id_!r} may not have run before this step: write depends_on=[{id_!r}] for step "
            f"{mine!r}, whose group runs it"
        )


def _named(mistakes: Iterable[Mistake], places: Places) -> Iterator[Mistake]:
    """Say with each mistake which step has it, and where that is in what the function returned."""
    ids = {places.keys(place): places.steps[place].id for place in range(1, len(places))}
    for mistake in mistakes:
        keys = mistake.keys
        found = (ids[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in ids)
        id_ = next(found, None)
        text = mistake.text if id_ is None else f"step {id_!r}: {mistake.text}"
        yield Mistake(keys[len(_OWN) :], text)


# Where analysis finds the members of a group that stands alone.
_OWN = ("steps", 0, "group")

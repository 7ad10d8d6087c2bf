"""From the steps of a workflow to its plan, and every mistake on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from .._base.mistakes import Mistake, Mistakes
from .dependencies import check_cycles, connect
from .owners import find_owners
from .places import Outside, Places
from .plan import WorkflowPlan
from .step import WorkflowStep
from .uses import check_inputs, check_output

__all__ = ["Analysis", "analyse"]


@attrs.frozen(eq=False)
class Analysis:
    """The plan of a workflow and its mistakes. The plan is sound only if there are none."""

    plan: WorkflowPlan
    mistakes: list[Mistake]
    places: Places
    """Every step, those of the groups included."""


def analyse(
    steps: Sequence[WorkflowStep[Any]],
    output: object = None,
    *,
    trust_order: bool = True,
    outside: Outside | None = None,
) -> Analysis:
    """Find out who owns whom, who waits for whom, and everything that is wrong with it.

    Args:
        steps: the steps of a definition.
        output: what the definition gives out, for the references in it.
        trust_order: False if some dependencies or groups could not be read, so that a missing
            order is no mistake of its own.
        outside: the workflow around these steps, if they are a part of one that runs.
    """
    mistakes = Mistakes()
    places = Places(steps, mistakes, outside)
    if not steps:
        mistakes.add(("steps",), "a workflow needs at least one step")
    top = find_owners(places, mistakes)
    graph = connect(places, top, mistakes)
    order = check_cycles(places, top, graph, mistakes)
    check_inputs(places, graph, order if trust_order else [], mistakes)
    check_output(places, output, mistakes)
    members = {places.steps[member].id: places.steps[member] for member in places.owner}
    owners = {places.steps[m].id: places.steps[o].id for m, o in places.owner.items()}
    return Analysis(WorkflowPlan(top, graph, members, owners), mistakes.found, places)

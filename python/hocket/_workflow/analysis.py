"""From the steps of a workflow to its plan, and every mistake on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from .._base.mistakes import Mistake, Mistakes
from .._base.shown import shown
from .branch import SwitchBranch
from .computed import Computed
from .dependencies import Order, check_cycles, connect
from .loop_checks import check_loops
from .owners import find_owners
from .places import Outside, Places
from .plan import Gate, Graph, WorkflowPlan
from .rules import Edge, Rule
from .step import WorkflowStep
from .uses import check_limits, check_output, find_implied

__all__ = ["Analysis", "analyse"]


@attrs.frozen(eq=False)
class Analysis:
    """The plan of a workflow and its mistakes. The plan is sound only if there are none."""

    plan: WorkflowPlan
    mistakes: list[Mistake]
    places: Places
    """Every step, those of groups and branches included."""


def analyse(
    steps: Sequence[WorkflowStep[Any]],
    output: object = None,
    *,
    fail_fast: bool = True,
    outside: Outside | None = None,
    root: str = "steps",
    limits: Mapping[str, Computed] = MappingProxyType({}),
) -> Analysis:
    """Find out who owns whom, who waits for whom, and everything that is wrong with it.

    Args:
        steps: the steps of a definition.
        output: what the definition gives out, for the references in it.
        fail_fast: whether the first failure stops the workflow.
        outside: the workflow around these steps, if they are a part of one that runs.
        root: what they are written under.
        limits: those of the definition that are worked out as a run begins.
    """
    mistakes = Mistakes()
    places = Places(steps, mistakes, outside, root)
    places.limits = limits
    if not steps and root == "steps":
        mistakes.add((root,), "a workflow needs at least one step")
    top = find_owners(places, mistakes)
    order = connect(places, mistakes)
    find_implied(places, order, mistakes)
    order.tidy()
    check_cycles(places, order, mistakes)
    check_output(places, output, mistakes)
    check_limits(places, mistakes)
    check_loops(places, mistakes)
    _check_cases(places, mistakes)
    if fail_fast and outside is None:
        _check_failed(places, mistakes)
    return Analysis(_plan(places, order, top), mistakes.found, places)


def _plan(places: Places, order: Order, top: list[WorkflowStep[Any]]) -> WorkflowPlan:
    steps = places.steps
    at_top = range(len(steps)) if top is steps else [places.number[step.id] for step in top]
    return WorkflowPlan(
        steps=top,
        dependencies=order.of(at_top),
        members={steps[member].id: steps[member] for member in places.owner},
        owners={steps[m].id: steps[o].id for m, o in places.owner.items()},
        sides={steps[place].id: _sides(places, order, place) for place in places.sides},
        gates={
            step.id: _gate(step, order.redirected.get(place, {}))
            for place, step in enumerate(steps)
            if place in order.redirected or any(type(one) is Edge for one in step.depends_on)
        },
        tolerated=frozenset(step.id for step in steps if step.on_error == "continue"),
        implied=_implied(places, order),
        previous={steps[one].id: steps[before].id for one, before in order.previous.items()},
        has_decisions=any(
            step.when is not None or step.on_error == "skip_dependents" for step in steps
        ),
    )


def _sides(places: Places, order: Order, place: int) -> list[Graph]:
    return [
        Graph([places.steps[member] for member in side], order.of(side))
        for side in places.sides[place]
    ]


def _gate(step: WorkflowStep[Any], judged: dict[str, str]) -> Gate:
    plain = (judged.get(one, one) for one in step.depends_on if isinstance(one, str))
    ruled = (
        (judged.get(one.step, one.step), one.rule)
        for one in step.depends_on
        if isinstance(one, Edge)
    )
    return Gate(tuple(dict.fromkeys(plain)), tuple(dict.fromkeys(ruled)))


def _implied(places: Places, order: Order) -> dict[str, list[str]]:
    implied: dict[str, list[str]] = {}
    for one in order.implied:
        known = implied.setdefault(places.steps[one.place].id, [])
        if (id_ := places.steps[one.target].id) not in known:
            known.append(id_)
    return implied


def _check_cases(places: Places, mistakes: Mistakes) -> None:
    """Refuse cases of a switch that are never taken."""
    for place, step in enumerate(places.steps):
        if isinstance(step.branch, SwitchBranch):
            for index, first in step.branch.never_taken():
                value = shown(step.branch.cases[index].value)
                text = f"cases[{first}] has the value {value} already, and is taken for it"
                mistakes.add((*places.keys(place), "branch", "cases", index, "value"), text)


def _check_failed(places: Places, mistakes: Mistakes) -> None:
    """Refuse to wait for a failure that stops the workflow."""
    for place, step in enumerate(places.steps):
        for index, one in enumerate(step.depends_on):
            if not isinstance(one, Edge) or one.rule is not Rule.FAILED:
                continue
            earlier = places.number.get(one.step)
            if earlier is None or not _is_fatal(places, place, earlier):
                continue
            mistakes.add(
                (*places.keys(place), "depends_on", index),
                f"the failure of step {one.step!r} stops the workflow, so that this step never runs: "
                f"write on_error: skip_dependents (or continue) for {one.step!r}, or fail_fast: false "
                f"for the workflow",
            )


def _is_fatal(places: Places, place: int, earlier: int) -> bool:
    """Whether the failure of a step stops the graph that it and the one that waits for it are in."""
    owner = places.owner.get(earlier)
    in_one_graph = owner == places.owner.get(place) and (
        owner is None or places.kind(owner) != "group"
    )
    return in_one_graph and places.steps[earlier].on_error == "fail"

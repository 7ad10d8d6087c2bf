"""What inputs and output refer to: steps that exist, and have run before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from .._base.errors import UnresolvedReference
from .._base.mistakes import Keys, Mistake, Mistakes
from .context import WorkflowContext
from .dependencies import side_by_side
from .graph import not_before
from .places import Places
from .references import Reference, Template, compile_template, resolve
from .syntax import written

__all__ = ["check_inputs", "check_output", "check_values"]


@attrs.frozen
class _Use:
    """A reference to a step, and where it stands."""

    keys: Keys
    reference: Reference
    place: int
    """The step that uses it."""
    target: int
    """The step that it leads to."""


def check_inputs(
    places: Places, graph: Sequence[Sequence[int]], order: Sequence[int], mistakes: Mistakes
) -> None:
    """Refuse references to what does not exist, or may not have run before.

    Args:
        places: the steps.
        graph: who waits for whom.
        order: an order in which the top level can run. Of steps that are not in it nothing is said.
        mistakes: where mistakes go.
    """
    can_run = set(order)
    later: dict[tuple[int, int], list[_Use]] = {}
    for use in _uses(places, mistakes):
        pair = places.top[use.place], places.top[use.target]
        if pair[0] == pair[1]:
            mistakes.add(use.keys, _too_early(places, use), part=use.reference.text)
        elif can_run.issuperset(pair):
            later.setdefault(pair, []).append(use)
    for pair in not_before(graph, order, list(later)):
        for use in later[pair]:
            mistakes.add(use.keys, _too_early(places, use), part=use.reference.text)


def check_output(places: Places, output: object, mistakes: Mistakes) -> None:
    """Refuse references to what does not exist in a workflow's output."""
    # Any step may be used there: all have run.
    list(_leads(places, lambda: compile_template(output), ("output",), mistakes))


def check_values(places: Places, output: object, values: Mapping[str, Any]) -> list[Mistake]:
    """Return what refers to a value of the run that there is not, when these are its values."""
    mistakes, context = Mistakes(), WorkflowContext(values=dict(values))
    templates: list[tuple[Callable[[], Template], Keys]] = [
        (partial(getattr, step, "template"), (*places.keys(place), "input"))
        for place, step in enumerate(places.steps)
        if step.input is not None
    ]
    for compiled, keys in [*templates, (lambda: compile_template(output), ("output",))]:
        try:
            references = compiled().references
        except ValueError:
            continue  # nested too deep, which is reported
        for reference in references:
            if reference.root == "context":
                _check_value(reference, context, keys, mistakes)
    return mistakes.found


def _check_value(
    reference: Reference, context: WorkflowContext, keys: Keys, mistakes: Mistakes
) -> None:
    try:
        resolve(reference, context)
    except UnresolvedReference as error:
        first = reference.path[0]
        missing = first not in context.values and not re.search(r"[\s.=]", first)
        pass_it = f"; pass it with --set {first}=VALUE" if missing else ""
        mistakes.add((*keys, *reference.where), f"{error}{pass_it}", part=reference.text)


def _uses(places: Places, mistakes: Mistakes) -> Iterator[_Use]:
    for place in [place for place, step in enumerate(places.steps) if step.input is not None]:
        compiled = partial(getattr, places.steps[place], "template")
        keys = (*places.keys(place), "input")
        for where, reference, target in _leads(places, compiled, keys, mistakes):
            yield _Use(where, reference, place, target)


def _leads(
    places: Places, compiled: Callable[[], Template], keys: Keys, mistakes: Mistakes
) -> Iterator[tuple[Keys, Reference, int]]:
    """Refuse references to what does not exist; yield those that lead to a step."""
    try:
        template = compiled()
    except ValueError as error:
        mistakes.add(keys, str(error))
        return
    for where, slip in template.slips:
        if not mistakes.full:
            mistakes.add((*keys, *where), slip.reason, part=slip.text)
    for reference in template.references:
        if reference.root not in ("results", "errors") or not reference.path:
            continue
        where = (*keys, *reference.where)
        target = places.number.get(reference.path[0])
        if target is None:
            if reason := places.why_not_before(reference.path[0], mistakes, _as_reference):
                mistakes.add(where, f"{reference.text}: {reason}", part=reference.text)
        elif places.top[target] >= 0:
            yield where, reference, target


def _as_reference(id_: str) -> str:
    """An id as a suggestion inside a reference names it: so that writing it works."""
    whole = written("results", [id_])
    return repr(id_) if whole == f"$results.{id_}" else f"{id_!r}, which is {whole}"


def _too_early(places: Places, use: _Use) -> str:
    id_, text = places.steps[use.target].id, use.reference.text
    if use.target == use.place:
        return f"{text}: step {id_!r} cannot use its own result"
    if places.top[use.place] == places.top[use.target]:
        return f"{text}: {side_by_side(places, use.place, use.target)}"
    return f"{text}: step {id_!r} may not have run before this step, which must depend on it"

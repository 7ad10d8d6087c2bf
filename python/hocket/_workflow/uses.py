"""What steps and the output refer to: steps that exist, and which have to run before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from .._base.errors import UnresolvedReference
from .._base.mistakes import Keys, Mistake, Mistakes
from .conditions import Condition
from .context import WorkflowContext
from .dependencies import Implied, Order, side_by_side
from .parameters import Parameter
from .places import Places
from .references import Reference, resolve
from .step import WorkflowStep
from .syntax import written
from .templates import Template, compile_template

__all__ = ["check_output", "check_values", "find_implied", "undeclared"]

Text = Condition | Template


def find_implied(places: Places, order: Order, mistakes: Mistakes) -> None:
    """Note who waits for whom because it refers to it; refuse references that can lead nowhere."""
    for place, step in enumerate(places.steps):
        if not _may_refer(step):
            continue
        here = places.keys(place)
        listed = set(order.before[place])
        for keys, reference, target in _leads(places, _texts(step), here, mistakes):
            if places.top[place] < 0 or (target in listed and not places.owner):
                continue  # nearly every reference is to a step that it depends on
            if why := _why_not(places, place, target):
                mistakes.add(keys, f"{reference.text}: {why}", part=reference.text)
                continue
            _note(places, order, Implied(place, target, keys, reference.text))


def _note(places: Places, order: Order, one: Implied) -> None:
    here, there = places.meet(one.place, one.target)
    owner = places.owner.get(here)
    if owner is not None and not places.share_a_side(here, there):
        return  # never both run
    if there not in order.before[here]:
        order.before[here].append(there)
        order.implied.append(one)


def _why_not(places: Places, place: int, target: int) -> str | None:
    """Say why a step can never know of the other; None if it can."""
    if target == place:
        return f"step {places.steps[target].id!r} cannot use its own result"
    here, there = places.meet(place, target)
    owner = places.owner.get(here)
    if here == there or (owner is not None and places.kind(owner) == "group"):
        return side_by_side(places, place, target)
    return None


def check_output(places: Places, output: object, mistakes: Mistakes) -> None:
    """Refuse references to what does not exist in a workflow's output."""
    # Any step may be used there: all have run.
    list(_leads(places, [(("output",), partial(compile_template, output))], (), mistakes))


def check_values(places: Places, output: object, values: Mapping[str, Any]) -> list[Mistake]:
    """Return what refers to a value of the run that there is not, when these are its values."""
    mistakes, context = Mistakes(), WorkflowContext(values=dict(values))
    for keys, reference in _of_context(places, output):
        if not reference.optional:
            _check_value(reference, context, keys, mistakes)
    return mistakes.found


def undeclared(
    places: Places, output: object, parameters: Mapping[str, Parameter]
) -> list[Mistake]:
    """Return what refers to a value of the run that is no parameter, where there are parameters."""
    mistakes = Mistakes()
    for keys, reference in _of_context(places, output) if parameters else ():
        name = reference.path[0]
        if name not in parameters:
            near = mistakes.near(name, parameters)
            text = f"{reference.text}: the parameters do not declare {name!r}{near}"
            mistakes.add((*keys, *reference.where), text, part=reference.text)
    return mistakes.found


def _of_context(places: Places, output: object) -> Iterator[tuple[Keys, Reference]]:
    """Yield every reference to a value of the run, and where it is."""
    texts: list[tuple[Keys, Callable[[], Text]]] = [
        ((*places.keys(place), *keys), compiled)
        for place, step in enumerate(places.steps)
        if _may_refer(step)
        for keys, compiled in _texts(step)
    ]
    texts.append((("output",), partial(compile_template, output)))
    for keys, compiled in texts:
        try:
            references = compiled().references
        except ValueError:
            continue  # nested too deep, which is reported
        for reference in references:
            if reference.root == "context" and reference.path:
                yield keys, reference


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


def _may_refer(step: WorkflowStep[Any]) -> bool:
    return step.input is not None or step.condition is not None or step.branch is not None


def _texts(step: WorkflowStep[Any]) -> Iterator[tuple[Keys, Callable[[], Text]]]:
    """Yield every text of a step that may refer to others, and where it is."""
    if step.input is not None:
        yield ("input",), partial(getattr, step, "template")
    if (condition := step.condition) is not None:
        yield ("when",), lambda: condition
    if step.branch is not None:
        for keys, text in step.branch.texts():
            yield ("branch", *keys), partial(_as_it_is, text)


def _as_it_is(text: Text) -> Text:
    return text


def _leads(
    places: Places,
    texts: Iterable[tuple[Keys, Callable[[], Text]]],
    around: Keys,
    mistakes: Mistakes,
) -> Iterator[tuple[Keys, Reference, int]]:
    """Refuse references to what does not exist; yield those that lead to a step."""
    for own, compiled in texts:
        keys = (*around, *own)
        try:
            text = compiled()
        except ValueError as error:
            mistakes.add(keys, str(error))
            continue
        for where, slip in getattr(text, "slips", ()):
            if not mistakes.full:
                mistakes.add((*keys, *where), slip.reason, part=slip.text)
        for reference in text.references:
            if reference.step is None:
                continue
            where = (*keys, *reference.where)
            target = places.number.get(reference.step)
            if target is None:
                if reason := places.why_not_before(reference.step, mistakes, _as_reference):
                    mistakes.add(where, f"{reference.text}: {reason}", part=reference.text)
            elif places.top[target] >= 0:
                yield where, reference, target


def _as_reference(id_: str) -> str:
    """An id as a suggestion inside a reference names it: so that writing it works."""
    whole = written("results", [id_])
    return repr(id_) if whole == f"$results.{id_}" else f"{id_!r}, which is {whole}"

"""What steps and the output refer to: steps that exist, and which have to run before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .._base.errors import UnresolvedReference
from .._base.mistakes import Keys, Mistake, Mistakes
from .._base.suggestions import nearest
from .computed import Computed
from .conditions import Condition
from .context import WorkflowContext
from .dependencies import Implied, Order, side_by_side
from .grammar import no_root
from .known_keys import check_outcome, check_run
from .loop import INDEX, MATRIX, Repeat
from .parameters import Parameter
from .places import CLOSED, Places
from .references import Reference, resolve
from .step import WorkflowStep
from .syntax import Slip, written
from .templates import Template, compile_template

__all__ = ["check_limits", "check_output", "check_values", "find_implied", "undeclared"]

Text = Computed | Condition | Template
# What items and their places are called if a loop says nothing else: hardly meant as text.
_OF_LOOPS = ("item", INDEX, MATRIX)


def find_implied(places: Places, order: Order, mistakes: Mistakes) -> None:
    """Note who waits for whom because it refers to it; refuse references that can lead nowhere."""
    for place, step in enumerate(places.steps):
        if not _may_refer(step):
            continue
        here = places.keys(place)
        listed = set(order.before[place])
        for keys, reference in _references(_texts(step), here, mistakes):
            if reference.is_variable:
                check_variable(reference, keys, places.variables(place), mistakes)
            elif (target := _target(places, reference, keys, mistakes)) is not None:
                if places.top[place] < 0 or (target in listed and not places.owner):
                    continue  # nearly every reference is to a step that it depends on
                _imply(places, order, Implied(place, target, keys, reference.text), mistakes)
        if step.loop is not None:
            _look_into_passes(places, order, place, mistakes)


def _imply(places: Places, order: Order, one: Implied, mistakes: Mistakes) -> None:
    if _is_last_pass(places, one):
        return
    if why := _why_not(places, one.place, one.target):
        mistakes.add(one.keys, f"{one.text}: {why}", part=one.text)
        return
    _note(places, order, one)


def _is_last_pass(places: Places, one: Implied) -> bool:
    """Whether a step inside a ``repeat`` refers to that: to the value of the pass before."""
    loop = places.steps[one.target].loop
    return isinstance(loop, Repeat) and one.target in places.around(one.place)


def _look_into_passes(places: Places, order: Order, place: int, mistakes: Mistakes) -> None:
    """The same for what is worked out in each pass of a loop: its key, and whether it goes on."""
    loop, here = places.steps[place].loop, places.keys(place)
    assert loop is not None
    variables = loop.variables | places.variables(place)
    for keys, reference in _references(loop.inner_texts(), here, mistakes):
        if reference.is_variable:
            check_variable(reference, keys, variables, mistakes)
        elif (target := _target(places, reference, keys, mistakes)) is not None:
            is_own = target == place or places.owner.get(target) == place
            if isinstance(loop, Repeat) and is_own:
                continue  # it is looked at when the pass has ended
            _imply(places, order, Implied(place, target, keys, reference.text), mistakes)


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
    if (why := _hidden(places, target, places.hides(place, target))) is not None:
        return why
    here, there = places.meet(place, target)
    owner = places.owner.get(here)
    if here == there or (owner is not None and places.kind(owner) == "group"):
        return side_by_side(places, place, target)
    return None


def check_output(places: Places, output: object, mistakes: Mistakes) -> None:
    """Refuse references to what does not exist in a workflow's output."""
    # Any step may be used there: all have run.
    texts = [(("output",), partial(compile_template, output))]
    for keys, reference in _references(texts, (), mistakes):
        if reference.is_variable:
            check_variable(reference, keys, {}, mistakes)
        elif (target := _target(places, reference, keys, mistakes)) is not None:
            around = [one for one in places.around(target) if places.kind(one) in CLOSED]
            if why := _hidden(places, target, around[-1] if around else None):
                mistakes.add(keys, f"{reference.text}: {why}", part=reference.text)


def check_limits(places: Places, mistakes: Mistakes) -> None:
    """Refuse references in a workflow's own limits to what is not there as a run begins."""
    for keys, reference in _references(_limits(places), (), mistakes):
        if reference.is_variable:
            check_variable(reference, keys, {}, mistakes)
        elif reference.step is not None:
            text = f"{reference.text}: no step has run when this limit is worked out"
            mistakes.add(
                keys, f"{text}; refer to $context, which the run is given", part=reference.text
            )
        else:
            check_run(reference, keys, mistakes)


def _limits(places: Places) -> Iterator[tuple[Keys, Callable[[], Text]]]:
    for name, limit in places.limits.items():
        yield tuple(name.split(".")), partial(_as_it_is, limit)


def _hidden(places: Places, target: int, closed: int | None) -> str | None:
    """Say that a step is seen only inside the block or the loop around it, and what to write."""
    if closed is None:
        return None
    one, around, kind = places.steps[target].id, places.steps[closed].id, places.kind(closed)
    whole = written("results", [around])
    if kind == "block" and places.owner[target] == closed:
        whole = written("results", [around, one])
    elif places.steps[closed].kind == "loop" and not isinstance(places.steps[closed].loop, Repeat):
        whole = written("results", [around, "results"])
    return f"step {one!r} is inside step {around!r}, which hides it; write {whole}"


def check_variable(
    reference: Reference,
    keys: Keys,
    known: Mapping[str, Sequence[str] | None],
    mistakes: Mistakes,
) -> None:
    """Refuse a reference whose root no loop gives a meaning, unless it may be meant as text."""
    name = reference.root
    if name in known:
        inside = known[name]
        if inside is not None and reference.path and reference.path[0] not in inside:
            there = f" (it has {', '.join(inside)})"
            near = mistakes.near(reference.path[0], inside)
            text = f"{reference.text}: the {name} has no {reference.path[0]!r}{near}{there}"
            mistakes.add(keys, text, part=reference.text)
    elif reference.column and reference.expression:
        text = f"column {reference.column} of the expression: {no_root(name, known)}"
        part = reference.expression[reference.column - 1 :].rstrip()
        mistakes.add(keys, text, part=part)
    elif reference.column:
        mistakes.add(keys, no_root(name, known), part=reference.text)
    elif name in _OF_LOOPS or (reference.may_be_text and nearest(name, known)):
        here = ", ".join(f"${one}" for one in known)
        only = f"here there are {here}" if here else f"${name} has a meaning only inside of a loop"
        text = f"{reference.text!r} is no reference; {only} ('$$' writes a dollar)"
        mistakes.add(keys, text, part=reference.text)
    elif not reference.may_be_text:
        meant = mistakes.near(name, known, "${}".format)
        text = f"{reference.text!r} is no reference{meant} ('$$' writes a dollar)"
        slip = Slip(reference.text)
        mistakes.add(keys, text if meant else slip.reason, part=slip.text)


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
        for keys, compiled in (*_texts(step), *(step.loop.inner_texts() if step.loop else ()))
    ]
    texts += [(("output",), partial(compile_template, output)), *_limits(places)]
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
    return (
        step.input is not None
        or step.condition is not None
        or step.branch is not None
        or step.loop is not None
        or step.with_ is not None
        or bool(step.limits)
    )


def _texts(step: WorkflowStep[Any]) -> Iterator[tuple[Keys, Callable[[], Text]]]:
    """Yield every text of a step that may refer to others, and where it is."""
    if step.input is not None:
        yield ("input",), partial(getattr, step, "template")
    if (condition := step.condition) is not None:
        yield ("when",), lambda: condition
    if step.with_ is not None:
        yield ("with_",), partial(getattr, step, "given")
    if step.branch is not None:
        for keys, text in step.branch.texts():
            yield ("branch", *keys), partial(_as_it_is, text)
    if step.loop is not None:
        yield from step.loop.texts()
    for name, limit in step.limits.items():
        yield tuple(name.split(".")), partial(_as_it_is, limit)


def _as_it_is(text: Text) -> Text:
    return text


def _references(
    texts: Iterable[tuple[Keys, Callable[[], Text]]], around: Keys, mistakes: Mistakes
) -> Iterator[tuple[Keys, Reference]]:
    """Yield every reference in some texts, with where it is; refuse what only looks like one."""
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
            yield (*keys, *reference.where), reference


def _target(places: Places, reference: Reference, keys: Keys, mistakes: Mistakes) -> int | None:
    """Return the step that a reference leads to, if it leads to one; refuse one that does not exist."""
    if reference.step is None:
        check_run(reference, keys, mistakes)
        return None
    target = places.number.get(reference.step)
    if target is None:
        if reason := places.why_not_before(reference.step, mistakes, _as_reference):
            mistakes.add(keys, f"{reference.text}: {reason}", part=reference.text)
        return None
    if places.top[target] < 0:
        return None
    check_outcome(places, reference, target, keys, mistakes)
    return target


def _as_reference(id_: str) -> str:
    """An id as a suggestion inside a reference names it: so that writing it works."""
    whole = written("results", [id_])
    return repr(id_) if whole == f"$results.{id_}" else f"{id_!r}, which is {whole}"

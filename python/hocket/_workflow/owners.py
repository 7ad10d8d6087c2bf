"""Which steps run only through another one, and which by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._base.callables import is_async_callable
from .._base.checks import plain_text
from .._base.mistakes import Keys, Mistakes, is_unreadable
from .._base.shown import shown
from .._model.strategy import Quorum
from .computed import changed
from .places import Places
from .step import WorkflowStep

__all__ = ["find_owners"]

_KINDS = ("group", "branch", "block", "loop")


def find_owners(places: Places, mistakes: Mistakes) -> list[WorkflowStep[Any]]:
    """Note who owns whom; return the steps that nobody owns: the top level, in order."""
    if not _claim_members(places, mistakes):
        places.top = list(range(len(places)))
        return places.steps
    _inherit_places(places, mistakes)
    top = [place for place in range(len(places)) if _is_top(places, place)]
    places.top = [-1] * len(places)
    for index, place in enumerate(top):
        places.top[place] = index
    for place in sorted(places.owner):
        _climb(places, place, mistakes)
    return [places.steps[place] for place in top]


def _is_top(places: Places, place: int) -> bool:
    return place not in places.owner and places.is_listed(place)


def _claim_members(places: Places, mistakes: Mistakes) -> bool:
    """Note who runs whom; return whether there are any that run others."""
    holders = places.holders()
    for place in holders:  # grows: a member that is written inside another step may be one itself
        _check_quorum(places, place, mistakes)
        for keys, side, member in _members(places, place):
            if isinstance(member, WorkflowStep) and not _is_placed(places, member):
                if not places.add(member, keys, mistakes):
                    continue
                if member.runs_others:
                    holders.append(places.number[member.id])
            if _claim(places, place, side, keys, _id(member), mistakes) and side is not None:
                side.append(places.number[_id(member)])
    return bool(holders)


def _inherit_places(places: Places, mistakes: Mistakes) -> None:
    """Have the functions and tools of a group run where their group says. What else it runs says itself."""
    for member, owner in places.owner.items():
        step, group = places.steps[member], places.steps[owner].group
        if group is None or group.run_in == "trio" or step.runs_others or step.run_in != "trio":
            continue
        if step.execute is not None and is_async_callable(step.execute):
            text = (
                f"step {step.id!r} is async, and the group of step {places.steps[owner].id!r} runs in "
                f"threads: say run_in of those of its steps alone that block"
            )
            mistakes.add((*places.keys(owner), "group", "run_in"), text)
            continue
        places.steps[member] = changed(step, {"run_in": group.run_in})


def _id(member: Any) -> Any:
    """Return a member's id as a plain text; what is no id as it is."""
    id_ = getattr(member, "id", member)
    return plain_text(id_) if isinstance(id_, str) else id_


def _members(places: Places, place: int) -> Iterator[tuple[Keys, list[int] | None, Any]]:
    """Yield each member: where it is written, the steps of its side of a branch so far, and itself."""
    step, keys = places.steps[place], places.keys(place)
    if step.group is None:
        held = step.sides
        if held:
            places.sides[place] = [[] for _ in held]
        for side, known in zip(held, places.sides.get(place, ()), strict=True):
            for index, member in enumerate(side.steps):
                yield (*keys, *side.keys_of(index)), known, member
    elif not callable(step.group.steps):
        for index, member in enumerate(step.group.steps):
            yield (*keys, "group", "steps", index), None, member


def _check_quorum(places: Places, place: int, mistakes: Mistakes) -> None:
    group = places.steps[place].group
    if group is None or callable(group.steps) or not isinstance(group.wait_strategy, Quorum):
        return
    k, count = group.wait_strategy.k, len(group.steps)
    if k > count:
        text = f"a quorum of {k} needs as many steps; the group has {count}"
        mistakes.add((*places.keys(place), "group", "wait_strategy"), text)


def _is_placed(places: Places, member: WorkflowStep[Any]) -> bool:
    known = places.number.get(member.id)
    return known is not None and places.steps[known] is member


def _claim(
    places: Places,
    place: int,
    side: list[int] | None,
    keys: Keys,
    id_: Any,
    mistakes: Mistakes,
) -> bool:
    """Note that a step runs another one; return whether it does."""
    if not isinstance(id_, str):
        mistakes.add(keys, f"a member is a step id or a WorkflowStep; found {shown(id_)}")
        return False
    if is_unreadable(id_):
        return False
    member = places.number.get(id_)
    why = _why_not(places, place, side, id_, member, mistakes)
    if why is not None:
        mistakes.add(keys, why)
        return False
    assert member is not None
    places.owner[member] = place
    return True


def _why_not(
    places: Places,
    place: int,
    side: list[int] | None,
    id_: str,
    member: int | None,
    mistakes: Mistakes,
) -> str | None:
    """Say why a step cannot run another one; None if it can."""
    if member is None and places.outside is not None:
        return places.outside.why_no_member(id_)
    if member is None:
        return f"there is no step {shown(id_)}{mistakes.near(id_, places.number)}"
    mine, owner = (
        f"the {places.kind(place)} of step {places.steps[place].id!r}",
        places.owner.get(member),
    )
    if member == place:
        return f"{mine} cannot run that step itself"
    if owner == place and (side is None or member in side):
        return f"step {shown(id_)} is named twice by {mine}"
    if owner is None or owner == place:
        return None
    kind = places.kind(owner)
    text = f"step {shown(id_)} already runs in the {kind} of step {places.steps[owner].id!r}"
    kinds = sorted({kind, places.kind(place)}, key=_KINDS.index)
    what = "group or branch" if set(kinds) == {"branch"} else " or ".join(kinds)
    return f"{text}; a step is in one {what} only"


def _climb(places: Places, place: int, mistakes: Mistakes) -> None:
    """Give a member, and the groups around it, the top-level step that runs them."""
    path: dict[int, None] = {}
    while places.top[place] < 0 and place in places.owner:
        if place in path:
            circle = [*path, place]
            names = [places.steps[one].id for one in circle[circle.index(place) :]]
            kinds = {places.kind(one) for one in circle}
            what = "groups" if kinds == {"group"} else "steps"
            text = f"{what} run each other in a circle: {' -> '.join(names)}"
            mistakes.add((*places.keys(place), *_key_of(places.steps[place])), text)
            del places.owner[place]
            break
        path[place] = None
        place = places.owner[place]
    for member in path:
        places.top[member] = places.top[place]


def _key_of(step: WorkflowStep[Any]) -> Keys:
    """Where a step says what it runs."""
    return ("group",) if step.group is not None else step.sides[0].keys[:1]

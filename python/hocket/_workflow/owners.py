"""Which steps run only through a group, and which by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._base.checks import plain_text
from .._base.mistakes import Keys, Mistakes, is_unreadable
from .._base.shown import shown
from .._model.strategy import Quorum
from .places import Places
from .step import WorkflowStep

__all__ = ["find_owners"]


def find_owners(places: Places, mistakes: Mistakes) -> list[WorkflowStep[Any]]:
    """Note who owns whom; return the steps that nobody owns: the top level, in order."""
    if not _claim_members(places, mistakes):
        places.top = list(range(len(places)))
        return places.steps
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
    """Note whom the groups run; return whether there are any groups."""
    groups = places.groups()
    for place in groups:  # grows: a member that is written inside a group may run one itself
        _check_quorum(places, place, mistakes)
        for keys, member in _members(places, place):
            if isinstance(member, WorkflowStep) and not _is_placed(places, member):
                if not places.add(member, keys, mistakes):
                    continue
                if member.group is not None:
                    groups.append(places.number[member.id])
            _claim(places, place, keys, _id(member), mistakes)
    return bool(groups)


def _id(member: Any) -> Any:
    """Return a member's id as a plain text; what is no id as it is."""
    id_ = getattr(member, "id", member)
    return plain_text(id_) if isinstance(id_, str) else id_


def _members(places: Places, place: int) -> Iterator[tuple[Keys, Any]]:
    group = places.steps[place].group
    if group is None or callable(group.steps):
        return
    for index, member in enumerate(group.steps):
        yield (*places.keys(place), "group", "steps", index), member


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


def _claim(places: Places, place: int, keys: Keys, id_: Any, mistakes: Mistakes) -> None:
    group = places.steps[place].id
    if not isinstance(id_, str):
        mistakes.add(keys, f"a member is a step id or a WorkflowStep; found {shown(id_)}")
        return
    if is_unreadable(id_):
        return
    member = places.number.get(id_)
    owner = None if member is None else places.owner.get(member)
    if member is None and places.outside is not None:
        mistakes.add(keys, places.outside.why_no_member(id_))
    elif member is None:
        mistakes.add(keys, f"there is no step {shown(id_)}{mistakes.near(id_, places.number)}")
    elif member == place:
        mistakes.add(keys, f"the group of step {group!r} cannot run that step itself")
    elif owner == place:
        mistakes.add(keys, f"step {shown(id_)} is named twice by the group of step {group!r}")
    elif owner is not None:
        other = places.steps[owner].id
        text = f"step {shown(id_)} already runs in the group of step {other!r}"
        mistakes.add(keys, f"{text}; a step is in one group only")
    else:
        places.owner[member] = place


def _climb(places: Places, place: int, mistakes: Mistakes) -> None:
    """Give a member, and the groups around it, the top-level step that runs them."""
    path: dict[int, None] = {}
    while places.top[place] < 0 and place in places.owner:
        if place in path:
            circle = [*path, place]
            names = [places.steps[one].id for one in circle[circle.index(place) :]]
            text = f"groups run each other in a circle: {' -> '.join(names)}"
            mistakes.add((*places.keys(place), "group"), text)
            del places.owner[place]
            break
        path[place] = None
        place = places.owner[place]
    for member in path:
        places.top[member] = places.top[place]

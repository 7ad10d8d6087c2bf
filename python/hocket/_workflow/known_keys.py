"""Keys that are known before a run: of ``$run``, and of what steps give that run others."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from .._base.mistakes import Keys, Mistakes, is_unreadable
from .._base.names import snake_case
from .._model.result import ParallelExecutionResult
from .branch import BranchResult
from .loop import Repeat
from .places import Places
from .references import Reference
from .syntax import written

__all__ = ["check_outcome", "check_run"]

_OF_RUN = ("workflow", "started", "status", "failures")
_OF_FAILURE = ("step", "state", "type", "message")
_OF_OUTCOME = (*attrs.fields_dict(ParallelExecutionResult), "value", "outcomes")
_OF_BRANCH = tuple(attrs.fields_dict(BranchResult))
_LENGTH = "length"


def check_run(reference: Reference, keys: Keys, mistakes: Mistakes) -> None:
    """Refuse a reference to what is not known of a run."""
    if reference.root != "run" or not reference.path:
        return
    first, *rest = reference.path
    if first not in _OF_RUN:
        _refuse("the run", first, _OF_RUN, reference, keys, mistakes)
    elif first == "failures" and rest:
        place, *inner = rest
        if place in _OF_FAILURE:
            meant = written("run", ["failures", "0", *rest])
            text = f"{reference.text}: $run.failures is a list: write {meant} for the first of them"
            mistakes.add(keys, text, part=reference.text)
        elif place.isdecimal() and inner and inner[0] not in _OF_FAILURE:
            _refuse("a failure", inner[0], _OF_FAILURE, reference, keys, mistakes)


def check_outcome(
    places: Places, reference: Reference, target: int, keys: Keys, mistakes: Mistakes
) -> None:
    """Refuse a reference to what the value of a step cannot have that runs others."""
    if reference.root != "results" or len(reference.path) < 2:
        return
    step, key = places.steps[target], reference.path[1]
    kind = places.kind(target)
    if kind == "group" or (kind == "loop" and not isinstance(step.loop, Repeat)):
        known: Sequence[str] = _OF_OUTCOME
    elif kind == "branch":
        known = _OF_BRANCH
    elif kind == "block":
        known = [places.steps[one].id for side in places.sides[target] for one in side]
        if any(map(is_unreadable, known)):
            return
    else:
        return
    if key in known or (kind != "block" and snake_case(key) in known) or key == _LENGTH:
        return
    member = places.number.get(key)
    if kind != "loop" and member is not None and places.owner.get(member) == target:
        meant = written("results", [step.id, "results", *reference.path[1:]])
        text = f"{reference.text}: the values of its steps are under 'results': write {meant}"
        mistakes.add(keys, text, part=reference.text)
        return
    _refuse(f"the value of step {step.id!r}", key, known, reference, keys, mistakes)


def _refuse(
    what: str,
    key: str,
    known: Sequence[str],
    reference: Reference,
    keys: Keys,
    mistakes: Mistakes,
) -> None:
    near = mistakes.near(key, known)
    text = f"{reference.text}: {what} has no {key!r}{near} (it has {', '.join(known)})"
    mistakes.add(keys, text, part=reference.text)

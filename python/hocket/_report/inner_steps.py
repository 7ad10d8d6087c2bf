"""Steps inside of loops and other workflows: what became of those that are asked for by name.

They have no lines of their own in the report, as there may be very many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from .._base.shown import visible
from .._base.suggestions import did_you_mean
from .._model.event import EventKind, StepEvent
from .._workflow.context import WorkflowContext
from .._workflow.ledger import error_text, explain, said_of
from .record import RunRecord

__all__ = ["InnerSteps"]

_INWARDS = re.compile(r"(?=\[)|\.")


@attrs.define
class InnerSteps:
    """Remembers the last that was told of each, as an observer of the run."""

    record: RunRecord
    names: Sequence[str]
    """What is asked for: ``users[ada]``, ``users[ada].store``, ``part.load``."""
    _last: dict[str, StepEvent | None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._last = {around: None for name in self.names for around in _outwards(name)}

    def observe(self, event: StepEvent) -> None:
        """Take note of a step that is asked for, or that is around one."""
        if event.inside is not None and event.step in self._last:
            self._last[event.step] = event

    def owner(self, name: str) -> str | None:
        """The step of the workflow that a name leads into; None if there is none."""
        for around in _outwards(name):
            step = self.record.steps.get(around)
            if step is not None and step.is_closed:
                return around
        return None

    def why_none(self, name: str) -> str:
        """Say why there is no such step, and what was most likely meant."""
        known = self.record.steps
        inner = name.rpartition(".")[2]
        near = f"; did you mean {inner!r}?" if inner in known else did_you_mean(name, known)
        return f"there is no such step{near}"

    def explain(self, name: str, context: WorkflowContext) -> str:
        """Say in a sentence how a step ended, and why."""
        event = self._last[name]
        if event is not None:
            return visible(f"{name} {self._end(event, name, context)}")
        for around in _outwards(name):
            if (event := self._last[around]) is not None:
                end = self._end(event, around, context)
                return visible(f"{name} was not reached: it is inside {around}, which {end}")
        owner = self.owner(name)
        assert owner is not None, "it was looked for before the run"
        return visible(
            f"{name} was not reached: nothing of that name has run, and {explain(owner, context)}"
        )

    def _end(self, event: StepEvent, name: str, context: WorkflowContext) -> str:
        if event.kind in (EventKind.STARTED, EventKind.RETRYING):
            return "has not ended"
        text = said_of(event.kind.state, event.attempt)
        if event.error is not None:
            return f"{text}: {error_text(event.error)}"
        if event.kind is EventKind.CANCELLED:
            return f"{text}: {self._who_cancelled(name, context)}"
        return f"{text}: {event.reason}" if event.reason else text

    def _who_cancelled(self, name: str, context: WorkflowContext) -> str:
        """The innermost step around one that tells more of its end than that it was cancelled."""
        for around in _outwards(name):
            event = self._last.get(around)
            if around != name and event is not None and event.kind is not EventKind.CANCELLED:
                return f"it is inside {around}, which {self._end(event, around, context)}"
        owner = self.owner(name)
        assert owner is not None, "it is around it"
        end = explain(owner, context).removeprefix(f"{owner} ")
        return f"it is inside {owner}, which {end}"


def _outwards(name: str) -> Iterator[str]:
    """Yield a name, and the names of what may be around it, outwards."""
    yield name
    yield from (name[: match.start()] for match in reversed(list(_INWARDS.finditer(name))))

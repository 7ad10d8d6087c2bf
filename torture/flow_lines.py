"""A random workflow for people to read, where one has failed."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from torture.flows import Case, Flow

_OF_ALL = ("fail_fast", "max_duration", "cancelled_at")


def describe(case: Case) -> str:
    """Describe a case, in a line for each step, with what is not as it is by default."""
    named = [("", case.steps), *((f"{name}: ", steps) for name, steps in case.handlers.items())]
    whole = " ".join(f"{name}={getattr(case, name)}" for name in _OF_ALL)
    lines = [line for name, steps in named for flow in steps for line in _lines(flow, name)]
    return "\n".join([whole, *lines])


def _lines(flow: Flow, before: str) -> Iterator[str]:
    said = {
        "after": [one.id for one in flow.plain] + [f"{one.id}:{rule}" for one, rule in flow.ruled],
        "of": flow.of and flow.of.id,
    }
    for field in attrs.fields(Flow):
        value = getattr(flow, field.name)
        if field.name not in ("id", "path", "plain", "ruled", "of", "sides"):
            said[field.name] = None if value == field.default else value
    told = " ".join(f"{key}={value}" for key, value in said.items() if value not in (None, []))
    yield f"{before}{flow.id} {told}"
    for number, side in enumerate(flow.sides):
        for one in side:
            yield from _lines(one, f"{before}  {number} ")

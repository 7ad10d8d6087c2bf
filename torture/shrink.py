"""From a failing case to a small one, by leaving things out.

Numbers stay as they are: in virtual time, two durations that become equal would let two events
meet at one instant, and their order is nobody's promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs

Case = TypeVar("Case")


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return a case that fails too and of which nothing more can be left out."""
    simpler = True
    while simpler:
        simpler = False
        for candidate in variants(case):
            if fails(candidate):
                case, simpler = candidate, True
                break
    return case


def variants(value: Any) -> Iterator[Any]:
    """Yield the value with something left out, the largest part first."""
    if isinstance(value, list):
        yield from shorter(value)
    if isinstance(value, list | tuple):
        for at, part in enumerate(value):
            for simpler in variants(part):
                yield type(value)([*value[:at], simpler, *value[at + 1 :]])
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            for simpler in simpler_fields(field, getattr(value, field.name)):
                yield attrs.evolve(value, **{field.name: simpler})


def shorter(value: list[Any]) -> Iterator[list[Any]]:
    size = len(value)
    while size:
        for at in range(0, len(value), size):
            yield value[:at] + value[at + size :]
        size //= 2


def simpler_fields(field: attrs.Attribute[Any], part: Any) -> Iterator[Any]:
    if field.default is not attrs.NOTHING and part != field.default:
        yield field.default
    yield from variants(part)

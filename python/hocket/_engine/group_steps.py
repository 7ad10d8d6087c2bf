"""The steps of a group: given, or made by a function of the context."""

from __future__ import annotations

import inspect
from typing import Any

from .._base.callables import explain_call
from .._base.iterables import as_tuple
from .._model.group import ParallelGroup

__all__ = ["steps_of"]


async def steps_of(group: ParallelGroup[Any], context: object) -> list[Any]:
    """Return a group's steps in a list of its own.

    Raises:
        TypeError: a function of steps cannot be called with the context alone, or returns no list;
            the message says why.
    """
    steps: Any = group.steps
    if callable(steps):
        where = f"steps of group {group.id!r}"
        try:
            steps = steps(context)
        except TypeError as error:
            called = error.__traceback__ and error.__traceback__.tb_next  # raised inside of it
            reason = None if called else explain_call(steps, where, "context")
            if reason is None:
                raise
            raise TypeError(reason) from error
        if inspect.isawaitable(steps):
            steps = await steps
        what = f"group {group.id!r}: what the function of its steps returns"
        steps = as_tuple(what, "a list of steps", steps)
    return list(steps)

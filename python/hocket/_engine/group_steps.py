"""The steps of a group: a list, or a function of the context that returns one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from .._model.group import ParallelGroup
from .callbacks import explain_call

__all__ = ["steps_of"]


async def steps_of(group: ParallelGroup, context: object) -> list[Any]:
    """Return a group's steps, those at the time of the call, in a list of its own.

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
            reason = explain_call(steps, where, 1)
            if reason is None:
                raise
            raise TypeError(reason) from error
        if inspect.isawaitable(steps):
            steps = await steps
        if isinstance(steps, str) or not isinstance(steps, Sequence):
            raise TypeError(
                f"group {group.id!r}: the function of its steps must return a list; got {steps!r}"
            )
    return list(steps)

"""Variables that belong to a task and not to a context: those of the package tricycle."""

from __future__ import annotations

import sys
from contextvars import Context

__all__ = ["are_set_in"]


def are_set_in(context: Context) -> bool:
    """Whether the task with this context has used a ``tricycle.TreeVar``.

    Its value is one object in every copy of the context, and says whose it is: a step that ran in
    the same task would change it for all. In another task it inherits from this one.
    """
    return "tricycle" in sys.modules and any(
        type(value).__module__.split(".")[0] == "tricycle" for value in context.values()
    )

"""Another workflow that a step runs."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["AnyWorkflow", "SubWorkflow"]


class AnyWorkflow:
    """What a :class:`WorkflowDefinition` is, which has steps and so stands above them."""

    __slots__ = ()


@attrs.define(eq=False)
class SubWorkflow:
    """The workflow that a step runs.

    That of a file may run itself again, by way of others: it is known only when all of these have been
    read.
    """

    definition: Any = attrs.field(default=None, repr=lambda found: repr(found and found.name))

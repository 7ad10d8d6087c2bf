"""What the steps of one workflow run see of each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs

__all__ = ["WorkflowContext"]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True)
class WorkflowContext:
    """The state of one workflow run: what steps gave, how they failed, what the caller passed.

    >>> WorkflowContext(values={"region": "eu"}).values["region"]
    'eu'
    """

    results: dict[str, Any] = attrs.field(factory=dict)
    """The value of every completed step, by step id: ``$results``."""
    errors: dict[str, Exception] = attrs.field(factory=dict)
    """The error of every failed step, by step id: ``$errors``."""
    values: dict[str, Any] = attrs.field(factory=dict)
    """What the caller passed to the run: ``$context``."""
    now: Callable[[], datetime] = attrs.field(default=_wall_clock, repr=False)
    """The wall clock behind ``$now``; a test may put its own here."""

    def now_text(self) -> str:
        """The time as ISO-8601 text in UTC, to the millisecond: ``2030-01-31T12:00:00.000Z``."""
        text = self.now().astimezone(UTC).isoformat(timespec="milliseconds")
        return text.removesuffix("+00:00") + "Z"

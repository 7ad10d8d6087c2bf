"""What the steps of one workflow run see of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import attrs

__all__ = ["WorkflowContext", "used_by"]


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True)
class WorkflowContext:
    """The state of one workflow run: what steps gave, how they failed, what the caller passed.

    Each run needs one of its own. What is in ``results`` before is there for the steps to see; to
    hand on what an earlier run gave, write
    ``WorkflowContext(results=dict(earlier.results))``.

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

    _workflow: str | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """The workflow whose run has, or had, this context."""
    _runs: bool = attrs.field(default=False, init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # Those of an earlier run may be given here, and must stay what they were.
        self.results, self.errors = dict(self.results), dict(self.errors)

    def now_text(self) -> str:
        """The time as ISO-8601 text in UTC, to the millisecond: ``2030-01-31T12:00:00.000Z``."""
        text = self.now().astimezone(UTC).isoformat(timespec="milliseconds")
        return text.removesuffix("+00:00") + "Z"


@contextmanager
def used_by(context: WorkflowContext, workflow: str) -> Iterator[None]:
    """Keep a context for one run of a workflow.

    Raises:
        RuntimeError: another run has it, or had it.
    """
    if context._workflow is not None:
        what = "is in use by" if context._runs else "holds the results of"
        raise RuntimeError(
            f"this WorkflowContext {what} a run of workflow {context._workflow!r}: one context a "
            f"run. Pass the values, or WorkflowContext(values=..., results=...) made of the other"
        )
    context._workflow, context._runs = workflow, True
    try:
        yield
    finally:
        context._runs = False

"""Every error that hocket raises on its own account: one family, one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import trio

from .mistakes import Mistake, headline

__all__ = [
    "ExpressionError",
    "GroupFailed",
    "HocketError",
    "InternalError",
    "MissingExtra",
    "QueueFull",
    "StepLeftovers",
    "StepTimeout",
    "ToolInputError",
    "ToolModuleError",
    "UnknownTool",
    "UnresolvedReference",
    "WorkflowFileError",
    "WorkflowInvalid",
]


class HocketError(Exception):
    """The base of every error that hocket raises."""


class InternalError(HocketError):
    """A bug in hocket itself. Please report it, with the traceback."""


class QueueFull(HocketError):
    """The pool's queue already holds ``queue_size`` waiting calls.

    The call has had no effect, and is in no statistic.
    """


class StepTimeout(HocketError, trio.TooSlowError):
    """A step was still running when its time limit, or that of its group, had passed.

    Attributes:
        step: the id of the step.
        limit: the limit that it passed, in seconds.
        limited: whose limit it was: ``"step"``, ``"group"`` or ``"workflow"``.
    """

    def __init__(self, step: str, limit: float, limited: str = "step") -> None:
        super().__init__(step, limit, limited)
        self.step = step
        self.limit = limit
        self.limited = limited

    def __str__(self) -> str:
        whose = "its time limit" if self.limited == "step" else f"the {self.limited}'s time limit"
        return f"step {self.step!r} was still running after {whose} of {self.limit:g} s"


class StepLeftovers(HocketError):
    """A step ended and left something open that belongs to its Trio task.

    Steps share worker tasks. An open cancel scope or nursery, or a lock still held, would strike
    whichever step runs next on the same task, so the step that left it behind fails with this
    error. Close it inside the step (``with``/``async with``). A lock alone may be kept where every
    step has a task of its own (``isolation="task"``): Trio breaks it as the task exits.
    """


class GroupFailed(HocketError, ExceptionGroup[Exception]):
    """Steps of a group failed. Holds every step's error, each with a note naming its step.

    It is a group even for a single failure, so that ``except*`` does not depend on timing.

    Attributes:
        finished: of ``map`` and ``stream``, what had succeeded by then and was not handed out: the
            values, by the index of their item. Of a loop in a workflow, the values of the passes that
            had succeeded, by their keys. Empty elsewhere.
    """

    finished: Mapping[int, Any] = MappingProxyType({})

    def derive(self, excs: Sequence[Exception]) -> GroupFailed:  # type: ignore[override]
        """Return a group of the same kind with other errors; Python calls this in ``split``."""
        derived = GroupFailed(self.message, excs)
        derived.finished = self.finished
        return derived


class UnknownTool(HocketError, LookupError):
    """A workflow names a tool that is in no registry."""


class ToolInputError(HocketError, TypeError):
    """A step's input does not fit the signature of the tool that it calls."""


class ToolModuleError(HocketError, ImportError):
    """The tools of a module could not be loaded: it is missing, broken, or has none."""


class MissingExtra(HocketError, ImportError):
    """Something needs a package that only an extra of hocket installs.

    Attributes:
        what: what needs it, and why.
        extra: the extra, as in ``pip install "hocket[yaml]"``.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what = what
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.what}; install it: pip install "hocket[{self.extra}]"'


class UnresolvedReference(HocketError, LookupError):
    """A ``$results...`` reference leads to nothing.

    Attributes:
        reference: the whole reference, as it was written.
        reason: why it leads to nothing.
    """

    def __init__(self, reference: str, reason: str) -> None:
        super().__init__(reference, reason)
        self.reference = reference
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reference}: {self.reason}"


class ExpressionError(HocketError, ValueError):
    """A condition, or another expression, cannot be read or worked out.

    Attributes:
        expression: the whole of it, as it was written.
        column: where in it the mistake is, counted from 1.
        reason: what is wrong there, and what to write instead.
    """

    def __init__(self, expression: str, column: int, reason: str) -> None:
        super().__init__(expression, column, reason)
        self.expression = expression
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.expression}: column {self.column}: {self.reason}"


class WorkflowInvalid(HocketError, ValueError):
    """A workflow definition has mistakes. The message lists every one of them.

    Attributes:
        what: what has the mistakes, a workflow or a file.
        mistakes: every mistake, in the order of the definition. Each has a ``text``, and says where
            it is: ``path`` is the place in the workflow (``steps[3].timeout``); ``source``,
            ``line`` and ``column`` are that in the file, or None. ``str`` puts them together.
    """

    def __init__(self, what: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__(what, mistakes)
        self.what = what
        self.mistakes: tuple[Mistake, ...] = tuple(mistakes)

    def __str__(self) -> str:
        return headline(self.what, self.mistakes)


class WorkflowFileError(WorkflowInvalid):
    """A workflow file has mistakes; each names its file, line and column."""


for _name in __all__:
    # Tracebacks show where users import an error from, not the file it happens to stand in.
    globals()[_name].__module__ = "hocket"

"""One step of a workflow: a tool, a function or a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, cast

import attrs

from .._base.callables import is_async_callable, not_async
from .._base.durations import check_seconds
from .._model.group import ParallelGroup
from .context import WorkflowContext
from .references import Template, compile_template

__all__ = ["WorkflowStep"]


def _timeout(value: float | None) -> float | None:
    return None if value is None else check_seconds("timeout", value)


def _ids(value: Iterable[str | WorkflowStep]) -> tuple[str, ...]:
    if isinstance(value, str):  # would fall apart into letters
        raise TypeError(f"depends_on must be a list of step ids; write [{value!r}]")
    items = tuple(value)
    for item in items:
        if type(item) is not str:
            break
    else:
        return cast("tuple[str, ...]", items)
    ids = tuple(item.id if isinstance(item, WorkflowStep) else item for item in items)
    for id_ in ids:
        if not isinstance(id_, str):
            raise TypeError(f"depends_on must hold step ids; found {id_!r}")
    return ids


@attrs.frozen
class WorkflowStep:
    """One step of a workflow. Exactly one of ``tool``, ``execute`` and ``group`` says what it does.

    Args:
        id: its name, unique in the workflow; its value is ``$results.<id>``.
        tool: the name of a tool, looked up when the workflow runs.
        execute: an async function of the :class:`WorkflowContext` that returns the value.
        group: a group of steps that run side by side.
        input: what the tool gets: a value, whose ``$results...`` references are replaced, or a
            function of the context that returns one. Tools must not change it.
        depends_on: ids of steps (or steps) that must have ended well before this one starts.
        timeout: seconds that it may run, from its start. Default: that of the pool.
        continue_on_error: whether the workflow goes on when it fails. Default False.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it.

    >>> WorkflowStep("fetch", tool="http_request", input={"url": "http://localhost"}).id
    'fetch'
    """

    id: str
    tool: str | None = attrs.field(default=None, kw_only=True)
    execute: Callable[[WorkflowContext], Awaitable[Any]] | None = attrs.field(
        default=None, kw_only=True
    )
    group: ParallelGroup | None = attrs.field(default=None, kw_only=True)
    input: Any = attrs.field(default=None, kw_only=True)
    depends_on: Sequence[str] = attrs.field(default=(), kw_only=True, converter=_ids)
    timeout: float | None = attrs.field(default=None, kw_only=True, converter=_timeout)
    continue_on_error: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id.strip():
            raise TypeError(f"id must be a text that is not empty; got {self.id!r}")
        if (self.tool is None) + (self.execute is None) + (self.group is None) != 2:
            found = " and ".join(self._given()) or "none"
            raise ValueError(f"{self._what} needs exactly one of tool, execute, group; got {found}")
        if self.tool is not None and not isinstance(self.tool, str):
            raise TypeError(
                f"{self._what}: tool must be the name of a tool; got {self.tool!r}; "
                f"pass an async function of the context as execute"
            )
        if self.group is not None and not isinstance(self.group, ParallelGroup):
            raise TypeError(f"{self._what}: group must be a ParallelGroup; got {self.group!r}")
        if self.execute is not None and not is_async_callable(self.execute):
            raise not_async(f"{self._what}: execute", self.execute)
        if self.input is not None and self.tool is None:
            [given] = self._given()
            raise ValueError(f"{self._what}: input is for tools; {given} gets the context instead")
        if not isinstance(self.continue_on_error, bool):
            raise TypeError(
                f"{self._what}: continue_on_error must be True or False; got {self.continue_on_error!r}"
            )

    @property
    def _what(self) -> str:
        return f"step {self.id!r}"

    def _given(self) -> list[str]:
        kinds = {"tool": self.tool, "execute": self.execute, "group": self.group}
        return [name for name, value in kinds.items() if value is not None]

    @cached_property
    def template(self) -> Template:
        """The input with its references found; empty when a function makes the input."""
        return compile_template(None if callable(self.input) else self.input)

    def resolve_input(self, context: WorkflowContext) -> Any:
        """What the tool gets in this run.

        Raises:
            UnresolvedReference: a reference leads to nothing.
        """
        if callable(self.input):
            return self.input(context)
        return self.template.resolve(context)

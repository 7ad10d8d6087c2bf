"""From the entries of a workflow file to the model, as far as they can be read."""

from __future__ import annotations

from typing import Any

import attrs

from .._base.mistakes import Keys, unreadable_id
from .._model.config import WorkerPoolConfig
from .._model.group import ParallelGroup
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.step import WorkflowStep
from .entries import ConfigEntry, FileEntry, StepEntry
from .findings import Findings
from .values import MISTAKEN

__all__ = ["Builder"]


async def _unreadable(context: WorkflowContext) -> None:
    """Stands for what a step does if that could not be read; such a definition never runs."""


@attrs.frozen
class Builder:
    """Builds a definition. What is mistaken gets a stand-in, so that the rest can be checked."""

    findings: Findings

    def definition(self, entry: FileEntry) -> WorkflowDefinition:
        if entry.name is None:
            self.findings.add((), "a workflow needs a name")
        if entry.steps is None:
            self.findings.add((), "a workflow needs steps")
        self.findings.unread |= entry.steps in (None, MISTAKEN)
        entries: list[Any] = _read(entry.steps, [])
        return WorkflowDefinition(
            _read(entry.name, unreadable_id()),
            [self._step(one, ("steps", index)) for index, one in enumerate(entries)],
            description=_read(entry.description, ""),
            max_duration=_read(entry.max_duration, None),
            parallel_config=self._config(_read(entry.parallel_config, None)),
            output=entry.output,
        )

    def _config(self, entry: ConfigEntry | None) -> WorkerPoolConfig:
        if entry is None:
            return WorkerPoolConfig()
        given = attrs.asdict(entry, recurse=False, filter=lambda _, v: v not in (None, MISTAKEN))
        try:
            return WorkerPoolConfig(**given)
        except ValueError as error:  # each is right, and they do not go together
            self.findings.add(("parallel_config",), str(error))
            return WorkerPoolConfig()

    def _step(self, entry: Any, keys: Keys) -> WorkflowStep[Any]:
        unreadable = unreadable_id(keys)
        if entry is MISTAKEN:
            return WorkflowStep(unreadable, execute=_unreadable)
        if entry.id is None:
            self.findings.add(keys, "a step needs an id")
        self.findings.unread |= entry.id in (None, MISTAKEN)
        return self._with_id(entry, _read(entry.id, unreadable), keys)

    def _with_id(self, entry: StepEntry, id_: str, keys: Keys) -> WorkflowStep[Any]:
        depends_on = _ids(_read(entry.depends_on, []))
        tool, group = _read(entry.tool, None), None
        if self._does_one_thing(entry, keys) and entry.group not in (None, MISTAKEN):
            group = self._group(entry.group, id_, (*keys, "group"))
        if (tool is None) == (group is None):
            return WorkflowStep(id_, execute=_unreadable, depends_on=depends_on)
        common: Any = {
            "depends_on": depends_on,
            "timeout": _read(entry.timeout, None),
            "continue_on_error": _read(entry.continue_on_error, False),
        }
        if group is not None:
            return WorkflowStep(id_, group=group, **common)
        return WorkflowStep(id_, tool=tool, input=entry.input, **common)

    def _does_one_thing(self, entry: StepEntry, keys: Keys) -> bool:
        tool, group = (self.findings.spelling.key(key) for key in ("tool", "group"))
        if entry.tool is None and entry.group is None:
            self.findings.add(keys, f"a step needs {tool!r} or {group!r}")
        elif entry.tool is not None and entry.group is not None:
            self.findings.add(keys, f"a step has {tool!r} or {group!r}, not both")
            self.findings.unread = True
        elif entry.group is not None and entry.input is not None:
            self.findings.add(
                (*keys, "input"), f"a step with {group!r} takes no input", is_key=True
            )
        return entry.tool is None

    def _group(self, entry: Any, step: str, keys: Keys) -> ParallelGroup[Any] | None:
        if not entry.steps:
            self.findings.add(keys, "a group needs at least one step")
            self.findings.unread = True
        members: list[Any] = [] if entry.steps in (None, MISTAKEN) else entry.steps
        made = [self._member(one, (*keys, "steps", i)) for i, one in enumerate(members)]
        try:
            return ParallelGroup(
                _read(entry.id, step),
                made,
                wait_strategy=_read(entry.wait_strategy, "all"),
                max_concurrent=_read(entry.max_concurrent, None),
                continue_on_error=_read(entry.continue_on_error, False),
                timeout=_read(entry.timeout, None),
                step_timeout=_read(entry.step_timeout, None),
            )
        except (TypeError, ValueError) as error:
            if members:  # or it was reported above
                self.findings.add(keys, str(error))
            self.findings.unread = True
            return None

    def _member(self, member: Any, keys: Keys) -> str | WorkflowStep[Any]:
        if isinstance(member, str):
            return member
        return unreadable_id() if member is MISTAKEN else self._step(member, keys)


def _read(value: Any, instead: Any) -> Any:
    return instead if value is None or value is MISTAKEN else value


def _ids(names: list[Any]) -> list[str]:
    return [unreadable_id() if name is MISTAKEN else name for name in names]

"""What a workflow file may hold: every key, declared once, with how camelCase spells it."""

from __future__ import annotations

from typing import Any, NewType

import attrs

from .._model.strategy import WaitStrategy

__all__ = [
    "ENTRIES",
    "Before",
    "BranchEntry",
    "CaseEntry",
    "ConditionText",
    "ConfigEntry",
    "Count",
    "EdgeEntry",
    "Failure",
    "FileEntry",
    "Flag",
    "Full",
    "GroupEntry",
    "Kind",
    "Member",
    "Name",
    "ParameterEntry",
    "Place",
    "Places",
    "RuleText",
    "Seconds",
    "StepEntry",
    "Strategy",
    "Text",
    "TypeText",
    "Version",
    "camel_keys",
]

Text = NewType("Text", str)
Name = NewType("Name", str)
Flag = NewType("Flag", bool)
Count = NewType("Count", float)
Place = NewType("Place", str)
Places = NewType("Places", float)
Seconds = NewType("Seconds", float)
Full = NewType("Full", str)
Strategy = NewType("Strategy", object)
Member = NewType("Member", object)
Before = NewType("Before", object)
ConditionText = NewType("ConditionText", object)
Failure = NewType("Failure", str)
Kind = NewType("Kind", str)
RuleText = NewType("RuleText", str)
TypeText = NewType("TypeText", str)
Version = NewType("Version", int)


def _key(camel: str | None = None) -> dict[str, Any]:
    return {"camel": camel}


@attrs.frozen
class GroupEntry:
    """``group:`` of a step."""

    id: Name | None = attrs.field(default=None, metadata=_key())
    wait_strategy: Strategy = attrs.field(
        default=Strategy(WaitStrategy.ALL), metadata=_key("waitStrategy")
    )
    max_concurrent: Count | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    step_timeout: Seconds | None = attrs.field(default=None, metadata=_key("stepTimeout"))
    steps: list[Member] | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class CaseEntry:
    """One of ``cases:`` of a branch."""

    value: Any = attrs.field(default=None, metadata=_key())
    steps: list[Member] | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class BranchEntry:
    """``branch:`` of a step."""

    type: Kind | None = attrs.field(default=None, metadata=_key())
    condition: ConditionText | None = attrs.field(default=None, metadata=_key())
    then_steps: list[Member] | None = attrs.field(default=None, metadata=_key("thenSteps"))
    else_steps: list[Member] | None = attrs.field(default=None, metadata=_key("elseSteps"))
    expression: ConditionText | None = attrs.field(default=None, metadata=_key())
    cases: list[CaseEntry] | None = attrs.field(default=None, metadata=_key())
    default_steps: list[Member] | None = attrs.field(default=None, metadata=_key("defaultSteps"))


@attrs.frozen
class EdgeEntry:
    """One of ``depends_on:`` that says more than the id of a step."""

    step: Name | None = attrs.field(default=None, metadata=_key())
    rule: RuleText | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class StepEntry:
    """One of ``steps:``."""

    id: Name | None = attrs.field(default=None, metadata=_key())
    tool: Name | None = attrs.field(default=None, metadata=_key("toolName"))
    input: Any = attrs.field(default=None, metadata=_key())
    depends_on: list[Before] | None = attrs.field(default=None, metadata=_key("dependsOn"))
    when: ConditionText | None = attrs.field(default=None, metadata=_key())
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    on_error: Failure | None = attrs.field(default=None, metadata=_key("onError"))
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    run_in: Place | None = attrs.field(default=None, metadata=_key("runIn"))
    group: GroupEntry | None = attrs.field(default=None, metadata=_key("parallelGroup"))
    branch: BranchEntry | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class ConfigEntry:
    """``parallel_config:``."""

    max_concurrent: Count | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    queue_size: Places | None = attrs.field(default=None, metadata=_key("queueSize"))
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    when_full: Full | None = attrs.field(default=None, metadata=_key("whenFull"))


@attrs.frozen
class ParameterEntry:
    """One of ``parameters:``."""

    type: TypeText | None = attrs.field(default=None, metadata=_key())
    default: Any = attrs.field(default=None, metadata=_key())
    enum: list[Any] | None = attrs.field(default=None, metadata=_key())
    required: Flag | None = attrs.field(default=None, metadata=_key())
    description: Text | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class FileEntry:
    """A whole file."""

    version: Version | None = attrs.field(default=None, metadata=_key())
    name: Name | None = attrs.field(default=None, metadata=_key())
    description: Text | None = attrs.field(default=None, metadata=_key())
    parameters: dict[str, ParameterEntry] | None = attrs.field(default=None, metadata=_key())
    max_duration: Seconds | None = attrs.field(default=None, metadata=_key("maxDuration"))
    parallel_config: ConfigEntry | None = attrs.field(default=None, metadata=_key("parallelConfig"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    steps: list[StepEntry] | None = attrs.field(default=None, metadata=_key())
    output: Any = attrs.field(default=None, metadata=_key())


ENTRIES: tuple[type, ...] = (
    GroupEntry,
    CaseEntry,
    BranchEntry,
    EdgeEntry,
    StepEntry,
    ConfigEntry,
    ParameterEntry,
    FileEntry,
)
"""All of them, the inner ones first."""


def camel_keys(entry: type) -> dict[str, str]:
    """The keys of an entry that camelCase spells otherwise, native to camelCase."""
    fields = attrs.fields(entry)
    return {field.name: camel for field in fields if (camel := field.metadata["camel"])}

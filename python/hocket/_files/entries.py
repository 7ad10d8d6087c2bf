"""What a workflow file may hold: every key, declared once, with how camelCase spells it."""

from __future__ import annotations

from typing import Any, NewType

import attrs

from .._model.strategy import WaitStrategy

__all__ = [
    "ENTRIES",
    "Axes",
    "Before",
    "BranchEntry",
    "CaseEntry",
    "ConditionText",
    "ConfigEntry",
    "Count",
    "Delay",
    "EdgeEntry",
    "Factor",
    "Failure",
    "FailureText",
    "FileEntry",
    "Flag",
    "ForEachEntry",
    "Full",
    "Given",
    "GroupEntry",
    "Kind",
    "Limit",
    "MatrixEntry",
    "Member",
    "Name",
    "ParameterEntry",
    "Patience",
    "Place",
    "Places",
    "RateEntry",
    "RepeatEntry",
    "RetryEntry",
    "RuleText",
    "Seconds",
    "Slots",
    "StepEntry",
    "StepText",
    "Strategy",
    "Text",
    "TypeText",
    "Variable",
    "Version",
    "Wait",
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
FailureText = NewType("FailureText", str)
Factor = NewType("Factor", float)
TypeText = NewType("TypeText", str)
Wait = NewType("Wait", float)
Delay = NewType("Delay", object)
Patience = NewType("Patience", float)
Limit = NewType("Limit", object)
Slots = NewType("Slots", object)
Version = NewType("Version", int)
Variable = NewType("Variable", str)
Axes = NewType("Axes", object)
Given = NewType("Given", object)
StepText = NewType("StepText", object)
"""A step without an id."""


def _key(camel: str | None = None) -> dict[str, Any]:
    return {"camel": camel}


@attrs.frozen
class RetryEntry:
    """``retry:`` of a step or a group."""

    attempts: Count | None = attrs.field(default=None, metadata=_key())
    on: list[FailureText] | None = attrs.field(default=None, metadata=_key())
    wait_initial: Wait | None = attrs.field(default=None, metadata=_key("waitInitial"))
    wait_max: Wait | None = attrs.field(default=None, metadata=_key("waitMax"))
    wait_jitter: Wait | None = attrs.field(default=None, metadata=_key("waitJitter"))
    wait_exp_base: Factor | None = attrs.field(default=None, metadata=_key("waitExpBase"))
    timeout: Patience | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class RateEntry:
    """``rate:`` of a group, of a loop or of ``parallel_config``."""

    limit: Count | None = attrs.field(default=None, metadata=_key())
    per: Seconds | None = attrs.field(default=None, metadata=_key())
    burst: Count | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class GroupEntry:
    """``group:`` of a step."""

    id: Name | None = attrs.field(default=None, metadata=_key())
    wait_strategy: Strategy = attrs.field(
        default=Strategy(WaitStrategy.ALL), metadata=_key("waitStrategy")
    )
    max_concurrent: Slots | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    timeout: Limit | None = attrs.field(default=None, metadata=_key())
    step_timeout: Limit | None = attrs.field(default=None, metadata=_key("stepTimeout"))
    rate: RateEntry | None = attrs.field(default=None, metadata=_key())
    retry: RetryEntry | None = attrs.field(default=None, metadata=_key())
    run_in: Place | None = attrs.field(default=None, metadata=_key("runIn"))
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
class ForEachEntry:
    """``for_each:`` of a step."""

    in_: Any = attrs.field(default=None, metadata=_key())
    as_: Variable | None = attrs.field(default=None, metadata=_key())
    key: Text | None = attrs.field(default=None, metadata=_key())
    max_concurrent: Slots | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    wait_strategy: Strategy = attrs.field(
        default=Strategy(WaitStrategy.ALL), metadata=_key("waitStrategy")
    )
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    rate: RateEntry | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class MatrixEntry:
    """``matrix:`` of a step. All other keys are names of values."""

    include: Any = attrs.field(default=None, metadata=_key())
    exclude: Any = attrs.field(default=None, metadata=_key())
    key: Text | None = attrs.field(default=None, metadata=_key())
    max_concurrent: Slots | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    wait_strategy: Strategy = attrs.field(
        default=Strategy(WaitStrategy.ALL), metadata=_key("waitStrategy")
    )
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    rate: RateEntry | None = attrs.field(default=None, metadata=_key())
    axes: Axes | None = attrs.field(default=None, metadata={"camel": None, "is_rest": True})
    """Those other keys."""


@attrs.frozen
class RepeatEntry:
    """``repeat:`` of a step."""

    until: ConditionText | None = attrs.field(default=None, metadata=_key())
    delay: Delay | None = attrs.field(default=None, metadata=_key())
    max: Slots | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class StepEntry:
    """One of ``steps:``."""

    id: Name | None = attrs.field(default=None, metadata=_key())
    tool: Name | None = attrs.field(default=None, metadata=_key("toolName"))
    input: Any = attrs.field(default=None, metadata=_key())
    depends_on: list[Before] | None = attrs.field(default=None, metadata=_key("dependsOn"))
    when: ConditionText | None = attrs.field(default=None, metadata=_key())
    timeout: Limit | None = attrs.field(default=None, metadata=_key())
    on_error: Failure | None = attrs.field(default=None, metadata=_key("onError"))
    continue_on_error: Flag | None = attrs.field(default=None, metadata=_key("continueOnError"))
    retry: RetryEntry | None = attrs.field(default=None, metadata=_key())
    run_in: Place | None = attrs.field(default=None, metadata=_key("runIn"))
    group: GroupEntry | None = attrs.field(default=None, metadata=_key("parallelGroup"))
    branch: BranchEntry | None = attrs.field(default=None, metadata=_key())
    steps: list[Member] | None = attrs.field(default=None, metadata=_key())
    sequence: list[Member] | None = attrs.field(default=None, metadata=_key())
    workflow: Name | None = attrs.field(default=None, metadata=_key())
    with_: Given | None = attrs.field(default=None, metadata=_key())
    for_each: ForEachEntry | None = attrs.field(default=None, metadata=_key("forEach"))
    matrix: MatrixEntry | None = attrs.field(default=None, metadata=_key())
    repeat: RepeatEntry | None = attrs.field(default=None, metadata=_key())
    step: StepText | None = attrs.field(default=None, metadata=_key())


@attrs.frozen
class ConfigEntry:
    """``parallel_config:``."""

    max_concurrent: Slots | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    queue_size: Places | None = attrs.field(default=None, metadata=_key("queueSize"))
    timeout: Limit | None = attrs.field(default=None, metadata=_key())
    when_full: Full | None = attrs.field(default=None, metadata=_key("whenFull"))
    rate: RateEntry | None = attrs.field(default=None, metadata=_key())


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
    max_duration: Limit | None = attrs.field(default=None, metadata=_key("maxDuration"))
    parallel_config: ConfigEntry | None = attrs.field(default=None, metadata=_key("parallelConfig"))
    fail_fast: Flag | None = attrs.field(default=None, metadata=_key("failFast"))
    steps: list[StepEntry] | None = attrs.field(default=None, metadata=_key())
    output: Any = attrs.field(default=None, metadata=_key())
    on_success: list[StepEntry] | None = attrs.field(default=None, metadata=_key("onSuccess"))
    on_failure: list[StepEntry] | None = attrs.field(default=None, metadata=_key("onFailure"))
    on_cancel: list[StepEntry] | None = attrs.field(default=None, metadata=_key("onCancel"))
    finally_: list[StepEntry] | None = attrs.field(default=None, metadata=_key())


ENTRIES: tuple[type, ...] = (
    RetryEntry,
    RateEntry,
    GroupEntry,
    CaseEntry,
    BranchEntry,
    EdgeEntry,
    ForEachEntry,
    MatrixEntry,
    RepeatEntry,
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

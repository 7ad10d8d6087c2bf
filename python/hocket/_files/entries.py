"""What a workflow file may hold: every key, declared once.

Beside its type, a key says how camelCase spells it, and whether the order of steps depends on it:
where such a key cannot be read, a missing order is no mistake of its own.
"""

from __future__ import annotations

from typing import Any, NewType

import attrs

from .._model.strategy import WaitStrategy

__all__ = [
    "ENTRIES",
    "ConfigEntry",
    "Count",
    "FileEntry",
    "Flag",
    "Full",
    "GroupEntry",
    "Member",
    "Name",
    "Places",
    "Seconds",
    "StepEntry",
    "Strategy",
    "Text",
    "camel_keys",
    "orders_steps",
]

Text = NewType("Text", str)
Name = NewType("Name", str)
Flag = NewType("Flag", bool)
Count = NewType("Count", float)
Places = NewType("Places", float)
Seconds = NewType("Seconds", float)
Full = NewType("Full", str)
Strategy = NewType("Strategy", object)
Member = NewType("Member", object)


def _key(camel: str | None = None, *, orders: bool = False) -> dict[str, Any]:
    return {"camel": camel, "orders": orders}


@attrs.frozen
class GroupEntry:
    """``group:`` of a step."""

    id: Name | None = attrs.field(default=None, metadata=_key(orders=True))
    wait_strategy: Strategy = attrs.field(
        default=Strategy(WaitStrategy.ALL), metadata=_key("waitStrategy")
    )
    max_concurrent: Count | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    continue_on_error: Flag = attrs.field(default=Flag(False), metadata=_key("continueOnError"))
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    step_timeout: Seconds | None = attrs.field(default=None, metadata=_key("stepTimeout"))
    steps: list[Member] | None = attrs.field(default=None, metadata=_key(orders=True))


@attrs.frozen
class StepEntry:
    """One of ``steps:``."""

    id: Name | None = attrs.field(default=None, metadata=_key(orders=True))
    tool: Name | None = attrs.field(default=None, metadata=_key("toolName"))
    input: Any = attrs.field(default=None, metadata=_key(orders=True))
    depends_on: list[Name] | None = attrs.field(
        default=None, metadata=_key("dependsOn", orders=True)
    )
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    continue_on_error: Flag = attrs.field(default=Flag(False), metadata=_key("continueOnError"))
    group: GroupEntry | None = attrs.field(
        default=None, metadata=_key("parallelGroup", orders=True)
    )


@attrs.frozen
class ConfigEntry:
    """``parallel_config:``."""

    max_concurrent: Count | None = attrs.field(default=None, metadata=_key("maxConcurrent"))
    queue_size: Places | None = attrs.field(default=None, metadata=_key("queueSize"))
    timeout: Seconds | None = attrs.field(default=None, metadata=_key())
    when_full: Full | None = attrs.field(default=None, metadata=_key("whenFull"))


@attrs.frozen
class FileEntry:
    """A whole file."""

    name: Name | None = attrs.field(default=None, metadata=_key())
    description: Text | None = attrs.field(default=None, metadata=_key())
    max_duration: Seconds | None = attrs.field(default=None, metadata=_key("maxDuration"))
    parallel_config: ConfigEntry | None = attrs.field(default=None, metadata=_key("parallelConfig"))
    steps: list[StepEntry] | None = attrs.field(default=None, metadata=_key(orders=True))
    output: Any = attrs.field(default=None, metadata=_key(orders=True))


ENTRIES: tuple[type, ...] = (GroupEntry, StepEntry, ConfigEntry, FileEntry)
"""All of them, the inner ones first."""


def camel_keys(entry: type) -> dict[str, str]:
    """The keys of an entry that camelCase spells otherwise, native to camelCase."""
    fields = attrs.fields(entry)
    return {field.name: camel for field in fields if (camel := field.metadata["camel"])}


def orders_steps(key: object) -> bool:
    """Whether what is wrong at a key may hide which step runs before which.

    True also for what is no key of a file, such as a place in a list of steps.
    """
    return key not in _NOT_ABOUT_ORDER


_NOT_ABOUT_ORDER = {
    field.name for entry in ENTRIES for field in attrs.fields(entry) if not field.metadata["orders"]
}

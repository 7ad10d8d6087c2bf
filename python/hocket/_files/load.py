"""From a workflow file, or what one would hold, to a definition: with every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._base.errors import WorkflowFileError
from .._base.mistakes import Keys, Mistake, format_keys
from .._base.suggestions import nearest
from .._workflow.analysis import analyse
from .._workflow.definition import WorkflowDefinition
from .build import Builder
from .entries import MISTAKEN, Wrong, read_entries
from .spelling import CAMEL, Spelled, Spelling, spell_out

if TYPE_CHECKING:
    from ..tools._registry import ToolRegistry
    from .document import Document

__all__ = ["load_workflow", "workflow_from_dict"]

# Wrong values that have no say in which step runs before which.
_NO_ORDER = frozenset(
    {
        "name",
        "description",
        "max_duration",
        "timeout",
        "step_timeout",
        "continue_on_error",
        "wait_strategy",
        "max_concurrent",
        "queue_size",
        "when_full",
        "tool",
        "parallel_config",
    }
)


def load_workflow(
    path: str | os.PathLike[str], tools: ToolRegistry | None = None
) -> WorkflowDefinition:
    """Read a workflow from a YAML file, in either spelling.

    Args:
        path: the file.
        tools: if given, tool names and inputs are checked as well; a manager with these tools does
            not check them again.

    Raises:
        WorkflowFileError: the file cannot be read or has mistakes; it lists them all.
        MissingExtra: PyYAML is not installed.

    >>> load_workflow("no_such_file.yaml")
    Traceback (most recent call last):
    hocket.WorkflowFileError: no_such_file.yaml has 1 mistake:
    no_such_file.yaml: cannot read the file: No such file or directory
    """
    from .document import parse  # PyYAML is an extra

    source = os.fspath(path)
    text = _read(source)
    document, broken = parse(text)
    report = _Report(source, None if document is None else document.data, document)
    for one in broken:
        line, column = one.place or (None, None)
        report.mistakes.append(Mistake((), one.text, "", source, line, column))
    if document is None:
        raise report.error()
    return _load(document.data, report, tools)


def workflow_from_dict(
    mapping: Mapping[str, Any], source: str = "<dict>", tools: ToolRegistry | None = None
) -> WorkflowDefinition:
    """Read what a workflow file would hold from nested dicts and lists.

    Args:
        mapping: the workflow, in either spelling.
        source: what messages call it.
        tools: as for :func:`load_workflow`.

    Raises:
        WorkflowFileError: it has mistakes; it lists them all.

    >>> workflow_from_dict({"name": "hello", "steps": [{"id": "greet", "tool": "greeter"}]}).name
    'hello'
    """
    return _load(mapping, _Report(source, mapping), tools)


def _read(source: str) -> str:
    try:
        return Path(source).read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"cannot read the file: {reason}{_near_file(source)}"
    except UnicodeDecodeError as error:
        text = f"the file is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
    raise WorkflowFileError(source, [Mistake((), text, "", source)])


def _near_file(source: str) -> str:
    path = Path(source)
    if path.exists() or not path.parent.is_dir():
        return ""
    name = nearest(path.name, (entry.name for entry in path.parent.iterdir()))
    return "" if name is None else f"; did you mean {str(path.with_name(name))!r}?"


def _load(data: Any, report: _Report, tools: ToolRegistry | None) -> WorkflowDefinition:
    try:
        spelled = spell_out(data)
    except ValueError as error:
        report.add(("steps",), str(error))
        raise report.error() from None
    report.spelling = spelled.spelling
    _check_mixture(spelled, report)
    entry, wrong = read_entries(spelled.data, spelled.spelling)
    for one in wrong:
        report.add(one.keys, one.text, is_key=one.is_key)
    if entry is MISTAKEN:
        raise report.error()
    definition = Builder(report).definition(entry)
    trusted = not report.unread and not any(map(_hides_order, wrong))
    _check_steps(definition, report, tools, trusted)
    if report.mistakes:
        raise report.error()
    return definition


def _check_steps(
    definition: WorkflowDefinition, report: _Report, tools: ToolRegistry | None, trusted: bool
) -> None:
    analysis = definition.analysis
    if not trusted:
        analysis = analyse(definition.steps, definition.output, trust_order=False)
    found = analysis.mistakes + ([] if tools is None else tools.check_steps(analysis))
    for mistake in found:
        # A definition without steps because they could not be read has been reported as such.
        if mistake.keys != ("steps",) or not report.unread:
            report.add(mistake.keys, mistake.text)


def _hides_order(wrong: Wrong) -> bool:
    name = wrong.meant if wrong.is_key else wrong.keys[-1]
    return name is not None and name not in _NO_ORDER


def _check_mixture(spelled: Spelled, report: _Report) -> None:
    if len(spelled.first) < 2:
        return
    said = [f"{key!r}{report.line(keys)} is {s.value}" for s, (keys, key) in spelled.first.items()]
    keys, _ = list(spelled.first.values())[1]
    report.add(
        keys,
        f"the file mixes two spellings: {', '.join(said)}; use one of them throughout "
        f"(durations are seconds in snake_case, milliseconds in camelCase)",
        is_key=True,
    )


@attrs.define
class _Report:
    """Collects the mistakes of one file, and finds where in the file they are."""

    source: str
    data: Any
    document: Document | None = None
    spelling: Spelling = Spelling.NATIVE
    mistakes: list[Mistake] = attrs.field(factory=list)
    unread: bool = False
    """Whether steps, groups or dependencies could not be read."""

    def add(self, keys: Keys, text: str, *, is_key: bool = False) -> None:
        written = self._as_written(keys)
        line, column = None, None
        if self.document is not None:
            line, column = self.document.locate(written, key=is_key)
        path = format_keys(written)
        self.mistakes.append(Mistake(keys, text, path, self.source, line, column))

    def line(self, keys: Keys) -> str:
        """`` (line 3)``, or nothing if there are no lines."""
        if self.document is None:
            return ""
        return f" (line {self.document.locate(keys, key=True)[0]})"

    def error(self) -> WorkflowFileError:
        in_order = sorted(self.mistakes, key=lambda m: (m.line or 0, m.column or 0))
        return WorkflowFileError(self.source, in_order)

    def _as_written(self, keys: Keys) -> Keys:
        """Native keys as the file spells them."""
        written: list[str | int] = []
        value = self.data
        for key in keys:
            camel = CAMEL.get(key, key) if isinstance(key, str) else key
            if isinstance(value, Mapping) and key not in value and camel in value:
                key = camel
            elif not _holds(value, key) and isinstance(key, str):
                key = self.spelling.key(key)
            written.append(key)
            value = _inside(value, key)
        return tuple(written)


def _inside(value: Any, key: str | int) -> Any:
    return value[key] if _holds(value, key) else None


def _holds(value: Any, key: str | int) -> bool:
    if isinstance(value, Mapping):
        return key in value
    return isinstance(value, list | tuple) and isinstance(key, int) and key < len(value)

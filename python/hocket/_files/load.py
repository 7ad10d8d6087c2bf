"""From a workflow file, or what one would hold, to a definition: with every mistake at once."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from .._base.errors import WorkflowFileError
from .._base.mistakes import Mistake
from .._workflow.definition import WorkflowDefinition
from .._workflow.parameters import check_values_given, fill_in
from .._workflow.uses import check_values, undeclared
from .build import Builder
from .convert import read_entries
from .findings import Findings
from .source import CannotRead, read_text
from .spelling import Spelled, spell_out
from .values import MISTAKEN

if TYPE_CHECKING:
    from ..tools._registry import ToolRegistry

__all__ = ["load_workflow", "read_workflow", "workflow_from_dict"]

logger = logging.getLogger("hocket.workflow")


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
    return read_workflow(path, tools, None)


def read_workflow(
    path: str | os.PathLike[str], tools: ToolRegistry | None, values: Mapping[str, Any] | None
) -> WorkflowDefinition:
    """Read a workflow as :func:`load_workflow` does.

    Args:
        path: the file.
        tools: if given, tool names and inputs are checked as well.
        values: what ``$context`` will be, if that is known: references to it are checked then.

    Raises:
        WorkflowFileError: the file cannot be read or has mistakes; it lists them all.
    """
    from .document import parse  # PyYAML is an extra

    source = os.fsdecode(path)
    try:
        document, broken = parse(read_text(source))
    except CannotRead as error:
        raise WorkflowFileError(source, [Mistake((), str(error), "", source)]) from None
    findings = Findings(
        source=source, data=None if document is None else document.data, document=document
    )
    for one in broken:
        findings.found.append(attrs.evolve(one, source=source))
    if document is None:
        raise findings.error()
    return _load(document.data, findings, tools, values)


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
    return _load(mapping, Findings(source=source, data=mapping), tools)


def _load(
    data: Any,
    findings: Findings,
    tools: ToolRegistry | None,
    values: Mapping[str, Any] | None = None,
) -> WorkflowDefinition:
    try:
        spelled = spell_out(data)
    except ValueError as error:
        findings.add(("steps",), str(error))
        raise findings.error() from None
    findings.spelling = spelled.spelling
    _check_mixture(spelled, findings)
    entry, wrong = read_entries(spelled.data, spelled.spelling)
    for one in wrong:
        findings.add(one.keys, one.text, is_key=one.is_key, part=one.part)
    if entry is MISTAKEN:
        raise findings.error()
    definition = Builder(findings).definition(entry)
    _check_steps(definition, findings, tools, values, has_steps=entry.steps not in (None, MISTAKEN))
    if findings.found:
        raise findings.error()
    for analysis in definition.analyses:
        output = definition.output if analysis is definition.analysis else None
        for use in undeclared(analysis.places, output, definition.parameters):
            logger.warning("%s", findings.placed(use.keys, use.text, part=use.part))
    return definition


def _check_steps(
    definition: WorkflowDefinition,
    findings: Findings,
    tools: ToolRegistry | None,
    values: Mapping[str, Any] | None,
    *,
    has_steps: bool,
) -> None:
    if values is not None:
        for mistake in check_values_given(definition.parameters, values):
            findings.add(("parameters", *mistake.keys), f"what the run is given: {mistake.text}")
        values = fill_in(definition.parameters, values)
    found = definition.mistakes
    for analysis in definition.analyses:
        if tools is not None:
            found += tools.check_steps(analysis, values)
        if values is not None:
            output = definition.output if analysis is definition.analysis else None
            found += check_values(analysis.places, output, values)
    for mistake in found:
        # A definition without steps because they could not be read has been reported as such.
        if mistake.keys != ("steps",) or has_steps:
            findings.add(mistake.keys, mistake.text, part=mistake.part)


def _check_mixture(spelled: Spelled, findings: Findings) -> None:
    if len(spelled.first) < 2:
        return
    said = [
        f"{key!r}{findings.line(keys)} is {s.value}" for s, (keys, key) in spelled.first.items()
    ]
    keys, _ = list(spelled.first.values())[1]
    findings.add(
        keys,
        f"the file mixes two spellings: {', '.join(said)}; use one of them throughout "
        f"(durations are seconds in snake_case, milliseconds in camelCase)",
        is_key=True,
    )

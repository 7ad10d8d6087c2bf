"""Reading a workflow, and the files of those that its steps run, each once."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._base.errors import WorkflowFileError, WorkflowInvalid
from .._base.mistakes import Mistake
from .._workflow.context import WorkflowContext
from .._workflow.definition import WorkflowDefinition
from .._workflow.parameters import check_values_given, fill_in
from .._workflow.sub_workflow import SubWorkflow
from .._workflow.sub_workflows import given_mistakes
from .._workflow.uses import check_values, undeclared
from .build import Builder
from .convert import read_entries
from .findings import Findings
from .source import CannotRead, read_text
from .spelling import Spelled, spell_out
from .values import MISTAKEN

if TYPE_CHECKING:
    from ..tools._registry import ToolRegistry

__all__ = ["Reading"]

logger = logging.getLogger("hocket.workflow")

_DEEPEST = 50


@attrs.define
class Reading:
    """Reads one workflow, with the files that it needs."""

    tools: ToolRegistry | None
    _known: dict[str, SubWorkflow | None] = attrs.field(factory=dict, init=False)
    """What is in each file, by its real path; None if that cannot be read."""
    _broken: list[Mistake] = attrs.field(factory=list, init=False)
    """The mistakes of files that cannot be read, other than the first."""
    _read: list[tuple[Findings, WorkflowDefinition]] = attrs.field(factory=list, init=False)
    _depth: int = attrs.field(default=0, init=False)

    def file(self, source: str, values: Mapping[str, Any] | None) -> WorkflowDefinition:
        """Read a file.

        Raises:
            WorkflowFileError: it cannot be read or has mistakes, or one that it needs has.
        """
        try:
            text = read_text(source)
        except CannotRead as error:
            raise WorkflowFileError(source, [Mistake((), str(error), "", source)]) from None
        self._known[os.path.realpath(source)] = box = SubWorkflow()
        return self._whole(self._parsed(text, source), values, box)

    def data(self, data: Any, source: str) -> WorkflowDefinition:
        """Read what a file would hold."""
        return self._whole(Findings(source=source, data=data), None, SubWorkflow())

    def _parsed(self, text: str, source: str) -> Findings:
        from .document import parse  # PyYAML is an extra

        document, broken = parse(text)
        findings = Findings(
            source=source, data=None if document is None else document.data, document=document
        )
        for one in broken:
            findings.found.append(attrs.evolve(one, source=source))
        if document is None:
            raise findings.error()
        return findings

    def _whole(
        self, findings: Findings, values: Mapping[str, Any] | None, box: SubWorkflow
    ) -> WorkflowDefinition:
        """Read a workflow, and look at what all that it runs are given: now all of them are known."""
        definition = box.definition = self._one(findings, values)
        for where, one in self._read:
            for mistake in given_mistakes(one):
                where.note(where.placed(mistake.keys, mistake.text))
        findings.found += self._broken
        for where, _ in self._read:
            if where is not findings:
                findings.found += where.found
        if findings.found:
            raise findings.error()
        for where, one in self._read:
            _warn(one, where)
        return definition

    def _one(self, findings: Findings, values: Mapping[str, Any] | None) -> WorkflowDefinition:
        try:
            spelled = spell_out(findings.data)
        except ValueError as error:
            findings.add(("steps",), str(error))
            raise findings.error() from None
        findings.spelling = spelled.spelling
        _check_mixture(spelled, findings)
        entry, wrong = read_entries(spelled.data, spelled.spelling)
        for one in wrong:
            if one.meant is not None:
                findings.renamed[*one.keys[:-1], one.meant] = one.keys[-1]
        for one in wrong:
            findings.add(one.keys, one.text, is_key=one.is_key, part=one.part)
        if entry is MISTAKEN:
            raise findings.error()
        folder = Path(findings.source).parent if findings.document is not None else Path()
        definition = Builder(findings, lambda path: self._other(folder, path)).definition(entry)
        has_steps = entry.steps not in (None, MISTAKEN)
        _check_steps(definition, findings, self.tools, values, has_steps=has_steps)
        self._read.append((findings, definition))
        return definition

    def _other(self, folder: Path, path: str) -> SubWorkflow | None:
        """Read the file of a workflow that a step runs; None if there is nothing to be read in it.

        Raises:
            CannotRead: there is no such file.
        """
        source = str(folder / path)
        real = os.path.realpath(source)
        if real in self._known:
            return self._known[real]
        if self._depth >= _DEEPEST:
            raise CannotRead(f"files of workflows lead to each other more than {_DEEPEST} deep")
        text = read_text(source)
        self._known[real] = box = SubWorkflow()
        self._depth += 1
        try:
            # One with mistakes is kept too: what it is given can be looked at all the same.
            box.definition = self._one(self._parsed(text, source), None)
        except WorkflowFileError as error:
            self._broken += error.mistakes
            self._known[real] = None
        finally:
            self._depth -= 1
        return self._known[real]


def _warn(definition: WorkflowDefinition, findings: Findings) -> None:
    for analysis in definition.analyses:
        output = definition.output if analysis is definition.analysis else None
        for use in undeclared(analysis.places, output, definition.parameters):
            logger.warning("%s", findings.placed(use.keys, use.text, part=use.part))


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
    if values is not None:
        known = {mistake.keys for mistake in found}
        found += [one for one in _limits(definition, values) if one.keys not in known]
    for mistake in found:
        # A definition without steps because they could not be read has been reported as such.
        if mistake.keys != ("steps",) or has_steps:
            findings.add(mistake.keys, mistake.text, part=mistake.part)


def _limits(definition: WorkflowDefinition, values: Mapping[str, Any]) -> Sequence[Mistake]:
    """What is wrong with the limits that these values give the workflow itself."""
    try:
        definition.worked_out(WorkflowContext(values=dict(values)))
    except WorkflowInvalid as error:
        return error.mistakes
    return ()


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

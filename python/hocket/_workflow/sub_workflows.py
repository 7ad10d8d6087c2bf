"""The workflows that the steps of one run, and what these are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._base.mistakes import Keys, Mistake
from .definition import WorkflowDefinition
from .parameters import check_values_given
from .step import WorkflowStep
from .templates import is_late

__all__ = ["given_mistakes", "reachable"]


def _runners(workflow: WorkflowDefinition) -> Iterator[tuple[Keys, WorkflowStep[Any]]]:
    for analysis in workflow.analyses:
        for place, step in enumerate(analysis.places.steps):
            if step.workflow is not None and step.workflow.definition is not None:
                yield analysis.places.keys(place), step


def reachable(workflow: WorkflowDefinition) -> Iterator[tuple[Keys, WorkflowDefinition]]:
    """Yield a workflow, and those that it runs, each once, with where the step is that runs it."""
    known = {id(workflow)}
    todo: list[tuple[Keys, WorkflowDefinition]] = [((), workflow)]
    while todo:
        keys, one = todo.pop()
        yield keys, one
        for place, step in _runners(one):
            assert step.workflow is not None
            inner = step.workflow.definition
            if id(inner) not in known:
                known.add(id(inner))
                todo.append(((*keys, *place, "workflow"), inner))


def given_mistakes(workflow: WorkflowDefinition) -> list[Mistake]:
    """Return what is wrong with the values that steps give to the workflows that they run.

    Of values that are known only in the run no more is checked than that there is such a parameter.
    """
    found: list[Mistake] = []
    for keys, step in _runners(workflow):
        assert step.workflow is not None
        parameters, given = step.workflow.definition.parameters, step.with_
        if callable(given):
            continue
        given = {} if given is None else given
        late = {name for name, value in given.items() if is_late(value)}
        for mistake in check_values_given(parameters, given):
            (name,) = mistake.keys
            if name in late and name in parameters:
                continue
            where = (*keys, "with_", name) if name in given else (*keys, "workflow")
            said = mistake.text if name in given else f"{name!r}: {mistake.text}"
            found.append(Mistake(where, said.replace("the run needs", "the workflow needs")))
    return found

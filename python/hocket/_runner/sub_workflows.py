"""Steps that run another workflow: on the same pool, with a context of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .._base.errors import GroupFailed, HocketError, WorkflowInvalid
from .._base.shown import shown
from .._model.event import Observer
from .._model.result import group_failed, why_it_failed
from .._workflow.context import WorkflowContext, used_by
from .._workflow.definition import WorkflowDefinition
from .._workflow.parameters import check_values_given, fill_in
from .._workflow.step import WorkflowStep
from .inside import inside
from .made_steps import MadeSteps
from .result import WorkflowResult
from .setting import Setting
from .workflow_run import WorkflowRun

__all__ = ["give_parameters", "run_sub_workflow"]

_DEEPEST = 50


class Around(Protocol):
    """The scope that the step with the workflow is in."""

    setting: Setting
    context: WorkflowContext
    made: MadeSteps
    observers: Sequence[Observer]


async def run_sub_workflow(around: Around, step: WorkflowStep[Any]) -> Any:
    """Run the workflow of a step; return its output.

    Raises:
        GroupFailed: it has failed.
        WorkflowInvalid: the values that it is given are not what its parameters ask for.
        HocketError: workflows run each other without an end.
    """
    assert step.workflow is not None
    workflow: WorkflowDefinition = step.workflow.definition
    setting = around.setting
    names = (*setting.around, setting.workflow.name)
    if len(names) > _DEEPEST:
        raise HocketError(
            f"workflows run each other more than {_DEEPEST} deep: "
            f"{' -> '.join([*names[-3:], workflow.name])}"
        )
    context = WorkflowContext(values=_values(step, around.context), now=around.context.now)
    give_parameters(workflow, context)
    workflow = workflow.worked_out(context)
    told = inside(around.observers, step.id, lambda inner: f"{step.id}.{inner}")
    made = MadeSteps(workflow, context, around.made.tools)
    own = Setting.of(workflow, setting.tools, setting.pool, run_sub_workflow, names)
    try:
        with used_by(context, workflow.name):
            result = await WorkflowRun(own, context, made, told).run()
        if not result.success:
            raise _failed(workflow, result)
        return result.output
    finally:
        # The error goes into the context: this frame must not lead from the one to the other.
        del around, context, made, told


def _failed(workflow: WorkflowDefinition, result: WorkflowResult) -> GroupFailed:
    """The error of a workflow that runs as a step.

    It holds those of the steps that run by themselves, which have those of what they run: workflows in
    each other would double what is held with every level.
    """
    own = [step.id for analysis in workflow.analyses for step in analysis.plan.steps]
    errors = {step: result.errors[step] for step in own if step in result.errors}
    why = why_it_failed(errors, len(own), result.timed_out)
    return group_failed("workflow", workflow.name, errors, why)


def _values(step: WorkflowStep[Any], context: WorkflowContext) -> dict[str, Any]:
    values = step.resolve_given(context)
    if values is not None and not isinstance(values, Mapping):
        raise TypeError(f"step {step.id!r}: with_ must give a mapping; it gave {shown(values)}")
    return dict(values or {})


def give_parameters(workflow: WorkflowDefinition, context: WorkflowContext) -> None:
    """Check the values of a run, and fill in the defaults of those that it does not say.

    Raises:
        WorkflowInvalid: they are not what the workflow's parameters ask for.
    """
    parameters = workflow.parameters
    if mistakes := check_values_given(parameters, context.values):
        raise WorkflowInvalid(f"what workflow {workflow.name!r} is given", mistakes)
    if parameters:
        context.values = fill_in(parameters, context.values)

"""A workflow: steps, their order, their limits, and what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import attrs

from .._base.checks import check_flag, check_id
from .._base.errors import ExpressionError, WorkflowInvalid
from .._base.iterables import as_tuple
from .._base.mistakes import Mistake
from .._base.shown import shown
from .._model.config import WorkerPoolConfig
from .analysis import Analysis, analyse
from .computed import Computed, changed, seconds_or_computed, work_out, written
from .context import WorkflowContext
from .handlers import HANDLERS, analyse_handlers
from .parameters import Parameter
from .plan import WorkflowPlan
from .step import WorkflowStep
from .sub_workflow import AnyWorkflow
from .templates import Template, compile_template

__all__ = ["WorkflowDefinition"]


def _name(value: str) -> str:
    return check_id("name", value, blank=False)


def _steps_of_workflow(value: Iterable[WorkflowStep[Any]]) -> tuple[WorkflowStep[Any], ...]:
    return _steps(value, "steps")


def _steps(value: Iterable[WorkflowStep[Any]], name: str) -> tuple[WorkflowStep[Any], ...]:
    steps = as_tuple(name, "a list of WorkflowStep objects", value)
    for index, step in enumerate(steps):
        if not isinstance(step, WorkflowStep):
            raise TypeError(
                f"{name} must hold WorkflowStep objects; {name}[{index}] is {shown(step)}"
            )
    return steps


def _handler(value: Iterable[WorkflowStep[Any]]) -> tuple[WorkflowStep[Any], ...]:
    return _steps(value, "a handler")


def _parameters(value: Mapping[str, Parameter]) -> dict[str, Parameter]:
    if not isinstance(value, Mapping):
        raise TypeError(f"parameters must be a mapping of Parameter objects; got {shown(value)}")
    for name, one in value.items():
        check_id("the name of a parameter", name, blank=False)
        if not isinstance(one, Parameter):
            raise TypeError(f"parameters[{name!r}] must be a Parameter; got {shown(one)}")
    return dict(value)


@attrs.frozen
class WorkflowDefinition(AnyWorkflow):
    """A workflow, to be run by a ``WorkflowManager`` as often as one likes.

    Args:
        name: its name.
        steps: its steps. A step that a group names runs only through that group.
        description: what it is for.
        parameters: what a run may be given, by name: :class:`Parameter` objects. Default: anything.
        max_duration: seconds that a whole run may take; or what works them out as it begins, an
            expression as text (``"$context.patience"``) or a function of the context. Default: no limit.
        parallel_config: the limits of the pool it runs in; on a shared pool, its part of that pool:
            see ``WorkflowManager``.
        output: what a run returns, with ``$results...`` references. Default: the value of the
            last step that runs by itself.
        fail_fast: whether the first step that fails stops the workflow. False: everything that can
            run does, and then the workflow fails. Default True.
        on_success: steps that run after the others have succeeded, a graph like these. They may use all
            results, ``$run.status`` and ``$run.failures``. Those that say no ``timeout`` have 30 seconds
            each. One that fails fails the run.
        on_failure: steps that run after the others have failed, or run out of time.
        on_cancel: steps that run after the others were cancelled, before the cancellation goes on.
        finally_: steps that run last, however the run has ended.

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it. Mistakes that concern
            several steps are found by :meth:`validate`, all at once.

    >>> definition = WorkflowDefinition("hello", [WorkflowStep("greet", tool="greeter")])
    >>> definition.validate()
    """

    name: str = attrs.field(converter=_name)
    steps: tuple[WorkflowStep[Any], ...] = attrs.field(converter=_steps_of_workflow)
    description: str = attrs.field(default="", kw_only=True)
    parameters: Mapping[str, Parameter] = attrs.field(
        factory=dict, kw_only=True, converter=_parameters
    )
    max_duration: float | None = attrs.field(default=None, kw_only=True)
    parallel_config: WorkerPoolConfig = attrs.field(factory=WorkerPoolConfig, kw_only=True)
    output: Any = attrs.field(default=None, kw_only=True)
    fail_fast: bool = attrs.field(default=True, kw_only=True)
    on_success: tuple[WorkflowStep[Any], ...] = attrs.field(
        default=(), kw_only=True, converter=_handler
    )
    on_failure: tuple[WorkflowStep[Any], ...] = attrs.field(
        default=(), kw_only=True, converter=_handler
    )
    on_cancel: tuple[WorkflowStep[Any], ...] = attrs.field(
        default=(), kw_only=True, converter=_handler
    )
    finally_: tuple[WorkflowStep[Any], ...] = attrs.field(
        default=(), kw_only=True, converter=_handler
    )
    limits: Mapping[str, Computed] = attrs.field(
        default=MappingProxyType({}), repr=False, eq=False, init=False
    )
    """Those that are worked out as a run begins, by where they are written."""

    def __attrs_post_init__(self) -> None:
        limit = seconds_or_computed("max_duration", self.max_duration)
        object.__setattr__(self, "max_duration", written(limit))
        work_out(self, {"max_duration": limit})
        check_flag("fail_fast", self.fail_fast)
        if not isinstance(self.parallel_config, WorkerPoolConfig):
            raise TypeError(
                f"parallel_config must be a WorkerPoolConfig; got {shown(self.parallel_config)}"
            )

    def validate(self) -> None:
        """Check the steps together: ids, groups, order and references.

        What their tools take is checked by :meth:`WorkflowManager.validate`, which knows the tools.

        Raises:
            WorkflowInvalid: there are mistakes; it lists them all.
        """
        if mistakes := self.mistakes:
            raise WorkflowInvalid(f"workflow {self.name!r}", mistakes)

    def plan(self) -> WorkflowPlan:
        """What the scheduler needs: the steps that run by themselves, and who waits for whom.

        Raises:
            WorkflowInvalid: there are mistakes; it lists them all.
        """
        self.validate()
        return self.analysis.plan

    def worked_out(self, context: WorkflowContext) -> WorkflowDefinition:
        """Return it with the limits that a run with this context has.

        Raises:
            WorkflowInvalid: they cannot be worked out.
        """
        if not self.limits:
            return self
        values: dict[str, Any] = {}
        mistakes: list[Mistake] = []
        for name, limit in self.limits.items():
            try:
                values[name] = limit.value(context)
            except (ExpressionError, TypeError, ValueError) as error:
                mistakes.append(Mistake(tuple(name.split(".")), str(error)))
        if mistakes:
            raise WorkflowInvalid(f"what workflow {self.name!r} is given", mistakes)
        own = values.pop("max_duration", self.max_duration)
        pool = {name.partition(".")[2]: value for name, value in values.items()}
        config = attrs.evolve(self.parallel_config, **pool)
        return changed(self, {"max_duration": own, "parallel_config": config, "limits": {}})

    def top_level_steps(self) -> list[WorkflowStep[Any]]:
        """The steps that run by themselves, in order: those that no group names."""
        return list(self.analysis.plan.steps)

    def step(self, id: str) -> WorkflowStep[Any]:
        """The step with that id, members of groups and steps of handlers included.

        Raises:
            KeyError: there is none.
        """
        for analysis in self.analyses:
            if (place := analysis.places.number.get(id)) is not None:
                return analysis.places.steps[place]
        raise KeyError(id)

    def tool_names(self) -> set[str]:
        """The names of all tools that the steps use, members of groups included."""
        steps = (step for analysis in self.analyses for step in analysis.places.steps)
        return {step.tool for step in steps if step.tool is not None}

    @cached_property
    def output_template(self) -> Template:
        """The output with its references found."""
        return compile_template(self.output)

    @cached_property
    def handlers(self) -> dict[str, Analysis]:
        """The same for the steps of each handler that has any, by its name."""
        return analyse_handlers({name: getattr(self, name) for name in HANDLERS}, self.analysis)

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """That of the steps, and those of the handlers."""
        return self.analysis, *self.handlers.values()

    @property
    def mistakes(self) -> list[Mistake]:
        """Everything that is wrong with the steps together."""
        return [mistake for analysis in self.analyses for mistake in analysis.mistakes]

    @cached_property
    def analysis(self) -> Analysis:
        """What looking at all steps together gives; worked out once."""
        return analyse(self.steps, self.output, fail_fast=self.fail_fast, limits=self.limits)

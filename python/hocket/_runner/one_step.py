"""A step that does something itself: it calls a tool, or is a function."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any

import trio

from .._engine.threads import call_in_thread
from .._model.event import Observer
from .._workflow.context import WorkflowContext
from .._workflow.step import WorkflowStep
from ..tools._step_context import StepContext
from .setting import Setting

__all__ = ["start_one"]


def start_one(
    setting: Setting,
    step: WorkflowStep[Any],
    context: WorkflowContext,
    observers: Sequence[Observer],
    default_timeout: float | None,
    name: str,
    attempt: int | None = None,
) -> Awaitable[Any]:
    """Start a step. Not async itself: the core drives the step's own coroutine.

    Args:
        setting: what all steps of the run share.
        step: a step with a tool or a function.
        context: what it sees.
        observers: are told of the steps that its tool runs.
        default_timeout: how long it may run if it does not say.
        name: what its tool is told that it is called.
        attempt: which attempt at it this is; None: what it sees knows.
    """
    if step.execute is not None and step.run_in == "trio":
        return step.execute(context)  # type: ignore[no-any-return]  # it gives an awaitable
    limit = default_timeout if step.timeout is None else step.timeout
    pool = setting.pool._core
    if step.execute is not None:
        return call_in_thread(pool, partial(step.execute, context), limit)
    assert step.tool is not None
    tool, own = setting.tools[step.tool], None
    if tool.takes_step:
        end = math.inf if limit is None else trio.current_time() + limit
        own = StepContext(
            id=name,
            workflow=setting.workflow.name,
            context=context,
            pool=setting.pool,
            attempt=context.attempts_at(step.id) if attempt is None else attempt,
            deadline=min(end, trio.current_effective_deadline()),
            step_timeout=setting.step_timeout,
            observers=observers,
        )
    call = partial(tool, step.resolve_input(context), context, own)
    return call_in_thread(pool, call, limit) if step.run_in == "thread" else call()

"""What is wrong with a step by itself: what it is given does not go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from .._base.callables import (
    check_call,
    is_async_callable,
    never_awaitable,
    not_async,
    plainly_fits,
)
from .._base.checks import check_id, is_one_of
from .._base.iterables import as_tuple
from .._base.shown import shown
from .._model.group import ParallelGroup
from .._model.run_in import check_for_thread
from .block import Block, make_block
from .branch import IfBranch, SwitchBranch
from .common import Before
from .computed import changed
from .loop import ForEach, Matrix, Repeat
from .rules import Edge
from .sides import AnyStep
from .sub_workflow import AnyWorkflow, SubWorkflow

__all__ = [
    "before_of",
    "check_step",
    "check_template",
    "not_one_kind",
    "on_error_of",
    "sub_workflow_of",
]

ON_ERROR = ("fail", "continue", "skip_dependents")
KINDS = ("tool", "execute", "group", "branch", "steps", "sequence", "workflow", "loop")


def before_of(step: str, value: Before, kind: type) -> tuple[str | Edge, ...]:
    """Check what a step depends on: ids, steps (of this kind), edges."""
    # Graphs of 100,000 steps are made of these two: spared the words for what might be wrong.
    if type(value) in (tuple, list):
        items = tuple(value)
    else:
        items = as_tuple(f"step {step!r}: depends_on", "a list of step ids", value)
    for item in items:
        if type(item) is not str:
            break
    else:
        return cast("tuple[str, ...]", items)
    where = f"step {step!r}: an id in depends_on"
    before: list[str | Edge] = []
    for item in items:
        item = cast("Any", item).id if isinstance(item, kind) else item
        if not isinstance(item, str | Edge):
            raise TypeError(f"step {step!r}: depends_on must hold step ids; found {shown(item)}")
        before.append(item if isinstance(item, Edge) else check_id(where, item))
    return tuple(before)


def on_error_of(step: str, on_error: Any, continue_on_error: bool) -> Any:
    """Return what a step's failure means, by either of its two arguments."""
    if on_error is None:
        return "continue" if continue_on_error else "fail"
    if not is_one_of(on_error, ON_ERROR):
        names = "'fail', 'continue' or 'skip_dependents'"
        raise ValueError(f"step {step!r}: on_error must be {names}; got {shown(on_error)}")
    if continue_on_error and on_error != "continue":
        raise ValueError(
            f"step {step!r}: on_error={on_error!r} and continue_on_error=True contradict each other; "
            f"leave continue_on_error out"
        )
    return on_error


def not_one_kind(step: str, values: Sequence[Any]) -> ValueError:
    """Return the error for a step that does nothing, or several things."""
    given = [name for name, value in zip(KINDS, values, strict=True) if value is not None]
    return ValueError(
        f"step {step!r} needs exactly one of {', '.join(KINDS)}; got {' and '.join(given) or 'none'}"
    )


def check_template(loop: str, id: str, step: Any, steps: Any, sequence: Any) -> Block:
    """Return what a loop does each time.

    Raises:
        TypeError, ValueError: there is not exactly one of the three, or it is not what it has to be.
    """
    where = f"step {id!r}: {loop}"
    given = {"step": step, "steps": steps, "sequence": sequence}
    found = [name for name, value in given.items() if value is not None]
    if len(found) != 1:
        raise ValueError(
            f"{where} needs exactly one of step, steps and sequence: what it does each time; "
            f"got {' and '.join(found) or 'none'}"
        )
    if step is None:
        return make_block(where, found[0], given[found[0]])
    if not isinstance(step, AnyStep):
        raise TypeError(f"{where}: step must be a WorkflowStep; got {shown(step)}")
    if step.depends_on:
        raise ValueError(f"{where}: step must not depend on others; pass depends_on to {loop}")
    # Nobody refers to it: the same step may stand in several loops.
    return make_block(where, "step", changed(step, {"id": f"{id}[]"}))


def sub_workflow_of(step: str, workflow: Any) -> SubWorkflow | None:
    """Return the workflow that a step runs, if it runs one."""
    if workflow is None or isinstance(workflow, SubWorkflow):
        return workflow
    if not isinstance(workflow, AnyWorkflow):
        raise TypeError(
            f"step {step!r}: workflow must be a WorkflowDefinition; got {shown(workflow)}; "
            f"load_workflow reads one from a file"
        )
    return SubWorkflow(workflow)


def block_of(step: str, steps: Any, sequence: Any) -> Block | None:
    """Return the block that a step holds, if it holds one."""
    if steps is not None:
        return make_block(f"step {step!r}", "steps", steps)
    return None if sequence is None else make_block(f"step {step!r}", "sequence", sequence)


def check_step(step: Any) -> None:
    """Refuse what a step's arguments cannot be, each by itself and beside the others."""
    execute = step.execute
    fits = execute is not None and plainly_fits(execute)
    if fits and step.input is None and step.with_ is None and step.run_in == "trio":
        return
    what = f"step {step.id!r}"
    _check_types(step, what)
    if step.retry is not None and step.runs_others:
        raise ValueError(
            f"{what}: retry is for a step that has a tool or a function; a {step.kind} is not "
            f"run again: give retry to its steps, or to a ParallelGroup for all of them"
        )
    if step.run_in == "thread":
        _check_for_thread(what, step)
    if execute is not None and not fits:
        _check_execute(what, execute, step.run_in)
    if step.input is not None and step.tool is None:
        given = next(name for name in KINDS if _is_given(step, name))
        instead = "a workflow gets with_" if given == "workflow" else f"{given} gets the context"
        raise ValueError(f"{what}: input is for tools; {instead} instead")
    if callable(step.input):
        _check_input(f"{what}: input", step.input)
    if step.with_ is not None and step.workflow is None:
        raise ValueError(f"{what}: with_ is for a step that runs a workflow")
    if callable(step.with_):
        _check_input(f"{what}: with_", step.with_)
    elif step.with_ is not None and not isinstance(step.with_, Mapping):
        raise TypeError(f"{what}: with_ must be a mapping of values; got {shown(step.with_)}")


def _is_given(step: Any, name: str) -> bool:
    if name in ("steps", "sequence"):
        return step.block is not None and step.block.key == name
    return getattr(step, name) is not None


def _check_types(step: Any, what: str) -> None:
    tool, group, branch, loop = step.tool, step.group, step.branch, step.loop
    if tool is not None and not isinstance(tool, str):
        raise TypeError(
            f"{what}: tool must be the name of a tool; got {shown(tool)}; "
            f"pass an async function of the context as execute"
        )
    if group is not None and not isinstance(group, ParallelGroup):
        raise TypeError(f"{what}: group must be a ParallelGroup; got {shown(group)}")
    if group is not None and group.key is not None:
        raise ValueError(f"{what}: the steps of a workflow have ids; leave key out")
    if branch is not None and not isinstance(branch, IfBranch | SwitchBranch):
        raise TypeError(
            f"{what}: branch must be an IfBranch or a SwitchBranch; got {shown(branch)}"
        )
    if loop is not None and not isinstance(loop, ForEach | Matrix | Repeat):
        raise TypeError(
            f"{what}: loop is made by WorkflowStep.for_each, .matrix and .repeat; got {shown(loop)}"
        )


def _check_for_thread(what: str, step: Any) -> None:
    if step.runs_others:
        raise ValueError(
            f"{what}: run_in='thread' is for a function or a tool; a {step.kind} is none: say it of "
            f"its steps"
        )
    if step.execute is not None:
        check_for_thread(f"{what}: execute", step.execute)


def _check_execute(what: str, execute: Callable[..., Any], run_in: str) -> None:
    if run_in == "trio" and never_awaitable(execute):
        raise not_async(f"{what}: execute", execute, may_block=True)
    check_call(f"{what}: execute", execute, "context")


def _check_input(where: str, function: Callable[..., Any]) -> None:
    if is_async_callable(function):
        raise TypeError(
            f"{where} must be an ordinary function of the context, which nobody "
            f"awaits; {function!r} is async: let a step before this one get what it waits for"
        )
    check_call(where, function, "context")

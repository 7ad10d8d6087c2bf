"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

import importlib
import typing
import warnings

from ._base.errors import (
    GroupFailed as GroupFailed,
    HocketError as HocketError,
    InternalError as InternalError,
    MissingExtra as MissingExtra,
    QueueFull as QueueFull,
    StepLeftovers as StepLeftovers,
    StepTimeout as StepTimeout,
    ToolInputError as ToolInputError,
    ToolModuleError as ToolModuleError,
    UnknownTool as UnknownTool,
    UnresolvedReference as UnresolvedReference,
    WorkflowFileError as WorkflowFileError,
    WorkflowInvalid as WorkflowInvalid,
)
from ._core import __debug_build__ as __debug_build__, __version__ as __version__
from ._engine.groups import ParallelExecutionManager as ParallelExecutionManager
from ._engine.pool import WorkerPool as WorkerPool
from ._model.config import WorkerPoolConfig as WorkerPoolConfig
from ._model.event import EventKind as EventKind, Observer as Observer, StepEvent as StepEvent
from ._model.group import ParallelGroup as ParallelGroup
from ._model.rate import Rate as Rate
from ._model.result import ParallelExecutionResult as ParallelExecutionResult
from ._model.retry import Retry as Retry
from ._model.states import StepState as StepState
from ._model.statistics import (
    DurationStats as DurationStats,
    GroupStats as GroupStats,
    PoolStats as PoolStats,
    PoolStatus as PoolStatus,
)
from ._model.strategy import Quorum as Quorum, WaitStrategy as WaitStrategy, quorum as quorum
from ._model.task import WorkerTask as WorkerTask

if typing.TYPE_CHECKING:
    from ._files.load import (
        load_workflow as load_workflow,
        workflow_from_dict as workflow_from_dict,
    )
    from ._runner.manager import WorkflowManager as WorkflowManager
    from ._runner.result import WorkflowResult as WorkflowResult
    from ._workflow.context import WorkflowContext as WorkflowContext
    from ._workflow.definition import WorkflowDefinition as WorkflowDefinition
    from ._workflow.step import WorkflowStep as WorkflowStep
    from .tools._registry import ToolRegistry as ToolRegistry
    from .tools._step_context import StepContext as StepContext
    from .tools._tool import tool as tool

__all__ = [
    "DurationStats",
    "EventKind",
    "GroupFailed",
    "GroupStats",
    "HocketError",
    "InternalError",
    "MissingExtra",
    "Observer",
    "ParallelExecutionManager",
    "ParallelExecutionResult",
    "ParallelGroup",
    "PoolStats",
    "PoolStatus",
    "QueueFull",
    "Quorum",
    "Rate",
    "Retry",
    "StepContext",
    "StepEvent",
    "StepLeftovers",
    "StepState",
    "StepTimeout",
    "ToolInputError",
    "ToolModuleError",
    "ToolRegistry",
    "UnknownTool",
    "UnresolvedReference",
    "WaitStrategy",
    "WorkerPool",
    "WorkerPoolConfig",
    "WorkerTask",
    "WorkflowContext",
    "WorkflowDefinition",
    "WorkflowFileError",
    "WorkflowInvalid",
    "WorkflowManager",
    "WorkflowResult",
    "WorkflowStep",
    "load_workflow",
    "quorum",
    "tool",
    "workflow_from_dict",
]

if __debug_build__:
    warnings.warn(
        "hocket's core was built without optimisation and is many times slower: build it with "
        "'maturin develop --release'",
        RuntimeWarning,
        stacklevel=2,
    )

# Who runs groups only need not wait for the half that is about workflows: it is a third of what
# importing this package costs. Each name is looked up here once, and then it is an ordinary one.
_LATER = {
    "StepContext": "tools._step_context",
    "ToolRegistry": "tools._registry",
    "WorkflowContext": "_workflow.context",
    "WorkflowDefinition": "_workflow.definition",
    "WorkflowManager": "_runner.manager",
    "WorkflowResult": "_runner.result",
    "WorkflowStep": "_workflow.step",
    "load_workflow": "_files.load",
    "tool": "tools._tool",
    "workflow_from_dict": "_files.load",
}


# Out of sight of type checkers, to which it would mean that every name exists.
if not typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

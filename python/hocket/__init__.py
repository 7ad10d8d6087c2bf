"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

import importlib
import typing
import warnings

from ._batch import Observer as Observer
from ._config import WorkerPoolConfig as WorkerPoolConfig
from ._core import __debug_build__ as __debug_build__, __version__ as __version__
from ._errors import (
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
from ._group import ParallelGroup as ParallelGroup
from ._manager import ParallelExecutionManager as ParallelExecutionManager
from ._pool import WorkerPool as WorkerPool
from ._result import ParallelExecutionResult as ParallelExecutionResult
from ._statistics import (
    DurationStats as DurationStats,
    PoolStats as PoolStats,
    PoolStatus as PoolStatus,
)
from ._strategy import Quorum as Quorum, WaitStrategy as WaitStrategy, quorum as quorum
from ._task import WorkerTask as WorkerTask

if typing.TYPE_CHECKING:
    from ._context import WorkflowContext as WorkflowContext
    from ._step import WorkflowStep as WorkflowStep
    from ._tool import tool as tool
    from ._tools import ToolRegistry as ToolRegistry
    from ._workflow import WorkflowDefinition as WorkflowDefinition
    from ._workflow_manager import WorkflowManager as WorkflowManager
    from ._workflow_result import WorkflowResult as WorkflowResult

__all__ = [
    "DurationStats",
    "GroupFailed",
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
    "StepLeftovers",
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
    "quorum",
    "tool",
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
    "ToolRegistry": "_tools",
    "WorkflowContext": "_context",
    "WorkflowDefinition": "_workflow",
    "WorkflowManager": "_workflow_manager",
    "WorkflowResult": "_workflow_result",
    "WorkflowStep": "_step",
    "tool": "_tool",
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

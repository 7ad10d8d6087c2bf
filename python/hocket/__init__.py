"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

from ._batch import Observer as Observer
from ._config import WorkerPoolConfig as WorkerPoolConfig
from ._context import WorkflowContext as WorkflowContext
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
from ._step import WorkflowStep as WorkflowStep
from ._strategy import Quorum as Quorum, WaitStrategy as WaitStrategy, quorum as quorum
from ._task import WorkerTask as WorkerTask
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

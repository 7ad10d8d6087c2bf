"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

from ._batch import Observer as Observer
from ._config import WorkerPoolConfig as WorkerPoolConfig
from ._context import WorkflowContext as WorkflowContext
from ._errors import GroupFailed as GroupFailed
from ._errors import HocketError as HocketError
from ._errors import InternalError as InternalError
from ._errors import MissingExtra as MissingExtra
from ._errors import QueueFull as QueueFull
from ._errors import StepLeftovers as StepLeftovers
from ._errors import StepTimeout as StepTimeout
from ._errors import ToolInputError as ToolInputError
from ._errors import ToolModuleError as ToolModuleError
from ._errors import UnknownTool as UnknownTool
from ._errors import UnresolvedReference as UnresolvedReference
from ._errors import WorkflowFileError as WorkflowFileError
from ._errors import WorkflowInvalid as WorkflowInvalid
from ._group import ParallelGroup as ParallelGroup
from ._manager import ParallelExecutionManager as ParallelExecutionManager
from ._pool import WorkerPool as WorkerPool
from ._result import ParallelExecutionResult as ParallelExecutionResult
from ._statistics import DurationStats as DurationStats
from ._statistics import PoolStats as PoolStats
from ._statistics import PoolStatus as PoolStatus
from ._step import WorkflowStep as WorkflowStep
from ._strategy import Quorum as Quorum
from ._strategy import WaitStrategy as WaitStrategy
from ._strategy import quorum as quorum
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

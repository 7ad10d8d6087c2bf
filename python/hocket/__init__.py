"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

import importlib
import typing
import warnings

from ._base.errors import (
    ExpressionError as ExpressionError,
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
from ._batch.handful import (
    as_completed as as_completed,
    first_success as first_success,
    quorum_of as quorum_of,
    race as race,
)
from ._batch.many import map as map, stream as stream  # noqa: A004 - hocket.map
from ._core import __debug_build__ as __debug_build__, __version__ as __version__
from ._engine.groups import ParallelExecutionManager as ParallelExecutionManager
from ._engine.pool import WorkerPool as WorkerPool
from ._engine.stream import Stream as Stream
from ._model.config import WorkerPoolConfig as WorkerPoolConfig
from ._model.event import EventKind as EventKind, Observer as Observer, StepEvent as StepEvent
from ._model.group import ParallelGroup as ParallelGroup
from ._model.hedging import HedgingBudget as HedgingBudget
from ._model.outcome import Outcome as Outcome
from ._model.rate import Rate as Rate
from ._model.result import ParallelExecutionResult as ParallelExecutionResult
from ._model.retry import Retry as Retry
from ._model.retry_budget import RetryBudget as RetryBudget
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
    from ._report.counter import Progress as Progress, progress as progress
    from ._runner.manager import WorkflowManager as WorkflowManager
    from ._runner.result import WorkflowResult as WorkflowResult
    from ._workflow.branch import (
        BranchResult as BranchResult,
        IfBranch as IfBranch,
        SwitchBranch as SwitchBranch,
        SwitchCase as SwitchCase,
    )
    from ._workflow.context import WorkflowContext as WorkflowContext
    from ._workflow.definition import WorkflowDefinition as WorkflowDefinition
    from ._workflow.parameters import Parameter as Parameter
    from ._workflow.rules import Edge as Edge, Rule as Rule
    from ._workflow.step import WorkflowStep as WorkflowStep
    from .tools._registry import ToolRegistry as ToolRegistry
    from .tools._step_context import StepContext as StepContext
    from .tools._tool import tool as tool

__all__ = [
    "BranchResult",
    "DurationStats",
    "Edge",
    "EventKind",
    "ExpressionError",
    "GroupFailed",
    "GroupStats",
    "HedgingBudget",
    "HocketError",
    "IfBranch",
    "InternalError",
    "MissingExtra",
    "Observer",
    "Outcome",
    "ParallelExecutionManager",
    "ParallelExecutionResult",
    "ParallelGroup",
    "Parameter",
    "PoolStats",
    "PoolStatus",
    "Progress",
    "QueueFull",
    "Quorum",
    "Rate",
    "Retry",
    "RetryBudget",
    "Rule",
    "StepContext",
    "StepEvent",
    "StepLeftovers",
    "StepState",
    "StepTimeout",
    "Stream",
    "SwitchBranch",
    "SwitchCase",
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
    "as_completed",
    "first_success",
    "load_workflow",
    "map",
    "progress",
    "quorum",
    "quorum_of",
    "race",
    "stream",
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
    "Progress": "_report.counter",
    "BranchResult": "_workflow.branch",
    "Edge": "_workflow.rules",
    "IfBranch": "_workflow.branch",
    "Parameter": "_workflow.parameters",
    "Rule": "_workflow.rules",
    "SwitchBranch": "_workflow.branch",
    "SwitchCase": "_workflow.branch",
    "StepContext": "tools._step_context",
    "ToolRegistry": "tools._registry",
    "WorkflowContext": "_workflow.context",
    "WorkflowDefinition": "_workflow.definition",
    "WorkflowManager": "_runner.manager",
    "WorkflowResult": "_runner.result",
    "WorkflowStep": "_workflow.step",
    "load_workflow": "_files.load",
    "progress": "_report.counter",
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

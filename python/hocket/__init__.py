"""Structured concurrency on Trio, with a scheduler in Rust, and workflows on top of it."""

from ._batch import Observer as Observer
from ._config import WorkerPoolConfig as WorkerPoolConfig
from ._errors import GroupFailed as GroupFailed
from ._errors import HocketError as HocketError
from ._errors import InternalError as InternalError
from ._errors import QueueFull as QueueFull
from ._errors import StepLeftovers as StepLeftovers
from ._errors import StepTimeout as StepTimeout
from ._group import ParallelGroup as ParallelGroup
from ._manager import ParallelExecutionManager as ParallelExecutionManager
from ._pool import WorkerPool as WorkerPool
from ._result import ParallelExecutionResult as ParallelExecutionResult
from ._statistics import DurationStats as DurationStats
from ._statistics import PoolStats as PoolStats
from ._statistics import PoolStatus as PoolStatus
from ._strategy import Quorum as Quorum
from ._strategy import WaitStrategy as WaitStrategy
from ._strategy import quorum as quorum
from ._task import WorkerTask as WorkerTask

"""What the contenders have to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benches.work.files import digest, library

STEP = "µs a step"
MS_A_RACE = "ms a race"
MS_A_GROUP = "ms a group"

SCALE = {STEP: 1e6, MS_A_RACE: 1e3, MS_A_GROUP: 1e3}


def numbered(n: int) -> list[str]:
    return [f"step-{i}" for i in range(1, n + 1)]


@dataclass(frozen=True)
class Workload:
    """One row of comparisons."""

    name: str
    what: str
    shape: str
    step: str
    """The function in steps_async.py and steps_plain.py that makes its steps."""
    quick: int
    """How many steps."""
    full: int
    slow: int
    """How many for contenders that are SLOW."""
    in_quick: bool = True
    """Whether the quick run has it also where nobody asks for it."""
    unit: str = STEP
    floor: str | None = None
    """The contender that is written by hand for this, with nothing but what it needs."""
    sizes: tuple[int, ...] = ()
    """Further numbers of steps in the full run, for the picture of how the cost grows."""
    memory: bool = False
    """Whether the table shows how much memory it took."""
    names: Callable[[int], Sequence[str]] = numbered
    expect: Callable[[str], Any] = str
    """The value of a step, by its name."""

    def cost(self, seconds: float, n: int) -> float:
        """Return what the table shows, in ``unit``."""
        return seconds * SCALE[self.unit] / (n if self.unit == STEP else 1)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "no_op",
            "Steps that return at once",
            shape="each",
            step="no_op",
            quick=5_000,
            full=20_000,
            slow=1_000,
            floor="bare_loop",
            sizes=(1_000, 10_000, 100_000, 1_000_000),
        ),
        Workload(
            "one_checkpoint",
            "Steps that suspend once",
            shape="each",
            step="one_checkpoint",
            quick=5_000,
            full=20_000,
            slow=1_000,
            floor="worker_loop",
            sizes=(1_000, 10_000, 100_000),
        ),
        Workload(
            "ten_checkpoints",
            "Steps that suspend ten times",
            shape="each",
            step="ten_checkpoints",
            quick=1_000,
            full=5_000,
            slow=500,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "channel",
            "Pairs of steps: one sends the other 20 items through a channel with room for them",
            shape="each",
            step="through_a_channel",
            quick=500,
            full=4_000,
            slow=200,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "lock",
            "Steps that suspend once while they hold a lock that they share",
            shape="each",
            step="under_a_lock",
            quick=1_000,
            full=10_000,
            slow=200,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "sleeps",
            "Steps that sleep for 5 ms (ten at once: at least 500 µs a step)",
            shape="each",
            step="sleeping",
            quick=200,
            full=500,
            slow=200,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "http",
            "GETs over loopback to a server in another process, one httpx client",
            shape="each",
            step="getting",
            quick=100,
            full=500,
            slow=100,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "files",
            "Hashing files of Python's standard library, in threads",
            shape="each",
            step="hashing",
            quick=300,
            full=600,
            slow=300,
            floor="worker_loop",
            names=library,
            expect=digest,
        ),
        Workload(
            "failing",
            "Steps that suspend once, 1 % of which fail while the others go on",
            shape="settle",
            step="failing",
            quick=5_000,
            full=20_000,
            slow=500,
            in_quick=False,
            floor="worker_loop",
        ),
        Workload(
            "race",
            "A race of 1,000, until one has won and the others, cancelled, have cleaned up",
            shape="race",
            step="waiting",
            quick=1_000,
            full=1_000,
            slow=100,
            unit=MS_A_RACE,
            floor="nursery_limiter",
        ),
        Workload(
            "groups_of_three",
            "One group of three steps that return at once after another",
            shape="groups",
            step="no_op",
            quick=1_500,
            full=30_000,
            slow=300,
            floor="worker_loop",
        ),
        Workload(
            "calls",
            "Single calls from 100 tasks that share one limit, of steps that suspend once",
            shape="calls",
            step="one_checkpoint",
            quick=1_500,
            full=30_000,
            slow=500,
            floor="nursery_limiter",
        ),
        Workload(
            "beside_a_batch",
            "A group of three steps that suspend once, beside a batch of them under the same limit",
            shape="beside",
            step="one_checkpoint",
            quick=6_000,
            full=1_000_000,
            slow=1_000,
            unit=MS_A_GROUP,
            floor="worker_loop",
        ),
        Workload(
            "streamed",
            "Steps that suspend once, over an async generator; each value is taken as it comes",
            shape="stream",
            step="one_checkpoint",
            quick=5_000,
            full=20_000,
            slow=500,
            floor="worker_loop",
        ),
        Workload(
            "rated",
            "Steps that suspend once, under a rate of 10,000,000 a second, which holds none back",
            shape="rated",
            step="one_checkpoint",
            quick=5_000,
            full=20_000,
            slow=500,
            floor="worker_loop",
        ),
        Workload(
            "retried",
            "Steps that suspend once; every tenth fails at first and is tried again at once",
            shape="retried",
            step="failing_once",
            quick=5_000,
            full=20_000,
            slow=500,
            floor="worker_loop",
        ),
        Workload(
            "dag_10k",
            "A graph of 10,000 steps that return at once, in layers of 100",
            shape="graph",
            step="no_op",
            quick=10_000,
            full=10_000,
            slow=500,
            floor="bare_loop",
        ),
        Workload(
            "dag_100k",
            "A graph of 100,000 steps that return at once, in layers of 100",
            shape="graph",
            step="no_op",
            quick=100_000,
            full=100_000,
            slow=1_000,
            in_quick=False,
            floor="bare_loop",
        ),
        Workload(
            "million",
            "1,000,000 steps that suspend once",
            shape="each",
            step="one_checkpoint",
            quick=1_000_000,
            full=1_000_000,
            slow=1_000,
            in_quick=False,
            floor="worker_loop",
            memory=True,
        ),
    )
}

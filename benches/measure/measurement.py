"""The clock around one call of a contender, inside the running loop."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from benches.check.trials import TRIALS, Trial
from benches.measure import memory
from benches.work import steps_async, steps_plain
from benches.work.runtimes import Runtime
from benches.work.workloads import Workload

# The warm-up has a tenth of the steps, but not more than this.
FEW = 200


def measure(
    runtime: Runtime, function: Callable[..., Any], workload: Workload, n: int, url: str = ""
) -> dict[str, Any]:
    """Warm up, run and check; return seconds, number of steps and memory.

    Raises:
        Wrong: the contender has not done its work.
    """
    names = list(workload.names(n))
    few = names[: min(len(names) // 10, FEW)]
    meter = Meter()
    open_step = getattr(steps_plain if runtime.plain else steps_async, workload.step)

    def trial(some: list[str], step: Callable[..., Any]) -> Trial:
        return TRIALS[workload.shape](runtime, some, step, workload.expect)

    async def main() -> tuple[Trial, Any]:
        async with open_step(runtime, url) as step:
            warm_up = trial(few, step)
            await function(*warm_up.arguments())
            timed = trial(names, step)
            arguments = timed.arguments()
            with meter:
                result = await function(*arguments)
            return timed, result

    def plain() -> tuple[Trial, Any]:
        with open_step(runtime, url) as step:
            warm_up = trial(few, step)
            function(*warm_up.arguments())
            timed = trial(names, step)
            arguments = timed.arguments()
            with meter:
                result = function(*arguments)
            return timed, result

    timed, result = runtime.run(plain if runtime.plain else main)
    timed.check(result)
    return {
        "seconds": timed.seconds(meter.seconds, result),
        "n": len(names),
        "peak": meter.peak,
        "growth": meter.growth,
    }


class Meter:
    """Time and memory of what is inside the ``with``."""

    seconds = 0.0
    peak = 0
    growth = 0

    def __enter__(self) -> None:
        gc.collect()
        memory.reset_peak()
        self._before = memory.resident()
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._began
        self.peak = memory.peak()
        self.growth = self.peak - self._before

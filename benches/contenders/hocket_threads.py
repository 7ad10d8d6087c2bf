"""hocket: plain functions in its threads (`run_in="thread"`), each with a time limit and statistics."""

import trio

import hocket
from benches.work.frame import ATTEMPTS, LIMIT, STEP_TIMEOUT

PACKAGES = []
RUNTIMES = ["threads"]
SOURCE = "docs/guides/threads.md"
TIME_LIMIT = True


def each(step, names):
    group = hocket.ParallelGroup("each", names, run_in="thread", step_timeout=STEP_TIMEOUT)
    result = _run(group, step)
    result.raise_for_failure()
    return result.results


def settle(step, names):
    group = hocket.ParallelGroup(
        "settle", names, run_in="thread", wait_strategy="all_settled", step_timeout=STEP_TIMEOUT
    )
    result = _run(group, step)
    return result.results, result.errors


def retried(step, names):
    retry = hocket.Retry(ATTEMPTS, on=ValueError, wait_initial=0, wait_jitter=0)
    group = hocket.ParallelGroup(
        "retried", names, run_in="thread", retry=retry, step_timeout=STEP_TIMEOUT
    )
    result = _run(group, step)
    result.raise_for_failure()
    return result.results


def _run(group, step):
    manager = hocket.ParallelExecutionManager(max_concurrent=LIMIT)
    return trio.run(manager.execute_group, group, step)

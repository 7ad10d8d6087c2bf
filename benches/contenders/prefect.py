"""Prefect: a task for each step in a flow, ten threads, beside a temporary server of its own."""

import os
import tempfile
from pathlib import Path

# Read when it is imported. The server is a second process, which keeps everything in memory.
os.environ |= {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///:memory:",
    "PREFECT_HOME": str(Path(tempfile.gettempdir()) / "prefect-of-the-benchmarks"),
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from benches.frame import LIMIT

PACKAGES = ["prefect>=3.4"]
RUNTIMES = ["threads"]
SOURCE = "https://docs.prefect.io/v3/concepts/task-runners"
TIME_LIMIT = False
SLOW = True


def graph(step, dependencies):
    one = task(step)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=LIMIT))
    def steps():
        futures = {}
        for name, before in dependencies.items():
            futures[name] = one.submit(name, wait_for=[futures[other] for other in before])
        return {name: future.result() for name, future in futures.items()}

    return steps()

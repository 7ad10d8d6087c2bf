"""Prefect: a task for each step in a flow, ten threads, beside a server of its own, started before."""

import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

# What the server keeps, and only until the next start.
HOME = Path(tempfile.gettempdir()) / "prefect-of-the-benchmarks"
shutil.rmtree(HOME, ignore_errors=True)

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
URL = f"http://127.0.0.1:{PORT}/api"

# Prefect reads these when it is imported.
os.environ |= {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_HOME": str(HOME),
    "PREFECT_API_URL": URL,
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
}

from prefect import flow, task  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

from benches.work.frame import LIMIT  # noqa: E402

PACKAGES = ["prefect>=3.4"]
RUNTIMES = ["threads"]
SOURCE = "https://docs.prefect.io/v3/concepts/task-runners"
TIME_LIMIT = False
SLOW = True


@functools.cache
def start_server():
    # Not the temporary one, which Prefect would start: that holds on to our output until it ends.
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--port", str(PORT), "--no-ui"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # It ends with the process group of this process.
    while server.poll() is None:
        try:
            return httpx.get(f"{URL}/health", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(f"Prefect's server ended at once with {server.returncode}")


def graph(step, dependencies):
    start_server()
    one = task(step)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=LIMIT))
    def steps():
        futures = {}
        for name, before in dependencies.items():
            futures[name] = one.submit(name, wait_for=[futures[other] for other in before])
        return {name: future.result() for name, future in futures.items()}

    return steps()

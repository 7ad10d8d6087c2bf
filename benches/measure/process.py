"""A fresh process for one measurement."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

from benches.measure.environment import ROOT, variables


def measure(order: dict[str, Any], budget: float) -> dict[str, Any]:
    """Have a worker carry out an order; return its answer, or a key that says why there is none.

    Args:
        order: contender, runtime, workload, n, url, verify.
        budget: seconds that the process may take.
    """
    # Not a pipe: what a contender has started may hold on to it, and we would wait for that.
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        # A session of its own: Ctrl-C is for us, and whatever it starts can be ended with it.
        worker = subprocess.Popen(
            [sys.executable, "-m", "benches.measure.worker", json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=ROOT,
            env=variables(),
            start_new_session=True,
            text=True,
        )
        with worker:
            try:
                answer, _ = worker.communicate(timeout=budget)
            except subprocess.TimeoutExpired:
                return {"cut": f"took more than {budget:g} s"}
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
        try:
            return json.loads(answer)
        except ValueError:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
            return {"failed": f"ended with {worker.returncode}: {last}"}

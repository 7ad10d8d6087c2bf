"""Many trials of one suite, spread over the machine's processors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from torture.build import package_of
from torture.suite import Suite, add

TESTS = Path(__file__).parents[1]


@attrs.define
class Failure:
    """A trial that broke the promise."""

    seed: int
    text: str


@attrs.define
class Campaign:
    """What has come of the trials so far."""

    suite: Suite
    first: int
    trials: int
    done: int = 0
    seconds: float = 0
    counts: dict[str, float] = attrs.Factory(dict)
    failures: list[Failure] = attrs.Factory(list)

    def replay(self, seed: int) -> str:
        """The command that runs a single trial."""
        return f"make torture SUITE={self.suite.name} SEED={seed} TRIALS=1"


def run(
    suite: Suite,
    first: int,
    trials: int,
    *,
    processes: int | None = None,
    tell: Callable[[Campaign], object] = lambda campaign: None,
) -> Campaign:
    """Run ``trials`` trials, with the seeds from ``first`` on. ``tell`` is called as they go."""
    campaign = Campaign(suite, first, trials)
    if suite.alone:
        processes = 1
    share = -(-trials // min(processes or os.cpu_count() or 1, trials))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path_of(suite)))
    lock = threading.Lock()
    began = time.monotonic()
    threads = [
        threading.Thread(
            target=work,
            args=(campaign, seed, min(share, first + trials - seed), environment, lock, tell),
        )
        for seed in range(first, first + trials, share)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    campaign.seconds = time.monotonic() - began
    campaign.failures.sort(key=lambda failure: failure.seed)
    return campaign


def path_of(suite: Suite) -> list[str]:
    package = package_of(suite.build)
    return [*([str(package)] if package else []), str(TESTS)]


def work(
    campaign: Campaign,
    first: int,
    count: int,
    environment: dict[str, str],
    lock: threading.Lock,
    tell: Callable[[Campaign], object],
) -> None:
    """Run a range of seeds in processes of their own: a crash ends a process, not the campaign."""
    end = first + count
    while first < end:
        crashed = work_once(campaign, first, end - first, environment, lock, tell)
        if crashed is None:
            return
        with lock:
            campaign.failures.append(crashed)
            tell(campaign)
        first = crashed.seed + 1


def work_once(
    campaign: Campaign,
    first: int,
    count: int,
    environment: dict[str, str],
    lock: threading.Lock,
    tell: Callable[[Campaign], object],
) -> Failure | None:
    """Returns the trial in which the process ended before its time, if it did."""
    reported = 0
    with tempfile.TemporaryDirectory() as folder:
        progress, errors = Path(folder, "seed"), Path(folder, "errors")
        command = [sys.executable, "-m", "torture.worker", campaign.suite.name]
        command += [str(first), str(count), str(progress)]
        with (
            errors.open("wb") as stderr,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                message = json.loads(line)
                reported += message["done"]
                with lock:
                    campaign.done += message["done"]
                    add(campaign.counts, message["counts"])
                    if "failed" in message:
                        campaign.failures.append(Failure(message["failed"], message["text"]))
                    tell(campaign)
        if process.returncode == 0:
            return None
        seed = int(progress.read_text()) if progress.exists() else first
        with lock:
            # Their figures are lost with the process; that they were tried is known.
            campaign.done += seed + 1 - first - reported
        said = errors.read_text(errors="replace")
        return Failure(seed, f"the process ended with status {process.returncode}\n{said}")

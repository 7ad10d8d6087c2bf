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
from typing import Any

import attrs

from torture.build import ROOT, package_of
from torture.suite import Suite, add


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
    workers = Workers(campaign, dict(os.environ, PYTHONPATH=path_of(suite)), tell)
    began = time.monotonic()
    threads = [
        # Not waited for when the command is interrupted.
        threading.Thread(
            target=workers.run, args=(seed, min(share, first + trials - seed)), daemon=True
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


def path_of(suite: Suite) -> str:
    folders = [package_of(suite.build), ROOT]
    return os.pathsep.join(str(folder) for folder in folders if folder is not None)


@attrs.define
class Workers:
    """The processes of a campaign, one a thread at a time."""

    campaign: Campaign
    environment: dict[str, str]
    tell: Callable[[Campaign], object]
    lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)

    def run(self, first: int, count: int) -> None:
        """Run a range of seeds in processes: a crash ends a process, not the campaign."""
        end = first + count
        while first < end:
            crashed = self.run_process(first, end - first)
            if crashed is None:
                return
            with self.lock:
                self.campaign.failures.append(crashed)
                self.tell(self.campaign)
            first = crashed.seed + 1

    def run_process(self, first: int, count: int) -> Failure | None:
        """Returns the trial in which the process ended before its time, if it did."""
        reported = 0
        with tempfile.TemporaryDirectory() as folder:
            progress, errors = Path(folder, "seed"), Path(folder, "errors")
            command = [sys.executable, "-m", "torture.worker", self.campaign.suite.name]
            command += [str(first), str(count), str(progress)]
            with (
                errors.open("wb") as stderr,
                subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=stderr, env=self.environment, text=True
                ) as process,
            ):
                assert process.stdout is not None
                for line in process.stdout:
                    message = json.loads(line)
                    reported += message["done"]
                    self.note(message)
            if process.returncode == 0:
                return None
            seed = int(progress.read_text()) if progress.exists() else first
            with self.lock:
                # Their figures are lost with the process; that they were tried is known.
                self.campaign.done += seed + 1 - first - reported
            said = errors.read_text(errors="replace")
            return Failure(seed, f"the process ended with status {process.returncode}\n{said}")

    def note(self, message: dict[str, Any]) -> None:
        with self.lock:
            self.campaign.done += message["done"]
            add(self.campaign.counts, message["counts"])
            if "failed" in message:
                self.campaign.failures.append(Failure(message["failed"], message["text"]))
            self.tell(self.campaign)

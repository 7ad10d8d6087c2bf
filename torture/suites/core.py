"""The Rust core against its reference models, under random operations.

The models and the properties are Rust (`rust/core/tests`); here they are run again and again, each
time from another seed. A failing case is shrunk by proptest.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

from torture.suite import Suite

ROOT = Path(__file__).parents[2]
CASES = 500  # of each property, a trial


@functools.cache
def binaries() -> list[str]:
    """Build the tests of the core; return the programs that hold properties."""
    command = ["cargo", "test", "--no-run", "--quiet", "--message-format=json"]
    command += ["--package", "hocket-core", "--test", "model", "--test", "loans"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    messages = map(json.loads, built.stdout.splitlines())
    return [message["executable"] for message in messages if message.get("executable")]


def trial(seed: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for binary in binaries():
        done = subprocess.run(
            [binary, "--nocapture", "--test-threads=1"],
            env=dict(os.environ, PROPTEST_CASES=str(CASES), PROPTEST_RNG_SEED=str(seed)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]
        sizes = re.findall(r"^operations (\d+)$", done.stdout, re.MULTILINE)
        assert sizes, f"{binary} has tried nothing"
        counts["cases"] += len(sizes)
        counts["operations"] += sum(map(int, sizes))
    return counts


SUITE = Suite(
    name="core",
    promise="the ledger under all this agrees with a naive reference after every operation: never "
    "more than the limit, every slot back exactly once, every step in one state, first come first "
    "served",
    unit="seeds",
    trial=trial,
    small=1,
    large=40,
)

"""The programs in examples/batches do what they say, and the long one in little memory."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

BATCHES = Path(__file__).parents[2] / "examples/batches"

# Runs a program, and says how much more memory it had than before, in MiB.
MEASURED = """
import gc, resource, runpy, sys, trio, hocket, sqlite3
hocket.progress(show="nothing")
sys.argv.pop(0)
with open("/proc/self/statm") as pages:
    before = int(pages.read().split()[1]) * resource.getpagesize()
runpy.run_path(sys.argv[0], run_name="__main__")
with open("/proc/self/status") as status:
    most = 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print("MiB above the start:", (most - before) / 2**20)
"""


def run(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_three_hundred_thousand_records_take_fifteen_mib(tmp_path):
    database = tmp_path / "rows.sqlite"
    said = run("-c", MEASURED, BATCHES / "etl.py", 300_000, database)
    assert "299,970 rows written, 30 records failed; the first: [(9999, ValueError(" in said
    found = re.search(r"MiB above the start: (.*)", said)
    assert found is not None
    assert float(found[1]) < 15
    with sqlite3.connect(database) as db:
        ids = [row[0] for row in db.execute("SELECT id FROM rows ORDER BY rowid")]
    assert ids == [number for number in range(300_000) if number % 10_000 != 9_999]


def test_the_handler_answers_in_time_though_replicas_are_slow_or_refuse():
    said = run(BATCHES / "handler.py", 100)
    found = re.fullmatch(r"100 of 100 answered, 99 % within (.*) s\n", said)
    assert found is not None
    assert float(found[1]) < 1

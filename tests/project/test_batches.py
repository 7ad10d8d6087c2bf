"""The programs in examples/batches do what they say, and the long one in little memory."""

from __future__ import annotations

import bisect
import contextlib
import importlib.util
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

BATCHES = Path(__file__).parents[2] / "examples/batches"

SHOWN = re.compile(r"([\d,]+) of 5,000 ended(?:, ([\d,]+) failed)?")

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


def program(name):
    spec = importlib.util.spec_from_file_location(name, BATCHES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def number(text):
    return int(text.replace(",", ""))


def rows_of(database):
    with contextlib.closing(sqlite3.connect(database)) as db:
        return dict(db.execute("SELECT url, text FROM pages"))


def most_within(seconds, times):
    return max(bisect.bisect_left(times, at + seconds) - n for n, at in enumerate(times))


def test_the_crawl_has_at_most_forty_lines_without_imports():
    lines = (BATCHES / "crawl.py").read_text(encoding="utf-8").split("\n\n\n", 1)[1].splitlines()
    assert len([line for line in lines if line.strip()]) <= 40


@pytest.mark.parametrize("count", [501, pytest.param(5_000, marks=pytest.mark.slow)])
def test_the_crawl_stores_every_page_and_no_second_has_more_than_400_starts(
    count, tmp_path, monkeypatch, capsys
):
    crawl, site = program("crawl"), program("site")
    database, starts = tmp_path / "pages.sqlite", []

    get = httpx.AsyncClient.get

    def timed_get(self, url):
        starts.append(trio.current_time())
        return get(self, url)

    monkeypatch.setattr(httpx.AsyncClient, "get", timed_get)

    async def main():
        async with trio.open_nursery() as nursery:
            address = await site.open_site(nursery)
            await crawl.main(address, count, database)
            nursery.cancel_scope.cancel()
            return address

    address = trio.run(main)
    expected = {f"{address}/{page}": f"page {page}" for page in range(count) if page % 250 != 249}
    assert rows_of(database) == expected
    said = f"{len(expected):,} pages of {count:,} are there, after {len(starts):,} requests\n"
    assert capsys.readouterr().out == said
    # Each page once; one in twenty a second time for a 500, and one in four hundred for a 429.
    assert len(starts) >= count + len(range(3, count, 20)) + len(range(11, count, 400))
    # A request begins a moment after the start of its step, which is what counts.
    print(
        f"{said}Of {starts[-1] - starts[0]:.1f} s the worst had {most_within(1, starts)} requests."
    )
    assert most_within(1 - 0.05, starts) <= 400


def interrupt(process):
    """Press Ctrl-C, and again if it is lost: Trio and httpx drop generators, whose callbacks swallow it."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)


def test_a_crawl_that_is_interrupted_keeps_every_row_that_was_shown_as_done(tmp_path):
    database = tmp_path / "pages.sqlite"
    with (
        subprocess.Popen(
            [sys.executable, BATCHES / "site.py"], stdout=subprocess.PIPE, text=True
        ) as site,
    ):
        try:
            assert site.stdout is not None
            address = site.stdout.readline().strip()
            command = [sys.executable, BATCHES / "crawl.py", address, "5000", database]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as crawl:
                assert crawl.stderr is not None
                first = crawl.stderr.readline()  # after five seconds
                interrupt(crawl)
                rest = crawl.stderr.read()
        finally:
            site.kill()
    # What it says is not for us alone to decide: where the signal strikes as Trio opens a scope, Trio complains.
    assert crawl.returncode != 0
    shown = [(number(done), number(failed or "0")) for done, failed in SHOWN.findall(first + rest)]
    assert shown
    rows = rows_of(database)
    assert all(text == f"page {url.rpartition('/')[2]}" for url, text in rows.items())
    assert 0 < shown[0][0] < 5000
    assert len(rows) >= max(done - failed for done, failed in shown)

"""The example that ``make demo`` runs: its report, and what it leaves in the database."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

STOREFRONT = Path(__file__).parents[2] / "examples" / "storefront"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it is made for POSIX")


def run(*options):
    return subprocess.run(
        [sys.executable, "-W", "error", str(STOREFRONT / "run.py"), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture(scope="module")
def shown():
    """What one sees."""
    return run()


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a program sees, and what is left behind."""
    directory = tmp_path_factory.mktemp("storefront")
    done = run("--directory", str(directory), "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), directory


def test_it_succeeds_and_prints_a_report(shown):
    assert shown.returncode == 0, shown.stderr
    assert re.search(
        r"^Storefront: succeeded after [\d.]+ m?s \(29 steps: 21 succeeded, 4",
        shown.stdout,
        re.MULTILINE,
    )
    assert '"best_customer": "Ada"' in shown.stdout


def test_the_report_shows_members_under_their_group(shown):
    lines = shown.stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("enrich "))
    names = [re.match(r" *\S+", line).group() for line in lines[first : first + 8]]
    assert names == [
        "enrich",
        "  ratings",
        "  reviews",
        "  analytics",
        "  stock",
        "    inventory",
        "    warehouses",
        "shortages",
    ]


def test_it_leaves_nothing_behind_when_it_keeps_nothing(shown):
    directory = re.search(r"a database in (\S+)/shop\.db", shown.stderr).group(1)
    assert not Path(directory).exists()


def test_every_strategy_decides_as_it_should(left):
    document, _ = left
    states = {step["id"]: step["state"] for step in document["steps"]}
    winners = {step["id"]: step["winner"] for step in document["steps"] if step["winner"]}
    assert winners == {"rates": "rates_west", "layout": "layout_page"}
    assert {name for name, state in states.items() if state == "cancelled"} == {
        "rates_south",
        "layout_pdf",
        "layout_spreadsheet",
    }
    assert {name for name, state in states.items() if state == "failed"} == {
        "rates_north",
        "rates_east",
        "reviews",
        "tell_partner",
    }
    assert [name for name, state in states.items() if state == "timed_out"] == ["analytics"]
    assert "skipped" not in states.values()


def test_the_output_has_the_figures_of_the_day(left):
    document, _ = left
    assert document["success"] is True
    assert document["output"] == {
        "report": "report.md",
        "totals": {
            "orders": 4,
            "items": 13,
            "revenue": 173.72,
            "currency": "GBP",
            "best_customer": "Ada",
        },
        "shortages": [{"product": "Kettle", "missing": 3}],
        "rates_from": "rates_west",
        "layout_by": "layout_page",
        "extras_completed": 2,
        "extras_failed": ["reviews", "analytics"],
        "rows_marked": 4,
        "notification": 1,
    }


def test_the_database_holds_what_was_written(left):
    _, directory = left
    with closing(sqlite3.connect(directory / "shop.db")) as connection:
        totals = connection.execute("SELECT * FROM daily_totals").fetchall()
        reported = connection.execute("SELECT id, reported FROM orders ORDER BY id").fetchall()
    ((made_at, *figures),) = totals
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", made_at)
    assert figures == [4, 13, 173.72, "GBP", "report.md"]
    assert reported == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 0), (6, 0)]


def test_the_report_is_a_file(left):
    _, directory = left
    assert (directory / "report.md").read_text(encoding="utf-8") == (
        "# Stock and sales\nLaid out as a page.\n\nSold: 13 items in 4 orders,\nfor 173.72 GBP.\n"
        "Best customer: Ada.\n\n- Kettle: 3 missing\n"
    )


def test_ctrl_c_ends_the_workflow_and_the_server():
    with subprocess.Popen(
        [sys.executable, str(STOREFRONT / "run.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        err = ""
        for line in process.stderr:  # to its end: what is read ahead is lost to communicate()
            err += line
            if "started    analytics" in line:
                process.send_signal(signal.SIGINT)
        out = process.stdout.read()
    assert process.returncode == 130
    assert "interrupted by Ctrl-C" in err
    assert "Traceback" not in err
    assert re.search(r"^Storefront: interrupted after", out, re.MULTILINE), out

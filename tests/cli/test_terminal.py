"""What is seen on a terminal, a real pseudo-terminal."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.cli.commands import (
    BLOCK_RICH,
    command,
    on_a_terminal,
    write,
)

LIVE = [{"id": "slow", "tool": "echo", "input": {"value": "[red]", "seconds": 0.3}}]


def test_a_terminal_shows_what_runs_and_then_the_report(folder):
    file = write(folder, "live.yaml", json.dumps({"name": "[red]Live", "steps": LIVE}))
    code, seen = on_a_terminal(command("run", file, "--tools", "clitools"))
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"\[red\]Live ━+ 0/1  0\.\d s", plain)
    assert re.search(r"slow +echo +\d\.\d s", plain)
    assert re.search(r"slow +echo +succeeded", plain)
    assert re.search(r"\[red\]Live: succeeded after \d", plain)
    assert "started    slow" not in plain
    assert "\x1b[32m" in seen
    assert '\r\n"[red]"\r\n' in seen


@pytest.mark.parametrize("width", ["0", "00"])
def test_a_width_of_nothing_hides_no_report(folder, width):
    file = write(folder, "live.yaml", json.dumps({"name": "Live", "steps": LIVE}))
    code, seen = on_a_terminal(
        command("run", file, "--tools", "clitools"), COLUMNS=width, LINES=width
    )
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"slow +echo +succeeded", plain)


def test_a_dumb_terminal_gets_lines(folder):
    file = write(folder, "live.yaml", json.dumps({"name": "Live", "steps": LIVE}))
    code, seen = on_a_terminal(command("run", file, "--tools", "clitools"), TERM="dumb")
    assert code == 0
    assert "\x1b" not in seen
    assert "started    slow (echo)" in seen


def test_a_terminal_without_rich_is_told_how_to_install_it(folder):
    words = [sys.executable, "-c", BLOCK_RICH, "run", "sum.yaml", "--tools", "clitools"]
    code, seen = on_a_terminal(words)
    assert code == 2
    assert 'pip install "hocket[cli]"' in seen
    assert seen.count("pip install") == 1

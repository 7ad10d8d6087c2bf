"""Standard output and error: whose they are, and what may happen to them."""

from __future__ import annotations

import os

import pytest

from tests.cli.commands import (
    start,
)


@pytest.mark.parametrize("words", [["sum.yaml", "--set", "n=2"], ["failing.yaml"]])
def test_a_reader_that_leaves_is_no_error(folder, words):
    reading, writing = os.pipe()
    os.close(reading)
    process = start("run", *words, "--tools", "clitools", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (0 if words[0] == "sum.yaml" else 1)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_a_reader_of_progress_that_leaves_does_not_stop_the_run(folder):
    reading, writing = os.pipe()
    os.close(reading)
    process = start("run", "sum.yaml", "--set", "n=2", "--tools", "clitools", stderr=writing)
    os.close(writing)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Sum: succeeded" in out

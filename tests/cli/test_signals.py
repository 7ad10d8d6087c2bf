"""Ctrl-C, SIGTERM and SIGHUP: real signals to real processes."""

from __future__ import annotations

import json
import re
import signal

import pytest

from tests.cli.commands import (
    start,
    states,
    wait_for,
    workflow,
)


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")],
)
def test_a_signal_cancels_the_run_and_waits_for_steps_to_clean_up(folder, number, code, name):
    words = ("run", "holding.yaml", "--tools", "clitools", "--set", "path=trace")
    process = start(*words)
    wait_for(process, "started    holding")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert (folder / "trace").read_text() == "cleaned up"
    assert f"interrupted by {name}" in err
    assert "Traceback" not in err
    assert states(out) == {"quick": "succeeded", "holding": "cancelled", "after": "skipped"}
    assert re.search(r"^Holding: interrupted after ", out, re.MULTILINE)


def test_an_interrupted_run_still_prints_its_json(folder):
    process = start("run", "holding.yaml", "--tools", "clitools", "--set", "path=trace", "--json")
    wait_for(process, "started    holding")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    document = json.loads(out)
    assert document["interrupted"] == "SIGINT"
    assert document["success"] is False
    assert [step["state"] for step in document["steps"]] == ["succeeded", "cancelled", "skipped"]


def test_a_second_ctrl_c_ends_a_step_that_never_awaits(folder):
    process = start("run", workflow(folder, {"tool": "block"}), "--tools", "clitools")
    wait_for(process, "blocking")
    process.send_signal(signal.SIGINT)
    wait_for(process, "Ctrl-C again abandons")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert states(out) == {"s0": "cancelled"}
    assert "W: interrupted after" in out

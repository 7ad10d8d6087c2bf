"""The command ``hocket``: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hocket._cli.main import main
from tests.cli.commands import (
    BLOCK_RICH,
    TIME,
    command,
    run,
    states,
    workflow,
    write,
)

# --- success


def test_a_workflow_prints_its_steps_and_its_output(folder, capsys):
    assert run("sum.yaml", "--set", "n=2") == 0
    out = capsys.readouterr().out
    assert states(out) == {
        "one": "succeeded",
        "two": "succeeded",
        "both": "succeeded",
        "  three": "succeeded",
        "  never": "cancelled",
    }
    assert re.search(rf"^both +any of 2 +succeeded +{TIME} +{TIME}$", out, re.MULTILINE)
    assert re.search(r"^  three +echo +succeeded .* winner$", out, re.MULTILINE)
    assert re.search(
        rf"^Sum: succeeded after {TIME} \(5 steps: 4 succeeded, 1 cancelled\)$", out, re.MULTILINE
    )
    assert "\n\n[\n  1,\n  2,\n  3\n]\n\nSum: succeeded" in out


def test_elsewhere_than_on_a_terminal_every_start_and_end_is_a_line(folder, capsys):
    assert run("sum.yaml", "--set", "n=2") == 0
    lines = [line.split(" s  ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == "started    one (echo)"
    assert "started    both (any of 2)" in lines
    assert re.fullmatch(rf"succeeded  both after {TIME}", lines[-1])
    assert len(lines) == 10


def test_json_is_one_document_with_everything_in_it(folder, capsys):
    assert run("sum.yaml", "--set", "n=2", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["success"] is True
    assert document["output"] == [1, 2, 3]
    assert document["error"] is document["interrupted"] is None
    assert document["timed_out"] is False
    assert 0 < document["duration"] < 30
    assert document["stats"]["tasks_completed"] == 3  # a group takes no slot
    *_, three, never = document["steps"]
    assert three["id"] == "three"
    assert three["parent"] == "both"
    assert three["state"] == "succeeded"
    assert three["wait"] >= 0
    assert three["run"] >= 0
    assert never["state"] == "cancelled"


def test_steps_that_a_tool_runs_are_shown_and_never_taken_for_others(folder, capsys):
    splitting = {"tool": "split", "input": {"parts": ["s1", "x"]}}
    failing = {"tool": "explode", "depends_on": ["s0"]}
    assert run(workflow(folder, splitting, failing), "--json") == 1
    printed = capsys.readouterr()
    steps = json.loads(printed.out)["steps"]
    assert {step["id"]: step["state"] for step in steps} == {
        "s0": "succeeded",
        "s1": "failed",
        "parts: s1": "succeeded",
        "x": "succeeded",
    }
    assert run("w.yaml") == 1
    assert "started    parts: s1 (step)" in capsys.readouterr().err


def test_quiet_prints_the_output_alone(folder, capsys):
    assert run("sum.yaml", "--set", "n=2", "--quiet") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [1, 2, 3]
    assert printed.err == ""


def test_what_steps_print_stays_out_of_the_output(folder, capsys):
    file = workflow(folder, {"tool": "say", "input": {"text": "hello"}})
    assert run(file, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["output"] == "hello"
    assert "printed: hello" in printed.err


def test_the_log_level_decides_what_is_logged(folder, capsys):
    file = workflow(folder, {"tool": "say", "input": {"text": "hello"}})
    assert run(file, "--quiet") == 0
    assert "logged" not in capsys.readouterr().err
    assert run(file, "--quiet", "--log-level", "info") == 0
    assert "INFO tools: logged: hello" in capsys.readouterr().err


def test_what_json_cannot_show_is_shown_by_its_repr(folder, capsys):
    assert run(workflow(folder, {"tool": "odd"}), "--quiet") == 0
    assert json.loads(capsys.readouterr().out) == {"grip": "<a grip>", "7": "inf"}


def test_tools_of_ones_own_replace_the_built_in_ones(folder, capsys):
    write(
        folder,
        "others.py",
        "import hocket\n@hocket.tool\nasync def http_request(url): return f'mine: {url}'\n",
    )
    file = workflow(folder, {"tool": "http_request", "input": {"url": "x"}})
    assert run(file, "--tools", "others", "--quiet") == 0
    assert json.loads(capsys.readouterr().out) == "mine: x"


def test_one_tool_of_a_module_can_be_named(folder, capsys):
    file = workflow(folder, {"tool": "echo", "input": {"value": 5}})
    assert main(["run", file, "--tools", "clitools:echo", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out) == 5


# --- failure


def test_an_exception_in_a_tool_is_a_failed_step(folder, capsys):
    assert run("failing.yaml") == 1
    printed = capsys.readouterr()
    assert states(printed.out) == {"good": "succeeded", "bad": "failed", "after": "skipped"}
    assert re.search(r"^after +echo +skipped +- +-  bad failed$", printed.out, re.MULTILINE)
    assert "\nerrors\n  bad  RuntimeError: out of order\n" in printed.out
    assert "Failing: failed after " in printed.out
    assert "Traceback" not in printed.err


def test_quiet_says_why_there_is_no_output(folder, capsys):
    assert run("failing.yaml", "--quiet") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "bad failed: RuntimeError: out of order\n"


def test_json_says_why_there_is_no_output(folder, capsys):
    assert run("failing.yaml", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["success"] is False
    assert document["output"] is None
    assert [step["error"] for step in document["steps"]] == [
        None,
        "RuntimeError: out of order",
        None,
    ]


def test_at_the_level_debug_a_failed_step_shows_its_traceback(folder, capsys):
    assert run("failing.yaml", "--log-level", "debug") == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "in explode" in err


def test_an_error_cannot_write_to_the_terminal_what_it_likes(folder, capsys):
    file = workflow(folder, {"tool": "explode", "input": {"text": "\x1b[31mred\x07"}})
    assert run(file) == 1
    assert r"RuntimeError: \x1b[31mred\x07" in capsys.readouterr().out


def test_a_step_past_its_limit_and_a_run_past_its_own_are_told_apart(folder, capsys):
    slow = {"tool": "echo", "input": {"seconds": 60}}
    assert run(workflow(folder, {**slow, "timeout": 0.02})) == 1
    out = capsys.readouterr().out
    assert states(out) == {"s0": "timed_out"}
    assert "StepTimeout: step 's0' was still running after its time limit of 0.02 s" in out
    assert run(workflow(folder, slow, max_duration=0.02)) == 1
    out = capsys.readouterr().out
    assert states(out) == {"s0": "timed_out"}
    assert "W: ran past its max_duration of 0.02 s, after " in out


def test_an_output_that_leads_to_nothing_is_a_failure_that_says_so(folder, capsys):
    step = {"tool": "echo", "input": {"value": {"a": 1}}}
    assert run(workflow(folder, step, output="$results.s0.b")) == 1
    out = capsys.readouterr().out
    assert states(out) == {"s0": "succeeded"}
    assert "the output cannot be made: $results.s0.b: $results.s0 has no 'b'; it has: a" in out


# --- as a process


def test_the_exit_code_is_that_of_the_process(folder):
    for file, code in (("sum.yaml", 0), ("failing.yaml", 1), ("nowhere.yaml", 2)):
        words = command("run", file, "--tools", "clitools", "--set", "n=2", "--json")
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert (json.loads(done.stdout)["success"] is (code == 0)) if code < 2 else not done.stdout


def test_without_rich_there_are_still_lines_and_json(folder):
    words = ["run", "sum.yaml", "--tools", "clitools", "--set", "n=2"]
    for option in ((), ("--json",)):
        done = subprocess.run(
            [sys.executable, "-c", BLOCK_RICH, *words, *option],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


# --- a real file of the other spelling


@pytest.mark.skipif(
    "HOCKET_EXAMPLE_FILE" not in os.environ,
    reason="HOCKET_EXAMPLE_FILE names no camelCase workflow file to run",
)
def test_a_real_file_in_camel_case_runs_unchanged(monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(Path(__file__).parent)
    assert (
        main(["run", os.environ["HOCKET_EXAMPLE_FILE"], "--tools", "example_tools", "--json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["success"] is True
    assert {step["state"] for step in document["steps"]} <= {"succeeded", "cancelled", "failed"}
    groups = {step["what"].partition(" of ")[0] for step in document["steps"] if step["winner"]}
    assert groups == {"any", "race"}


def test_a_limit_that_the_values_cannot_give_is_said_before_anything_runs(capsys, tmp_path):
    path = tmp_path / "patience.yaml"
    path.write_text(
        "name: w\nmax_duration: $context.patience\nsteps:\n  - {id: a, tool: http_request, input: {url: x}}\n"
    )
    assert main(["check", str(path), "--set", "patience=1h"]) == 0
    for what in ("check", "run"):
        assert main([what, str(path), "--set", "patience=soon"]) == 2
        assert "patience.yaml:2:15: max_duration: $context.patience: " in capsys.readouterr().err

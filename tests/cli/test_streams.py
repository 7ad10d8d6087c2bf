"""Standard output and error: whose they are, and what may happen to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hocket._cli.main import main
from tests.cli.commands import command, start, states, workflow, write


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


LOUD = """
import logging
import os
import subprocess
import sys

print("printed while imported")
os.write(1, b"written while imported\\n")
early = logging.StreamHandler(sys.stdout)
logging.getLogger("early").addHandler(early)
kept = sys.stdout

import trio
import hocket


@hocket.tool
async def loud():
    print("printed")
    print("printed to the kept one", file=kept)
    print("printed to the real one", file=sys.__stdout__)
    sys.stdout.buffer.write("bytes, é\\n".encode())
    os.write(1, b"written\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
    subprocess.run([sys.executable, "-c", "print('by its file')"], stdout=sys.stdout, check=True)
    await trio.run_process([sys.executable, "-c", "print('by a child of Trio')"])
    await trio.to_thread.run_sync(print, "in a thread")
    logging.getLogger("early").error("logged")
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    return "the output"
"""
LOUD_LINES = [
    "printed while imported",
    "written while imported",
    "printed",
    "printed to the kept one",
    "printed to the real one",
    "bytes, é",
    "written",
    "by a child",
    "by its file",
    "by a child of Trio",
    "in a thread",
    "logged",
]


@pytest.mark.parametrize(("option", "unbuffered"), [("--json", ""), ("--quiet", "1")])
def test_standard_output_belongs_to_the_output(folder, option, unbuffered):
    write(folder, "loud.py", LOUD)
    words = ["run", workflow(folder, {"tool": "loud"}), "--tools", "loud", option]
    process = start(*words, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    document = json.loads(out)
    assert (document["output"] if option == "--json" else document) == "the output"
    lines = err.splitlines()
    assert [line for line in LOUD_LINES if line not in lines] == []


def test_check_keeps_standard_output_too(folder):
    write(folder, "loud.py", LOUD)
    process = start("check", workflow(folder, {"tool": "loud"}), "--tools", "loud")
    out, err = process.communicate(timeout=60)
    assert out == "w.yaml: ok ('W', 1 step)\n"
    assert err == "printed while imported\nwritten while imported\n"


UNENDED = """
import hocket


@hocket.tool
async def dots():
    print("...", end="")
    raise ValueError("out of dots")
"""


@pytest.mark.parametrize("option", ["--progress=plain", "--progress=summary", "--quiet"])
def test_a_line_of_hocket_begins_where_a_line_begins_whatever_tools_print(folder, option):
    write(folder, "dots.py", UNENDED)
    process = start("run", workflow(folder, {"tool": "dots"}), "--tools", "dots", option)
    _, err = process.communicate(timeout=60)
    before, after = err.split("...\n")
    assert before.count("\n") == (option == "--progress=plain")
    assert "out of dots" in after


# What is wrong with a stream, as a shell says it.
FULL, CLOSED, READ_ONLY = ">/dev/full", ">&-", "1</dev/null"


def shell(folder, words, streams):
    line = " ".join([*map(repr, command(*words)), streams])
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_streams_are_what_the_shell_says(folder):
    assert Path("/dev/full").exists(), "there is no full disk here"
    probe = "import sys; sys.stdout is None or (print('x'), sys.stdout.flush())"
    for streams, fails in ((FULL, True), (CLOSED, False), (READ_ONLY, True)):
        done = subprocess.run(
            ["sh", "-c", f'{sys.executable} -c "{probe}" {streams}'],
            capture_output=True,
            check=False,
        )
        assert bool(done.returncode) is fails


@pytest.mark.parametrize(
    ("streams", "option"),
    [
        (FULL, []),
        (FULL, ["--json"]),
        (FULL, ["--quiet"]),
        (CLOSED, []),
        (CLOSED, ["--json"]),
        (READ_ONLY, ["--quiet"]),
    ],
    ids=str,
)
def test_a_report_that_standard_output_does_not_take_is_on_standard_error(folder, option, streams):
    words = ["run", "sum.yaml", "--tools", "clitools", "--set", "n=2", *option]
    done = shell(folder, words, streams)
    assert done.returncode == 1
    assert "standard output cannot be written to: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    _, _, rest = done.stderr.partition("standard output cannot be written to: ")
    report = rest.split("\n", 1)[1]
    if option:
        document = json.loads(report)
        assert (document["output"] if option == ["--json"] else document) == [1, 2, 3]
    else:
        assert states(report)["both"] == "succeeded"
        assert report.splitlines()[-1].startswith("Sum: succeeded after")


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", "2</dev/null"])
def test_standard_error_that_takes_nothing_stops_no_run(folder, streams):
    words = ["run", "sum.yaml", "--tools", "clitools", "--set", "n=2", "--json"]
    done = shell(folder, words, streams)
    assert done.returncode == 0
    assert json.loads(done.stdout)["output"] == [1, 2, 3]


@pytest.mark.parametrize("streams", [">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_with_both_gone_the_run_still_runs_and_the_code_says_so(folder, streams):
    done = shell(folder, ["run", "sum.yaml", "--tools", "clitools", "--set", "n=2"], streams)
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("words", [["check", "sum.yaml", "--tools", "clitools"], ["--help"]])
def test_other_commands_end_well_on_a_full_disk_too(folder, words):
    done = shell(folder, words, FULL)
    assert done.returncode == (1 if words[0] == "check" else 0)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_help_to_a_reader_that_leaves_is_no_error(folder):
    reading, writing = os.pipe()
    os.close(reading)
    process = start("run", "--help", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_a_file_that_a_tool_opens_is_never_standard_output(folder):
    opening = (
        "import os, hocket\n@hocket.tool\nasync def opens():\n"
        "    with open('data', 'w') as file:\n"
        "        os.write(1, b'stray')\n        os.write(2, b'stray')\n        return file.fileno()\n"
    )
    write(folder, "others.py", opening)
    file = workflow(folder, {"tool": "opens"})
    done = shell(folder, ["run", file, "--tools", "others", "--quiet"], ">&- 2>&-")
    assert done.returncode == 1
    assert (folder / "data").read_text() == ""


def test_a_slow_reader_that_must_not_be_waited_for_gets_everything(folder):
    # Some programs make the pipes of their children non-blocking.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    file = workflow(folder, {"tool": "echo", "input": {"value": "x" * 300_000}})
    process = start("run", file, "--tools", "clitools", "--quiet", stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        out = pipe.read()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out) == "x" * 300_000


WRONG_LOGS = """
import logging
import hocket

class Odd:
    def __str__(self): raise RuntimeError("no text")

@hocket.tool
async def logs():
    logger = logging.getLogger("tools")
    logger.warning("%d rows", "many")
    logger.warning("%s and %s", 1)
    logger.warning(Odd())
    logger.warning("%s", Odd())
    logger.warning("%(a)s", {"b": 1})
    logger.warning("two\\nERROR forged: lines")
    return "fine"
"""


def test_a_wrong_log_call_is_told_and_fails_no_step(folder):
    write(folder, "others.py", WRONG_LOGS)
    file = workflow(folder, {"tool": "logs"})
    process = start("run", file, "--tools", "others", "--quiet")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out) == "fine"
    assert err.count("WARNING tools: a wrong log call in ") == 5
    assert "others.py, line 11: TypeError: %d format" in err
    assert "Traceback" not in err
    assert "\n    ERROR forged: lines\n" in err
    assert "\nERROR" not in err


UNSHOWN = """
import hocket

class Property:
    @property
    def x(self): raise SystemExit(3)
    def __repr__(self): raise SystemExit(4)

class Error(Exception):
    def __str__(self): raise RuntimeError("no text")

@hocket.tool
async def unshown(what):
    if what == "raises": raise Error
    nested = []
    for _ in range(5000): nested = [nested]
    return {"digits": 10**5000, "range": range(10**9), "exits": Property(), "half": "\\ud800",
            "nested": nested}[what]
"""


@pytest.mark.parametrize("what", ["digits", "range", "exits", "half", "nested", "raises"])
@pytest.mark.parametrize("option", [[], ["--json"]], ids=str)
def test_a_result_that_cannot_be_shown_loses_no_report(folder, capsys, option, what):
    write(folder, "others.py", UNSHOWN)
    file = workflow(folder, {"tool": "unshown", "input": {"what": what}})
    code = main(["run", file, "--tools", "others", *option])
    out, err = capsys.readouterr()
    assert code == (1 if what in ("raises", "exits") else 0)
    assert "Traceback" not in err
    if what == "exits":
        assert "the output cannot be shown: SystemExit: " in out
    if option:
        assert json.loads(out)["steps"][0]["id"] == "s0"
    else:
        assert states(out) == {"s0": "failed" if what == "raises" else "succeeded"}
        assert re.search(r"^W: (succeeded|failed) after ", out, re.MULTILINE)

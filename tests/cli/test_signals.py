"""Ctrl-C, SIGTERM and SIGHUP: real signals to real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.commands import (
    command,
    start,
    states,
    wait_for,
    workflow,
    write,
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


SHIELDED = """
import time

import hocket
import trio


@hocket.tool
async def shielded():
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            print("cleaning up", flush=True)
            await trio.sleep(600)


@hocket.tool
async def thread():
    print("cleaning up", flush=True)
    await trio.to_thread.run_sync(time.sleep, 600)


@hocket.tool
class Closing:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        with trio.CancelScope(shield=True):
            print("cleaning up", flush=True)
            await trio.sleep(600)

    async def __call__(self):
        await trio.sleep_forever()


@hocket.tool
async def swallows():
    while True:
        try:
            print("cleaning up", flush=True)
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    ("tool", "option"),
    [
        ("shielded", []),
        ("thread", []),
        ("Closing", []),
        ("swallows", []),
        ("shielded", ["--json", "--explain", "s0"]),
    ],
    ids=str,
)
def test_a_second_ctrl_c_abandons_what_the_first_waits_for(folder, tool, option):
    write(folder, "others.py", SHIELDED)
    file = workflow(folder, {"tool": tool})
    process = start("run", file, "--tools", "others", *option)
    wait_for(process, "started    s0" if tool in ("shielded", "Closing") else "cleaning up")
    process.send_signal(signal.SIGINT)
    seen = "" if tool in ("shielded", "Closing") else "cleaning up"
    for line in process.stderr:
        seen += line
        if "cleaning up" in seen and "Ctrl-C again abandons" in seen:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    if option:
        document = json.loads(out)
        assert document["interrupted"] == "SIGINT"
        (step,) = document["steps"]
        assert (step["state"], step["reason"]) == ("cancelled", "the run was abandoned")
        assert err.endswith("s0 has not ended: the run was abandoned\n")
    else:
        assert states(out) == {"s0": "cancelled"}
        assert re.search(r"^W: interrupted after ", out, re.MULTILINE)
    assert f"abandoned: {'tools' if tool == 'Closing' else 's0'}" in out


def test_who_waits_for_a_tool_to_close_is_not_told_of_steps(folder):
    write(folder, "others.py", SHIELDED.replace("await trio.sleep_forever()", "return 1"))
    process = start("run", workflow(folder, {"tool": "Closing"}), "--tools", "others")
    wait_for(process, "cleaning up")
    process.send_signal(signal.SIGINT)
    wait_for(process, "waiting for tools to clean up; Ctrl-C again abandons them")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert states(out) == {"s0": "succeeded"}
    assert out.splitlines()[-1] == "abandoned: tools that had not opened, or not closed, yet"


def test_a_closed_terminal_ends_the_run_as_sigterm_does_and_may_say_so_twice(folder):
    words = ("run", "holding.yaml", "--tools", "clitools", "--set", "path=trace")
    process = start(*words)
    wait_for(process, "started    holding")
    process.send_signal(signal.SIGHUP)
    wait_for(process, "interrupted by SIGHUP")
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 129
    assert (folder / "trace").read_text() == "cleaned up"
    assert "Traceback" not in err
    assert states(out)["holding"] == "cancelled"


def test_a_terminal_that_is_really_closed_lets_steps_clean_up(folder):
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    words = command("run", "holding.yaml", "--tools", "clitools", "--set", "path=trace")
    # A session of its own: the terminal that closes is its controlling one.
    child, master = pty.fork()
    if child == 0:
        os.execvpe(words[0], words, {**os.environ, "TERM": "xterm"})
    seen = b""
    while b"holding" not in seen:
        seen += os.read(master, 65536)
    os.close(master)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert (folder / "trace").read_text() == "cleaned up"


def test_signals_that_come_as_the_report_is_written_lose_nothing_of_it(folder):
    # A reader that does not read yet: the report, longer than a pipe holds, is being written.
    file = workflow(folder, {"tool": "echo", "input": {"value": "x" * 300_000}})
    process = start("run", file, "--tools", "clitools", "--quiet")
    deadline = time.monotonic() + 30
    while not held_by(process.stdout):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert json.loads(out) == "x" * 300_000
    assert process.returncode == 0, err


HANDLING = """
name: W
steps:
  - {id: a, tool: echo, input: {value: 7}}
finally:
  - {id: last, tool: say, input: {text: still here}, depends_on: [nap]}
  - {id: nap, tool: echo, input: {value: 7, seconds: 1}}
"""


@pytest.mark.parametrize(
    "option",
    [["--progress=plain"], ["--quiet", "--progress=plain"], ["--json", "--progress=plain"]],
    ids=str,
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_handlers_go_on_after_a_signal_and_the_code_says_that_it_came(folder, number, code, option):
    process = start("run", write(folder, "w.yaml", HANDLING), "--tools", "clitools", *option)
    wait_for(process, "started    nap")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "handlers go on; Ctrl-C again abandons them" in err
    assert "cancelling" not in err
    assert "printed: still here" in err
    if option[0] == "--json":
        document = json.loads(out)
        assert (document["output"], document["interrupted"]) == (7, number.name)
        assert {step["state"] for step in document["steps"]} == {"succeeded"}
    elif option[0] == "--quiet":
        assert json.loads(out) == 7
    else:
        assert re.search(r"^W: interrupted after .* 3 succeeded\)$", out, re.MULTILINE)


def test_a_second_ctrl_c_abandons_handlers(folder):
    write(folder, "others.py", SHIELDED)
    last = [{"id": "last", "tool": "shielded"}]
    steps = [{"tool": "swallows", "input": {}, "when": "1 > 2"}]
    process = start("run", workflow(folder, *steps, **{"finally": last}), "--tools", "others")
    wait_for(process, "started    last")
    process.send_signal(signal.SIGINT)
    wait_for(process, "handlers go on; Ctrl-C again abandons them")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.splitlines()[-1] == "abandoned: last"


def test_ctrl_c_as_tools_close_ends_with_its_code_and_the_output(folder):
    closing = SHIELDED.replace("await trio.sleep_forever()", "return 1").replace("600", "0.5")
    write(folder, "others.py", closing)
    process = start("run", workflow(folder, {"tool": "Closing"}), "--tools", "others", "--quiet")
    wait_for(process, "cleaning up")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out) == 1
    assert "interrupted by Ctrl-C: cancelling" in err


def test_ctrl_c_as_tools_open_ends_with_its_code(folder):
    opening = SHIELDED.replace("return self", "print('opening', flush=True); await trio.sleep(60)")
    write(folder, "others.py", opening)
    process = start("run", workflow(folder, {"tool": "Closing"}), "--tools", "others")
    wait_for(process, "opening")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert states(out) == {"s0": "not_reached"}


def held_by(pipe):
    """How many bytes were written into a pipe and not read yet."""
    fcntl = pytest.importorskip("fcntl", reason="pipes do not tell here what they hold")
    termios = pytest.importorskip("termios", reason="pipes do not tell here what they hold")
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_the_display_goes_on_moving_while_it_waits_for_clean_up(folder):
    write(folder, "others.py", SHIELDED)
    steps = [{"tool": "shielded"}, {"tool": "shielded"}]
    process, master = on_a_terminal_of_its_own(
        command("run", workflow(folder, *steps), "--tools", "others")
    )
    read_until(master, rb"0/2")
    process.send_signal(signal.SIGINT)
    read_until(master, rb"cancelling: 2 steps left, 0\.3 s; Ctrl-C again abandons them")
    read_until(master, rb"cancelling: 2 steps left, 0\.6 s; Ctrl-C again abandons them")
    process.send_signal(signal.SIGINT)
    rest = read_until(master, rb"abandoned: s0, s1")
    assert process.wait(timeout=30) == 130
    assert b"\x1b[?25h" in rest  # the cursor is back
    os.close(master)


def on_a_terminal_of_its_own(words):
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    return process, master


def read_until(master, pattern):
    seen = b""
    while not re.search(pattern, seen):
        seen += os.read(master, 65536)
    return seen

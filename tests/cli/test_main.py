"""The command ``hocket``: what it prints, where, and its exit codes."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hocket._cli.main import main

TOOLS = '''
import logging

import trio

import hocket


@hocket.tool
async def echo(value=None, seconds=0):
    await trio.sleep(seconds)
    return value


@hocket.tool
async def say(text):
    print("printed:", text)
    logging.getLogger("tools").info("logged: %s", text)
    await trio.lowlevel.checkpoint()
    return text


@hocket.tool
async def split(parts, step: hocket.StepContext):
    result = await step.run_group(hocket.ParallelGroup("parts", parts), echo)
    return result.results


@hocket.tool
async def explode(text="out of\\n order"):
    await trio.lowlevel.checkpoint()
    raise RuntimeError(text)


@hocket.tool
async def hold(path):
    """Run until cancelled, and clean up in some time."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.05)
            await trio.Path(path).write_text("cleaned up")


@hocket.tool
async def block():
    """Compute without end, and without ever letting Trio have a look."""
    print("blocking", flush=True)
    while True:
        pass


class Grip:
    """Something that JSON cannot show."""

    def __repr__(self):
        return "<a grip>"


@hocket.tool
async def odd():
    await trio.lowlevel.checkpoint()
    return {"grip": Grip(), 7: float("inf")}
'''

SUM = """
name: Sum
steps:
  - {id: one, tool: echo, input: {value: 1}}
  - {id: two, tool: echo, input: {value: $context.n}}
  - id: both
    depends_on: [one, two]
    group: {id: pair, wait_strategy: any, steps: [three, never]}
  - {id: three, tool: echo, input: {value: 3, seconds: 0.05}}
  - {id: never, tool: echo, input: {seconds: 60}}
output: [$results.one, $results.two, $results.both.value]
"""

FAILING = """
name: Failing
steps:
  - {id: good, tool: echo, input: {value: 1}}
  - {id: bad, tool: explode, depends_on: [good]}
  - {id: after, tool: echo, depends_on: [bad]}
"""

HOLDING = """
name: Holding
steps:
  - {id: quick, tool: echo, input: {value: 1}}
  - {id: holding, tool: hold, input: {path: $context.path}, depends_on: [quick]}
  - {id: after, tool: echo, depends_on: [holding]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory with tools, to stand in; every test imports them anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("clitools", "others"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    write(tmp_path, "clitools.py", TOOLS)
    for name, text in (("sum", SUM), ("failing", FAILING), ("holding", HOLDING)):
        write(tmp_path, f"{name}.yaml", text)
    yield tmp_path
    for name in ("clitools", "others"):
        sys.modules.pop(name, None)


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return name


def workflow(folder, *steps, **top):
    """A file with these steps; JSON is YAML."""
    entries = [{"id": f"s{n}", **step} for n, step in enumerate(steps)]
    return write(folder, "w.yaml", json.dumps({"name": "W", "steps": entries, **top}))


def run(file, *options):
    return main(["run", file, "--tools", "clitools", *options])


def command(*words, **options):
    return [sys.executable, "-W", "error", "-m", "hocket", *words]


def start(*words, **options):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(*words), **{**streams, **options})


TIME = r"[\d.]+ (?:µs|ms|s)"


def states(text):
    """The table's steps with their states."""
    found = re.findall(
        r"^( *\S+)  .*?  (succeeded|failed|timed_out|cancelled|skipped)\b", text, re.MULTILINE
    )
    return dict(found)


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


# --- --set


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("v=5", 5),
        ("v=0.5", 0.5),
        ("v=true", True),
        ("v=null", None),
        ("v=", ""),
        ("v='5'", "5"),
        ("v=[a, 2]", ["a", 2]),
        ('v={"a": [1]}', {"a": [1]}),
        ("v.a.b=1", {"a": {"b": 1}}),
        ("v=a=b", "a=b"),
        ("v=two words", "two words"),
        ("v=http://localhost:80/?q=1#top", "http://localhost:80/?q=1#top"),
        ("v=Warning: hot", "Warning: hot"),
        ("v=*.csv", "*.csv"),
        ("v=#fff", "#fff"),
        ("v=@me", "@me"),
        ("v=- x", "- x"),
    ],
)
def test_a_value_is_read_as_in_a_file_or_else_is_text(folder, capsys, text, value):
    file = workflow(folder, {"tool": "echo", "input": {"value": "$context.v"}})
    assert run(file, "--quiet", "--set", text) == 0
    assert json.loads(capsys.readouterr().out) == value


def test_dotted_keys_meet_in_one_mapping_and_the_later_value_counts(folder, capsys):
    file = workflow(folder, {"tool": "echo", "input": {"value": "$context.v"}})
    options = ["--set", "v={a: 1, b: 2}", "--set", "v.b=3", "--set", "v.c=4"]
    assert run(file, "--quiet", *options) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": 3, "c": 4}


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


# --- wrong usage


def refuse(capsys, words):
    try:
        code = main(words)
    except SystemExit as end:  # argparse ends by itself
        code = end.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["walk"], "invalid choice: 'walk'"),
        (["run"], "the following arguments are required: FILE"),
        (["run", "sum.yaml", "--colour"], "unrecognized arguments: --colour"),
        (["run", "sum.yaml", "--log-level", "loud"], "expected debug, info, warning, error or"),
        (["run", "sun.yaml"], "sun.yaml: cannot read the file: No such file or directory; did you"),
        (["run", "."], ".: cannot read the file: Is a directory"),
        (["run", "sum.yaml"], "sum.yaml:4:21: steps[0].tool: there is no tool 'echo'"),
        (["check", "sum.yaml"], "sum.yaml has 4 mistakes:"),
        (["run", "sum.yaml", "--tools", "nowhere"], "there is no module 'nowhere'"),
        (["run", "sum.yaml", "--tools", "clitools:ecco"], "has no 'ecco'; did you mean 'echo'?"),
        (["run", "sum.yaml", "--tools", "clitools:TOOL"], "'clitools' has no 'TOOL'"),
        (["run", "sum.yaml", "--set", "n"], "--set n: expected KEY=VALUE; write n=VALUE"),
        (["run", "sum.yaml", "--set", "=1"], "--set =1: expected a key before '='"),
        (["run", "sum.yaml", "--set", "a..b=1"], "--set a..b=1: expected a key before '='"),
        (["run", "sum.yaml", "--set", "a=[1"], "--set a=[1: the value cannot be read: while"),
        (
            ["run", "sum.yaml", "--set", "a=1", "--set", "a.b=2"],
            "--set a.b=2: 'a' is already set, to 1",
        ),
    ],
)
def test_a_wrong_command_is_refused_with_what_to_write(folder, capsys, words, text):
    err = refuse(capsys, words)
    assert text in err
    assert "Traceback" not in err


def test_every_mistake_is_listed_at_once(folder, capsys):
    file = workflow(folder, {"tool": "echo", "depends_on": ["s9"]}, {"tool": "ecco"}, outpt=1)
    err = refuse(capsys, ["run", file, "--tools", "clitools", "--tools", "nope", "--set", "n"])
    assert "--set n: expected KEY=VALUE" in err
    assert "there is no module 'nope'" in err
    assert "there is no step 's9'" in err
    assert "unknown key 'outpt'; did you mean 'output'?" in err
    assert "'ecco'" not in err  # the missing module may have it


def test_check_says_that_a_file_is_fine_without_running_it(folder, capsys):
    assert main(["check", "sum.yaml", "--tools", "clitools"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "sum.yaml: ok ('Sum', 5 steps)\n"
    assert printed.err == ""


def test_check_lists_the_same_mistakes_as_run(folder, capsys):
    file = workflow(folder, {"tool": "echo", "input": {"valu": 1}}, {"tool": "ecco"})
    words = [file, "--tools", "clitools"]
    assert refuse(capsys, ["check", *words]) == refuse(capsys, ["run", *words])


@pytest.mark.parametrize("command", ["check", "run"])
def test_who_names_no_tools_and_needs_some_is_told_of_the_option_once(folder, capsys, command):
    file = workflow(folder, {"tool": "echo"}, {"tool": "say"})
    err = refuse(capsys, [command, file])
    assert err.count("there is no tool") == 2
    assert err.endswith("(your own tools: --tools MODULE)\n")
    assert err.count("--tools") == 1
    assert "--tools" not in refuse(capsys, [command, file, "--tools", "clitools:echo"])
    other = workflow(folder, {"tool": "http_request", "depends_on": ["s9"]})
    assert "--tools" not in refuse(capsys, [command, other])


def test_the_help_of_run_names_every_key_of_its_json(folder, capsys):
    assert run(workflow(folder, {"tool": "echo"}), "--json") == 0
    keys = ", ".join(json.loads(capsys.readouterr().out))
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert keys in " ".join(capsys.readouterr().out.split())


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"hocket {importlib.metadata.version('hocket')}\n"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["check", "--help"]])
def test_help_has_examples_and_exit_codes(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "hocket run workflow.yaml --tools my_tools --set city=Ghent" in out
    assert "130  Ctrl-C" in out


# --- as a process


def test_the_exit_code_is_that_of_the_process(folder):
    for file, code in (("sum.yaml", 0), ("failing.yaml", 1), ("nowhere.yaml", 2)):
        words = command("run", file, "--tools", "clitools", "--set", "n=2", "--json")
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert (json.loads(done.stdout)["success"] is (code == 0)) if code < 2 else not done.stdout


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"{text!r} was never written")


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


BLOCK_RICH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
from hocket._cli.main import main
sys.exit(main(sys.argv[1:]))
"""


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


# --- on a terminal


def on_a_terminal(words, **environment):
    """Run a command whose standard output and error are a terminal; give code and text."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **environment}
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # how Linux says that the other end is closed
            data = b""
        if not data:
            break
        seen += data
    os.close(master)
    return process.wait(timeout=30), seen.decode()


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

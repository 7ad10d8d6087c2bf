"""The command's options, and what it says of wrong ones."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import subprocess
import sys

import pytest

from hocket._cli.main import main
from tests.cli.commands import (
    refuse,
    run,
    workflow,
    write,
)

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


def test_a_value_that_set_did_not_give_is_a_mistake_before_anything_runs(folder, capsys):
    text = """
name: W
steps:
  - {id: a, tool: echo, input: {value: "to $context.city and $context.a.c"}}
output: $context["no such"]
"""
    write(folder, "w.yaml", text)
    err = refuse(capsys, ["run", "w.yaml", "--tools", "clitools", "--set", "a.b=1"])
    assert err.splitlines()[1:] == [
        (
            "w.yaml:4:44: steps[0].input.value: $context.city: $context has no 'city'; it has: a; "
            "pass it with --set city=VALUE"
        ),
        "w.yaml:4:62: steps[0].input.value: $context.a.c: $context.a has no 'c'; it has: b",
        "w.yaml:5:9: output: $context[\"no such\"]: $context has no 'no such'; it has: a",
    ]
    assert main(["check", "w.yaml", "--tools", "clitools"]) == 0  # it knows of no values
    assert "ok" in capsys.readouterr().out


def test_a_value_of_set_is_held_against_the_type_of_its_parameter(folder, capsys):
    write(folder, "others.py", "import hocket\n@hocket.tool\nasync def wait(delay: float): pass\n")
    file = workflow(folder, {"tool": "wait", "input": {"delay": "$context.s"}})
    words = ["run", file, "--tools", "others", "--quiet", "--set"]
    assert main([*words, "s=0"]) == 0
    capsys.readouterr()
    err = refuse(capsys, [*words, "s=fast"])
    assert "tool 'wait' takes a number for 'delay'; found 'fast' as $context.s\n" in err


@pytest.mark.parametrize(
    ("value", "found"), [("5", "5"), ("true", "true"), ("1.5", "1.5"), ("-0x1", None)]
)
@pytest.mark.parametrize("input", [{"text": "$context.a.b"}, "$context.a.b", "${context.a.b}"])
def test_what_is_said_of_a_number_that_set_gives_for_a_text_works_in_a_shell(
    folder, capsys, input, value, found
):
    write(
        folder, "others.py", "import hocket\n@hocket.tool\nasync def say(text: str): return text\n"
    )
    file = workflow(folder, {"tool": "say", "input": input})
    words = ["run", file, "--tools", "others", "--quiet", "--set"]
    code = main([*words, f"a.b={value}"])
    printed = capsys.readouterr()
    if found is None:
        assert (code, json.loads(printed.out)) == (0, value)
        return
    assert code == 2
    (advice,) = re.findall(r"; pass it as (.*), with both quotes$", printed.err, re.MULTILINE)
    (passed,) = shlex.split(f"a.b={advice}")
    assert main([*words, passed]) == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize("input", [{"text": "$context.text"}, "$context.text", "$context"])
@pytest.mark.parametrize(
    ("type_", "text"), [("str", "T"), ("str | None", "T"), ("list[str]", "[T]")]
)
def test_what_set_gives_is_no_reference_whatever_it_says(folder, capsys, input, type_, text):
    tool = f"import hocket\n@hocket.tool\nasync def say(text: {type_}, n=0): return text\n"
    write(folder, "others.py", tool)
    file = workflow(folder, {"tool": "say", "input": input})
    given = text.replace("T", "$context.n")
    words = ["run", file, "--tools", "others", "--quiet", "--set", "n=5", "--set", f"text={given}"]
    assert main(words) == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out) == (["$context.n"] if "[" in text else "$context.n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, text) for text in ("NO", "on", "0777", "12:30", "1_000", "2030-01-31", "1e999")],
        *[("9" * 5_000, "9" * 5_000), ("!!bool foo", "!!bool foo"), ("!!set {a}", "!!set {a}")],
        *[("{on: NO, 1: 2}", {"on": "NO", "1": 2}), ("0x1F", 31), ("1e3", 1000.0), (".nan", "nan")],
        ("\udcff", "\udcff"),  # a byte that is no UTF-8, as Python hands it on
    ],
)
def test_a_value_of_set_is_read_as_yaml_1_2_has_it(folder, capsys, text, value):
    file = workflow(folder, {"tool": "echo", "input": {"value": "$context.v"}})
    assert run(file, "--quiet", f"--set=v={text}") == 0
    assert json.loads(capsys.readouterr().out) == value


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("v=[0777]", "the value cannot be read: 0777 is one number in YAML 1.1"),
        ("v=[!!int '']", "the value cannot be read: expected a whole number; found ''"),
        ("v=" + "[" * 5_000, "...: the value cannot be read: "),
        ("a." * 5_000 + "b=1", "...: keys are nested at most 100 deep"),
        ("v={a: 1, a: 2}", "the value cannot be read: the key 'a' stands twice"),
        ("v={? [a] : 1}", "the value cannot be read: a key must be text"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_in_words(folder, capsys, setting, said):
    err = refuse(capsys, ["run", "sum.yaml", "--tools", "clitools", f"--set={setting}"])
    assert said in err
    assert len(err) < 5_000


# --- wrong usage


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["walk"], "invalid choice: 'walk'"),
        (["run"], "the following arguments are required: FILE"),
        (["run", "sum.yaml", "--colour"], "unrecognized arguments: --colour"),
        (["run", "sum.yaml", "--log-level", "loud"], "expected debug, info, warning, error or"),
        (["run", "sun.yaml"], "sun.yaml: cannot read the file: No such file or directory; did you"),
        (["run", "."], ".: cannot read the file: it is a directory; name a file in it"),
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


def test_a_folder_that_was_deleted_is_no_traceback(folder):
    code = (
        # First: CPython 3.13.0 cannot import its own socket module there.
        "import os, sys, tempfile\nfrom hocket._cli.main import main\n"
        "gone = tempfile.mkdtemp(); os.chdir(gone); os.rmdir(gone)\n"
        f"sys.exit(main(['run', {str(folder / 'sum.yaml')!r}, '--tools', 'clitools']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no module 'clitools'" in done.stderr
    assert "Traceback" not in done.stderr


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

"""What names, texts and errors hold is shown on the terminal: never obeyed, never lost."""

from __future__ import annotations

import ast
import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from hocket._base.shown import visible, visible_lines
from hocket._cli.main import main
from tests.cli.commands import command, on_a_terminal, refuse, run, workflow, write

ODD = [
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "a\x7fb",
    "one\ntwo",
    "one\rtwo",
    "one\u2028two\x85three",
    "\u202eesrever\u2066",
    "[bold]markup[/bold] :smile:",
    "\x1b]0;title\x07\x1b]52;c;eA==\x07",
    "zero\u200bwidth\ufeff\u00ad",
    "tab\tstop\x08\x08",
]


def unsafe(text):
    """What of a text a terminal might obey or hide, ends of lines and tabs left out."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")} - set("\n\t")


@given(st.text())
def test_a_visible_text_is_one_line_that_no_terminal_obeys_and_loses_nothing(text):
    line = visible(text)
    assert not unsafe(line)
    assert "\n" not in line
    assert "\t" not in line
    if "\\" not in text:
        assert ast.literal_eval('"{}"'.format(line.replace('"', '\\"'))) == text


@given(st.text(alphabet="ab\n\t\r\x1b"))
def test_lines_stay_lines(text):
    assert visible_lines(text).count("\n") == text.count("\n")
    assert not unsafe(visible_lines(text))


def test_a_wrong_workflow_of_wrong_names_forges_no_line(folder, capsys):
    name = "a\nb\x1b[31m.yaml"
    write(folder, name, json.dumps({"name": "x\ny", "steps": [{"id": "a\nb", "tool": "q\nr"}]}))
    err = refuse(capsys, ["check", name])
    assert "\x1b" not in err
    assert err.splitlines()[0] == r"a\nb\x1b[31m.yaml has 1 mistake:"
    assert len(err.splitlines()) == 3
    assert r"a\nb\x1b[31m.yaml:1:" in err.splitlines()[1]


@pytest.fixture
def odd_names(folder):
    """A workflow whose ids, groups, name, results and errors are odd."""
    steps = [
        {"id": f"{n}{text}", "tool": "echo", "input": {"value": text, "seconds": 0.02}}
        for n, text in enumerate(ODD)
    ]
    steps += [
        {"id": f"f{n}{text}", "tool": "explode", "input": {"text": text}, "continue_on_error": True}
        for n, text in enumerate(ODD)
    ]
    steps += [{"id": f"s{n}", "tool": "say", "input": {"text": text}} for n, text in enumerate(ODD)]
    output = {str(n): text for n, text in enumerate(ODD)}
    whole = {"name": "\x1b[2J[red]W\nforged: succeeded", "steps": steps, "output": output}
    return write(folder, "w.yaml", json.dumps(whole))


@pytest.mark.parametrize(
    "option", [[], ["--json"], ["--quiet"], ["--progress", "summary"]], ids=str
)
def test_what_is_odd_reaches_no_stream_raw(odd_names, capsys, option):
    assert run(odd_names, "--log-level", "info", *option) == 0
    printed = capsys.readouterr()
    assert not unsafe(printed.out + printed.err)
    for text in ODD:
        assert json.dumps(text)[1:-1] in printed.out
        assert option or visible(f"f{ODD.index(text)}{text}") in printed.out
    if option in (["--json"], ["--quiet"]):
        document = json.loads(printed.out)
        output = document["output"] if option == ["--json"] else document
        assert list(output.values()) == ODD
    assert "\nforged" not in printed.out + printed.err
    assert "printed: [bold]markup" in printed.err


def test_failures_in_quiet_are_lines_of_ones_own(folder, capsys):
    file = workflow(folder, {"tool": "explode", "input": {"text": "a\nforged failed: \x9b"}})
    assert run(file, "--quiet") == 1
    assert capsys.readouterr().err == "s0 failed: RuntimeError: a forged failed: \\x9b\n"


def test_a_terminal_is_sent_no_escapes_but_those_of_the_display(odd_names):
    code, seen = on_a_terminal(command("run", odd_names, "--tools", "clitools"))
    assert code == 0
    assert "\x1b[31mred" not in seen
    assert "\x1b[2J" not in seen
    assert "\x1b]" not in seen
    assert not {c for c in unsafe(seen) if c not in "\x1b\r"}
    assert r"\x1b[31mred" in seen
    assert "[bold]markup[/bold] :smile:" in seen
    assert "\nforged" not in seen


def test_wrong_arguments_are_shown_too(folder, capsys):
    err = refuse(capsys, ["run", "sum.yaml", "--\x1b[31m"])
    assert "\x1b" not in err
    err = refuse(
        capsys, ["run", "sum.yaml", "--set", "a\nforged", "--set", "\x9b=1", "--tools", "\x1b/x"]
    )
    assert not unsafe(err)
    assert "\nforged" not in err


def test_check_shows_odd_names(odd_names, capsys):
    assert main(["check", odd_names, "--tools", "clitools"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert not unsafe(out)
    assert "33 steps" in out

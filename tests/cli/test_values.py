"""What a run is given on the command line, and what is said of why steps ran or not."""

from __future__ import annotations

import json

import pytest

from hocket._cli.main import main

FILE = """\
version: 1
name: w
parameters:
  city: {type: str, enum: [Ghent, Lima], default: Ghent}
  n: {type: int, required: true, description: how many}
steps:
  - {id: a, tool: database_query, input: {query: "SELECT 1 AS x", database: ":memory:"}}
  - {id: b, tool: database_query, when: $context.n > 1, input: {query: "SELECT ?", database: ":memory:", parameters: [$context.city]}}
  - {id: c, tool: database_query, depends_on: [b], input: {query: "SELECT 2", database: ":memory:"}}
output: [$context.city, $context.n]
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_text(FILE)
    return tmp_path


def test_a_file_of_values_is_read_and_set_counts_more(file, capsys):
    (file / "one.yaml").write_text("city: Lima\nn: 2\n")
    (file / "two.json").write_text('{"n": 3}')
    words = ["run", "w.yaml", "--quiet", "--params", "one.yaml", "--params", "two.json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == ["Lima", 3]
    assert main([*words, "--set", "n=4", "--set", "city=Ghent"]) == 0
    assert json.loads(capsys.readouterr().out) == ["Ghent", 4]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "--params v.yaml: cannot read the file: No such file or directory"),
        ("- 1", "--params v.yaml: expected a mapping of values by name"),
        ("a: [1", "--params v.yaml:1:"),
    ],
)
def test_a_file_of_values_that_is_none_is_refused(file, capsys, content, text):
    if content is not None:
        (file / "v.yaml").write_text(content)
    assert main(["run", "w.yaml", "--params", "v.yaml"]) == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "run"])
def test_values_are_held_against_the_parameters_before_anything_runs(file, capsys, command):
    assert main([command, "w.yaml", "--set", "city=Ghnt", "--set", "m=1"]) == 2
    wrong = [
        "4:3: parameters.m: what the run is given: there is no such parameter (parameters: city, n)",
        "4:9: parameters.city: what the run is given: expected one of 'Ghent', 'Lima'; found 'Ghnt'; ",
        "5:6: parameters.n: what the run is given: the run needs this parameter: how many",
        "8:41: steps[1].when: $context.n: $context has no 'n'; it has: city, m; pass it with --set n=",
        "10:25: output[1]: $context.n: $context has no 'n'; it has: city, m; pass it with --set n=VALUE",
    ]
    headline, *lines = capsys.readouterr().err.splitlines()
    assert headline == "w.yaml has 5 mistakes:"
    for line, beginning in zip(lines, wrong, strict=True):
        assert line.removeprefix("w.yaml:").startswith(beginning)


def test_without_values_a_check_asks_for_none(file, capsys):
    assert main(["check", "w.yaml"]) == 0
    assert capsys.readouterr().out == "w.yaml: ok ('w', 3 steps)\n"


def test_a_reference_to_what_is_not_declared_is_a_warning_with_its_place(file, capsys):
    text = FILE.replace("$context.city]}}", "$context.cty]}}")
    (file / "w.yaml").write_text(text)
    assert main(["check", "w.yaml"]) == 0
    found = capsys.readouterr().err
    assert (
        "w.yaml:8:119: steps[1].input.parameters[0]: $context.cty: the parameters do not" in found
    )
    assert "did you mean 'city'?" in found


def test_a_run_says_why_a_step_did_not_run(file, capsys):
    words = ["run", "w.yaml", "--quiet", "--set", "n=1", "--explain", "c", "--explain", "a"]
    assert main(words) == 0
    because = "no step that it depends on succeeded: b was skipped: its condition said no"
    why = f"c was skipped: {because}: $context.n > 1"
    assert capsys.readouterr().err.splitlines() == [why, "a succeeded"]
    assert main([*words, "--explain", "d"]) == 2
    assert "--explain d: there is no such step" in capsys.readouterr().err


def test_json_and_table_show_the_words_and_the_reasons(file, capsys):
    assert main(["run", "w.yaml", "--json", "--set", "n=1", "--progress", "none"]) == 0
    steps = {one["id"]: one for one in json.loads(capsys.readouterr().out)["steps"]}
    assert [steps[id_]["state"] for id_ in "abc"] == ["succeeded", "skipped", "skipped"]
    assert steps["a"]["reason"] is None
    assert steps["b"]["reason"] == "its condition said no: $context.n > 1"
    assert main(["run", "w.yaml", "--set", "n=1", "--progress", "plain"]) == 0
    printed = capsys.readouterr()
    assert "b's condition said no" in printed.out
    assert "3 steps: 1 succeeded, 2 skipped" in printed.out
    assert "skipped" in printed.err

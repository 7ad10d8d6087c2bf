"""What `--explain` says of steps that have no line of their own, and what the report says of attempts."""

from __future__ import annotations

import json

import pytest

from hocket._cli.main import main
from tests.cli.commands import write

LOOPS = """\
name: w
steps:
  - id: good
    for_each: {in: [one, two, three], key: $item}
    step: {tool: echo, input: {value: $item}, when: "$item != 'three'"}
  - id: bad
    on_error: skip_dependents
    for_each: {in: [one], key: $item}
    step: {tool: explode, input: {text: no $item}}
  - id: nested
    on_error: skip_dependents
    for_each: {in: [x], as: outer, key: $outer}
    steps:
      - {id: first, tool: echo, input: {value: 1}}
      - id: inner
        depends_on: [first]
        for_each: {in: [a, b], key: $item}
        step: {tool: echo, input: {value: $item}}
      - {id: never, tool: echo, when: "false"}
      - {id: broken, tool: explode, input: {text: too bad}, on_error: skip_dependents, depends_on: [inner]}
      - {id: after, tool: echo, depends_on: [broken]}
  - id: cells
    matrix: {x: [1, 2]}
    step:
      for_each: {in: [a], key: $item}
      step: {tool: echo, input: {value: $item}}
  - id: stopped
    on_error: skip_dependents
    for_each: {in: [fails, waits], key: $item}
    steps:
      - {id: wait, tool: echo, input: {seconds: 60}, when: "$item == 'waits'"}
      - {id: fail, tool: explode, when: "$item == 'fails'"}
      - {id: last, tool: echo, depends_on: [wait]}
  - id: part
    workflow: part.yaml
  - id: block
    steps: [{id: held, tool: echo}]
"""
PART = "name: part\nsteps:\n  - {id: a, tool: echo}\n  - {id: b, tool: echo, when: $states.a == 'failed'}\n"


def said(*names, file="w.yaml"):
    """Run a file, and return the exit code of explaining these."""
    asked = [word for name in names for word in ("--explain", name)]
    return main(["run", file, "--tools", "clitools", "--quiet", *asked])


@pytest.fixture
def loops(folder):
    write(folder, "part.yaml", PART)
    write(folder, "w.yaml", LOOPS)


SAID = {
    "good[one]": "good[one] succeeded",
    "good[three]": "good[three] was skipped: its condition said no: $item != 'three'",
    "good[four]": "good[four] was not reached: nothing of that name has run, and good succeeded",
    "bad[one]": "bad[one] failed: no one",
    "nested[x]": "nested[x] succeeded",
    "nested[x].first": "nested[x].first succeeded",
    "nested[x].inner[b]": "nested[x].inner[b] succeeded",
    "nested[x].never": "nested[x].never was skipped: its condition said no: false",
    "nested[x].after": "nested[x].after was skipped: it needs broken, which failed: too bad",
    "cells[2][a]": "cells[2][a] succeeded",
    "stopped[fails].fail": "stopped[fails].fail failed: out of\\n order",
    "stopped[waits]": "stopped[waits] was cancelled: it is inside stopped, which failed: ",
    "stopped[waits].wait": "stopped[waits].wait was cancelled: it is inside stopped, which failed: ",
    "stopped[waits].last": "stopped[waits].last was not reached: it is inside stopped[waits], which was "
    "cancelled: it is inside stopped, which failed: ",
    "part.a": "part.a succeeded",
    "part.b": "part.b was skipped: its condition said no: $states.a == 'failed'",
}


def test_what_is_inside_of_loops_and_other_workflows_is_explained_by_the_names_of_observers(
    loops, capsys
):
    assert said(*SAID) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if " " in line]
    for line, beginning in zip(lines, SAID.values(), strict=True):
        assert line.startswith(beginning)
        assert line == beginning or beginning.endswith(": ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("goood", "there is no such step; did you mean 'good'?"),
        ("block.held", "there is no such step; did you mean 'held'?"),
        ("held[x]", "there is no such step; did you mean 'held'?"),
        ("xyz[1]", "there is no such step"),
    ],
)
def test_what_is_inside_of_nothing_is_refused_before_the_run(loops, capsys, name, text):
    assert said(name) == 2
    assert capsys.readouterr().err == f"--explain {name}: {text}\n"


FLAKY = """\
import hocket

tried = []


@hocket.tool
async def flaky(failures):
    tried.append(1)
    if len(tried) <= failures:
        raise OSError("not yet")
    return len(tried)
"""
RETRIES = """\
name: w
steps:
  - {id: s, tool: flaky, input: {failures: FAILURES}, retry: {on: [OSError], wait_initial: 0, wait_jitter: 0}}
  - {id: t, tool: flaky, input: {failures: 0}, depends_on: [s]}
  - {id: l, for_each: {in: [x], key: $item}, step: {tool: flaky, input: {failures: 0}}, depends_on: [t]}
"""


@pytest.mark.parametrize(("failures", "state"), [(2, "succeeded"), (9, "failed")])
def test_json_and_the_explanation_tell_the_attempts_of_a_step_that_was_tried_again(
    folder, capsys, failures, state
):
    write(folder, "others.py", FLAKY)
    write(folder, "w.yaml", RETRIES.replace("FAILURES", str(failures)))
    code = 0 if state == "succeeded" else 1
    words = ["run", "w.yaml", "--tools", "others", "--progress", "none", "--explain", "s"]
    assert main([*words, "--json"]) == code
    printed = capsys.readouterr()
    steps = {step["id"]: step for step in json.loads(printed.out)["steps"]}
    assert [steps[id_]["attempts"] for id_ in "st"] == [3, 1 if state == "succeeded" else 0]
    assert f"s {state} after 3 attempts" in printed.err


@pytest.mark.parametrize(
    ("failures", "note"), [(2, "3 attempts"), (9, "failed the run, 3 attempts")]
)
def test_so_does_the_table(folder, capsys, failures, note):
    write(folder, "others.py", FLAKY)
    write(folder, "w.yaml", RETRIES.replace("FAILURES", str(failures)))
    main(["run", "w.yaml", "--tools", "others", "--progress", "none"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("s ")]
    assert line.endswith(f"  {note}")


UNREACHABLE = """\
name: w
fail_fast: false
steps:
  - id: loop
    for_each: {in: [1, 2], wait_strategy: quorum(2)}
    step: {tool: echo, when: $item == 1}
  - id: g
    group:
      wait_strategy: quorum(2)
      steps: [{id: a, tool: echo}, {id: b, tool: echo, when: 1 > 2}]
"""


@pytest.mark.parametrize("name", ["loop", "g"])
def test_a_strategy_out_of_reach_is_explained_once(folder, capsys, name):
    file = write(folder, "unreachable.yaml", UNREACHABLE)
    assert said(name, file=file) == 1
    explained = capsys.readouterr().err.splitlines()[-1]
    assert explained.startswith(f"{name} failed: ")
    assert explained.count("needs 2") == 1


def test_a_strategy_out_of_reach_is_said_once_in_the_report(folder, capsys):
    file = write(folder, "unreachable.yaml", UNREACHABLE)
    assert main(["run", file, "--tools", "clitools", "--progress", "none"]) == 1
    errors = capsys.readouterr().out.partition("errors\n")[2].splitlines()
    assert any("loop 'loop' failed: " in line for line in errors)
    assert all(line.count("needs 2") <= 1 for line in errors)

"""``--quiet`` where a run fails: it always says why, once, and first of all what failed the run."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.commands import run, workflow, write

ECHO = {"tool": "echo"}
EXPLODE = {"tool": "explode", "input": {"text": "boom"}}
SLOW = {"tool": "echo", "input": {"seconds": 60}}
NEVER = {"tool": "echo", "when": "1 > 2"}
SUB = {"name": "Sub", "parameters": {"n": {"type": "int"}}, "steps": [{"id": "in_it", **EXPLODE}]}


def of_members(*members, **group):
    """A group of which no member fails of itself."""
    return {"group": {"steps": [{"id": f"m{n}", **one} for n, one in enumerate(members)], **group}}


def each(items, step, **more):
    return {"for_each": {"in": items, **more}, "step": step}


def branch(condition, step):
    return {"branch": {"type": "if", "condition": condition, "then_steps": [step]}}


# Steps that fail of themselves, and what has to be said of it.
OWN = {
    "for_each": (each([1, 2], EXPLODE), "boom"),
    "matrix": ({"matrix": {"a": [1, 2]}, "step": EXPLODE}, "boom"),
    "repeat": ({"repeat": {"max": 2, "until": "$index > 5"}, "step": ECHO}, "after 2 passes"),
    "sub-workflow": ({"workflow": "sub.yaml", "with": {"n": 1}}, "boom"),
    "keys": (each("$context.twice", ECHO, key="$item"), "belongs to more than one"),
    "no list": (each("$context.nothing", ECHO), "'in' has to be"),
    "with": (
        each("$context.words", {"workflow": "sub.yaml", "with": {"n": "$item"}}),
        "a whole number",
    ),
    "timeout of a group": (of_members(SLOW, timeout=0.05), "0.05 s"),
    "timeout of a sequence": ({"sequence": [{"id": "m", **SLOW}], "timeout": 0.05}, "0.05 s"),
    "timeout of a loop": ({**each([1], SLOW), "timeout": 0.05}, "0.05 s"),
    "quorum": (of_members(ECHO, NEVER, wait_strategy="quorum(2)"), "needs 2 of its 2 steps"),
    "quorum and a failure": (
        of_members(ECHO, NEVER, EXPLODE, wait_strategy="quorum(3)"),
        "needs 3 of its 3 steps",
    ),
    "branch": (
        branch("$context.nothing > 3", {"id": "m", **ECHO}),
        "$context.nothing",
    ),
    "block": (
        {"when": "$context.nothing > 3", "steps": [{"id": "m", **ECHO}]},
        "$context.nothing",
    ),
    "timeout that is none": (of_members(ECHO, timeout="$context.text"), "found 'soon'"),
    "loop in a group": (of_members(each([1], EXPLODE)), "boom"),
    "group in a loop": (each([1], of_members(EXPLODE)), "boom"),
}
GIVEN = (
    "--set",
    "twice=[1, 1]",
    "--set",
    "nothing=null",
    "--set",
    "words=[x]",
    "--set",
    "text=soon",
)


@pytest.mark.parametrize(("step", "told"), OWN.values(), ids=OWN)
def test_whatever_step_fails_a_run_quiet_says_why(folder, capsys, step, told):
    write(folder, "sub.yaml", json.dumps(SUB))
    assert run(workflow(folder, step), "--quiet", *GIVEN) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err


@pytest.mark.parametrize(("step", "told"), OWN.values(), ids=OWN)
def test_whatever_step_fails_a_run_debug_shows_a_traceback(folder, capsys, step, told):
    write(folder, "sub.yaml", json.dumps(SUB))
    assert run(workflow(folder, step), "--quiet", "--log-level", "debug", *GIVEN) == 1
    # What ran out of time has none: nothing of it was raised.
    assert re.search(
        r"^step '(s0|m0?)' failed: .*\n(.*StepTimeout:|Traceback| *\+ Exception Group Traceback)",
        capsys.readouterr().err,
        re.MULTILINE,
    )


def test_max_duration_is_said_first(folder, capsys):
    steps = [
        {**EXPLODE, "continue_on_error": True},
        each([1], SLOW),
    ]
    assert run(workflow(folder, *steps, max_duration=0.1), "--quiet") == 1
    first, *more = capsys.readouterr().err.splitlines()
    assert first == "W: ran past its max_duration of 0.1 s"
    assert any("boom" in line for line in more)


@pytest.mark.parametrize(
    "holder",
    [
        of_members(EXPLODE, SLOW),
        {"sequence": [{"id": "m0", **EXPLODE}]},
        branch("1 < 2", {"id": "m0", **EXPLODE}),
    ],
    ids=["group", "sequence", "branch"],
)
def test_a_failure_inside_of_a_group_is_told_once(folder, capsys, holder):
    assert run(workflow(folder, holder), "--quiet") == 1
    assert capsys.readouterr().err == "m0 failed: RuntimeError: boom\n"


def test_what_failed_the_run_comes_before_what_is_tolerated(folder, capsys):
    steps = [
        {**EXPLODE, "continue_on_error": True},
        {**each([1], EXPLODE), "depends_on": ["s0"]},
    ]
    file = workflow(folder, *steps, **{"finally": [{"id": "last", **EXPLODE}]})
    assert run(file, "--quiet") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["s1", "s0", "last"]

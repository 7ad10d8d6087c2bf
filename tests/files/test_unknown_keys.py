"""A key that is none: one mistake, which says what is meant or where it belongs, and no other."""

from __future__ import annotations

import json

import attrs
import pytest

from hocket import WorkflowFileError, load_workflow
from hocket._files.entries import StepEntry

TOOL = {"tool": "t"}
STEPS = {
    "tool": TOOL,
    "retry": {**TOOL, "retry": {"on": ["any"]}},
    "on_error": {**TOOL, "on_error": "fail"},
    "continue_on_error": {**TOOL, "continue_on_error": True},
    "group": {"group": {"steps": [{"id": "m", **TOOL}]}},
    "branch": {"branch": {"type": "if", "condition": "1 < 2", "then_steps": []}},
    "steps": {"steps": [{"id": "m", **TOOL}]},
    "sequence": {"sequence": [{"id": "m", **TOOL}]},
    "workflow": {"workflow": "part.yaml"},
    "for_each": {"for_each": {"in": [1]}, "step": TOOL},
    "for_each steps": {"for_each": {"in": [1]}, "steps": [{"id": "m", **TOOL}]},
    "matrix": {"matrix": {"a": [1]}, "step": TOOL},
    "repeat": {"repeat": {"until": "1 < 2"}, "step": TOOL},
}
# What stands under a key that is surely one of these is looked at: here it is right.
READ_ANYWAY = {"input": {}, "depends_on": [], "when": "1 < 2", "with": {}}
KEYS = [field.name.removesuffix("_") for field in attrs.fields(StepEntry)]


def mistakes(folder, text):
    (folder / "part.yaml").write_text(json.dumps({"name": "P", "steps": [{"id": "p", **TOOL}]}))
    (folder / "w.yaml").write_text(text)
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow("w.yaml")
    return [str(one).removeprefix("w.yaml:") for one in caught.value.mistakes]


def of_step(folder, step):
    return mistakes(folder, json.dumps({"name": "W", "steps": [{"id": "a", **step}]}))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_misspelt_key_that_nobody_misses_is_one_mistake(tmp_path, monkeypatch, step):
    monkeypatch.chdir(tmp_path)
    more = {
        wrong: READ_ANYWAY.get(key, 5)
        for key in KEYS
        for wrong in (f"{key}_x", f"{key[:-1]}", f"{key}zzzz")
        if wrong not in KEYS
    }
    assert len(more) > 50
    for key, value in more.items():
        found = of_step(tmp_path, {**step, key: value})
        assert len(found) == 1, found
        assert f"unknown key {key!r}" in found[0]


@pytest.mark.parametrize("kind", ["tool", "group", "steps", "for_each", "workflow"])
def test_a_misspelt_key_that_is_missed_is_one_mistake(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    step = dict(STEPS[kind])
    step[f"{kind}s" if kind != "steps" else "stepss"] = step.pop(kind)
    found = of_step(tmp_path, step)
    assert len(found) == 1, found
    assert f"did you mean {kind!r}?" in found[0]


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("rate", "'group', 'for_each', 'matrix' or 'parallel_config'"),
        ("max_concurrent", "'group', 'for_each', 'matrix' or 'parallel_config'"),
        ("wait_strategy", "'group', 'for_each' or 'matrix'"),
        ("step_timeout", "'group'"),
        ("until", "'repeat'"),
        ("attempts", "'retry'"),
        ("queue_size", "'parallel_config'"),
    ],
)
def test_a_key_that_belongs_elsewhere_says_where(tmp_path, monkeypatch, key, where):
    monkeypatch.chdir(tmp_path)
    for step in STEPS.values():
        (found,) = of_step(tmp_path, {**step, key: {"limit": 3}})
        assert found.endswith(f"steps[0].{key}: unknown key {key!r}; it stands in {where}")


def test_a_rate_for_all_steps_stands_in_parallel_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "name: W\nrate: {limit: 3}\nsteps:\n  - {id: a, tool: t}\n"
    why = "2:1: rate: unknown key 'rate'; it stands in 'parallel_config'"
    assert mistakes(tmp_path, text) == [why]


def test_where_a_key_belongs_is_said_as_the_file_spells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "name: W\nsteps:\n  - {id: a, toolName: t, maxConcurrent: 3}\n"
    (found,) = mistakes(tmp_path, text)
    assert found.endswith("it stands in 'parallelGroup', 'forEach', 'matrix' or 'parallelConfig'")


def test_what_is_really_there_is_still_told_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = of_step(tmp_path, {"tool": "t", "group": STEPS["group"]["group"], "gruop": 5})
    assert len(found) == 2
    assert any("a step has 'tool' or 'group', not both" in one for one in found)

"""Workflow files: both spellings, and every mistake of a file at once, each in its place."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hocket._base.errors import HocketError, WorkflowFileError, WorkflowInvalid
from hocket._files.load import load_workflow, workflow_from_dict
from hocket._model.config import WorkerPoolConfig
from hocket._model.strategy import Quorum, WaitStrategy
from hocket.tools import builtin_tools

NATIVE = """
name: report
description: fetches and reports
max_duration: 2m
parallel_config:
  max_concurrent: 5
  queue_size: 100
  timeout: 30
  when_full: wait
steps:
  - id: fetch
    tool: http_request
    input: {url: "$context.url"}
    timeout: 500ms
  - id: enrich
    depends_on: [fetch]
    group:
      id: enrichment
      wait_strategy: quorum(2)
      max_concurrent: 3
      continue_on_error: true
      timeout: 15s
      step_timeout: 1.5
      steps:
        - reviews
        - {id: prices, tool: http_request, input: {url: "$results.fetch.url"}}
        - id: stock
          group: {steps: [{id: shelf, tool: http_request}]}
  - {id: reviews, tool: http_request, continue_on_error: true}
output: {total: "$results.enrich.results.length"}
"""

CAMEL = """
name: report
description: fetches and reports
maxDuration: 120000
parallelConfig: {maxConcurrent: 5, queueSize: 100, timeout: 30000, whenFull: wait}
steps:
  - id: fetch
    toolName: http_request
    input: {url: "$context.url"}
    timeout: 500
  - id: enrich
    dependsOn: [fetch]
    parallelGroup:
      id: enrichment
      waitStrategy: quorum(2)
      maxConcurrent: 3
      continueOnError: true
      timeout: 15000
      stepTimeout: 1500
      steps:
        - reviews
        - {id: prices, toolName: http_request, input: {url: "$results.fetch.url"}}
        - id: stock
          parallelGroup: {steps: [{id: shelf, toolName: http_request}]}
  - {id: reviews, toolName: http_request, continueOnError: true}
output: {total: "$results.enrich.results.length"}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a file of that content, which is called workflow.yaml."""
    monkeypatch.chdir(tmp_path)

    def load(text, tools=None):
        data = text if isinstance(text, bytes) else text.encode()
        Path("workflow.yaml").write_bytes(data)
        return load_workflow("workflow.yaml", tools)

    return load


def mistakes(text, load, tools=None):
    with pytest.raises(WorkflowFileError) as caught:
        load(text, tools)
    return str(caught.value).splitlines()


def test_a_file_may_have_no_limit_and_no_queue(load):
    text = "name: x\nparallel_config: {max_concurrent: .inf, queue_size: 0}\nsteps: [{id: a, tool: t}]\n"
    assert load(text).parallel_config == WorkerPoolConfig(max_concurrent=math.inf, queue_size=0)


@pytest.mark.parametrize("text", [NATIVE, CAMEL], ids=["native", "camelCase"])
def test_a_file_holds_the_whole_model_in_either_spelling(text, load):
    definition = load(text)
    assert (definition.name, definition.description) == ("report", "fetches and reports")
    assert definition.max_duration == 120.0
    assert definition.parallel_config == WorkerPoolConfig(
        max_concurrent=5, queue_size=100, timeout=30, when_full="wait"
    )
    fetch, enrich, reviews = definition.steps
    assert (fetch.tool, fetch.input, fetch.timeout) == (
        "http_request",
        {"url": "$context.url"},
        0.5,
    )
    assert enrich.depends_on == ("fetch",)
    assert reviews.continue_on_error
    group = enrich.group
    assert (group.id, group.wait_strategy, group.max_concurrent) == ("enrichment", Quorum(2), 3)
    assert (group.continue_on_error, group.timeout, group.step_timeout) == (True, 15.0, 1.5)
    assert [getattr(member, "id", member) for member in group.steps] == [
        "reviews",
        "prices",
        "stock",
    ]
    assert group.steps[2].group.id == "stock"
    assert definition.output == {"total": "$results.enrich.results.length"}
    assert [step.id for step in definition.top_level_steps()] == ["fetch", "enrich"]


def test_both_spellings_make_the_same_definition(load):
    assert load(NATIVE) == load(CAMEL)


def test_a_file_without_options_has_the_defaults(load):
    definition = load("name: x\nsteps: [{id: g, group: {steps: [{id: a, tool: t}]}}]")
    assert definition.parallel_config == WorkerPoolConfig()
    assert definition.max_duration is None
    assert definition.steps[0].group.wait_strategy is WaitStrategy.ALL
    assert definition.output is None


def test_a_dict_is_read_like_a_file():
    definition = workflow_from_dict(
        {"name": "x", "maxDuration": 1500, "steps": [{"id": "a", "toolName": "t"}]}
    )
    assert definition.max_duration == 1.5


def test_the_mistakes_of_a_dict_have_paths_and_no_lines():
    with pytest.raises(WorkflowFileError) as caught:
        workflow_from_dict(
            {"name": "x", "maxDuration": "5s", "steps": [{"id": "a", "tool": "t"}]}, "request"
        )
    assert str(caught.value).splitlines() == [
        "request has 2 mistakes:",
        (
            "request: steps[0].tool: the file mixes two spellings: 'maxDuration' is camelCase, "
            "'tool' is snake_case; use one of them throughout (durations are seconds in snake_case, "
            "milliseconds in camelCase)"
        ),
        (
            "request: maxDuration: expected a number of milliseconds (15000), as in every file with "
            "camelCase keys; found '5s'"
        ),
    ]


def test_reading_a_dict_leaves_it_as_it_was():
    mapping = {"name": "x", "steps": [{"id": "a", "tool": "t", "depends_on": [5], "tol": 1}]}
    with pytest.raises(WorkflowFileError):
        workflow_from_dict(mapping)
    assert mapping == {
        "name": "x",
        "steps": [{"id": "a", "tool": "t", "depends_on": [5], "tol": 1}],
    }


def test_a_file_in_which_no_key_decides_is_native(load):
    text = "name: x\nsteps: [{id: a, timeout: 5s}]"
    assert mistakes(text, load) == [
        "workflow.yaml has 1 mistake:",
        "workflow.yaml:2:9: steps[0]: a step needs one of 'tool', 'group', 'branch', 'steps', 'sequence', 'workflow', 'for_each', 'matrix' and 'repeat'",
    ]


def test_keys_of_an_input_are_the_authors_own_in_either_spelling(load):
    definition = load("name: x\nsteps: [{id: a, tool: t, input: {maxDuration: 1, toolName: 2}}]")
    assert definition.steps[0].input == {"maxDuration": 1, "toolName": 2}


def test_anchors_and_merges_save_writing(load):
    definition = load(
        "name: x\nsteps:\n"
        "  - &first {id: a, tool: t, timeout: 5, input: &input {k: [1, 2]}}\n"
        "  - {<<: *first, id: b, depends_on: [a]}\n"
        "  - {id: c, tool: u, input: *input}\n"
    )
    a, b, c = definition.steps
    assert (b.tool, b.timeout, b.input) == ("t", 5.0, {"k": [1, 2]})
    assert c.input == a.input


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(load):
    assert load(b"\xef\xbb\xbfname: x\r\nsteps:\r\n  - {id: a, tool: t}\r\n").name == "x"


WRONG = [
    pytest.param(
        "",
        [
            "the file is empty; expected a mapping with name and steps",
        ],
        id="empty file",
    ),
    pytest.param(
        "# nothing\n",
        [
            "the file is empty; expected a mapping with name and steps",
        ],
        id="only a comment",
    ),
    pytest.param(
        "- a\n- b\n",
        [
            "1:1: expected a mapping with version, name, description, ...; found a list",
        ],
        id="not a mapping",
    ),
    pytest.param(
        "name: x\n",
        [
            "1:1: a workflow needs steps",
        ],
        id="no steps",
    ),
    pytest.param(
        "name: x\nsteps: []\n",
        [
            "2:8: steps: a workflow needs at least one step",
        ],
        id="empty steps",
    ),
    pytest.param(
        "steps:\n  - {id: a, tool: t}\n",
        [
            "1:1: a workflow needs a name",
        ],
        id="no name",
    ),
    pytest.param(
        "name: 5\nsteps:\n  - {id: a, tool: t}\n",
        [
            "1:7: name: expected text; found 5; put it in quotes",
        ],
        id="name is a number",
    ),
    pytest.param(
        "name: x\nsteps:\n  - id: a\n    tol: t\n",
        [
            "4:5: steps[0].tol: unknown key 'tol'; did you mean 'tool'?",
        ],
        id="misspelled key",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, colour: red}\n",
        [
            "3:22: steps[0].colour: unknown key 'colour'; known keys: id, tool, input, depends_on, when, timeout, on_error, continue_on_error, retry, run_in, group, branch, steps, sequence, workflow, with, for_each, matrix, repeat, step",
        ],
        id="unknown key",
    ),
    pytest.param(
        "name: x\nmaxDuration: 5\nsteps:\n  - id: a\n    toolname: t\n",
        [
            "5:5: steps[0].toolname: unknown key 'toolname'; did you mean 'toolName'?",
        ],
        id="misspelled key in camelCase",
    ),
    pytest.param(
        "name: x\nsteps:\n  - tool: t\n",
        [
            "3:5: steps[0]: a step needs an id",
        ],
        id="step without id",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: a, tool: t}\n",
        [
            "4:10: steps[1].id: the id 'a' is taken: steps[0] has it too",
        ],
        id="doubled id",
    ),
    pytest.param(
        "name: x\nsteps:\n  - id: a\n",
        [
            "3:5: steps[0]: a step needs one of 'tool', 'group', 'branch', 'steps', 'sequence', 'workflow', 'for_each', 'matrix' and 'repeat'",
        ],
        id="neither tool nor group",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, group: {steps: [b]}}\n  - {id: b, tool: t}\n",
        [
            "3:5: steps[0]: a step has 'tool' or 'group', not both",
        ],
        id="tool and group",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, input: 1, group: {steps: [b]}}\n  - {id: b, tool: t}\n",
        [
            "3:13: steps[0].input: a step with 'group' takes no input",
        ],
        id="group with input",
    ),
    pytest.param(
        "name: x\nmaxDuration: 5\nsteps:\n  - {id: a, tool: t}\n",
        [
            "4:13: steps[0].tool: the file mixes two spellings: 'maxDuration' (line 2) is camelCase, 'tool' (line 4) is snake_case; use one of them throughout (durations are seconds in snake_case, milliseconds in camelCase)",
        ],
        id="mixed spellings",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, timeout: 5 parsecs}\n",
        [
            "3:31: steps[0].timeout: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found '5 parsecs'",
        ],
        id="unknown unit",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, timeout: 0}\n",
        [
            "3:31: steps[0].timeout: expected more than 0, and less than forever; found 0",
        ],
        id="zero duration",
    ),
    pytest.param(
        "name: x\nmaxDuration: 5s\nsteps:\n  - {id: a, toolName: t}\n",
        [
            "2:14: maxDuration: expected a number of milliseconds (15000), as in every file with camelCase keys; found '5s'",
        ],
        id="unit in camelCase",
    ),
    pytest.param(
        "name: x\n"
        "parallel_config: {max_concurrent: 0, when_full: rise, queue_size: 1.5}\n"
        "steps:\n"
        "  - {id: a, tool: t}\n",
        [
            (
                "2:35: parallel_config.max_concurrent: expected a whole number of at least 1, or .inf "
                "for no limit; found 0"
            ),
            "2:49: parallel_config.when_full: expected 'raise' or 'wait'; found 'rise'; did you mean 'raise'?",
            (
                "2:67: parallel_config.queue_size: expected a whole number of at least 0, or .inf for no "
                "limit; found 1.5"
            ),
        ],
        id="bad pool config",
    ),
    pytest.param(
        "name: x\nparallel_config: {queue_size: 0, when_full: wait}\nsteps:\n  - {id: a, tool: t}\n",
        [
            (
                "2:18: parallel_config: queue_size=0 leaves no place to wait in, and when_full='wait' says "
                "to wait for one: write when_full='raise' to refuse a call that cannot start at once, or a "
                "queue_size of at least 1"
            ),
        ],
        id="a queue that cannot be waited in",
    ),
    pytest.param(
        "name: x\nparallel_config: {max_concurrent: 4294967295}\nsteps:\n  - {id: a, tool: t}\n",
        [
            (
                "2:35: parallel_config.max_concurrent: expected a whole number of at least 1, or .inf for "
                "no limit; found 4294967295; so much is no limit: write .inf"
            ),
        ],
        id="more than can be counted",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: fetch, tool: t}\n  - {id: b, tool: t, depends_on: [fetsh]}\n",
        [
            "4:35: steps[1].depends_on[0]: there is no step 'fetsh'; did you mean 'fetch'?",
        ],
        id="unknown dependency",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: a}\n",
        [
            "4:34: steps[1].depends_on: expected a list; found 'a'; write [a]",
        ],
        id="depends_on is text",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: a, tool: t, depends_on: [b]}\n"
        "  - {id: b, tool: t, depends_on: [c]}\n"
        "  - {id: c, tool: t, depends_on: [a]}\n",
        [
            "3:34: steps[0].depends_on: these steps wait for each other: a -> b -> c -> a",
        ],
        id="cycle",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, depends_on: [a]}\n",
        [
            "3:35: steps[0].depends_on[0]: step 'a' depends on itself",
        ],
        id="step that waits for itself",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: a, tool: t, depends_on: [g]}\n"
        "  - {id: m, tool: t, depends_on: [a]}\n"
        "  - {id: g, group: {steps: [m]}}\n",
        [
            "3:34: steps[0].depends_on: these steps wait for each other: a -> g -> a ('m' depends on 'a')",
        ],
        id="cycle through a member",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: g, group: {steps: [mm]}}\n  - {id: m1, tool: t}\n",
        [
            "3:29: steps[0].group.steps[0]: there is no step 'mm'",
        ],
        id="unknown member",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m]}}\n"
        "  - {id: h, group: {steps: [m]}}\n"
        "  - {id: m, tool: t}\n",
        [
            "4:29: steps[1].group.steps[0]: step 'm' already runs in the group of step 'g'; a step is in one group only",
        ],
        id="member of two groups",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: g, group: {steps: [m, m]}}\n  - {id: m, tool: t}\n",
        [
            "3:32: steps[0].group.steps[1]: step 'm' is named twice by the group of step 'g'",
        ],
        id="member named twice",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: g, group: {steps: [h]}}\n  - {id: h, group: {steps: [g]}}\n",
        [
            "3:20: steps[0].group: groups run each other in a circle: g -> h -> g",
        ],
        id="groups in a circle",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: g, group: {steps: []}}\n",
        [
            "3:20: steps[0].group: a group needs at least one step",
        ],
        id="empty group",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m], wait_strategy: rase}}\n"
        "  - {id: m, tool: t}\n",
        [
            "3:48: steps[0].group.wait_strategy: expected all, any, race, all_settled or quorum(k); found 'rase'; did you mean 'race'?",
        ],
        id="unknown strategy",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m], wait_strategy: quorum(2)}}\n"
        "  - {id: m, tool: t}\n",
        [
            "3:48: steps[0].group.wait_strategy: a quorum of 2 needs as many steps; the group has 1",
        ],
        id="quorum too large",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: fetch, tool: t}\n"
        "  - {id: b, tool: t, input: {u: [$results.fetsh.u]}, depends_on: [fetch]}\n",
        [
            "4:34: steps[1].input.u[0]: $results.fetsh.u: there is no step 'fetsh'; did you mean 'fetch'?",
        ],
        id="reference to an unknown step",
    ),
    pytest.param(
        'name: x\nsteps:\n  - {id: a, tool: t, depends_on: [b]}\n  - {id: b, tool: t, input: "got $results.a.u"}\n',
        [
            "4:29: steps[1].input: these steps wait for each other: a -> b -> a ('a' depends on 'b' in steps[0].depends_on[0], 'b' refers to $results.a.u in steps[1].input)",
        ],
        id="circle of a dependency and a reference",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m, n]}}\n"
        "  - {id: m, tool: t}\n"
        "  - {id: n, tool: t, input: $results.m}\n",
        [
            "5:29: steps[2].input: $results.m: steps 'n' and 'm' both run in the group of step 'g', side by side; move one of them out of the group",
        ],
        id="reference to a sibling",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, input: $results.a}\n",
        [
            "3:29: steps[0].input: $results.a: step 'a' cannot use its own result",
        ],
        id="reference to itself",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {id: many, steps: [m]}}\n"
        "  - {id: m, tool: t}\n"
        "  - {id: z, tool: t, depends_on: [g], input: $results.many}\n",
        [
            "5:46: steps[2].input: $results.many: 'many' is a group, not a step; the step that runs it is 'g'",
        ],
        id="reference to a group's own id",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, input: $result.b}\n",
        [
            "3:29: steps[0].input: '$result.b' is no reference; did you mean '$results.b'? ('$$' writes a dollar)",
        ],
        id="misspelled root",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t}\noutput: {v: $results.b}\n",
        [
            "4:13: output.v: $results.b: there is no step 'b'",
        ],
        id="output of an unknown step",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: http_reqest, input: {url: u}}\n",
        [
            "3:19: steps[0].tool: there is no tool 'http_reqest'; did you mean 'http_request'? (tools: database_query, http_request)",
        ],
        id="unknown tool",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: http_request, input: {uri: u, metod: GET}}\n",
        [
            "3:40: steps[0].input: tool 'http_request' needs 'url'",
            "3:46: steps[0].input.uri: tool 'http_request' has no parameter 'uri'; did you mean 'url'? (parameters: body, cookies, expect, headers, max_bytes, method, params, timeout, url)",
            "3:56: steps[0].input.metod: tool 'http_request' has no parameter 'metod'; did you mean 'method'? (parameters: body, cookies, expect, headers, max_bytes, method, params, timeout, url)",
        ],
        id="input that does not fit",
    ),
    pytest.param(
        "name: x\nsteps:\n  - id: a\n    tool: t\n    tool: u\n",
        [
            "5:5: the key 'tool' stands twice in one mapping; it is in line 4 too",
        ],
        id="doubled key",
    ),
    pytest.param(
        "name: x\nsteps: &s [*s]\n",
        [
            "2:12: the alias '*s' stands inside the value that it names",
        ],
        id="alias in itself",
    ),
    pytest.param(
        "name: !!python/name:os.system x\nsteps:\n  - {id: a, tool: t}\n",
        [
            "1:7: unknown tag 'tag:yaml.org,2002:python/name:os.system'; leave it out",
        ],
        id="unknown tag",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t}\n---\nname: y\n",
        [
            "4:1: a second document starts here; a file holds one workflow",
        ],
        id="two documents",
    ),
    pytest.param(
        "name: x\nsteps: " + "[" * 200 + "]" * 200,
        [
            "2:107: nested more than 100 deep",
        ],
        id="too deep",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: \x07}\n",
        [
            "3:19: not YAML: the character U+0007 is not allowed",
        ],
        id="control character",
    ),
    pytest.param(
        "name: x\nsteps: [fetch]\n",
        [
            "2:9: steps[0]: expected a mapping with id, tool, input, ...; found 'fetch'",
        ],
        id="step is text",
    ),
    pytest.param(
        "name: x\n"
        "maxDuration: 5\n"
        "steps:\n"
        "  - id: g\n"
        "    parallelGroup:\n"
        "      steps: [m]\n"
        "      timeout: soon\n"
        "  - {id: m, toolName: t}\n",
        [
            "7:16: steps[0].parallelGroup.timeout: expected a number of milliseconds (15000), as in every file with camelCase keys; found 'soon'",
        ],
        id="path in camelCase",
    ),
    pytest.param(
        "name: x\nsteps:\n  - {id: a, tool: t, continue_on_error: maybe}\n",
        [
            "3:41: steps[0].continue_on_error: expected true or false; found 'maybe'",
        ],
        id="flag is text",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m]}, depends_on: [m]}\n"
        "  - {id: m, tool: t}\n",
        [
            "3:47: steps[0].depends_on[0]: step 'm' runs inside this step, which cannot wait for it",
        ],
        id="group that waits for its member",
    ),
    pytest.param(
        "name: x\n"
        "steps:\n"
        "  - {id: g, group: {steps: [m, n]}}\n"
        "  - {id: m, tool: t, depends_on: [n]}\n"
        "  - {id: n, tool: t}\n",
        [
            "4:35: steps[1].depends_on[0]: steps 'm' and 'n' both run in the group of step 'g', side by side; move one of them out of the group",
        ],
        id="member that waits for a sibling",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_wrong_file_is_refused_with_every_mistake_in_its_place(text, expected, load):
    headline, *lines = mistakes(text, load, builtin_tools() if "http_" in text else None)
    count = "1 mistake" if len(expected) == 1 else f"{len(expected)} mistakes"
    assert headline == f"workflow.yaml has {count}:"
    # The table leaves out the name of the file.
    assert [line.removeprefix("workflow.yaml:").strip() for line in lines] == expected


def test_mistakes_of_every_kind_are_reported_together_in_the_order_of_the_file(load):
    text = (
        "name: x\n"
        "max_duration: soon\n"
        "steps:\n"
        "  - {id: a, tol: t}\n"
        "  - {id: b, tool: t, depends_on: [z, 5]}\n"
        "  - {id: c, tool: t, depends_on: [d]}\n"
        "  - {id: d, tool: t, depends_on: [c], input: {v: $results.q}}\n"
        "  - {id: d, tool: t}\n"
    )
    assert [line.split(": ", 1)[1] for line in mistakes(text, load)[1:]] == [
        (
            "max_duration: expected seconds as a number (15) or text with a unit "
            "('500ms', '15s', '2m', '1h30m'); found 'soon'"
        ),
        "steps[0].tol: unknown key 'tol'; did you mean 'tool'?",
        "steps[1].depends_on[0]: there is no step 'z'",
        "steps[1].depends_on[1]: expected a step id, or a mapping with step and rule; found 5; put it in quotes",
        "steps[2].depends_on: these steps wait for each other: c -> d -> c",
        "steps[3].input.v: $results.q: there is no step 'q'",
        "steps[4].id: the id 'd' is taken: steps[3] has it too",
    ]


def test_every_mistake_can_be_read_by_a_program(load):
    with pytest.raises(WorkflowFileError) as caught:
        load("name: x\nmaxDuration: -1\nsteps: [{id: a, toolName: t}]")
    (mistake,) = caught.value.mistakes
    assert (mistake.source, mistake.line, mistake.column) == ("workflow.yaml", 2, 14)
    assert (mistake.keys, mistake.path) == (("max_duration",), "maxDuration")
    assert mistake.text == "expected more than 0, and less than forever; found -1"


def test_text_that_is_not_yaml_is_refused_with_its_line(load):
    # The words are libyaml's; they differ a little from those of PyYAML without it.
    headline, line = mistakes("name: x\nsteps: [\n", load)
    assert headline == "workflow.yaml has 1 mistake:"
    assert line.startswith("workflow.yaml:3:1: not YAML: while parsing a flow ")


# What people write, where it is to be mended, and what they are told.
QUOTES = "put a text with any of '[]{},' in it in quotes"
COLUMN = "what belongs together begins in one column, and nothing stands behind a closing quote"
COLON = "put a text with ': ' in it in quotes, or mend the indentation"
NOT_YAML = [
    ("steps:\n\t- a\n", "2:1", "indent with spaces, not with tabs"),
    ("name: @x\n", "1:7", "put a text that begins with '@' in quotes"),
    ("name: `x`\n", "1:7", "put a text that begins with '`' in quotes"),
    ("name: *\n", "1:8", "put a text that begins with '*' or '&' in quotes"),
    ("name: a: b\n", "1:8", COLON),
    ("name: x\nsteps: [{id: a, input: $results[x]}]\n", "2:32", QUOTES),
    ("name: ]\n", "1:7", QUOTES),
    ("steps: [{id: a},\n  {id: b\nname: x\n", "3:5", QUOTES),
    ("name: 'it's'\n", "1:11", COLUMN),
    ("steps:\n  - id: a\n    tool: b\n   input: c\n", "4:4", COLUMN),
    ("name: x\nsteps: {id: a, tool: b\n", "2:8", "the '{' that opens here is never closed"),
    ("name: x\nsteps: [a\n\n", "2:8", "the '[' that opens here is never closed"),
    ("name: 'x\nsteps: []\n", "1:7", "the quote that opens here is never closed"),
    ('name: "\\q"\n', "1:", "write '\\\\' for a backslash, or put the text in single quotes"),
    ("name: x\nsteps\n", "", "write 'key: value'"),
]


@pytest.mark.parametrize("loader", ["libyaml", "PyYAML"])
@pytest.mark.parametrize(("text", "place", "hint"), NOT_YAML)
def test_who_writes_no_yaml_is_told_where_and_what_to_write(
    load, monkeypatch, loader, text, place, hint
):
    if loader == "PyYAML":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    _, line = mistakes(text, load)
    assert line.startswith(f"workflow.yaml:{place}")
    assert ": not YAML: " in line
    assert line.endswith(f"; {hint}")


def test_a_file_that_is_not_there_is_refused_with_a_near_name(load, tmp_path):
    (tmp_path / "workflows.yml").touch()
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow("workflow.yml")
    assert str(caught.value).splitlines() == [
        "workflow.yml has 1 mistake:",
        (
            "workflow.yml: cannot read the file: No such file or directory; "
            "did you mean 'workflows.yml'?"
        ),
    ]


def test_a_directory_is_no_file(load, tmp_path):
    (tmp_path / "flows").mkdir()
    with pytest.raises(
        WorkflowFileError, match="flows: cannot read the file: it is a directory; name a file in it"
    ):
        load_workflow(Path("flows"))


def test_a_file_that_is_not_utf_8_is_refused_with_the_byte(load):
    assert mistakes(b"name: caf\xe9\n", load)[1] == (
        "workflow.yaml: the file is not UTF-8 text: byte 9 is 0xe9"
    )


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000])
def test_a_file_of_nothing_but_brackets_does_not_end_the_process(text, load):
    # Newer versions of libyaml meet a limit of their own first.
    deep = ("nested more than 100 deep", "exceeded maximum nesting depth")
    assert mistakes(text, load)[1].endswith(deep)


def test_aliases_of_aliases_are_counted_before_they_grow(load):
    rows = ["name: x", "steps: [{id: a, tool: t}]", "output:", "  a0: &a0 [x]"]
    rows += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    text = mistakes("\n".join(rows), load)[1]
    assert text.endswith("aliases and merge keys make 200,000 values more than are written here")


def test_merge_keys_are_counted_before_they_grow(load):
    keys = ", ".join(f"k{n}: {n}" for n in range(1_000))
    rows = ["name: x", "steps: [{id: a, tool: t}]", f"x-a: &a {{{keys}}}", "x-b:"]
    text = mistakes("\n".join([*rows, *["  - {<<: *a}"] * 20_000]), load)[1]
    assert text.endswith("aliases and merge keys make 200,000 values more than are written here")


def test_more_values_than_a_workflow_has_are_not_kept(load, monkeypatch):
    monkeypatch.setattr("hocket._files.document._MOST_WRITTEN", 3_000)
    text = "name: x\nsteps: [{id: a, tool: t}]\noutput: [" + "a," * 3_000 + "]"
    assert mistakes(text, load)[1].endswith("the file holds more than 3,000 values")


@pytest.mark.parametrize(
    "step", ["{id: 5, tol: x, timeout: no}", "5", "{id: a, tool: echo, input: [$x.y]}", "{}"]
)
def test_a_flood_of_mistakes_is_cut_before_it_grows(step, load):
    rows = ["name: x", f"x-a: &a {step}", "steps: [" + "*a, " * 7_500 + "]"]
    lines = mistakes("\n".join(rows), load)
    assert 1_000 < len(lines) < 1_010
    assert sum(map(len, lines)) < 300_000
    assert lines[-1] == "workflow.yaml: these are 1,000 mistakes; there are more"


def test_long_texts_in_a_flood_of_mistakes_are_shortened(load):
    rows = [
        "name: x",
        f"x-a: &a {{id: a, tool: {'y' * 20_000}}}",
        "steps: [" + "*a, " * 2_000 + "]",
    ]
    lines = mistakes("\n".join(rows), load, builtin_tools())
    assert sum(map(len, lines)) < 2_000_000


def test_the_place_of_a_mistake_is_that_of_the_reference_inside_its_text(load):
    text = """\
name: x
steps:
  - {id: a, tool: t}
  - {id: b, tool: t, depends_on: [a], input: 'from ${results.a b} to "$results.c"'}
  - id: d
    tool: t
    input: |
      one
      two ${ context.x }
  - {id: e, tool: t, input: "a \\" ${x}"}
output: the $envs.X
"""
    places = [line.split(": ")[0] for line in mistakes(text, load)[1:]]
    wrong = ["${results.a b}", "$results.c", "${ context.x }", "${x}", "$envs.X"]
    before = [text[: text.index(one)].split("\n") for one in wrong]
    assert places == [f"workflow.yaml:{len(b)}:{len(b[-1]) + 1}" for b in before]


@pytest.mark.parametrize("end", ["---\n", "---\n# nothing\n---\n", "...\n", "...\n---\n...\n"])
def test_an_empty_document_at_the_end_is_no_second_one(end, load):
    assert load(f"name: x\nsteps:\n  - {{id: a, tool: t}}\n{end}").name == "x"


@pytest.mark.parametrize("end", ["null\n", "''\n", "&a\n", "!!str\n", "[]\n", "x: 1\n"])
def test_a_document_of_any_value_is_a_second_one(end, load):
    lines = mistakes(f"name: x\nsteps:\n  - {{id: a, tool: t}}\n---\n{end}", load)
    assert lines[1] == "workflow.yaml:4:1: a second document starts here; a file holds one workflow"


def test_top_level_keys_that_begin_with_x_are_the_authors_own(load):
    text = """\
x-common: &common {tool: t, timeout: 5}
x-9: [$results.nothing, {maxDuration: 1}]
name: x
steps:
  - {<<: *common, id: a}
  - {<<: [*common], id: b, timeout: 6, x-c: 1}
"""
    assert mistakes(text, load)[1:] == [
        (
            "workflow.yaml:6:40: steps[1].x-c: unknown key 'x-c'; known keys: id, tool, input, "
            "depends_on, when, timeout, on_error, continue_on_error, retry, run_in, group, branch, steps, sequence, workflow, with, for_each, matrix, repeat, step"
        ),
    ]
    right = load(text.replace(", x-c: 1", ""))
    assert [(step.tool, step.timeout) for step in right.steps] == [("t", 5.0), ("t", 6.0)]


@pytest.mark.parametrize(
    ("written", "said", "instead"),
    [
        ("depends_on: a", "; write [a]", None),
        ("depends_on: 'a, c d'", "; write [a, c d]", None),
        ("depends_on: 'e: f'", '; write ["e: f"]', None),
        ("depends_on: '5'", '; write ["5"]', None),
        ("depends_on: 'null'", '; write ["null"]', None),
        (
            "depends_on: $results.a",
            "; it names steps of this file: write their ids as [a, b]",
            "[a]",
        ),
        ("group: {steps: $context.all}", "write their ids as [a, b]", "[a]"),
        ("continue_on_error: yes", "; write true", None),
        ("continue_on_error: Off", "; write false", None),
        ("group: {steps: [a], max_concurrent: 1_000}", "; write 1000", None),
        ("group: {steps: [a], max_concurrent: '5'}", "; write 5", None),
        ("group: {steps: [a], max_concurrent: 5000000000}", ": write .inf", None),
    ],
)
def test_writing_what_a_message_says_works(written, said, instead, load):
    def file(key):
        ids = ["a", "c d", "e: f", "5", "null"]
        steps = [f"  - {{id: {id_!r}, tool: t}}" for id_ in ids]
        tool = "" if "group" in key else "tool: t, "
        return "\n".join(["name: x", "steps:", *steps, f"  - {{id: z, {tool}{key}}}", ""])

    message = mistakes(file(written), load)[1]
    assert said in message
    meant = instead or message.rpartition("write ")[2]
    front, _, wrong = written.rpartition(": ") if instead is None else written.partition(": $")
    if "e: f" in written:
        front, wrong = "depends_on", ""
    if "{steps: $" in written:
        front, wrong = "group: {steps", "}"
    load(file(f"{front}: {meant}{'}' if wrong.endswith('}') else ''}"))


def test_the_steps_of_a_file_are_written_out(load):
    (message,) = mistakes("name: x\nsteps: $results.users\n", load)[1:]
    assert message.endswith(
        "steps: expected a list; found '$results.users'; write steps as '- id: ...' below each "
        "other: a file lists them all"
    )
    load("name: x\nsteps:\n  - id: a\n    tool: t\n")


@pytest.mark.parametrize(
    "key",
    [1, None, True, 1.5, (1, 2), b"x", float("nan"), object(), pytest.param(10**5_000, id="huge")],
)
def test_keys_of_a_dict_that_are_no_texts_are_refused_in_words(key):
    steps = [{"id": "a", "tool": "t", key: 1, "input": {key: ["$x.y", {key: "$results.z"}]}}]
    with pytest.raises(WorkflowFileError) as caught:
        workflow_from_dict({"name": "x", "steps": steps, key: 2}, tools=builtin_tools())
    assert len(caught.value.mistakes) >= 4
    assert "unknown key" in str(caught.value)


def test_groups_inside_groups_inside_groups_have_an_end():
    step: dict[str, object] = {"id": "s", "tool": "t"}
    for index in range(60):
        step = {"id": f"g{index}", "group": {"steps": [step]}}
    with pytest.raises(WorkflowFileError, match="steps must not be nested more than 50 deep"):
        workflow_from_dict({"name": "x", "steps": [step]})


def test_all_errors_of_files_are_one_family():
    assert issubclass(WorkflowFileError, WorkflowInvalid)
    assert issubclass(WorkflowFileError, HocketError)
    assert issubclass(WorkflowFileError, ValueError)


def test_without_pyyaml_the_message_names_the_extra(tmp_path):
    path = tmp_path / "workflow.yaml"
    path.write_text("name: x")
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from hocket import load_workflow, workflow_from_dict\n"
        f"try: load_workflow({str(path)!r})\n"
        "except ImportError as error: print(type(error).__name__, error)\n"
        "print(workflow_from_dict({'name': 'x', 'steps': [{'id': 'a', 'tool': 't'}]}).name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'MissingExtra reading a workflow file needs PyYAML; install it: pip install "hocket[yaml]"',
        "x",
    ]

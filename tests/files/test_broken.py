"""Broken files, each with its exact messages: what is wrong, where, and what to write instead."""

from __future__ import annotations

import pytest

from hocket import WorkflowFileError, load_workflow

BROKEN = [
    (
        "version: 2\nname: x\nsteps:\n  - {id: a, tool: t}\n",
        ["1:10: version: expected 1, the only version there is; found 2"],
    ),
    (
        "version: '1'\nname: x\nsteps:\n  - {id: a, tool: t}\n",
        ["1:10: version: expected 1, the only version there is; found '1'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: a = 1}\n",
        ["4:28: steps[1].when: column 3 of the expression: write == to compare"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: 5}\n",
        [
            "4:28: steps[1].when: expected an expression as text, or true or false; found 5; put it in quotes"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: $results.a and true}\n",
        [
            "4:39: steps[1].when: column 12 of the expression: expected an operator or the end; found 'and'; write &&"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: $result.a}\n",
        [
            "4:28: steps[1].when: column 1 of the expression: there is no $result; did you mean $results? (references: $results, $errors, $states, $context, $env, $run, $now)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: $results.c}\n",
        ["4:28: steps[1].when: $results.c: there is no step 'c'"],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: "$results.a > \'x"}\n',
        ["4:42: steps[1].when: column 14 of the expression: the text has no end: close it with '"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: $results.b}\n",
        ["4:28: steps[1].when: $results.b: step 'b' cannot use its own result"],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: "1 ?? 2 || 3"}\n',
        [
            "4:28: steps[1].when: column 3 of the expression: put parentheses around '??' and its values beside '&&' or '||'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: $results.a.match('x')}\n",
        [
            "4:39: steps[1].when: column 12 of the expression: there is no method match(); did you mean 'matches'? (there are contains(), endsWith(), matches(), size(), startsWith())"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: \"'x'.matches('(')\"}\n",
        [
            "4:28: steps[1].when: column 13 of the expression: not a regular expression: error: unclosed group"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, wen: true}\n",
        ["4:22: steps[1].wen: unknown key 'wen'; did you mean 'when'?"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: ''}\n",
        ["4:28: steps[1].when: column 1 of the expression: expected a value; found the end"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, when: []}\n",
        ["4:28: steps[1].when: expected an expression as text, or true or false; found a list"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{step: a}]}\n",
        ["4:35: steps[1].depends_on[0]: a dependency with a rule needs 'step' and 'rule'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{step: a, rule: faild}]}\n",
        [
            "4:51: steps[1].depends_on[0].rule: expected 'succeeded', 'failed', 'finished' or 'ended'; found 'faild'; did you mean 'failed'?"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{step: c, rule: ended}]}\n",
        ["4:35: steps[1].depends_on[0]: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{step: a, rule: failed}]}\n",
        [
            "4:35: steps[1].depends_on[0]: the failure of step 'a' stops the workflow, so that this step never runs: write on_error: skip_dependents (or continue) for 'a', or fail_fast: false for the workflow"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{id: a, rule: ended}]}\n",
        [
            "4:35: steps[1].depends_on[0]: a dependency with a rule needs 'step' and 'rule'",
            "4:36: steps[1].depends_on[0].id: unknown key 'id'; known keys: step, rule",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [{step: b, rule: ended}]}\n",
        ["4:35: steps[1].depends_on[0]: step 'b' depends on itself"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depends_on: [[a]]}\n",
        [
            "4:35: steps[1].depends_on[0]: expected a step id, or a mapping with step and rule; found a list"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, on_error: ignore}\n",
        [
            "4:32: steps[1].on_error: expected 'fail', 'continue' or 'skip_dependents'; found 'ignore'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, on_error: skipDependents}\n",
        [
            "4:32: steps[1].on_error: expected 'fail', 'continue' or 'skip_dependents'; found 'skipDependents'; did you mean 'skip_dependents'?"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, on_error: fail, continue_on_error: true}\n",
        [
            "4:38: steps[1].continue_on_error: 'continue_on_error' and 'on_error' say the same; leave 'continue_on_error' out"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, on_error: true}\n",
        ["4:32: steps[1].on_error: expected 'fail', 'continue' or 'skip_dependents'; found True"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: when, condition: true, then_steps: [a]}}\n",
        ["4:28: steps[1].branch.type: expected 'if' or 'switch'; found 'when'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {condition: true, then_steps: [a]}}\n",
        ["4:21: steps[1].branch: a branch needs 'type': if or switch"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, then_steps: [a]}}\n",
        ["4:21: steps[1].branch: a branch of type 'if' needs 'condition'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true}}\n",
        ["4:21: steps[1].branch: a branch of type 'if' needs 'then_steps'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true, then_steps: [c]}}\n",
        ["4:62: steps[1].branch.then_steps[0]: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true, then_steps: [a], default_steps: [a]}}\n",
        [
            "4:66: steps[1].branch.default_steps: a branch of type 'if' has no 'default_steps' (it has condition, then_steps, else_steps)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: 1 == , then_steps: [a]}}\n",
        [
            "4:43: steps[1].branch.condition: column 5 of the expression: expected a value; found the end"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true, then_steps: [a, a]}}\n",
        ["4:65: steps[1].branch.then_steps[1]: step 'a' is named twice by the branch of step 'b'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true, then_steps: [b]}}\n",
        ["4:62: steps[1].branch.then_steps[0]: the branch of step 'b' cannot run that step itself"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: true, then: [a]}}\n",
        ["4:49: steps[1].branch.then: unknown key 'then'; did you mean 'then_steps'?"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: 1, cases: [{value: 1, steps: [a]}]}}\n",
        [
            "4:48: steps[1].branch.expression: expected an expression as text, or true or false; found 1; put it in quotes"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, cases: []}}\n",
        ["4:21: steps[1].branch: a branch of type 'switch' needs 'expression'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: '1', cases: {value: 1}}}\n",
        ["4:60: steps[1].branch.cases: expected a list; found a mapping"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: '1', cases: [{value: 1}]}}\n",
        ["4:61: steps[1].branch.cases[0]: a case needs 'steps'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: '1', cases: [{values: 1, steps: [a]}]}}\n",
        ["4:62: steps[1].branch.cases[0].values: unknown key 'values'; did you mean 'value'?"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: '1', cases: [], else_steps: [a]}}\n",
        [
            "4:64: steps[1].branch.else_steps: a branch of type 'switch' has no 'else_steps' (it has expression, cases, default_steps)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, condition: $results.a, then_steps: [a]}}\n",
        [
            "4:43: steps[1].branch.condition: $results.a: step 'a' runs inside this step, which cannot wait for it"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: b, tool: t, branch: {type: if, condition: true, then_steps: [a]}}\n  - {id: a, tool: t}\n",
        ["3:5: steps[0]: a step has 'tool' or 'branch', not both"],
    ),
    (
        "name: x\nsteps:\n  - {id: b, branch: {type: if, condition: true, then_steps: [a]}, input: 5}\n  - {id: a, tool: t}\n",
        ["3:67: steps[0].input: a step with 'branch' takes no input"],
    ),
    (
        "name: x\nsteps:\n  - {id: b, branch: {type: if, condition: true, then_steps: [a]}}\n  - {id: c, group: {steps: [a]}}\n  - {id: a, tool: t}\n",
        [
            "4:29: steps[1].group.steps[0]: step 'a' already runs in the branch of step 'b'; a step is in one group or branch only"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: b, branch: {type: if, condition: true, then_steps: [a], else_steps: [{id: d, tool: t, depends_on: [a]}]}}\n  - {id: a, tool: t}\n",
        [
            "3:109: steps[0].branch.else_steps[0].depends_on[0]: steps 'd' and 'a' are on two sides of the branch of step 'b': never both run"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: b, group: {steps: [a], wait_strategy: any, fail_fast: false}}\n  - {id: a, tool: t}\n",
        [
            "3:53: steps[0].group.fail_fast: 'fail_fast: false' is for groups that need all; 'any' is decided by less: leave one of them out"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: b, group: {steps: [a], continue_on_error: true, fail_fast: false}}\n  - {id: a, tool: t}\n",
        [
            "3:58: steps[0].group.fail_fast: 'fail_fast: false' runs everything and then fails, and 'continue_on_error: true' never fails; leave one of them out"
        ],
    ),
    (
        "name: x\nfail_fast: no\nsteps:\n  - {id: a, tool: t}\n",
        ["2:12: fail_fast: expected true or false; found 'no'; write false"],
    ),
    (
        "name: x\nsteps:\n  - {id: b, tool: t, input: $results.c}\n  - {id: c, tool: t, when: $states.b == 'failed'}\n",
        [
            "3:29: steps[0].input: these steps wait for each other: b -> c -> b ('b' refers to $results.c in steps[0].input, 'c' refers to $states.b in steps[1].when)"
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: b, tool: t, input: "$results.c ?? "}\n',
        ["3:29: steps[0].input: $results.c ?? : column 15: expected a value; found the end"],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, input: "${results.a ?? results.c}"}\n',
        [
            "4:45: steps[1].input: $results.a ?? results.c: column 15: a reference begins with a dollar: write $results"
        ],
    ),
    (
        "name: x\nparameters: {city: {type: string}}\nsteps:\n  - {id: a, tool: t}\n",
        [
            "2:27: parameters.city.type: expected one of str, int, float, bool, list, dict, any, or list[...] or dict[...] of one; found 'string'; did you mean 'str'?"
        ],
    ),
    (
        "name: x\nparameters: {city: {type: int, default: x}}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:41: parameters.city.default: expected a whole number; found 'x'"],
    ),
    (
        "name: x\nparameters: {city: {enum: []}}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:20: parameters.city: enum lists no value, so that there could be none"],
    ),
    (
        "name: x\nparameters: {city: {required: true, default: 1}}\nsteps:\n  - {id: a, tool: t}\n",
        [
            "2:20: parameters.city: a required parameter is always given: leave the default or required out"
        ],
    ),
    (
        "name: x\nparameters: {city: str}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:20: parameters.city: expected a mapping with type, default, enum, ...; found 'str'"],
    ),
    (
        "name: x\nparameters: {city: {typ: str}}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:21: parameters.city.typ: unknown key 'typ'; did you mean 'type'?"],
    ),
    (
        "name: x\nparameters: {[]}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:14: a key must be text; found a whole value"],
    ),
    (
        "name: x\nparameters: {city: {type: int, enum: [1, x]}}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:38: parameters.city.enum: expected a whole number; found 'x'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, toolName: t, when: true}\n  - {id: b, toolName: t, on_error: continue}\n",
        [
            "4:26: steps[1].on_error: the file mixes two spellings: 'toolName' (line 3) is camelCase, 'on_error' (line 4) is snake_case; use one of them throughout (durations are seconds in snake_case, milliseconds in camelCase)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: b, branch: {type: if, condition: true, thenSteps: [a], elseSteps: [c]}}\n  - {id: a, toolName: t, onError: skip_dependents}\n",
        [
            "3:77: steps[0].branch.elseSteps[0]: there is no step 'c'",
            "4:35: steps[1].onError: expected 'fail', 'continue' or 'skipDependents'; found 'skip_dependents'; did you mean 'skipDependents'?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: 3}\n",
        ["3:29: steps[0].retry: expected a mapping with attempts, on, wait_initial, ...; found 3"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: {attempts: 3}}\n",
        [
            "3:29: steps[0].retry: a retry needs 'on', the failures after which to try again: [HTTP 5xx, OSError]"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: {on: OSError}}\n",
        ["3:34: steps[0].retry.on: expected a list; found 'OSError'; write [OSError]"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: {on: [oserror, HTTP 9xx, 75]}}\n",
        [
            "3:35: steps[0].retry.on[0]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'oserror'; did you mean 'OSError'?",
            "3:44: steps[0].retry.on[1]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'HTTP 9xx'",
            "3:54: steps[0].retry.on[2]: expected text; found 75; put it in quotes",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: {on: [KeyboardInterrupt]}}\n",
        [
            "3:35: steps[0].retry.on[0]: expected a type of errors; KeyboardInterrupt is none, and is never tried again"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t, retry: {on: [OSError], wait_exp_base: 0.5, wait_max: -1s, max: 5}}\n",
        [
            "3:60: steps[0].retry.wait_exp_base: expected a number of at least 1; found 0.5",
            "3:75: steps[0].retry.wait_max: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found '-1s'",
            "3:80: steps[0].retry.max: unknown key 'max'; did you mean 'wait_max'?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, toolName: t, retry: {on: [OSError], wait_max: 5}}\n",
        [
            "3:49: steps[0].retry.wait_max: the file mixes two spellings: 'toolName' (line 3) is camelCase, 'wait_max' (line 3) is snake_case; use one of them throughout (durations are seconds in snake_case, milliseconds in camelCase)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: g, retry: {on: [OSError]}, group: {steps: [a]}}\n  - {id: a, tool: t}\n",
        [
            "3:13: steps[0].retry: a group is not run again; give 'retry' to its steps, or to 'group' for all of them"
        ],
    ),
    (
        "name: x\nparallel_config: {rate: {per: 1m}}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:25: parallel_config.rate: a rate needs 'limit', how many may start in the time 'per'"],
    ),
    (
        "name: x\nparallel_config: {rate: {limit: 2, burst: 3}}\nsteps:\n  - {id: a, tool: t}\n",
        [
            "2:25: parallel_config.rate: burst of Rate must be at most its limit, 2; got 3: no more may start in any window, at once or not"
        ],
    ),
    (
        "name: x\nparallel_config: {rate: 10}\nsteps:\n  - {id: a, tool: t}\n",
        ["2:25: parallel_config.rate: expected a mapping with limit, per, burst; found 10"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_a_broken_file_is_refused_with_exactly_these_words(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflow.yaml").write_text(text)
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow("workflow.yaml")
    found = str(caught.value).splitlines()[1:]
    assert [line.removeprefix("workflow.yaml:") for line in found] == expected


def test_there_are_fifty_of_them_and_no_two_say_the_same():
    assert len(BROKEN) >= 50
    assert len({tuple(lines) for _, lines in BROKEN}) == len(BROKEN)

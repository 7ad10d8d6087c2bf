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
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, retry: {on: [HTTP 5x, 5xx, http 503, HTTP503, HTTP 50x, exit code 75, exit75, no answer]}}\n",
        [
            "4:35: steps[1].retry.on[0]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'HTTP 5x'; did you mean 'HTTP 5xx'?",
            "4:44: steps[1].retry.on[1]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found '5xx'; did you mean 'HTTP 5xx'?",
            "4:49: steps[1].retry.on[2]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'http 503'; did you mean 'HTTP 503'?",
            "4:59: steps[1].retry.on[3]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'HTTP503'; did you mean 'HTTP 503'?",
            "4:68: steps[1].retry.on[4]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'HTTP 50x'; did you mean 'HTTP 5xx'?",
            "4:78: steps[1].retry.on[5]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'exit code 75'; did you mean 'exit 75'?",
            "4:92: steps[1].retry.on[6]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'exit75'; did you mean 'exit 75'?",
            "4:100: steps[1].retry.on[7]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'no answer'; did you mean 'HTTP no answer'?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, retry: {on: [TimeoutEror, ConectionError, StepTimout, ReadTimeot, timeout_error]}}\n",
        [
            "4:35: steps[1].retry.on[0]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'TimeoutEror'; did you mean 'TimeoutError'? (of an error of your own write the module too: errors.TimeoutEror)",
            "4:48: steps[1].retry.on[1]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'ConectionError'; did you mean 'ConnectionError'? (of an error of your own write the module too: errors.ConectionError)",
            "4:64: steps[1].retry.on[2]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'StepTimout'; did you mean 'StepTimeout'? (of an error of your own write the module too: errors.StepTimout)",
            "4:76: steps[1].retry.on[3]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'ReadTimeot'; did you mean 'ReadTimeout'? (of an error of your own write the module too: errors.ReadTimeot)",
            "4:88: steps[1].retry.on[4]: expected the name of a type of errors (ConnectionError), HTTP 503, HTTP 5xx, HTTP no answer, or exit 75; found 'timeout_error'; did you mean 'TimeoutError'? (of an error of your own write the module too: errors.timeout_error)",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, retry: {on: [OSError], attempts: $context.n, wait_initial: "${context.n}s", wait_exp_base: $context.n, timeout: $context.n}}\n',
        [
            "4:55: steps[1].retry.attempts: expected a whole number of at least 1, or .inf for no limit; found '$context.n'; no reference may stand here: write the value",
            "4:81: steps[1].retry.wait_initial: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found '${context.n}s'; no reference may stand here: write the value",
            "4:113: steps[1].retry.wait_exp_base: expected a number of at least 1; found '$context.n'; no reference may stand here: write the value",
            "4:134: steps[1].retry.timeout: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found '$context.n'; no reference may stand here: write the value",
        ],
    ),
    (
        'name: x\nparallel_config: {rate: {limit: $context.n, per: "${context.n}s", burst: $context.n}, queue_size: $context.n}\nsteps:\n  - {id: a, tool: t}\n',
        [
            "2:33: parallel_config.rate.limit: expected a whole number of at least 1, or .inf for no limit; found '$context.n'; no reference may stand here: write the value",
            "2:50: parallel_config.rate.per: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found '${context.n}s'; no reference may stand here: write the value",
            "2:74: parallel_config.rate.burst: expected a whole number of at least 1, or .inf for no limit; found '$context.n'; no reference may stand here: write the value",
            "2:99: parallel_config.queue_size: expected a whole number of at least 0, or .inf for no limit; found '$context.n'; no reference may stand here: write the value",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, group: {steps: [a], max_concurrent: "${context.n}0"}}\n',
        [
            "4:49: steps[1].group.max_concurrent: column 1 of the expression: write one value, with no text around it: $context.n",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, timeout: "${HOME}s"}\n',
        [
            "4:32: steps[1].timeout: '${HOME}' is no reference; references are '$results.step.key.0', '$results[\"first step\"]', '$errors.step', '$states.step', '$context.key', '$env.NAME', '$run.workflow' and '$now' ('$$' writes a dollar)",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, timeout: "${results.c}s"}\n',
        [
            "4:32: steps[1].timeout: ${results.c}: there is no step 'c'",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, toolName: t, timeout: "${context.n}s"}\n',
        [
            "3:35: steps[0].timeout: column 1 of the expression: write one value, with no text around it: $context.n",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, timeout: $context.n s}\n",
        [
            "4:42: steps[1].timeout: column 12 of the expression: expected an operator or the end; found 's'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, timeout: -.inf, retry: {on: [OSError], wait_max: .inf}}\n",
        [
            "4:31: steps[1].timeout: expected more than 0, and less than forever; found -inf",
            "4:71: steps[1].retry.wait_max: expected more than 0, and less than forever; found inf",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, input: {n: "${results.a + 1}", m: "${size(results.a)}", k: "${results.a.n == 1}", j: "${results.a ? 1 : 2}"}}\n',
        [
            "4:33: steps[1].input.n: '${results.a + 1}' computes, and a text only refers to values: write ${results.a}, and let a step before this one work it out",
            "4:56: steps[1].input.m: '${size(results.a)}' computes, and a text only refers to values: let a step before this one work it out",
            "4:81: steps[1].input.k: '${results.a.n == 1}' computes, and a text only refers to values: write ${results.a.n}, and let a step before this one work it out",
            "4:107: steps[1].input.j: '${results.a ? 1 : 2}' computes, and a text only refers to values: write ${results.a}, and let a step before this one work it out",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, fail_fast: true, continue_on_error: $context.x}\n",
        [
            "4:22: steps[1].fail_fast: unknown key 'fail_fast'; it stands in 'group', 'for_each' or 'matrix'",
            "4:58: steps[1].continue_on_error: expected true or false; found '$context.x'; no reference may stand here: write the value",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tol: t, inputs: {x: $results.c}, dependson: [d], wen: $reslts.e}\n",
        [
            "4:13: steps[1].tol: unknown key 'tol'; did you mean 'tool'?",
            "4:21: steps[1].inputs: unknown key 'inputs'; did you mean 'input'?",
            "4:33: steps[1].inputs.x: $results.c: there is no step 'c'",
            "4:46: steps[1].dependson: unknown key 'dependson'; did you mean 'depends_on'?",
            "4:58: steps[1].dependson[0]: there is no step 'd'",
            "4:62: steps[1].wen: unknown key 'wen'; did you mean 'when'?",
            "4:67: steps[1].wen: column 1 of the expression: there is no $reslts; did you mean $results? (references: $results, $errors, $states, $context, $env, $run, $now)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: 5, input: {x: $results.c}}\n",
        [
            "4:19: steps[1].tool: expected text; found 5; put it in quotes",
            "4:33: steps[1].input.x: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, input: {x: $results.c}}\n",
        [
            "4:5: steps[1]: a step needs one of 'tool', 'group', 'branch', 'steps', 'sequence', 'workflow', 'for_each', 'matrix' and 'repeat'",
            "4:24: steps[1].input.x: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: 5, input: {x: $results.c}, depends_on: d}\n",
        [
            "4:19: steps[1].tool: expected text; found 5; put it in quotes",
            "4:33: steps[1].input.x: $results.c: there is no step 'c'",
            "4:58: steps[1].depends_on: expected a list; found 'd'; write [d]",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {condition: true, then_steps: [{id: c, tool: t}]}}\n  - {id: d, tool: t, depends_on: [c], input: $results.e}\n",
        [
            "4:21: steps[1].branch: a branch needs 'type': if or switch",
            "5:46: steps[2].input: $results.e: there is no step 'e'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: if, then_steps: [{id: c, tool: t, input: $results.e}]}}\n",
        [
            "4:21: steps[1].branch: a branch of type 'if' needs 'condition'",
            "4:69: steps[1].branch.then_steps[0].input: $results.e: there is no step 'e'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, branch: {type: switch, expression: 5, cases: [5, {value: $results.e, steps: [c]}]}}\n",
        [
            "4:48: steps[1].branch.expression: expected an expression as text, or true or false; found 5; put it in quotes",
            "4:59: steps[1].branch.cases[0]: expected a mapping with value, steps; found 5",
            "4:70: steps[1].branch.cases[1].value: $results.e: there is no step 'e'",
            "4:90: steps[1].branch.cases[1].steps[0]: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, group: {steps: [{id: c, tool: t, input: $results.e}], wait_strategy: most}}\n",
        [
            "4:53: steps[1].group.steps[0].input: $results.e: there is no step 'e'",
            "4:82: steps[1].group.wait_strategy: expected all, any, race, all_settled or quorum(k); found 'most'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, group: {steps: [{id: c, tool: t, input: $results.e}], wait_strategy: any, fail_fast: false}}\n",
        [
            "4:53: steps[1].group.steps[0].input: $results.e: there is no step 'e'",
            "4:87: steps[1].group.fail_fast: 'fail_fast: false' is for groups that need all; 'any' is decided by less: leave one of them out",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, depend_on: [{step: c, rul: failed}, 5]}\n",
        [
            "4:22: steps[1].depend_on: unknown key 'depend_on'; did you mean 'depends_on'?",
            "4:34: steps[1].depend_on[0]: there is no step 'c'",
            "4:44: steps[1].depend_on[0].rul: unknown key 'rul'; did you mean 'rule'?",
            "4:58: steps[1].depend_on[1]: expected a step id, or a mapping with step and rule; found 5; put it in quotes",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nouput: $results.c\n",
        [
            "4:1: ouput: unknown key 'ouput'; did you mean 'output'?",
            "4:8: ouput: $results.c: there is no step 'c'",
        ],
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

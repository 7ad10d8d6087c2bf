"""Broken files with blocks, loops, sub-workflows and handlers, each with its exact messages."""

from __future__ import annotations

import pytest

from hocket import WorkflowFileError, load_workflow

PART = "name: part\nparameters: {n: {type: int, required: true}}\nsteps:\n  - {id: a, tool: t}\n"

BROKEN = [
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: []}\n",
        ["4:20: steps[1].steps: 'steps' needs at least one step"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, sequence: []}\n",
        ["4:23: steps[1].sequence: 'sequence' needs at least one step"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: a}\n",
        ["4:20: steps[1].steps: expected a list; found 'a'; write [a]"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [a], tool: t}\n",
        ["4:5: steps[1]: a step has 'tool' or 'steps', not both"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [a], sequence: [a]}\n",
        ["4:5: steps[1]: a step has 'steps' or 'sequence', not both"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, sequence: [a, a]}\n",
        ["4:27: steps[1].sequence[1]: step 'a' is named twice by the block of step 'b'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, sequence: [{id: c, tool: t, depends_on: [d]}, {id: d, tool: t}]}\n",
        [
            "4:54: steps[1].sequence[0].depends_on[0]: these steps wait for each other: c -> d -> c ('c' depends on 'd' in steps[1].sequence[0].depends_on[0], 'd' comes after 'c' in its sequence)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [{id: c, tool: t}]}\n  - {id: d, tool: t, depends_on: [c]}\n",
        [
            "5:35: steps[2].depends_on[0]: step 'c' is inside step 'b', which hides it: depend on 'b'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [{id: c, tool: t}]}\n  - {id: d, tool: t, input: $results.c.n}\n",
        [
            "5:29: steps[2].input: $results.c.n: step 'c' is inside step 'b', which hides it; write $results.b.c"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [{id: c, tool: t, depends_on: [b]}]}\n",
        [
            "4:51: steps[1].steps[0].depends_on[0]: this step runs inside step 'b', which cannot end before it"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [c], input: 5}\n",
        [
            "4:21: steps[1].steps[0]: there is no step 'c'",
            "4:25: steps[1].input: a step with 'steps' takes no input",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, sequence: [{id: c, tool: t}], retry: {on: [OSError]}}\n",
        ["4:43: steps[1].retry: a sequence is not run again; give 'retry' to its steps"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}}\n",
        [
            "4:13: steps[1].for_each: 'for_each' needs 'step', 'steps' or 'sequence' beside it: what it does each time"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {tool: t}, steps: [a]}\n",
        [
            "4:13: steps[1].for_each: 'for_each' needs one of 'step', 'steps' or 'sequence' beside it; found 'step' and 'steps'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, tool: t}\n",
        [
            "4:5: steps[1]: a step has 'tool' or 'for_each', not both; what a loop does each time stands under 'step'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {id: c, tool: t}}\n",
        [
            "4:41: steps[1].step.id: the step of a loop has no id of its own: its values are those of 'b'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {tool: t, depends_on: [a]}}\n",
        [
            "4:50: steps[1].step.depends_on: 'depends_on' stands beside the loop: all of its passes wait"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: t}\n",
        ["4:40: steps[1].step: expected a step written out; found 't'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {}}\n",
        [
            "4:40: steps[1].step: a step needs one of 'tool', 'group', 'branch', 'steps', 'sequence', 'workflow', 'for_each', 'matrix' and 'repeat'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, steps: []}\n",
        ["4:41: steps[1].steps: 'steps' needs at least one step"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, step: {tool: t}}\n",
        [
            "4:5: steps[1]: a step needs one of 'tool', 'group', 'branch', 'steps', 'sequence', 'workflow', 'for_each', 'matrix' and 'repeat'",
            "4:13: steps[1].step: 'step' says what a loop does each time: it stands beside 'for_each', 'matrix' or 'repeat'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, step: {tool: t}}\n",
        [
            "4:22: steps[1].step: 'step' says what a loop does each time: it stands beside 'for_each', 'matrix' or 'repeat'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {as: x}, step: {tool: t}}\n",
        ["4:23: steps[1].for_each: 'in' is needed: a list, or a reference to one"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: 5}, step: {tool: t}}\n",
        ["4:28: steps[1].for_each.in: expected a list, or a reference to one; found 5"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: items}, step: {tool: t}}\n",
        ["4:28: steps[1].for_each.in: expected a list, or a reference to one; found 'items'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: [1, 2], step: {tool: t}}\n",
        ["4:23: steps[1].for_each: expected a mapping with in, as, key, ...; found a list"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: results}, step: {tool: t}}\n",
        ["4:37: steps[1].for_each.as: $results is taken: choose another name than 'results'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: my-item}, step: {tool: t}}\n",
        [
            "4:37: steps[1].for_each.as: expected a name of letters, digits and _, such as user; found 'my-item'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], kye: $item}, step: {tool: t}}\n",
        ["4:33: steps[1].for_each.kye: unknown key 'kye'; did you mean 'key'?"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], wait_strategy: any, fail_fast: false}, step: {tool: t}}\n",
        [
            "4:53: steps[1].for_each.fail_fast: 'fail_fast: false' is for groups that need all; 'any' is decided by less: leave one of them out"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], continue_on_error: true, fail_fast: false}, step: {tool: t}}\n",
        [
            "4:58: steps[1].for_each.fail_fast: 'fail_fast: false' runs everything and then fails, and 'continue_on_error: true' never fails; leave one of them out"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], max_concurrent: 0}, step: {tool: t}}\n",
        [
            "4:49: steps[1].for_each.max_concurrent: expected a whole number of at least 1, or .inf for no limit; found 0"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], rate: 5}, step: {tool: t}}\n",
        ["4:39: steps[1].for_each.rate: expected a mapping with limit, per, burst; found 5"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: $results.c}, step: {tool: t}}\n",
        ["4:28: steps[1].for_each.in: $results.c: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: user}, step: {tool: t, input: {id: $usr.id}}}\n",
        [
            "4:72: steps[1].step.input.id: '$usr.id' is no reference; did you mean $user? ('$$' writes a dollar)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: user}, step: {tool: t, when: $usr.id > 5}}\n",
        [
            "4:66: steps[1].step.when: column 1 of the expression: there is no $usr; did you mean $user? (references: $results, $errors, $states, $context, $env, $run, $now, $user, $index)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: user, key: $usr.id}, step: {tool: t}}\n",
        [
            "4:48: steps[1].for_each.key: '$usr.id' is no reference; did you mean $user? ('$$' writes a dollar)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: user}, step: {tool: t}}\n  - {id: c, tool: t, input: $user.name}\n",
        [
            "5:29: steps[2].input: '$user.name' is no reference; references are '$results.step.key.0', '$results[\"first step\"]', '$errors.step', '$states.step', '$context.key', '$env.NAME', '$run.workflow' and '$now' ('$$' writes a dollar)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, steps: [{id: c, tool: t}]}\n  - {id: d, tool: t, input: $results.c}\n",
        [
            "5:29: steps[2].input: $results.c: step 'c' is inside step 'b', which hides it; write $results.b.results"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {tool: t, input: $results.b}}\n",
        [
            "4:57: steps[1].step.input: $results.b: this step runs inside step 'b', which cannot end before it"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {}, step: {tool: t}}\n",
        ["4:21: steps[1].matrix: a matrix needs names with their values: os: [linux, mac]"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: linux}, step: {tool: t}}\n",
        [
            "4:26: steps[1].matrix.os: expected a list of values, or a reference to one; found 'linux'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: []}, step: {tool: t}}\n",
        ["4:26: steps[1].matrix.os: expected at least one value"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], maxConcurrent: 2}, step: {tool: t}}\n",
        [
            "4:35: steps[1].matrix.maxConcurrent: the file mixes two spellings: 'tool' (line 3) is snake_case, 'maxConcurrent' (line 4) is camelCase; use one of them throughout (durations are seconds in snake_case, milliseconds in camelCase)"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], exclude: [{so: linux}]}, step: {tool: t}}\n",
        [
            "4:50: steps[1].matrix.exclude[0].so: the matrix has no 'so', so that this leaves nothing out"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], exclude: {os: linux}}, step: {tool: t}}\n",
        ["4:44: steps[1].matrix.exclude: expected a list of mappings; found a mapping"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], include: [mac]}, step: {tool: t}}\n",
        ["4:45: steps[1].matrix.include[0]: expected a mapping of names to values; found 'mac'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux]}, step: {tool: t, input: $matrix.so}}\n",
        ["4:59: steps[1].step.input: $matrix.so: the matrix has no 'so' (it has os)"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {delay: 5s}, step: {tool: t}}\n",
        ["4:21: steps[1].repeat: 'until' is needed: the condition that ends it"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: $index = 3}, step: {tool: t}}\n",
        ["4:36: steps[1].repeat.until: column 8 of the expression: write == to compare"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: $results.c.done}, step: {tool: t}}\n",
        ["4:29: steps[1].repeat.until: $results.c.done: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true, max: 0}, step: {tool: t}}\n",
        [
            "4:40: steps[1].repeat.max: expected a whole number of at least 1, or .inf for no limit; found 0"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true, delay: soon}, step: {tool: t}}\n",
        [
            "4:42: steps[1].repeat.delay: expected seconds as a number (15) or text with a unit ('500ms', '15s', '2m', '1h30m'); found 'soon'"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true}}\n",
        [
            "4:13: steps[1].repeat: 'repeat' needs 'step', 'steps' or 'sequence' beside it: what it does each time"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: none.yaml}\n",
        ["4:23: steps[1].workflow: 'none.yaml': cannot read the file: No such file or directory"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: 5}\n",
        ["4:23: steps[1].workflow: expected text; found 5; put it in quotes"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml}\n",
        ["4:23: steps[1].workflow: 'n': the workflow needs this parameter"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml, with: {n: two}}\n",
        ["4:44: steps[1].with.n: expected a whole number; found 'two'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml, with: {n: 2, m: 3}}\n",
        ["4:50: steps[1].with.m: there is no such parameter (parameters: n)"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml, with: [2]}\n",
        [
            "4:40: steps[1].with: expected a mapping of the workflow's parameters to values; found a list"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml, with: {n: $results.c}}\n",
        ["4:44: steps[1].with.n: $results.c: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: part.yaml, input: {n: 2}}\n",
        [
            "4:23: steps[1].workflow: 'n': the workflow needs this parameter",
            "4:34: steps[1].input: a step with 'workflow' takes no input; what it is given stands under 'with'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, tool: t, with: {n: 2}}\n",
        ["4:22: steps[1].with: 'with' is for a step with 'workflow'; a tool gets its 'input'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: .}\n",
        [
            "4:23: steps[1].workflow: '.': cannot read the file: it is a directory; name a file in it"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_failure: []\n",
        ["4:13: on_failure: a handler needs at least one step"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_failure: tell\n",
        [
            "4:13: on_failure: expected a list; found 'tell'; write steps as '- id: ...' below each other: a file lists them all"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_failure:\n  - {id: a, tool: t}\n",
        ["5:10: on_failure[0].id: the id 'a' is taken: steps[0] has it too"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_failure:\n  - {id: b, tool: t, depends_on: [c]}\n",
        ["5:35: on_failure[0].depends_on[0]: there is no step 'c'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_failure:\n  - {id: b, tool: t}\non_success:\n  - {id: c, tool: t, input: $results.b}\n",
        ["7:29: on_success[0].input: $results.b: there is no step 'b'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\non_error:\n  - {id: b, tool: t}\n",
        [
            "4:1: on_error: unknown key 'on_error'; known keys: version, name, description, parameters, max_duration, parallel_config, fail_fast, steps, output, on_success, on_failure, on_cancel, finally"
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: c, tool: t, input: $results.b}\nfinally:\n  - {id: b, tool: t}\n",
        ["4:29: steps[1].input: $results.b: there is no step 'b'"],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, input: $run.statu, when: $reslts.a}\n",
        [
            "5:29: finally[0].input: $run.statu: the run has no 'statu'; did you mean 'status'? (it has workflow, started, status, failures)",
            "5:47: finally[0].when: column 1 of the expression: there is no $reslts; did you mean $results? (references: $results, $errors, $states, $context, $env, $run, $now)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, y], key: same}, step: {tool: t}}\n",
        [
            "4:41: steps[1].for_each.key: the key is the same for all 2 items: refer to the item in it, $item",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, y], as: user, key: $context.n}, step: {tool: t}}\n",
        [
            "4:51: steps[1].for_each.key: the key is the same for all 2 items: refer to the item in it, $user",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, y], key: $itm}, step: {tool: t}}\n",
        [
            "4:41: steps[1].for_each.key: '$itm' is no reference; here there are $item, $index ('$$' writes a dollar)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, y, x], key: $item}, step: {tool: t}}\n",
        [
            "4:44: steps[1].for_each.key: the key 'x' belongs to more than one item (0 and 2); give each its own key",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [{id: 1}, {id: 2}, {id: 1}], as: user, key: u-$user.id}, step: {tool: t}}\n",
        [
            "4:72: steps[1].for_each.key: the key 'u-1' belongs to more than one item (0 and 2); give each its own key",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [{id: 1}, {name: 2}], key: $item.id}, step: {tool: t}}\n",
        [
            "4:55: steps[1].for_each.key: item 1: $item.id: $item has no 'id'; it has: name",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, null], key: $item}, step: {tool: t}}\n",
        [
            "4:44: steps[1].for_each.key: a key is a text that is not empty; that of item 1 is None",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [$results.a, y], as: each, key: $results.a}, step: {tool: t}}\n",
        [
            "4:60: steps[1].for_each.key: the key is the same for all 2 items: refer to the item in it, $each",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x, y]}, steps: [{id: c, for_each: {in: [1, 2], as: n, key: $item}, step: {tool: t}}]}\n",
        [
            "4:88: steps[1].steps[0].for_each.key: the key is the same for all 2 items: refer to the item in it, $n",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [x], wait_strategy: quorum(2)}, step: {tool: t}}\n",
        [
            "4:48: steps[1].for_each.wait_strategy: quorum(2) needs 2 items, and there is 1",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: {x: 1, y: 2}, wait_strategy: quorum(3)}, step: {tool: t}}\n",
        [
            "4:57: steps[1].for_each.wait_strategy: quorum(3) needs 3 items, and there are 2",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [], wait_strategy: any}, step: {tool: t}}\n",
        [
            "4:47: steps[1].for_each.wait_strategy: any needs 1 item, and there are none",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [], wait_strategy: race}, step: {tool: t}}\n",
        [
            "4:47: steps[1].for_each.wait_strategy: race needs 1 item, and there are none",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, mac], exclude: [{os: mac}], wait_strategy: quorum(2)}, step: {tool: t}}\n",
        [
            "4:77: steps[1].matrix.wait_strategy: quorum(2) needs 2 items, and there is 1",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, mac], exclude: [{os: windows}]}, step: {tool: t}}\n",
        [
            "4:55: steps[1].matrix.exclude[0].os: no value of 'os' is 'windows', so that this leaves nothing out",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, mac], exclude: [{os: lnux}, {os: mac}]}, step: {tool: t}}\n",
        [
            "4:55: steps[1].matrix.exclude[0].os: no value of 'os' is 'lnux', so that this leaves nothing out; did you mean 'linux'?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {py: ['3.11', '3.12'], exclude: [{py: 3.11}]}, step: {tool: t}}\n",
        [
            "4:59: steps[1].matrix.exclude[0].py: no value of 'py' is 3.11, so that this leaves nothing out; did you mean '3.11'?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {py: [3, 4], exclude: [{py: '3'}]}, step: {tool: t}}\n",
        [
            "4:49: steps[1].matrix.exclude[0].py: no value of 'py' is '3', so that this leaves nothing out; did you mean 3?",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], py: [3], exclude: [{os: linux, py: 4}]}, step: {tool: t}}\n",
        [
            "4:70: steps[1].matrix.exclude[0].py: no value of 'py' is 4, so that this leaves nothing out",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], exclude: [{}]}, step: {tool: t}}\n",
        [
            "4:45: steps[1].matrix.exclude[0]: this leaves out every cell: name at least one value",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], include: [{os: bsd}, {os: linux}]}, step: {tool: t}}\n",
        [
            "4:56: steps[1].matrix.include[1]: there is a cell 'linux' already: include adds cells, and changes none",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, linux]}, step: {tool: t}}\n",
        [
            "4:21: steps[1].matrix: the key 'linux' belongs to more than one item (0 and 1); give each its own key",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, mac], py: [3, 4], key: $matrix.os}, step: {tool: t}}\n",
        [
            "4:57: steps[1].matrix.key: the key 'linux' belongs to more than one item (0 and 1); give each its own key",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux, mac], key: all}, step: {tool: t}}\n",
        [
            "4:45: steps[1].matrix.key: the key is the same for all 2 items: refer to the item in it, $matrix",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, toolName: t}\n  - {id: b, forEach: {in: [x], waitStrategy: quorum(2)}, step: {toolName: t}}\n",
        [
            "4:46: steps[1].forEach.waitStrategy: quorum(2) needs 2 items, and there is 1",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, input: $run.failure}\n",
        [
            "5:29: finally[0].input: $run.failure: the run has no 'failure'; did you mean 'failures'? (it has workflow, started, status, failures)",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, input: "$run.failures.0.typ of $run.failures[1].step"}\n',
        [
            "5:30: finally[0].input: $run.failures.0.typ: a failure has no 'typ'; did you mean 'type'? (it has step, state, type, message)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, when: $run.failures.step == 'a'}\n",
        [
            "5:28: finally[0].when: $run.failures.step: $run.failures is a list: write $run.failures.0.step for the first of them",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, when: \"$run.stat == 'failed'\"}\n",
        [
            "5:29: finally[0].when: $run.stat: the run has no 'stat'; did you mean 'status'? (it has workflow, started, status, failures)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\nfinally:\n  - {id: b, tool: t, input: \"${run.name ?? 'none'}\"}\n",
        [
            "5:29: finally[0].input: $run.name: the run has no 'name' (it has workflow, started, status, failures)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\noutput: $run.state\n",
        [
            "4:9: output: $run.state: the run has no 'state'; did you mean 'started'? (it has workflow, started, status, failures)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: g, group: {steps: [a]}}\n  - {id: b, tool: t, input: $results.g.winnr}\n",
        [
            "5:29: steps[2].input: $results.g.winnr: the value of step 'g' has no 'winnr'; did you mean 'winner'? (it has group_id, wait_strategy, success, steps, completed_steps, failed_steps, skipped_steps, cancelled_steps, results, errors, winner, duration, timed_out, value, outcomes)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: g, group: {steps: [a]}}\n  - {id: b, tool: t, input: $results.g.a.n}\n",
        [
            "5:29: steps[2].input: $results.g.a.n: the values of its steps are under 'results': write $results.g.results.a.n",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: g, for_each: {in: [1]}, step: {tool: t}}\n  - {id: b, tool: t, when: $results.g.item0 == 1}\n",
        [
            "5:28: steps[2].when: $results.g.item0: the value of step 'g' has no 'item0' (it has group_id, wait_strategy, success, steps, completed_steps, failed_steps, skipped_steps, cancelled_steps, results, errors, winner, duration, timed_out, value, outcomes)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: g, branch: {type: if, condition: true, then_steps: [a]}}\n  - {id: b, tool: t, input: $results.g.takn}\n",
        [
            "5:29: steps[2].input: $results.g.takn: the value of step 'g' has no 'takn'; did you mean 'taken'? (it has taken, results)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: g, steps: [{id: ghent, tool: t}]}\n  - {id: b, tool: t, input: $results.g.gent}\n",
        [
            "5:29: steps[2].input: $results.g.gent: the value of step 'g' has no 'gent'; did you mean 'ghent'? (it has ghent)",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true, delay: $results.c}, step: {tool: t}}\n",
        [
            "4:42: steps[1].repeat.delay: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true, max: $index}, step: {tool: t}}\n",
        [
            "4:40: steps[1].repeat.max: there is no $index (references: $results, $errors, $states, $context, $env, $run, $now)",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {until: true, max: "${context.n}0"}, step: {tool: t}}\n',
        [
            "4:40: steps[1].repeat.max: column 1 of the expression: write one value, with no text around it: $context.n",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: 5, as: user}, step: {tool: t, input: "$usr.id $results.c"}}\n',
        [
            "4:28: steps[1].for_each.in: expected a list, or a reference to one; found 5",
            "4:66: steps[1].step.input: '$usr.id' is no reference; did you mean $user? ('$$' writes a dollar)",
            "4:74: steps[1].step.input: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1], as: 5}, step: {tool: t}}\n",
        [
            "4:37: steps[1].for_each.as: expected a name of letters, digits and _, such as user; found 5",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: linux}, step: {tool: t, input: "$matrix.so $results.c"}}\n',
        [
            "4:26: steps[1].matrix.os: expected a list of values, or a reference to one; found 'linux'",
            "4:58: steps[1].step.input: $matrix.so: the matrix has no 'so' (it has os)",
            "4:69: steps[1].step.input: $results.c: there is no step 'c'",
        ],
    ),
    (
        'name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, matrix: {os: [linux], include: [mac]}, step: {tool: t, input: "$matrix.so $results.c"}}\n',
        [
            "4:45: steps[1].matrix.include[0]: expected a mapping of names to values; found 'mac'",
            "4:87: steps[1].step.input: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, repeat: {delay: 5s}, step: {tool: t, input: $results.c}}\n",
        [
            "4:21: steps[1].repeat: 'until' is needed: the condition that ends it",
            "4:57: steps[1].step.input: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: $results.c}}\n",
        [
            "4:13: steps[1].for_each: 'for_each' needs 'step', 'steps' or 'sequence' beside it: what it does each time",
            "4:28: steps[1].for_each.in: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, for_each: {in: [1]}, step: {tool: t, input: $results.c}, steps: [a]}\n",
        [
            "4:13: steps[1].for_each: 'for_each' needs one of 'step', 'steps' or 'sequence' beside it; found 'step' and 'steps'",
            "4:57: steps[1].step.input: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: none.yaml, with: {n: $results.c}}\n",
        [
            "4:23: steps[1].workflow: 'none.yaml': cannot read the file: No such file or directory",
            "4:44: steps[1].with.n: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, workflow: 5, with: {n: $results.c}}\n",
        [
            "4:23: steps[1].workflow: expected text; found 5; put it in quotes",
            "4:36: steps[1].with.n: $results.c: there is no step 'c'",
        ],
    ),
    (
        "name: x\nsteps:\n  - {id: a, tool: t}\n  - {id: b, steps: [{id: c, tool: t}], tool: t}\n  - {id: d, tool: t, input: $results.b.c, depends_on: [c]}\n",
        [
            "4:5: steps[1]: a step has 'tool' or 'steps', not both",
            "5:56: steps[2].depends_on[0]: step 'c' is inside step 'b', which hides it: depend on 'b'",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_a_broken_file_is_refused_with_exactly_these_words(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "part.yaml").write_text(PART)
    (tmp_path / "workflow.yaml").write_text(text)
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow("workflow.yaml")
    found = str(caught.value).splitlines()[1:]
    assert [line.removeprefix("workflow.yaml:") for line in found] == expected


def test_there_are_fifty_of_them():
    assert len(BROKEN) >= 50


def mistakes_of(folder, monkeypatch, **files):
    monkeypatch.chdir(folder)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow("main.yaml")
    return str(caught.value).splitlines()[1:]


def test_what_a_workflow_with_mistakes_is_given_is_looked_at_as_well(tmp_path, monkeypatch):
    """At every depth, and in the order of the files, the first one first."""
    found = mistakes_of(
        tmp_path,
        monkeypatch,
        main="name: m\nsteps:\n  - {id: a, workflow: part.yaml, with: {n: two, m: 3}}\n  - {id: b, tol: t}\n",
        part="name: p\nparameters: {n: {type: int}, k: {type: 5}}\nsteps:\n"
        "  - {id: a, workflow: inner.yaml, with: {who: 5}}\n  - {id: b, tool: t, wen: 1 < 2}\n",
        inner="name: i\nparameters: {who: {type: str}}\nsteps:\n  - {id: a, tool: t, input: $results.x}\n",
    )
    assert found == [
        "main.yaml:3:44: steps[0].with.n: expected a whole number; found 'two'",
        "main.yaml:3:52: steps[0].with.m: there is no such parameter (parameters: n, k)",
        "main.yaml:4:13: steps[1].tol: unknown key 'tol'; did you mean 'tool'?",
        "inner.yaml:4:29: steps[0].input: $results.x: there is no step 'x'",
        "part.yaml:2:40: parameters.k.type: expected one of str, int, float, bool, list, dict, any, or list[...] or dict[...] of one; found 5",
        "part.yaml:4:47: steps[0].with.who: expected text; found 5",
        "part.yaml:5:22: steps[1].wen: unknown key 'wen'; did you mean 'when'?",
    ]


@pytest.mark.parametrize("part", ["- a list", "name: {", "", "name: p\nsteps: 5\n"])
def test_of_a_file_that_cannot_be_read_its_own_mistakes_are_all(tmp_path, monkeypatch, part):
    main = "name: m\nsteps:\n  - {id: a, workflow: part.yaml, with: {n: two}}\n"
    found = mistakes_of(tmp_path, monkeypatch, main=main, part=part)
    assert found
    assert all(line.startswith("part.yaml") for line in found)


def switch(*values):
    cases = ", ".join(f"{{value: {value}, steps: [a]}}" for value in values)
    branch = f"{{type: switch, expression: $context.n, cases: [{cases}]}}"
    return f"name: m\nsteps:\n  - {{id: a, tool: t}}\n  - {{id: b, branch: {branch}}}\n"


@pytest.mark.parametrize(
    ("values", "again", "first"),
    [
        (["eu", "us", "eu"], 2, 0),
        ([1, 2, 2.0], 2, 1),
        (["null", "null"], 1, 0),
        (["true", "true"], 1, 0),
    ],
)
def test_a_case_that_is_never_taken_is_refused(tmp_path, monkeypatch, values, again, first):
    (found,) = mistakes_of(tmp_path, monkeypatch, main=switch(*values))
    assert f"steps[1].branch.cases[{again}].value: cases[{first}] has the value " in found
    assert found.endswith(" already, and is taken for it")


@pytest.mark.parametrize(
    "values", [[1, "true", "'1'"], ["$context.a", "$context.b"], ["$$a", "$$b"], ["[1]", "[2]"]]
)
def test_cases_that_may_be_taken_are_none(tmp_path, monkeypatch, values):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.yaml").write_text(switch(*values))
    assert len(load_workflow("main.yaml").steps) == 2


def test_cases_that_cannot_be_read_are_not_the_same(tmp_path, monkeypatch):
    text = switch("x").replace("{value: x, steps: [a]}", "5, 5")
    assert len(mistakes_of(tmp_path, monkeypatch, main=text)) == 2

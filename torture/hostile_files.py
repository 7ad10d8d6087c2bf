"""Workflow files and settings as strangers write them: a grammar, and mutations of good files."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import yaml

NATIVE = """\
x-common: &common {timeout: 5s, continue_on_error: true}
name: report
description: fetches and reports
max_duration: 2m
parallel_config: {max_concurrent: 5, queue_size: 100, timeout: 30, when_full: wait}
steps:
  - id: first step
    tool: echo
    input: {value: {n: 3, users: [{name: ada}, {name: $context.city}]}}
  - {<<: *common, id: fetch, tool: greet, input: {city: "${context.city}!", delay: 0.5}}
  - id: enrich
    depends_on: [fetch, first step]
    group:
      wait_strategy: quorum(2)
      max_concurrent: 3
      continue_on_error: true
      timeout: 15s
      step_timeout: 1.5
      steps:
        - reviews
        - {id: prices, tool: echo, input: '$results["first step"].users[0].name'}
        - id: stock
          group: {steps: [{id: shelf, tool: odd}, {id: broken, tool: fail, <<: *common}]}
  - {id: reviews, tool: count, input: {names: [a, b], most: 1, how: down}}
  - {id: last, depends_on: [enrich], tool: table, input: {rows: [{a: 1}, {b: 2}]}}
output:
  total: $results.enrich.results.length
  all: "of $results.last and $errors.broken.message at $now for $$5"
  shelf: $results.shelf
"""

CAMEL = """\
name: report
maxDuration: 120000
parallelConfig: {maxConcurrent: 5, queueSize: 100, timeout: 30000, whenFull: wait}
steps:
  - id: fetch
    toolName: greet
    input: {city: "$context.city", loud: true}
    timeout: 500
  - id: enrich
    dependsOn: [fetch]
    parallelGroup:
      waitStrategy: allSettled
      continueOnError: true
      stepTimeout: 1500
      steps: [reviews, {id: prices, toolName: echo, input: {value: "$results.fetch"}}]
  - {id: reviews, toolName: fail, continueOnError: true}
output: {total: "$results.enrich.results.length", why: $errors.reviews.type}
"""

SMALL = "name: x\nsteps:\n  - {id: a, tool: echo, input: 1}\n"

SCALARS = [
    *[
        "NO",
        "yes",
        "on",
        "off",
        "y",
        "~",
        "null",
        "Null",
        "true",
        "FALSE",
        "0777",
        "0o17",
        "0x1F",
        "089",
        "1_000",
        "12:30",
        "1e3",
        "1e999",
        "-1e999",
    ],
    *[
        ".inf",
        "-.INF",
        ".nan",
        "+5",
        "-0",
        "1.",
        ".5",
        "5000000000",
        "-1",
        "2030-01-31",
        "2030-01-31T12:00:00Z",
        "0b11",
        "=",
        "<<",
    ],
    *[
        "$results.fetch",
        "$results",
        "$errors",
        "$context",
        "$now",
        "$context.city",
        "$results.fetch.0.length",
    ],
    *[
        "${results.fetch",
        "${{results.fetch}}",
        "$env.X",
        "$ctx.x",
        "$$",
        "$",
        "${}",
        "$results.a[*]",
        "$context[-1]",
    ],
    *[
        "$context.deep.a.b",
        "$errors.broken",
        "quorum(2)",
        "quorum(0)",
        "all_settled",
        "allSettled",
        "race",
        "1h30m",
    ],
    *[
        "echo",
        "greet",
        "count",
        "table",
        "odd",
        "fail",
        "fetch",
        "enrich",
        "reviews",
        "a",
        "b",
        "500ms",
        ".5s",
        "0",
        "1",
        "5",
        "100000",
    ],
    *[
        "!!str",
        "!!int",
        "!!bool",
        "!!float",
        "!!null",
        "!!map",
        "!!seq",
        "!!set",
        "!!omap",
        "!!binary",
        "!!timestamp",
        "!x",
        "!",
    ],
    *[
        "*common",
        "*a",
        "&a",
        "&",
        "*",
        "!",
        "%",
        "@",
        "`",
        "|",
        ">",
        "-",
        "?",
        ":",
        "#",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "[]",
        "{}",
        "[[",
        "}}",
        "---",
        "...",
        "<<",
        "<<:",
    ],
    *[
        "!!bool\tfoo",
        "!!int\t''",
        "!!int\tx",
        "!!float\t.",
        "!!null\tx",
        "!!set\t{a}",
        "!!str\t[a]",
    ],
    *[
        "a b",
        "$results['first step'].n",
        "${ results.x }",
        "${results.first step}",
        "? [a] : b",
        "? {a: b}",
    ],
    *[
        '"\\uD800"',
        '"\\x00"',
        '"\\u2028"',
        "\x00",
        "\x07",
        "\x1b[2J",
        "\u2028",
        "\x85",
        "\ufeff",
        "�",
        "é",
        "日本",
        "\u202e",
    ],
    *[
        "'{a: 1, a: 2}'",
        "{1: a, '1': b}",
        "{on: 1, 1.0: 2, ~: 3}",
        "{$results.x: 1}",
        "[a, [b, {c: d}]]",
    ],
    "9" * 600,
    "9" * 5_000,
    "0x" + "f" * 5_000,
    "x" * 3_000,
    "a." * 300,
    "$results." + "a." * 300 + "a",
]

# Scalars that are right nearly everywhere.
SOUND = [
    *[
        "NO",
        "yes",
        "on",
        "~",
        "null",
        "true",
        "0o17",
        "0x1F",
        "12:30",
        "1e3",
        ".inf",
        ".nan",
        "-0",
        "5",
        "100000",
        "2030-01-31",
        "a",
        "é",
    ],
    *[
        "$context.city",
        "$errors.s00",
        "$now",
        "$$",
        "$5",
        "$HOME",
        "${context.city}",
        "$context",
        "$results.s00",
    ],
]

KEYS = [
    *[
        "name",
        "description",
        "max_duration",
        "parallel_config",
        "steps",
        "output",
        "id",
        "tool",
        "input",
        "depends_on",
    ],
    *[
        "timeout",
        "continue_on_error",
        "group",
        "wait_strategy",
        "max_concurrent",
        "step_timeout",
        "queue_size",
    ],
    *[
        "maxDuration",
        "parallelConfig",
        "toolName",
        "dependsOn",
        "parallelGroup",
        "waitStrategy",
        "when_full",
        "x-a",
    ],
    *[
        "city",
        "delay",
        "value",
        "names",
        "most",
        "rows",
        "1",
        "true",
        "null",
        "on",
        "NO",
        "<<",
        "0x10",
        "1.5",
        ".nan",
        "~",
        "tol",
        "Name",
    ],
    *[
        "a b",
        "é",
        "'first step'",
        '""',
        "? [a]",
        "? {b: c}",
        "*a",
        "&b c",
        "!!int 1",
        "$results.x",
        "${x}",
        "-",
        "\x00",
    ],
]

_TOKEN = re.compile(r"\s+|[^\s\[\]{},:]+|[\[\]{},:]")


def make_file(rng: random.Random) -> bytes:
    """The bytes of a file that is or nearly is one of a workflow."""
    if rng.random() < 0.02:
        return rng.choice(BOMBS)(rng).encode()
    base = rng.choice([NATIVE, NATIVE, CAMEL, SMALL])
    text = make_workflow(rng) if rng.random() < 0.4 else base
    for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 2, 3, 20])):
        text = rng.choice(MUTATIONS)(rng, text)
    content = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.03:
        place = rng.randrange(len(content) + 1)
        content = content[:place] + rng.randbytes(rng.randrange(1, 4)) + content[place:]
    return content


def make_dict(rng: random.Random) -> Any:
    """What Python may hand over instead of a file: anything, in any place."""
    base = yaml.safe_load(rng.choice([NATIVE, CAMEL, SMALL]))
    for _ in range(rng.choice([0, 1, 2, 5])):
        holder: Any = base
        while isinstance(holder, dict | list) and holder:
            places: list[Any] = list(holder) if isinstance(holder, dict) else [*range(len(holder))]
            place = rng.choice(places)
            if rng.random() < 0.3:
                _put(rng, holder, place)
                break
            holder = holder[place]
    return base


def _put(rng: random.Random, holder: Any, place: Any) -> None:
    odd = [
        None,
        True,
        5,
        -1.5,
        math.nan,
        math.inf,
        10**5_000,
        b"x",
        (),
        {1},
        object(),
        [],
        {},
        holder,
    ]
    odd += [rng.choice(SCALARS), lambda: 1, range(3), {1: 2, None: 3, (1, 2): 4}, datetime.now(UTC)]
    if isinstance(holder, dict) and rng.random() < 0.3:
        key = rng.choice([None, True, 5, -1.5, math.nan, 10**5_000, b"x", (1, 2), *SCALARS])
        holder[key] = holder.pop(place)
    else:
        holder[place] = rng.choice(odd)


def make_setting(rng: random.Random) -> str:
    """The text after ``--set``."""
    key = ".".join(rng.choices(["city", "deep", "a", "b", "1", "x y"], k=rng.choice([1, 1, 2, 3])))
    value = make_value(rng, 0) if rng.random() < 0.5 else rng.choice(SCALARS)
    whole = f"{key}={value}"
    return _change_letters(rng, whole) if rng.random() < 0.2 else whole


def make_workflow(rng: random.Random) -> str:
    """A file from the grammar: the right keys, in about the right places."""
    lines = [f"name: {rng.choice(['w'] * 99 + SCALARS)}"]
    if rng.random() < 0.05:
        lines.append(f"{rng.choice(KEYS)}: {make_value(rng, 0)}")
    lines.append("steps:")
    lines += [f"  - {make_step(rng, number, 0)}" for number in range(rng.randrange(1, 6))]
    if rng.random() < 0.5:
        lines.append(f"output: {make_value(rng, 0)}")
    return "\n".join(lines) + "\n"


def make_step(rng: random.Random, number: int, depth: int) -> str:
    id_ = f"s{depth}{number}" if rng.random() < 0.98 else rng.choice(SCALARS)
    parts = [f"id: {id_}"]
    if rng.random() < 0.2 and depth < 3:
        members = [make_step(rng, n, depth + 1) for n in range(rng.randrange(1, 4))]
        parts.append(f"group: {{steps: [{', '.join(members)}]}}")
    else:
        parts.append(f"tool: {rng.choice(['echo'] * 9 + ['greet', 'count', 'table', 'odd'])}")
        parts.append(f"input: {make_value(rng, 0)}")
    if number and rng.random() < 0.5:
        parts.append(f"depends_on: [s{depth}{rng.randrange(number)}]")
    if rng.random() < 0.05:
        parts.append(f"{rng.choice(KEYS)}: {make_value(rng, 1)}")
    return "{" + ", ".join(parts) + "}"


def make_value(rng: random.Random, depth: int) -> str:
    """A value in flow style, with anchors, aliases, tags and merge keys."""
    kind = rng.random()
    if depth > 3 or kind < 0.5:
        scalar = rng.choice(SOUND if rng.random() < 0.95 else SCALARS)
        return rng.choice([scalar, scalar, f"'{scalar}'", f'"{scalar}"'])
    front = rng.choice(["", "", "", "", "", "", "&a ", "!!seq "])
    items = [make_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind < 0.75:
        return f"{front}[{', '.join(items)}]"
    return f"{front}{{{', '.join(f'{make_key(rng)}: {item}' for item in items)}}}"


def make_key(rng: random.Random) -> str:
    return rng.choice(KEYS) if rng.random() < 0.1 else f"k{rng.randrange(9)}"


def _change_tokens(rng: random.Random, text: str) -> str:
    tokens = _TOKEN.findall(text)
    if not tokens:
        return text
    place = rng.randrange(len(tokens))
    match rng.randrange(5):
        case 0:
            tokens[place] = rng.choice(SCALARS)
        case 1:
            tokens[place] = rng.choice(KEYS)
        case 2:
            del tokens[place : place + rng.randrange(1, 4)]
        case 3:
            tokens.insert(place, rng.choice(SCALARS))
        case 4:
            other = rng.randrange(len(tokens))
            tokens[place], tokens[other] = tokens[other], tokens[place]
    return "".join(tokens)


def _change_lines(rng: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[rng.randrange(len(lines))])
        case 2:
            lines[place] = " " * rng.randrange(1, 4) + lines[place]
        case 3:
            lines[place] = lines[place].lstrip()
        case 4:
            lines.insert(place, f"{rng.choice(KEYS)}: {make_value(rng, 0)}\n")
        case 5:
            lines.insert(place, rng.choice(["---\n", "...\n", "%YAML 1.1\n", "\t\n", "# x\n"]))
    return "".join(lines)


def _change_letters(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    letter = rng.choice("[]{},:&*!|>'\"%@`#-?$.\\ \t\n\r\x00\x7f\x85\u2028\ud800aZ09é")
    return text[:place] + letter * rng.choice([0, 1, 1, 2]) + text[place + rng.randrange(2) :]


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


MUTATIONS: list[Callable[[random.Random, str], str]] = [
    _change_tokens,
    _change_tokens,
    _change_tokens,
    _change_lines,
    _change_letters,
    _cut,
]


def _aliases(rng: random.Random) -> str:
    wide = rng.randrange(5, 15)
    rows = [f"a0: &a0 [{', '.join(['x'] * wide)}]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * wide)}]" for n in range(1, 10)]
    place = rng.choice(["x-bomb", "output"])
    return SMALL + f"{place}:\n  " + "\n  ".join(rows) + "\n"


def _merges(rng: random.Random) -> str:
    wide, many = rng.randrange(200, 1500), rng.randrange(500, 8000)
    keys = ", ".join(f"k{n}: {n}" for n in range(wide))
    return f"x-a: &a {{{keys}}}\nx-b:\n" + "- {<<: *a}\n" * many + SMALL


def _nested_merges(rng: random.Random) -> str:
    rows = ["x-0: &m0 {k: 1}"]
    rows += [f"x-{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, 600)]
    return "\n".join(rows) + "\n" + SMALL


def _brackets(rng: random.Random) -> str:
    return SMALL + "output: " + rng.choice(["[", "{a: ", "- ", "? "]) * rng.randrange(50, 20_000)


def _flood(rng: random.Random) -> str:
    """The same mistakes again and again, by aliases of the step that has them."""
    bad = rng.choice(["{id: 5, tol: x, timeout: no}", "5", "{id: a, tool: echo, input: [$x.y]}"])
    many = rng.randrange(1_000, 6_000)
    return f"x-a: &a {bad}\nname: x\nsteps: [" + "*a," * many + "]\n"


def _long_flood(rng: random.Random) -> str:
    long = "y" * rng.randrange(1_000, 20_000)
    return f"x-a: &a {{id: a, tool: {long}}}\nname: x\nsteps: [" + "*a," * 3_000 + "]\n"


def _slips(rng: random.Random) -> str:
    slip = rng.choice(["${a b} ", "$results.a[*] ", '$results["', "${", "$env.x ", "$results.a "])
    return SMALL + f"output: '{slip * rng.randrange(1_000, 30_000)}'\n"


def _many_steps(rng: random.Random) -> str:
    step = rng.choice(
        [
            "  - 5\n",
            "  - {id: a, tool: nope}\n",
            "  - {}\n",
            "  - {id: b, tool: echo, depends_on: [z]}\n",
        ]
    )
    return "name: x\nsteps:\n" + step * rng.randrange(500, 5_000)


def _long_text(rng: random.Random) -> str:
    letter = rng.choice(["x", "$", "$$", ".", "${", "a b ", "é"])
    key = rng.choice(["name", "output", "description", "max_duration", "x-a", "nome"])
    return SMALL.replace("name: x\n", "") + f"{key}: '{letter * 100_000}'\nname: x\n"


BOMBS: list[Callable[[random.Random], str]] = [
    _aliases,
    _merges,
    _nested_merges,
    _brackets,
    _flood,
    _long_flood,
    _slips,
    _many_steps,
    _long_text,
]

"""Workflow files and settings as strangers write them: a grammar, and mutations of good files."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import yaml

from torture.hostile_bombs import BOMBS
from torture.hostile_words import CAMEL, KEYS, NATIVE, SCALARS, SMALL, SOUND

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

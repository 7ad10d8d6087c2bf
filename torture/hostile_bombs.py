"""Small files that cost much, or have very many mistakes."""

from __future__ import annotations

import random
from collections.abc import Callable

from torture.hostile_words import SMALL

__all__ = ["BOMBS"]


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

"""The suites that look for broken promises find them: each rule of the engine is switched off once.

A suite that stays green without a rule proves nothing about it. So here a trial passes when a trial
of another suite fails.
"""

from __future__ import annotations

from collections import Counter

from hocket import _core
from torture.suite import Suite
from torture.suites import differential, faults

SUITES = {"differential": differential.trial, "faults": faults.trial}
RULES = {
    "Generation": "a time limit that outlives its step",
    "Dirty": "a step started in a cancelled scope",
    "Retire": "a worker that goes on among leftovers",
    "Fatal": "a fatal exception taken for a result",
    "Returned": "a slot given back twice",
}
ATTEMPTS = 1_000


def trial(seed: int) -> Counter[str]:
    assert set(RULES) == set(_core.rules())
    rule = list(RULES)[seed % len(RULES)]
    _core.set_rule(rule, False)
    try:
        needed = {name: trials_needed(name, seed) for name in SUITES}
    finally:
        _core.set_rule(rule, True)
    figures = {
        f"{RULES[rule]}: trials until {name} notices": number
        for name, number in needed.items()
        if number is not None
    }
    assert figures, f"no suite notices {RULES[rule]}, in {ATTEMPTS} trials of each"
    return Counter(figures)


def trials_needed(name: str, seed: int) -> int | None:
    for number in range(ATTEMPTS):
        try:
            SUITES[name](seed * ATTEMPTS + number)
        except Exception:
            return number + 1
    return None


SUITE = Suite(
    name="mutations",
    promise="a driver without one of its rules is found out",
    unit="rules switched off",
    trial=trial,
    small=0,
    large=5,
    build="faults",
)

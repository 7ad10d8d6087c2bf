"""Turns that the driver gives, against Trio's own.

The same schedules as in the differential suite, with more programs that only let others have a
turn, and without threads: once with turns, once without. Every step must end in the same way, with the same value, at
the same instant, having lived through the same.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

import attrs

from hocket import ParallelExecutionManager
from hocket.testing import run_virtual
from torture.shrink import shrink
from torture.suite import Suite, without_turns
from torture.suites.differential import Op, Outcome, Schedule, make_schedule, observe

CHECKPOINTS = [0, 1, 2, 10]


def make_case(seed: int) -> Schedule:
    """A schedule of the differential suite, and checkpoints between all that its steps do."""
    rng = random.Random(seed)
    schedule = make_schedule(seed)
    programs = [
        attrs.evolve(
            program,
            ops=[op for one in program.ops for op in [*checkpoints(rng), one, *checkpoints(rng)]],
        )
        for program in schedule.programs
    ]
    return attrs.evolve(schedule, programs=programs, in_threads=())


def checkpoints(rng: random.Random) -> list[Op]:
    return [Op("checkpoint", 0.0, [])] * rng.choice(CHECKPOINTS)


def difference(schedule: Schedule, seed: int) -> str | None:
    manager = partial(ParallelExecutionManager, max_concurrent=schedule.limit)

    def run() -> Outcome:
        return run_virtual(observe, schedule, manager(), seed=seed)

    given = run()
    with without_turns():
        trios = run()
    for field in attrs.fields(Outcome):
        one, other = getattr(given, field.name), getattr(trios, field.name)
        if one != other:
            return f"{field.name}: with turns {one!r}, without {other!r}"
    return None


def trial(seed: int) -> Counter[str]:
    schedule = make_case(seed)
    found = difference(schedule, seed)
    assert found is None, f"{found}\n{schedule}"
    return Counter(steps=len(schedule.programs))


def shrunk(seed: int) -> str:
    smallest = shrink(make_case(seed), lambda schedule: difference(schedule, seed) is not None)
    return f"{difference(smallest, seed)}\n{smallest}"


SUITE = Suite(
    name="turns",
    promise="same outcome, same value, same time for every step whether the driver gives it its "
    "turns or Trio does",
    unit="schedules",
    trial=trial,
    shrink=shrunk,
    small=1_000,
    large=200_000,
)

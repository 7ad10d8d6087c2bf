"""What a run has given, as plain data: all that tables and pictures are made of."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benches.contender import Contender
from benches.measure.environment import RUNNER, RUNTIME_PACKAGES
from benches.measure.machine import freeze, machine, revision, versions
from benches.plan import Cell, Kind
from benches.work.frame import LIMIT, STEP_TIMEOUT
from benches.work.workloads import WORKLOADS

FOLDER = Path(__file__).parents[1] / "results"

Results = dict[str, Any]


def collect(
    kind: Kind,
    rounds: int,
    cells: Sequence[Cell],
    contenders: Sequence[Contender],
    bad: dict[str, str],
    *,
    interrupted: bool,
) -> Results:
    """Put together cells, and what one has to know to judge them.

    Args:
        kind: quick or full.
        rounds: how many there were to be.
        cells: what was measured.
        contenders: all of them.
        bad: by name, what is wrong with files that are no contenders.
        interrupted: whether Ctrl-C has ended it.
    """
    packages = [package for contender in contenders for package in contender.packages]
    runtimes = [package for packages in RUNTIME_PACKAGES.values() for package in packages]
    used = {cell.workload for cell in cells}
    now = {
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "revision": revision(),
    }
    return {
        "kind": kind.name,
        **now,
        "interrupted": interrupted,
        "machine": machine(),
        "packages": versions(["trio", *RUNNER, *runtimes, *packages]),
        "freeze": freeze(),
        "rounds": rounds,
        "limit": LIMIT,
        "step_timeout": STEP_TIMEOUT,
        "workloads": [
            {
                "name": workload.name,
                "what": workload.what,
                "unit": workload.unit,
                "floor": workload.floor,
                "memory": workload.memory,
                **now,
            }
            for workload in WORKLOADS.values()
            if workload.name in used
        ],
        "contenders": {
            contender.name: {
                "what": contender.what,
                "source": contender.source,
                "packages": contender.packages,
                "runtimes": contender.runtimes,
                "time_limit": contender.time_limit,
                "slow": contender.slow,
                "serial": contender.serial,
            }
            for contender in contenders
        },
        "bad": bad,
        "cells": [asdict(cell) for cell in cells],
    }


def renewed(old: Results, new: Results) -> Results:
    """Return old results, with the workloads that have been measured again in place of theirs.

    Raises:
        ValueError: they were not measured in the same way and in the same place.
    """
    for key in ("kind", "rounds", "limit", "step_timeout", "machine"):
        if old[key] != new[key]:
            raise ValueError(f"{key} differs: {old[key]!r} then, {new[key]!r} now")
    # One that only a new workload needs was of no matter to the others.
    packages = new["packages"] | old["packages"]
    if packages != new["packages"]:
        raise ValueError(f"packages differs: {old['packages']!r} then, {new['packages']!r} now")
    again = {workload["name"]: workload for workload in new["workloads"]}
    kept = [cell for cell in old["cells"] if cell["workload"] not in again]
    known = [again.pop(one["name"], one) for one in old["workloads"]]
    return old | {
        "packages": packages,
        "freeze": new["freeze"],
        "workloads": [*known, *again.values()],
        "contenders": new["contenders"],
        "cells": kept + new["cells"],
    }


def save(results: Results, stem: str) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{stem}.json"
    cells = ",\n  ".join(json.dumps(cell) for cell in results["cells"])
    # A cell a line: that reads, and compares, better than a figure a line.
    text = json.dumps(results | {"cells": ["@"]}, indent=1, ensure_ascii=False)
    path.write_text(text.replace('"@"', cells) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> Results:
    return json.loads(path.read_text(encoding="utf-8"))

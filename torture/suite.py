"""One promise, and the trial that tries to break it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import attrs

# In the order of the report.
NAMES = [
    "differential",
    "turns",
    "faults",
    "threads",
    "core",
    "machine",
    "oddities",
    "files",
    "workflows",
    "servers",
    "databases",
    "interrupts",
    "conformance",
    "memory",
    "starvation",
    "environments",
    "sanitizer",
    "mutations",
]


@attrs.frozen(kw_only=True)
class Suite:
    """One promise, and the trial that tries to break it.

    ``trial(seed)`` raises when the promise is broken, and otherwise returns what it has tried, by
    name: these figures are summed up over all trials, or the highest is kept, for names that begin
    with "worst". ``shrink(seed)`` returns a description of the smallest case like a failing one.
    """

    name: str
    promise: str
    unit: str
    """What the trials are: "schedules"."""
    trial: Callable[[int], Mapping[str, float]]
    small: int
    """How many trials `make test` runs; 0 leaves the suite to `make torture`."""
    large: int
    alone: bool = False
    """Measures time or memory: one trial at a time, and nothing beside it."""
    build: str = "release"
    """The build of the extension that the trials need; see `build.py`."""
    patience: float = 120
    """Seconds after which a trial counts as hanging."""
    shrink: Callable[[int], str] | None = None


def load(name: str) -> Suite:
    suite = importlib.import_module(f"torture.suites.{name}").SUITE
    assert isinstance(suite, Suite)
    assert suite.name == name
    return suite


@contextmanager
def without_turns() -> Iterator[None]:
    """Have every checkpoint go through Trio, as with HOCKET_TURNS=off from the beginning."""
    from hocket._engine import turns

    found, turns._FOUND = turns._FOUND, None
    before = os.environ.get("HOCKET_TURNS")
    os.environ["HOCKET_TURNS"] = "off"
    try:
        yield
    finally:
        turns._FOUND = found
        if before is None:
            del os.environ["HOCKET_TURNS"]
        else:
            os.environ["HOCKET_TURNS"] = before


def add(total: dict[str, float], counts: Mapping[str, float]) -> None:
    """Add the figures of one trial to those of all."""
    for name, count in counts.items():
        if name.startswith("worst"):
            total[name] = max(total.get(name, count), count)
        else:
            total[name] = total.get(name, 0) + count

"""The pytest plugin: repeatable schedules, pools that must end up empty, a warning for leaked steps."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from .._engine.leftovers import logger as leftovers_logger
from .._engine.pool import live_pools
from ._accounts import assert_idle
from ._leaks import LeakedStepWarning, leaks
from ._schedule import seeded_schedule

__all__: list[str] = []

MARKER = "hocket_schedules"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("hocket").addoption(
        "--hocket-seed",
        type=int,
        metavar="N",
        help=f"run tests marked {MARKER} under this one schedule",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(n): run the test under n schedules: n orders in which Trio may run its tasks",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker is None:
        return
    if len(marker.args) != 1 or not isinstance(marker.args[0], int) or marker.args[0] < 1:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: {MARKER} takes how many schedules to run, such as "
            f"@pytest.mark.{MARKER}(20); got {marker.args!r}"
        )
    only = metafunc.config.getoption("--hocket-seed")
    seeds = range(marker.args[0]) if only is None else [only]
    metafunc.parametrize("_hocket_schedule", seeds, indirect=True, ids="seed{}".format)


@pytest.fixture(autouse=True)
def _hocket_schedule(request: pytest.FixtureRequest) -> Iterator[None]:
    seed = getattr(request, "param", None)
    with nullcontext() if seed is None else seeded_schedule(seed):
        yield


@pytest.fixture
def hocket_idle_pools() -> Iterator[None]:
    """Every pool that the test makes must end up empty, with statistics that add up."""
    before = live_pools()
    yield
    for pool in live_pools():
        if not any(pool is one for one in before):
            assert_idle(pool)


class _Leftovers(logging.Handler):
    """Collects what steps were said to have left behind."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture(autouse=True)
def _hocket_leaks() -> Iterator[None]:
    # Busy before the test: a pool of a wider scope, and not this test's affair.
    busy = [leak.pool for leak in leaks()]
    leftovers = _Leftovers()
    leftovers_logger.addHandler(leftovers)
    try:
        yield
    finally:
        leftovers_logger.removeHandler(leftovers)
    for text in [*leftovers.texts, *map(str, leaks(ignore=busy))]:
        warnings.warn(LeakedStepWarning(text), stacklevel=1)

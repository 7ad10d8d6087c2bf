"""README.md and the pages under docs/ are tests: what they show is run."""

import signal

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.project.pages")

from tests.project.pages import PAGES  # noqa: E402

pytest_collect_file = PAGES.pytest()

# A first call that imports something, or a machine at work on something else, is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure() -> None:
    """Take signals that a shell's background or nohup has us ignore: the programs that tests start
    would ignore them too."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # nohup means us: we go on. What we start has a handler of its own, or none.
        signal.signal(signal.SIGHUP, lambda *_: None)

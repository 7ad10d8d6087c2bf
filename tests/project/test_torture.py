"""The small size of every suite that attacks a promise; `make torture` runs the large one."""

from __future__ import annotations

import pytest

from torture import campaign
from torture.suite import NAMES, load

SEED = 1


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).small])
def test_the_promise_holds(name):
    suite = load(name)
    done = campaign.run(suite, SEED, suite.small)
    assert done.done == suite.small
    assert not done.failures, "\n".join(
        f"{failure.text}\nAgain: {done.replay(failure.seed)}" for failure in done.failures[:3]
    )

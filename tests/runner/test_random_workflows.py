"""Random workflows against the reference, with every choice made by Hypothesis: what fails is shrunk.

The suite of the same name draws many more from seeds, which nothing makes smaller.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings, strategies as st

from torture.flow_lines import describe
from torture.flows import make_case
from torture.suites.workflows import hold


class Apart:
    """Chooses as Hypothesis likes, but for moments, of which no two are the same.

    Which of two things comes first that happen in one moment is not for the reference to say.
    """

    def __init__(self, choices: random.Random) -> None:
        self._choices = choices
        self._noise = random.Random(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._choices, name)

    def uniform(self, low: float, high: float) -> float:
        share = 0.9 * self._choices.random() + 0.1 * self._noise.random()
        return low + (high - low) * share


CASES = st.randoms(use_true_random=False).map(Apart).map(make_case)


@given(CASES)
@settings(
    max_examples=300,
    # Most of a case is drawn in many small choices, and some cases are no workflows.
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
def test_a_random_workflow_comes_to_what_the_reference_makes_of_it(case):
    note(describe(case))
    assume("refused" not in hold(case))

"""When a group is decided, what its result says then, and at which instant: exact, in virtual time."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given, settings, strategies as st

import hocket
from hocket import ParallelExecutionManager, ParallelGroup, WaitStrategy, quorum
from hocket.testing import assert_idle, assert_partition, run_virtual

# --- A succeeds at 1 s, B fails at 2 s, C succeeds at 3 s ------------------------------------------

ABC = {"A": (1, True), "B": (2, False), "C": (3, True)}


class Broken(Exception):
    pass


def run_group(plan, strategy, **options):
    """Run steps of {id: (seconds, succeeds)}; return (result, {id: (start, end)})."""
    spans: dict[str, tuple[float, float]] = {}
    manager = ParallelExecutionManager(max_concurrent=options.pop("pool_limit", 100))

    async def execute(step):
        start = trio.current_time()
        seconds, succeeds = plan[step]
        try:
            await trio.sleep(seconds)
        finally:
            spans[step] = (start, trio.current_time())
        if not succeeds:
            raise Broken(step)
        return step.lower()

    async def main():
        group = ParallelGroup("g", list(plan), wait_strategy=strategy, **options)
        before = trio.current_time()
        result = await manager.execute_group(group, execute)
        assert result.duration == trio.current_time() - before
        assert_idle(manager)
        return result

    result = run_virtual(main)
    assert_partition(result, list(plan))
    return result, spans


def test_all_fails_at_the_first_failure_and_cancels_the_rest():
    result, spans = run_group(ABC, "all")
    assert (result.success, result.duration) == (False, 2.0)
    assert (result.completed_steps, result.failed_steps) == (["A"], ["B"])
    assert (result.skipped_steps, result.cancelled_steps) == (["C"], ["C"])
    assert result.results == {"A": "a"}
    assert isinstance(result.errors["B"], Broken)
    assert (result.winner, result.value, result.timed_out) == (None, None, False)
    assert spans == {"A": (0, 1), "B": (0, 2), "C": (0, 2)}


@pytest.mark.parametrize("strategy", ["any", "race"])
def test_any_and_race_give_the_first_success_and_cancel_the_rest(strategy):
    result, spans = run_group(ABC, strategy)
    assert (result.success, result.duration) == (True, 1.0)
    assert (result.winner, result.value) == ("A", "a")
    assert (result.completed_steps, result.failed_steps) == (["A"], [])
    assert sorted(result.skipped_steps) == sorted(result.cancelled_steps) == ["B", "C"]
    assert spans == {"A": (0, 1), "B": (0, 1), "C": (0, 1)}


def test_all_settled_ends_with_the_last_and_has_both():
    result, spans = run_group(ABC, "all_settled")
    assert (result.success, result.duration) == (True, 3.0)
    assert (result.completed_steps, result.failed_steps) == (["A", "C"], ["B"])
    assert result.skipped_steps == result.cancelled_steps == []
    assert (result.winner, result.value) == (None, None)
    assert spans == {"A": (0, 1), "B": (0, 2), "C": (0, 3)}


def test_any_does_not_take_a_failure_for_the_first_success():
    result, _ = run_group({"B": (1, False), "A": (2, True), "C": (3, True)}, "any")
    assert (result.success, result.duration, result.winner) == (True, 2.0, "A")
    assert (result.failed_steps, result.cancelled_steps) == (["B"], ["C"])


def test_any_fails_when_all_have_failed():
    result, _ = run_group({"A": (1, False), "B": (2, False)}, "any")
    assert (result.success, result.duration, result.value) == (False, 2.0, None)
    assert result.failed_steps == ["A", "B"]


def test_race_is_lost_by_a_first_failure():
    result, _ = run_group({"B": (1, False), "A": (2, True)}, "race")
    assert (result.success, result.duration, result.winner) == (False, 1.0, None)
    assert result.value is None
    assert result.cancelled_steps == ["A"]


@pytest.mark.parametrize(
    ("k", "success", "duration", "completed", "failed", "cancelled"),
    [
        (1, True, 1.0, ["A"], [], ["B", "C"]),
        (2, True, 3.0, ["A", "C"], ["B"], []),
        (3, False, 2.0, ["A"], ["B"], ["C"]),
    ],
)
@pytest.mark.parametrize("spelling", [quorum, "quorum({})".format])
def test_a_quorum_is_reached_or_given_up_as_soon_as_it_is_certain(
    spelling, k, success, duration, completed, failed, cancelled
):
    result, _ = run_group(ABC, spelling(k))
    assert (result.success, result.duration) == (success, duration)
    assert (result.completed_steps, result.failed_steps) == (completed, failed)
    assert list(result.cancelled_steps) == cancelled


@pytest.mark.parametrize(
    ("strategy", "duration", "completed", "failed"),
    [
        ("all", 3.0, ["A", "C"], ["B"]),
        ("any", 1.0, ["A"], []),
        ("race", 1.0, ["A"], []),
        ("all_settled", 3.0, ["A", "C"], ["B"]),
        (quorum(2), 3.0, ["A", "C"], ["B"]),
        (quorum(3), 3.0, ["A", "C"], ["B"]),
    ],
)
def test_with_continue_on_error_a_failure_stops_nothing(strategy, duration, completed, failed):
    result, _ = run_group(ABC, strategy, continue_on_error=True)
    assert (result.success, result.duration) == (True, duration)
    assert (result.completed_steps, result.failed_steps) == (completed, failed)
    result.raise_for_failure()


@pytest.mark.parametrize("strategy", ["all", "any", "race", "all_settled", quorum(1)])
def test_with_continue_on_error_a_group_whose_steps_all_fail_runs_to_the_end(strategy):
    plan = {"A": (1, False), "B": (2, False)}
    result, _ = run_group(plan, strategy, continue_on_error=True)
    assert (result.success, result.duration) == (True, 2.0)
    assert result.failed_steps == ["A", "B"]


@pytest.mark.parametrize(
    ("strategy", "success"),
    [("all", True), ("all_settled", True), ("any", False), ("race", False)],
)
def test_an_empty_group_ends_at_once(strategy, success):
    result, _ = run_group({}, strategy)
    assert (result.success, result.duration, result.winner) == (success, 0.0, None)


@pytest.mark.parametrize("strategy", ["any", "race"])
def test_an_empty_group_that_fails_says_why(strategy):
    result, _ = run_group({}, strategy)
    with pytest.raises(hocket.GroupFailed) as caught:
        result.raise_for_failure()
    assert "has no step to succeed" in str(caught.value.exceptions[0])


def test_an_empty_group_with_continue_on_error_succeeds():
    for strategy in WaitStrategy:
        assert run_group({}, strategy, continue_on_error=True)[0].success


@pytest.mark.parametrize("strategy", ["all", "any", "race", "all_settled", quorum(1)])
def test_a_group_of_one_is_decided_by_it(strategy):
    assert run_group({"A": (1, True)}, strategy)[0].success
    result, _ = run_group({"A": (1, False)}, strategy)
    assert result.success is (strategy == "all_settled")


def test_what_had_not_started_is_skipped_and_not_cancelled():
    plan = {"A": (1, False), "B": (5, True), "C": (5, True), "D": (5, True)}
    result, spans = run_group(plan, "all", max_concurrent=2)
    assert result.cancelled_steps == ["B"]
    assert set(spans) == {"A", "B"}


def test_skipped_steps_are_in_the_order_of_the_group():
    plan = {"A": (1, False), "B": (5, True), "C": (5, True), "D": (5, True)}
    result, _ = run_group(plan, "all", max_concurrent=2)
    assert list(result.skipped_steps) == ["B", "C", "D"]


def test_lists_and_dicts_are_in_the_order_of_settling():
    plan = {"A": (4, True), "B": (3, False), "C": (2, True), "D": (1, False)}
    result, _ = run_group(plan, "all_settled")
    assert list(result.completed_steps) == list(result.results) == ["C", "A"]
    assert list(result.failed_steps) == list(result.errors) == ["D", "B"]


def test_the_text_of_every_strategy_is_understood():
    texts = {
        "all": WaitStrategy.ALL,
        "any": WaitStrategy.ANY,
        "race": WaitStrategy.RACE,
        "all_settled": WaitStrategy.ALL_SETTLED,
        "allSettled": WaitStrategy.ALL_SETTLED,
        "quorum(2)": quorum(2),
    }
    for text, strategy in texts.items():
        assert ParallelGroup("g", ["a", "b"], wait_strategy=text).wait_strategy == strategy
        assert ParallelGroup("g", ["a", "b"], wait_strategy=strategy).wait_strategy == strategy


# --- against a model ------------------------------------------------------------------------------

TICK = 2.0**-9  # exact in floating point, and a whole number of nanoseconds


@dataclass
class Model:
    """A sliding window over steps of known duration and outcome, in integer ticks."""

    plan: list[tuple[int, bool]]
    limit: int
    strategy: object
    continue_on_error: bool
    completed: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    now: int = 0

    def run(self) -> bool:
        backlog = list(range(len(self.plan)))
        running: list[tuple[int, int]] = []
        verdict = self.verdict()
        while verdict is None and (backlog or running):
            while backlog and len(running) < self.limit:
                step = backlog.pop(0)
                self.starts[step] = self.now
                heapq.heappush(running, (self.now + self.plan[step][0], step))
            self.now, step = heapq.heappop(running)
            (self.completed if self.plan[step][1] else self.failed).append(step)
            verdict = self.verdict()
        self.cancelled = sorted(step for _, step in running)
        self.skipped = sorted(backlog + self.cancelled)
        if self.continue_on_error or self.strategy == "all_settled":
            return True
        return bool(verdict)

    def verdict(self) -> bool | None:
        n, good, bad = len(self.plan), len(self.completed), len(self.failed)
        patient = self.continue_on_error
        match self.strategy:
            case "all":
                if patient:
                    return None
                return True if good == n else False if bad else None
            case "any":
                return True if good else False if bad == n and not patient else None
            case "race":
                return True if good else False if bad and not patient else None
            case "all_settled":
                return None
            case hocket.Quorum(k):
                return True if good >= k else False if bad > n - k and not patient else None
        raise AssertionError(self.strategy)


def distinct_instants(plan: list[tuple[int, bool]], limit: int) -> bool:
    """Whether no two steps end at one instant: then nothing depends on Trio's order in a tick."""
    model = Model(plan, limit, "all_settled", continue_on_error=False)
    model.run()
    ends = [model.starts[step] + plan[step][0] for step in model.starts]
    return len(set(ends)) == len(ends)


@st.composite
def scenarios(draw):
    n = draw(st.integers(0, 9))
    seed = draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    limit = draw(st.integers(1, 5))
    good = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    while True:
        plan = [(rng.randrange(1, 2**12), succeeds) for succeeds in good]
        if distinct_instants(plan, limit):
            break
    names = ["all", "any", "race", "all_settled"]
    options = [st.sampled_from(names)] + ([st.integers(1, n).map(quorum)] if n else [])
    return plan, limit, draw(st.one_of(options)), draw(st.booleans()), draw(st.booleans())


@given(scenarios())
@settings(max_examples=300, deadline=None)
def test_every_group_agrees_with_a_simulated_sliding_window(scenario):
    plan, limit, strategy, continue_on_error, limit_is_the_pools = scenario
    model = Model(plan, limit, strategy, continue_on_error)
    hopeless = not plan and strategy in ("any", "race")
    success = continue_on_error if hopeless else model.run()
    named = {str(i): (ticks * TICK, succeeds) for i, (ticks, succeeds) in enumerate(plan)}
    options = {"pool_limit": limit} if limit_is_the_pools else {"max_concurrent": limit}
    result, spans = run_group(named, strategy, continue_on_error=continue_on_error, **options)
    assert result.success is success
    assert result.duration == model.now * TICK
    assert [int(i) for i in result.completed_steps] == model.completed
    assert [int(i) for i in result.failed_steps] == model.failed
    assert sorted(int(i) for i in result.cancelled_steps) == model.cancelled
    assert sorted(int(i) for i in result.skipped_steps) == model.skipped
    assert {int(i): start for i, (start, _) in spans.items()} == {
        step: start * TICK for step, start in model.starts.items()
    }


@given(st.lists(st.booleans(), max_size=6), st.sampled_from(["all", "any", "race", "all_settled"]))
@settings(max_examples=60, deadline=None)
def test_steps_that_never_suspend_are_decided_in_the_order_of_the_group(outcomes, strategy):
    plan = {str(i): (0, succeeds) for i, succeeds in enumerate(outcomes)}
    manager = ParallelExecutionManager(max_concurrent=3)

    async def execute(step):
        if not plan[step][1]:
            raise Broken
        return step

    result = run_virtual(
        manager.execute_group, ParallelGroup("g", list(plan), wait_strategy=strategy), execute
    )
    model = Model([(0, succeeds) for succeeds in outcomes], 1, strategy, False)
    if outcomes:
        assert result.success is model.run()
        assert [int(i) for i in result.completed_steps] == model.completed
        assert [int(i) for i in result.failed_steps] == model.failed
        assert not result.cancelled_steps

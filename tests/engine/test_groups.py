"""Groups and their manager: a sliding window, limits inside limits, time limits, what the executor may be.

Also observers, logging, and what `execute_group` raises by itself.
"""

from __future__ import annotations

import contextvars
import enum
import itertools
import logging
import math
from functools import partial
from types import SimpleNamespace

import pytest
import trio

from hocket import (
    EventKind,
    ParallelExecutionManager,
    ParallelGroup,
    StepEvent,
    StepState,
    StepTimeout,
    WaitStrategy,
    WorkerTask,
)
from hocket.testing import assert_adds_up, assert_idle, assert_partition, assert_works_on


class Broken(Exception):
    pass


class Diary:
    """An executor that notes when each step starts and ends; steps last as long as it is told."""

    def __init__(self, seconds=1.0, /, **by_step):
        self.seconds, self.by_step = seconds, by_step
        self.spans = {}
        self.running = self.most = 0

    async def __call__(self, step):
        start = trio.current_time()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await trio.sleep(self.by_step.get(step, self.seconds))
        finally:
            self.running -= 1
            self.spans[step] = (start, trio.current_time())
        return step


# --- the window -----------------------------------------------------------------------------------


async def test_a_window_slides_and_is_never_a_batch(autojump_clock):
    manager = ParallelExecutionManager()
    diary = Diary(A=1, B=10, C=2, D=3)
    result = await manager.execute_group(ParallelGroup("g", list("ABCD"), max_concurrent=2), diary)
    assert diary.spans == {"A": (0, 1), "C": (1, 3), "D": (3, 6), "B": (0, 10)}
    assert result.completed_steps == ["A", "C", "D", "B"]
    assert result.duration == 10


async def test_the_groups_limit_is_inside_the_pools(autojump_clock):
    for pool, group, most in ((2, 5, 2), (5, 2, 2), (3, None, 3), (1, 1, 1)):
        manager = ParallelExecutionManager(max_concurrent=pool)
        diary = Diary()
        steps = [str(i) for i in range(12)]
        await manager.execute_group(ParallelGroup("g", steps, max_concurrent=group), diary)
        assert diary.most == most
        await assert_works_on(manager)


async def test_what_a_groups_limit_leaves_over_is_there_for_others(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=3)
    narrow, wide = Diary(), Diary()
    async with trio.open_nursery() as nursery:
        group = ParallelGroup("narrow", [f"n{i}" for i in range(4)], max_concurrent=1)
        nursery.start_soon(manager.execute_group, group, narrow)
        await trio.testing.wait_all_tasks_blocked()
        group = ParallelGroup("wide", [f"w{i}" for i in range(8)])
        nursery.start_soon(manager.execute_group, group, wide)
    assert narrow.most == 1
    assert wide.most >= 2
    assert trio.current_time() <= 5


async def test_steps_start_in_the_order_of_the_group(autojump_clock):
    diary = Diary()
    steps = [f"s{i}" for i in range(20)]
    manager = ParallelExecutionManager(max_concurrent=3)
    started = []
    await manager.execute_group(
        ParallelGroup("g", steps),
        diary,
        observer=lambda event: (
            started.append(event.step) if event.kind is EventKind.STARTED else None
        ),
    )
    assert started == steps


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_several_groups_and_tasks_share_the_pool_fairly(autojump_clock, isolation):
    manager = ParallelExecutionManager(max_concurrent=2)
    starts = {name: [] for name in "abcxy"}

    async def note(step):
        starts[step[0]].append(trio.current_time())
        await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for name in "abc":
            steps = [f"{name}{i}" for i in range(20)]
            group = ParallelGroup(name, steps, isolation=isolation)
            nursery.start_soon(manager.execute_group, group, note)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.5)
        nursery.start_soon(manager.pool.execute, note, "x")
        nursery.start_soon(manager.pool.execute, note, "y")
    assert starts["a"][:2] == [0, 0]  # there was nobody else yet
    # Nobody waits for anybody's backlog: whoever stands in line is served within a round (five
    # callers, two slots), or one step later when all of them ask in one instant.
    assert starts["x"] == starts["y"] == [2]
    for name in "abc":
        times = starts[name]
        assert times[0] <= 1
        assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 4
    assert_idle(manager)


async def test_a_step_that_never_suspends_does_not_keep_others_from_their_turn():
    manager = ParallelExecutionManager(max_concurrent=1)
    order = []

    async def note(step):
        order.append(step[0])

    async with trio.open_nursery() as nursery:
        for name in "ab":
            steps = [f"{name}{i}" for i in range(20_000)]
            nursery.start_soon(manager.execute_group, ParallelGroup(name, steps), note)
    # The two groups mix: the first does not run all its steps while the second waits.
    assert set(order[:20_000]) == {"a", "b"}
    assert_idle(manager)


# --- what a step is -------------------------------------------------------------------------------


async def test_steps_may_be_objects_with_an_id():
    manager = ParallelExecutionManager()
    steps = [SimpleNamespace(id="a", n=1), SimpleNamespace(id="b", n=2)]

    async def execute(step):
        return step.n

    result = await manager.execute_group(ParallelGroup("g", steps), execute)
    assert result.results == {"a": 1, "b": 2}
    mixed = ["x", SimpleNamespace(id="y", n=5)]

    async def name(step):
        return step if isinstance(step, str) else step.id

    result = await manager.execute_group(ParallelGroup("g", mixed), name)
    assert result.results == {"x": "x", "y": "y"}


async def test_a_text_of_a_subclass_is_the_text_that_it_equals():
    class Color(enum.StrEnum):
        RED = "red"

    class Size(str, enum.Enum):  # noqa: UP042 - what StrEnum replaces, and many still have
        BIG = "big"

    manager = ParallelExecutionManager()

    async def execute(step):
        return type(step).__name__

    result = await manager.execute_group(ParallelGroup("g", [Color.RED, Size.BIG]), execute)
    assert result.results == {"red": "Color", "big": "Size"}


@pytest.mark.parametrize("is_async", [False, True])
async def test_steps_may_be_a_function_of_the_context(autojump_clock, is_async):
    manager = ParallelExecutionManager()

    def steps(context):
        return [f"s{i}" for i in range(context)]

    async def async_steps(context):
        await trio.sleep(1)
        return tuple(steps(context))

    group = ParallelGroup("g", async_steps if is_async else steps)
    result = await manager.execute_group(group, Diary(), 3)
    assert sorted(result.results) == ["s0", "s1", "s2"]
    assert result.duration == 1
    assert (await manager.execute_group(group, Diary(), 0)).success


async def test_what_the_function_of_the_steps_raises_is_the_callers():
    def steps(context):
        raise Broken

    manager = ParallelExecutionManager()
    with pytest.raises(Broken):
        await manager.execute_group(ParallelGroup("g", steps), Diary())
    assert manager.get_stats().tasks_submitted == 0
    assert_idle(manager)


async def test_the_executor_may_be_any_callable_that_gives_an_awaitable(autojump_clock):
    manager = ParallelExecutionManager()

    async def add(step, more="b"):
        return step + more

    class Later:
        async def __call__(self, step):
            return step + "b"

        async def method(self, step):
            return step + "b"

    for executor in (add, Later(), Later().method, lambda step: add(step), partial(add, more="b")):  # noqa: PLW0108
        result = await manager.execute_group(
            ParallelGroup("g", ["a"]), executor, "no argument of it"
        )
        assert result.value is None
        assert result.results == {"a": "ab"}


async def test_the_steps_are_those_at_the_time_of_the_call(autojump_clock):
    steps = ["a", "b", "c"]

    async def meddle(step):
        steps.clear()
        steps.append("z")
        await trio.sleep(1)
        return step

    manager = ParallelExecutionManager()
    result = await manager.execute_group(ParallelGroup("g", steps, max_concurrent=1), meddle)
    assert result.results == {"a": "a", "b": "b", "c": "c"}


async def test_a_context_variable_set_before_is_seen_by_every_step(autojump_clock):
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    manager = ParallelExecutionManager(max_concurrent=2)
    seen = []

    async def execute(step):
        seen.append(variable.get())
        variable.set(int(step))
        await trio.sleep(1)
        assert variable.get() == int(step)

    await manager.execute_group(ParallelGroup("g", [str(i) for i in range(6)]), execute)
    assert seen == [7] * 6
    assert variable.get() == 7


# --- time limits ----------------------------------------------------------------------------------


async def test_a_groups_time_limit_keeps_what_was_done(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    diary = Diary(A=1, B=9, C=9, D=9)
    group = ParallelGroup("g", list("ABCD"), timeout=3)
    result = await manager.execute_group(group, diary)
    assert_partition(result, list("ABCD"))
    assert (result.success, result.timed_out, result.duration) == (False, True, 3)
    assert result.completed_steps == ["A"]
    assert sorted(result.failed_steps) == ["B", "C"]
    assert (result.skipped_steps, result.cancelled_steps) == (["D"], [])
    for step in "BC":
        error = result.errors[step]
        assert isinstance(error, StepTimeout)
        assert isinstance(error, trio.TooSlowError)
        assert (error.step, error.limit, error.limited) == (step, 3, "group")
    stats = manager.get_stats()
    assert (stats.tasks_completed, stats.tasks_timed_out, stats.tasks_skipped) == (1, 2, 1)
    assert diary.spans == {"A": (0, 1), "B": (0, 3), "C": (1, 3)}
    await assert_works_on(manager)


async def test_a_groups_time_limit_awaits_the_clean_up(autojump_clock):
    manager = ParallelExecutionManager()
    cleaned = []

    async def execute(step):
        try:
            await trio.sleep(9)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            cleaned.append(step)

    result = await manager.execute_group(ParallelGroup("g", ["a", "b"], timeout=3), execute)
    assert (result.timed_out, result.duration) == (True, 5)
    assert sorted(cleaned) == ["a", "b"]
    await assert_works_on(manager)


async def shielded_for_three(step):
    with trio.CancelScope(shield=True):
        await trio.sleep(3)


@pytest.mark.parametrize("step_timeout", [None, 50])  # with one there is a watchdog to cancel, too
@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_limit_that_took_nothing_away_has_not_ended_the_group(
    isolation, step_timeout, autojump_clock
):
    group = ParallelGroup(
        "g", ["a"], "all_settled", timeout=2, step_timeout=step_timeout, isolation=isolation
    )
    result = await ParallelExecutionManager().execute_group(group, shielded_for_three)
    assert (result.completed_steps, result.timed_out, result.duration) == (["a"], False, 3)


@pytest.mark.parametrize("step_timeout", [None, 50])
@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_verdict_that_comes_too_late_does_not_hide_the_limit(
    isolation, step_timeout, autojump_clock
):
    group = ParallelGroup(
        "g", ["a", "b"], "race", 1, timeout=2, step_timeout=step_timeout, isolation=isolation
    )
    result = await ParallelExecutionManager().execute_group(group, shielded_for_three)
    assert (result.completed_steps, result.skipped_steps) == (["a"], ["b"])
    assert (result.success, result.timed_out) == (True, True)


async def test_a_group_that_ends_in_time_has_not_timed_out(autojump_clock):
    manager = ParallelExecutionManager()
    result = await manager.execute_group(ParallelGroup("g", ["a"], timeout=3), Diary())
    assert (result.success, result.timed_out, result.duration) == (True, False, 1)


@pytest.mark.parametrize("strategy", ["all_settled", "any", "race", "quorum(2)"])
async def test_a_groups_time_limit_works_with_every_strategy(autojump_clock, strategy):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("AB"), wait_strategy=strategy, timeout=3)
    result = await manager.execute_group(group, Diary(9))
    assert result.timed_out
    assert result.success is (strategy == "all_settled")
    assert sorted(result.failed_steps) == ["A", "B"]
    assert result.winner is None


async def test_a_step_saved_from_the_groups_limit_is_completed(autojump_clock):
    manager = ParallelExecutionManager()

    async def execute(step):
        try:
            await trio.sleep(9)
        except trio.Cancelled:
            return "rescued"

    result = await manager.execute_group(ParallelGroup("g", ["a", "b"], timeout=3), execute)
    assert (result.success, result.results) == (True, {"a": "rescued", "b": "rescued"})
    assert_idle(manager)


async def test_a_group_of_computing_steps_ends_soon_after_its_time_limit(autojump_clock):
    manager = ParallelExecutionManager()
    ran = []

    async def compute(step):
        autojump_clock.jump(1)
        ran.append(step)

    steps = [str(i) for i in range(10_000)]
    result = await manager.execute_group(ParallelGroup("g", steps, timeout=3), compute)
    assert result.timed_out
    assert len(ran) < 1000
    assert len(result.completed_steps) == len(ran)
    assert_partition(result, steps)
    assert_idle(manager)


@pytest.mark.parametrize("isolation", ["shared", "task"])
async def test_a_steps_limit_counts_from_its_own_start(autojump_clock, isolation):
    manager = ParallelExecutionManager()
    group = ParallelGroup(
        "g",
        list("ABCD"),
        "all_settled",
        max_concurrent=1,
        step_timeout=2,
        isolation=isolation,
    )
    diary = Diary(A=1.5, B=9, C=1.9, D=1.5)
    result = await manager.execute_group(group, diary)
    assert result.completed_steps == ["A", "C", "D"]
    assert result.failed_steps == ["B"]
    assert (result.errors["B"].limited, result.errors["B"].limit) == ("step", 2)
    assert isinstance(result.errors["B"].__cause__, trio.Cancelled)
    assert diary.spans == {"A": (0, 1.5), "B": (1.5, 3.5), "C": (3.5, 5.4), "D": (5.4, 6.9)}
    assert not result.timed_out
    assert manager.get_stats().tasks_timed_out == 1
    await assert_works_on(manager)


async def test_a_step_past_its_limit_decides_like_any_failure(autojump_clock):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", list("AB"), step_timeout=2)
    result = await manager.execute_group(group, Diary(A=9, B=9))
    assert (result.success, result.duration) == (False, 2)
    assert len(result.failed_steps) >= 1
    group = ParallelGroup("g", list("AB"), "race", step_timeout=2)
    result = await manager.execute_group(group, Diary(A=1, B=9))
    assert (result.winner, result.cancelled_steps) == ("A", ["B"])


async def test_the_pools_time_limit_holds_where_the_group_has_none(autojump_clock):
    manager = ParallelExecutionManager(timeout=2)
    for own, failed in ((None, ["B"]), (5, []), (0.5, ["A", "B"]), (math.inf, [])):
        group = ParallelGroup("g", list("AB"), "all_settled", step_timeout=own)
        result = await manager.execute_group(group, Diary(A=1, B=3))
        assert sorted(result.failed_steps) == failed, own
        assert_adds_up(manager)


async def test_a_late_step_that_never_suspended_is_completed(autojump_clock):
    manager = ParallelExecutionManager()

    async def compute(step):
        autojump_clock.jump(5)
        return "late"

    async def compute_later(step):
        await trio.lowlevel.checkpoint()
        autojump_clock.jump(5)
        return "late"

    for executor in (compute, compute_later):
        group = ParallelGroup("g", ["a"], step_timeout=1)
        result = await manager.execute_group(group, executor)
        assert result.results == {"a": "late"}


async def test_a_timed_out_step_decides_itself_how_it_ends(autojump_clock):
    manager = ParallelExecutionManager()

    async def execute(step):
        try:
            await trio.sleep(9)
        except trio.Cancelled:
            if step == "returns":
                return "rescued"
            if step == "turns":
                raise Broken from None
            raise
        finally:
            if step == "cleans":
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)

    steps = ["returns", "turns", "cleans", "plain"]
    for isolation in ("shared", "task"):
        group = ParallelGroup("g", steps, "all_settled", step_timeout=2, isolation=isolation)
        result = await manager.execute_group(group, execute)
        assert result.results == {"returns": "rescued"}
        assert type(result.errors["turns"]) is Broken
        assert type(result.errors["cleans"]) is StepTimeout
        assert type(result.errors["plain"]) is StepTimeout
        assert result.duration == 3
    await assert_works_on(manager)


async def test_a_timeout_strikes_no_innocent_step_on_the_same_worker(autojump_clock):
    # The generation check: the watchdog wakes when its step has ended and another one runs.
    manager = ParallelExecutionManager(max_concurrent=1)

    async def execute(step):
        await trio.sleep(0.75 if int(step) % 2 else 2)

    steps = [str(i) for i in range(50)]
    group = ParallelGroup("g", steps, "all_settled", step_timeout=1)
    result = await manager.execute_group(group, execute)
    assert result.failed_steps == [step for step in steps if int(step) % 2 == 0]
    assert result.duration == 25 * (1 + 0.75)
    await assert_works_on(manager)


async def test_many_deadlines_in_any_order_cost_one_watchdog(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=100)
    most_tasks = 0

    async def execute(step):
        nonlocal most_tasks
        most_tasks = max(most_tasks, trio.lowlevel.current_statistics().tasks_living)
        await trio.sleep((int(step) * 37) % 100 / 10 + 0.05)

    before = trio.lowlevel.current_statistics().tasks_living
    steps = [str(i) for i in range(300)]
    group = ParallelGroup("g", steps, "all_settled", step_timeout=5)
    result = await manager.execute_group(group, execute)
    late = {step for step in steps if (int(step) * 37) % 100 / 10 + 0.05 > 5}
    assert set(result.failed_steps) == late
    assert most_tasks - before <= 100  # 99 workers besides the caller's own task, and the watchdog
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_defaults():
    group = ParallelGroup("g", ["a"])
    assert group.wait_strategy is WaitStrategy.ALL
    assert (group.max_concurrent, group.timeout, group.step_timeout) == (None, None, None)
    assert (group.continue_on_error, group.isolation) == (False, "shared")


async def test_an_error_in_the_clean_up_does_not_hide_that_time_ran_out(autojump_clock):
    manager = ParallelExecutionManager()

    async def execute(step):
        try:
            await trio.sleep(9)
        finally:
            if step == "a":
                raise Broken

    for _ in range(5):  # whichever of the two Trio resumes first
        result = await manager.execute_group(ParallelGroup("g", ["a", "b"], timeout=1), execute)
        assert result.timed_out
        assert sorted(result.failed_steps) == ["a", "b"]
        assert type(result.errors["a"]) is Broken
        assert isinstance(result.errors["b"], StepTimeout)
    await assert_works_on(manager)


# --- the manager: observers, logging, mistakes ----------------------------------------------------


def brief(event):
    return event.kind.value, event.step, event.seconds


async def nap(step):
    await trio.sleep(1)
    return step


async def test_an_observer_hears_of_every_step(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=1)
    heard = []

    async def execute(step):
        await trio.sleep(9 if step == "slow" else 2)
        if step == "bad":
            raise Broken

    group = ParallelGroup("g", ["good", "bad", "slow"], "all_settled", step_timeout=5)
    await manager.execute_group(group, execute, observer=lambda event: heard.append(brief(event)))
    assert heard == [
        ("started", "good", 0.0),
        ("succeeded", "good", 2.0),
        ("started", "bad", 2.0),
        ("failed", "bad", 2.0),
        ("started", "slow", 4.0),
        ("timed_out", "slow", 5.0),
    ]
    heard.clear()
    group = ParallelGroup("g", ["good", "slow"], "any", max_concurrent=2)
    manager.pool.max_concurrent = 2
    await manager.execute_group(group, execute, observer=lambda event: heard.append(brief(event)))
    assert heard == [
        ("started", "good", 0.0),
        ("started", "slow", 0.0),
        ("succeeded", "good", 2.0),
        ("cancelled", "slow", 2.0),
    ]


async def test_an_event_says_what_came_of_which_step_in_which_group(autojump_clock):
    manager = ParallelExecutionManager()
    heard = []

    async def execute(step):
        await trio.sleep(9 if step == "slow" else 1)
        if step == "bad":
            raise Broken
        return step.upper()

    steps = ["good", "bad", "slow"]
    group = ParallelGroup("g", steps, "all_settled", step_timeout=5)
    result = await manager.execute_group(group, execute, observer=heard.append)
    ended = {event.step: event for event in heard if event.kind is not EventKind.STARTED}
    assert {event.group for event in heard} == {"g"}
    assert {event.attempt for event in heard} == {1}
    assert ended["good"] == StepEvent(EventKind.SUCCEEDED, "good", "g", 1.0, value="GOOD")
    assert ended["bad"].kind.state is StepState.FAILED
    assert ended["bad"].error is result.errors["bad"]
    assert ended["slow"].kind.state is StepState.TIMED_OUT
    assert isinstance(ended["slow"].error, StepTimeout)


async def test_several_observers_are_told_in_turn_and_one_that_fails_takes_nothing_from_the_others(
    autojump_clock, caplog
):
    heard = []

    def first(event):
        heard.append("first")
        raise Broken

    def second(event):
        heard.append("second")

    group = ParallelGroup("g", ["a"])
    await ParallelExecutionManager().execute_group(group, nap, observer=[first, second])
    assert heard == ["first", "second", "second"]
    assert "failed and was removed" in caplog.text


async def test_a_failing_observer_is_logged_and_removed(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    calls = []

    def observer(event):
        calls.append(event.kind.value)
        raise Broken("observer")

    result = await manager.execute_group(ParallelGroup("g", ["a", "b"]), nap, observer=observer)
    assert result.success
    assert calls == ["started"]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("hocket.group", "ERROR")
    assert "failed and was removed" in record.getMessage()
    assert record.exc_info is not None
    assert_idle(manager)


async def test_an_observer_may_use_the_pool(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=2)
    seen = []

    def observer(event):
        stats, status = manager.get_stats(), manager.get_status()
        seen.append(
            (event.kind, stats.active_workers, status.active_workers, manager.pool.holders())
        )
        manager.pool.max_concurrent = 2 + len(seen) % 3

    steps = [str(i) for i in range(9)]
    result = await manager.execute_group(ParallelGroup("g", steps), nap, observer=observer)
    assert len(result.completed_steps) == 9
    assert len(seen) == 18
    await assert_works_on(manager)


async def test_nothing_is_logged_and_nothing_formatted_unless_debug_is_on(autojump_clock, caplog):
    manager = ParallelExecutionManager()

    class Unprintable(str):  # noqa: SLOT000
        def __repr__(self):
            formatted.append(self)
            return "unprintable"

        __str__ = __repr__

    formatted = []
    caplog.set_level(logging.INFO)
    group = ParallelGroup(Unprintable("g"), [Unprintable("a")])
    formatted.clear()
    result = await manager.execute_group(group, nap)
    await manager.pool.execute(nap, 1)
    await manager.pool.execute_many([WorkerTask("t", lambda: nap(1))])
    assert result.success
    assert caplog.records == []
    assert [text for text in formatted if str.__eq__(text, "a")] == []


async def test_debug_tells_what_happens_to_a_group_and_its_steps(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    caplog.set_level(logging.DEBUG, logger="hocket")
    await manager.execute_group(ParallelGroup("fetch", ["a"]), nap)
    assert [record.name for record in caplog.records] == ["hocket.group"] * 4
    assert [record.getMessage() for record in caplog.records] == [
        "group 'fetch' starts: 1 steps",
        "group 'fetch': step 'a' started (0.000000 s)",
        "group 'fetch': step 'a' succeeded (1.000000 s)",
        "group 'fetch' succeeded after 1.000000 s: 1 completed, 0 failed, 0 skipped",
    ]
    caplog.clear()
    await manager.pool.execute_many([WorkerTask("t", lambda: nap(1))])
    assert {record.name for record in caplog.records} == {"hocket.pool"}
    assert len(caplog.records) == 4


async def test_debug_tells_of_a_single_task_too(autojump_clock, caplog):
    manager = ParallelExecutionManager()
    caplog.set_level(logging.DEBUG, logger="hocket")
    await manager.pool.execute(WorkerTask("single", lambda: nap(1)))
    assert {record.name for record in caplog.records} == {"hocket.pool"}
    assert any("single" in record.getMessage() for record in caplog.records)


async def test_groups_may_run_at_once_and_one_after_another(autojump_clock):
    manager = ParallelExecutionManager(max_concurrent=4)
    async with trio.open_nursery() as nursery:
        for i in range(5):
            group = ParallelGroup(f"g{i}", [f"{i}.{j}" for j in range(4)])
            nursery.start_soon(manager.execute_group, group, nap)
    assert trio.current_time() == 5
    assert (await manager.execute_group(ParallelGroup("g", ["x"]), nap)).results == {"x": "x"}
    assert manager.get_stats().tasks_completed == 21
    await assert_works_on(manager)


async def test_a_group_may_be_used_again(autojump_clock):
    manager = ParallelExecutionManager()
    group = ParallelGroup("g", ["a", "b"])
    first = await manager.execute_group(group, nap)
    second = await manager.execute_group(group, nap)
    assert first.results == second.results
    assert first.results is not second.results


async def test_execute_group_is_a_checkpoint_even_without_steps():
    manager = ParallelExecutionManager()
    with trio.testing.assert_checkpoints():
        await manager.execute_group(ParallelGroup("g", []), nap)
    with trio.CancelScope() as scope:
        scope.cancel()
        await manager.execute_group(ParallelGroup("g", []), nap)
    assert scope.cancelled_caught


async def test_a_mistake_of_the_program_raises_at_once_and_leaves_the_pool_in_order(
    autojump_clock,
):
    manager = ParallelExecutionManager(max_concurrent=2)
    cleaned = []

    def mixed(step):
        if step == "c":
            return None  # forgot to write async

        async def run():
            try:
                await trio.sleep(1 if step == "a" else 9)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                cleaned.append(step)

        return run()

    with pytest.raises(TypeError, match="step 'c' gave NoneType, not an awaitable"):
        await manager.execute_group(ParallelGroup("g", ["a", "b", "c", "d"]), mixed)
    assert sorted(cleaned) == ["a", "b"]
    await assert_works_on(manager)


async def test_an_executor_of_wrong_arity_is_a_mistake_and_no_failure_of_the_step():
    manager = ParallelExecutionManager()

    async def two(step, context):
        pass

    with pytest.raises(TypeError, match=r"two\(step, context\) cannot be called with \(step\)"):
        await manager.execute_group(ParallelGroup("g", ["a"], "all_settled"), two)
    await assert_works_on(manager)


async def test_a_type_error_inside_a_step_is_the_steps():
    manager = ParallelExecutionManager()

    async def inside(step):
        return len(5)

    def outside(step):
        len(5)

    for executor in (inside, outside):
        group = ParallelGroup("g", ["a"], "all_settled")
        result = await manager.execute_group(group, executor)
        assert isinstance(result.errors["a"], TypeError)

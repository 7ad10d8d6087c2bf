"""Loops: for each item, for each cell of a matrix, until something holds."""

from __future__ import annotations

import traceback
from collections import Counter

import pytest
import trio

import hocket
from hocket import EventKind, ParallelGroup, Rate, StepState, WorkflowStep
from hocket.testing import run_virtual


def works(seconds=1.0, *bad):
    async def execute(context):
        item = context.variables.get("item")
        await trio.sleep(seconds)
        if item in bad:
            raise OSError(f"no {item}")
        return item

    return execute


def once(seconds=1.0, *bad, **options):
    return WorkflowStep("once", execute=works(seconds, *bad), **options)


def gives(id, value, **options):
    async def execute(context):
        return value(context) if callable(value) else value

    return WorkflowStep(id, execute=execute, **options)


def run(*steps, observer=None, limit=10, **options):
    config = hocket.WorkerPoolConfig(max_concurrent=limit)
    workflow = hocket.WorkflowDefinition("w", steps, parallel_config=config, **options)
    return run_virtual(lambda: hocket.WorkflowManager().execute(workflow, observer=observer or []))


def why(result, step):
    return str(result.errors[step])


# --- for_each


def test_a_loop_goes_through_an_earlier_result_and_gives_values_by_key_in_their_order():
    result = run(
        gives("names", ["b", "a", "c"]),
        WorkflowStep.for_each("all", "$results.names", once(), key="$item"),
        WorkflowStep.for_each("plain", "$results.names", once()),
    )
    assert list(result.results["all"].results.items()) == [("b", "b"), ("a", "a"), ("c", "c")]
    assert list(result.results["plain"].results) == ["0", "1", "2"]
    assert result.duration == 1


@pytest.mark.parametrize("made", [list, iter, tuple, lambda n: (x for x in n)])
def test_what_it_goes_through_may_be_made_by_a_function(made):
    loop = WorkflowStep.for_each("l", lambda _: made(range(5)), once())
    assert list(run(loop).results["l"].results.values()) == [*range(5)]


@pytest.mark.parametrize("kind", ["async generator", "async function"])
def test_what_it_goes_through_may_come_in_time(kind):
    async def generator(context):
        for n in range(4):
            await trio.sleep(1)
            yield n

    async def function(context):
        await trio.sleep(4)
        return range(4)

    made = generator if kind == "async generator" else function
    result = run(WorkflowStep.for_each("l", made, once(0.5)))
    assert list(result.results["l"].results.values()) == [*range(4)]
    assert result.duration == 4.5


def test_a_mapping_gives_its_values_by_its_keys():
    result = run(WorkflowStep.for_each("l", {"x": 1, "y": 2}, once()))
    assert result.results["l"].results == {"x": 1, "y": 2}


def test_no_more_run_at_once_than_the_loop_and_the_pool_allow():
    for own, limit, seconds in [(2, 10, 3), (None, 3, 2), (4, 1, 6), (None, 10, 1)]:
        result = run(WorkflowStep.for_each("l", range(6), once(), max_concurrent=own), limit=limit)
        assert result.duration == seconds


def test_a_block_in_a_loop_holds_no_slot_and_is_bounded_by_the_loop():
    for own, limit, seconds in [(1, 10, 8), (2, 10, 4), (None, 1, 8), (None, 2, 4)]:
        steps = [gives("first", 1), WorkflowStep("second", execute=works(2))]
        loop = WorkflowStep.for_each("l", range(4), sequence=steps, max_concurrent=own)
        assert run(loop, limit=limit).duration == seconds


def test_a_loop_keeps_a_rate():
    loop = WorkflowStep.for_each("l", range(5), once(0), rate=Rate(2))
    assert run(loop).duration == 2


def test_loops_are_nested_to_any_depth_and_see_all_variables_around_them():
    def deepest(context):
        return "".join(str(context.variables[name]) for name in ("a", "b", "c", "index"))

    inner = gives("x", deepest)
    inner = WorkflowStep.for_each("three", ["u"], inner, as_="c")
    inner = WorkflowStep.for_each("two", [3, 4], sequence=[inner], as_="b")
    result = run(WorkflowStep.for_each("one", [1, 2], inner, as_="a"))
    found = [
        three["three"].results["0"]
        for two in result.results["one"].results.values()
        for three in two.results.values()
    ]
    assert found == ["13u0", "14u0", "23u0", "24u0"]


def test_each_pass_sees_its_own_steps_and_what_is_outside():
    steps = [
        gives("a", lambda context: context.variables["item"] * 10),
        gives("b", lambda context: context.results["a"] + context.results["out"], depends_on=["a"]),
    ]
    result = run(
        gives("out", 1), WorkflowStep.for_each("l", [1, 2], steps=steps, depends_on=["out"])
    )
    assert [one["b"] for one in result.results["l"].results.values()] == [11, 21]
    assert set(result.results) == {"out", "l"}
    assert set(result.states) == {"out", "l"}


def test_functions_make_groups_in_every_pass_by_the_same_ids():
    group = ParallelGroup("g", lambda context: [gives("made", context.variables["item"])])
    result = run(WorkflowStep.for_each("l", [1, 2, 3], WorkflowStep("s", group=group)))
    assert [one.results["made"] for one in result.results["l"].results.values()] == [1, 2, 3]


def test_the_first_failing_item_stops_the_loop_and_is_named_by_its_key():
    keys = WorkflowStep.for_each(
        "l", ["x", "bad", "y"], once(1, "bad"), key="$item", max_concurrent=2
    )
    result = run(keys, gives("after", 1, depends_on=["l"]))
    assert why(result, "l") == "loop 'l' failed: 1 of 3 items: 'bad' (1 sub-exception)"
    assert result.errors["l"].finished == {"x": "x"}
    assert result.explain("after") == (
        "after was skipped: it needs l, which failed: loop 'l' failed: 1 of 3 items: 'bad': no bad"
        if result.states["after"] is StepState.SKIPPED
        else "after was not reached: the run stopped: l failed: loop 'l' failed: 1 of 3 items: 'bad': no bad"
    )


def test_with_fail_fast_off_every_item_runs_and_then_the_loop_fails():
    loop = WorkflowStep.for_each("l", range(6), once(1, 0, 3), fail_fast=False, max_concurrent=1)
    result = run(loop)
    assert result.duration == 6
    assert list(result.errors["l"].finished) == ["1", "2", "4", "5"]
    assert why(result, "l").startswith("loop 'l' failed: 2 of 6 items: '0', '3'")


@pytest.mark.parametrize("how", [{"continue_on_error": True}, {"wait_strategy": "all_settled"}])
def test_failing_items_may_be_tolerated(how):
    result = run(WorkflowStep.for_each("l", range(3), once(1, 1), **how))
    found = result.results["l"]
    assert (sorted(found.completed_steps), found.failed_steps) == (["0", "2"], ["1"])
    assert isinstance(found.errors["1"], OSError)


def test_an_item_whose_step_may_fail_does_not_fail_the_loop():
    result = run(WorkflowStep.for_each("l", range(3), once(1, 1, on_error="continue")))
    assert result.results["l"].failed_steps == ["1"]


@pytest.mark.parametrize(
    ("strategy", "bad", "success", "seconds"),
    [
        ("any", (), True, 1),
        ("any", (1,), True, 2),
        ("any", (1, 2, 3), False, 3),
        ("race", (), True, 1),
        ("race", (1,), False, 1),
        ("quorum(2)", (1,), True, 3),
        ("quorum(2)", (1, 2), False, 2),
    ],
)
def test_a_loop_is_decided_as_a_group_is(strategy, bad, success, seconds):
    async def execute(context):
        item = context.variables["item"]
        await trio.sleep(item)
        if item in bad:
            raise OSError(item)
        return item

    step = WorkflowStep("s", execute=execute)
    result = run(WorkflowStep.for_each("l", [1, 2, 3], step, wait_strategy=strategy))
    assert (result.success, result.duration) == (success, seconds)
    if strategy in ("any", "race") and success:
        found = result.results["l"]
        assert found.value == found.results[found.winner]


def test_a_group_and_a_loop_come_to_the_same_under_every_strategy():
    for strategy in ("all", "any", "race", "all_settled", "quorum(1)", "quorum(2)"):
        for bad in ((), (0,), (1,), (0, 1), (0, 1, 2)):
            group = WorkflowStep.parallel(
                "l",
                [WorkflowStep(str(n), execute=_after(n, bad)) for n in range(3)],
                strategy,
            )
            loop = WorkflowStep.for_each(
                "l", range(3), WorkflowStep("s", execute=_after(None, bad)), wait_strategy=strategy
            )
            one, other = run(group), run(loop)
            assert (one.success, one.duration) == (other.success, other.duration)
            if one.success:
                for name in (
                    "results",
                    "completed_steps",
                    "failed_steps",
                    "skipped_steps",
                    "winner",
                ):
                    found = getattr(one.results["l"], name), getattr(other.results["l"], name)
                    assert found[0] == found[1], (strategy, bad, name)


def _after(n, bad):
    async def execute(context):
        mine = context.variables["item"] if n is None else n
        await trio.sleep(mine + 1)
        if mine in bad:
            raise OSError
        return mine

    return execute


@pytest.mark.parametrize("strategy", ["all", "all_settled"])
def test_no_items_is_success_without_results(strategy):
    found = run(WorkflowStep.for_each("l", [], once(), wait_strategy=strategy)).results["l"]
    assert (found.success, found.results, found.steps) == (True, {}, [])


@pytest.mark.parametrize("strategy", ["any", "race", "quorum(2)"])
def test_no_items_is_a_failure_that_says_so_where_one_is_needed(strategy):
    result = run(WorkflowStep.for_each("l", lambda _: [], once(), wait_strategy=strategy))
    need = "2 items" if strategy == "quorum(2)" else "1 item"
    assert f"loop 'l' failed: {strategy} needs {need}, and there are none" in why(result, "l")


def test_items_that_their_condition_leaves_out_are_skipped():
    step = once(when="$item % 2 == 0 && $index > 0")
    found = run(WorkflowStep.for_each("l", range(5), step)).results["l"]
    assert found.results == {"2": 2, "4": 4}
    assert found.skipped_steps == ["0", "1", "3"]


def test_too_few_items_that_are_left_is_said():
    loop = WorkflowStep.for_each("l", range(3), once(when="false"), wait_strategy="any")
    text = "loop 'l' failed: any needs 1 item, and 0 were left to run: 3 skipped"
    assert text in why(run(loop), "l")


def test_a_condition_that_cannot_be_worked_out_fails_its_item():
    loop = WorkflowStep.for_each("l", [1, "x"], once(when="$item < 5"), fail_fast=False)
    assert list(run(loop).errors["l"].finished) == ["0"]


# --- what is decided by items that do not run


def skipping(*skipped, seconds=10.0, **options):
    """A loop over four items that leaves some out."""
    step = once(seconds, when=f"!($item in {list(skipped)})")
    return WorkflowStep.for_each("l", lambda _: range(4), step, **options)


@pytest.mark.parametrize(
    ("strategy", "skipped", "left"),
    [
        ("quorum(2)", (0, 1, 3), "1 was"),
        ("quorum(3)", (2, 3), "2 were"),
        ("any", range(4), "0 were"),
    ],
)
def test_a_loop_that_its_condition_puts_out_of_reach_fails_at_once(strategy, skipped, left):
    result = run(skipping(*skipped, wait_strategy=strategy))
    text = f"and {left} left to run: {len(skipped)} skipped"
    assert (result.duration, text in why(result, "l")) == (0, True)
    assert result.states["l"] is StepState.FAILED


def test_what_runs_of_it_by_then_is_cancelled_and_awaited():
    ended = []

    async def execute(context):
        try:
            await trio.sleep(10)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
            ended.append(context.variables["item"])

    async def items(context):
        for n in range(3):
            yield n
            await trio.sleep(2)

    step = WorkflowStep("s", execute=execute, when="$item != 2")
    result = run(WorkflowStep.for_each("l", items, step, wait_strategy="quorum(3)"))
    assert (sorted(ended), result.duration) == ([0, 1], 7)
    assert "quorum(3) needs 3 items, and 2 were left to run: 1 skipped" in why(result, "l")


@pytest.mark.parametrize("made", [iter, lambda n: (x for x in n)])
def test_too_few_items_are_too_few_as_soon_as_all_are_taken(made):
    loop = WorkflowStep.for_each("l", lambda _: made(range(2)), once(10), wait_strategy="quorum(3)")
    result = run(loop)
    assert result.duration == 0
    text = "loop 'l' failed: quorum(3) needs 3 items, and there are 2"
    assert why(result, "l").startswith(text)


def test_failures_and_items_that_are_left_out_count_together():
    step = once(1, 0, when="$item < 3")
    loop = WorkflowStep.for_each("l", lambda _: range(4), step, wait_strategy="quorum(3)")
    result = run(loop)
    text = "1 of 4 items: '0'; quorum(3) needs 3 items to succeed, and 1 skipped"
    assert (result.duration, text in why(result, "l")) == (1, True)


def test_a_loop_that_may_not_fail_goes_on_and_one_that_is_won_is_not_lost():
    result = run(skipping(0, 1, 2, wait_strategy="quorum(2)", continue_on_error=True))
    assert (result.duration, result.results["l"].success) == (10, True)
    result = run(skipping(2, 3, wait_strategy="quorum(2)"))
    assert (result.duration, list(result.results["l"].results)) == (10, ["0", "1"])


def test_items_that_wait_for_a_slot_are_looked_at_as_one_becomes_free():
    asked = []

    def when(context):
        asked.append((context.variables["item"], trio.current_time()))
        return context.variables["item"] == 0

    step = WorkflowStep("s", execute=works(10), when=when)
    loop = WorkflowStep.for_each("l", lambda _: range(3), step, wait_strategy="quorum(2)")
    result = run(loop, limit=1)
    assert [item for item, _ in asked] == [0, 1, 2]
    assert result.duration == 0
    assert len({at for _, at in asked}) == 1


@pytest.mark.parametrize("made", [list, iter])
def test_keys_that_are_not_their_own_are_named(made):
    loop = WorkflowStep.for_each(
        "l", lambda _: made(["a", "b", "a", "b", "c"]), once(), key="$item"
    )
    error = run(loop).errors["l"]
    told = str(error) if made is list else str(error.exceptions[0])
    assert "'a'" in told
    assert ("'b'" in told) == (made is list)
    assert "more than one item" in told


@pytest.mark.parametrize("value", ["", None])
def test_a_key_that_is_none_is_refused(value):
    result = run(WorkflowStep.for_each("l", lambda _: [value], once(), key="$item"))
    assert why(result, "l").endswith(
        f"a key is a text that is not empty; that of item 0 is {value!r}"
    )


@pytest.mark.parametrize("value", ["text", 5, None])
def test_what_is_no_list_is_refused(value):
    result = run(gives("x", value), WorkflowStep.for_each("l", "$results.x", once()))
    assert why(result, "l") == (
        f"for_each of step 'l': 'in' has to be a list, or a mapping; found {value!r}"
    )


def test_the_outcome_of_a_loop_is_no_list_and_what_is_one_is_said():
    first = WorkflowStep.for_each("first", [1], once())
    result = run(first, WorkflowStep.for_each("l", "$results.first", once()))
    assert why(result, "l").endswith("add '.results' for its values")
    second = WorkflowStep.for_each("l", "$results.first.results", once())
    assert run(first, second).results["l"].results == {"0": 1}


def test_limits_hold_for_an_item_and_for_all_of_the_loop():
    item = WorkflowStep.for_each("l", [1, 2], once(3, timeout=2), continue_on_error=True)
    result = run(item)
    assert [type(e) for e in result.results["l"].errors.values()] == [hocket.StepTimeout] * 2
    whole = run(WorkflowStep.for_each("l", range(9), once(3), timeout=4), limit=3)
    assert whole.states["l"] is StepState.TIMED_OUT
    assert whole.duration == 4


def test_a_hundred_thousand_items_are_taken_as_slots_become_free():
    taken = ended = most = 0

    def items(context):
        nonlocal taken, most
        for n in range(100_000):
            taken += 1
            most = max(most, taken - ended)
            yield n

    async def execute(context):
        nonlocal ended
        ended += 1

    step = WorkflowStep("s", execute=execute)
    result = run(WorkflowStep.for_each("l", items, step), limit=5)
    assert len(result.results["l"].results) == 100_000
    assert most <= 2 * 5 + 256  # twice the slots, and what is taken in one stretch


def test_observers_are_told_of_passes_by_key_and_of_what_runs_in_them():
    told = []
    inner = WorkflowStep.for_each("in", ["x"], gives("s", 1), key="$item")
    block = WorkflowStep.for_each("out", ["a"], sequence=[gives("b", 2), inner], key="$item")
    run(block, observer=told.append)
    inside = [
        (e.step, e.group) for e in told if e.inside == "out" and e.kind is EventKind.SUCCEEDED
    ]
    assert inside == [
        ("out[a].b", "out[a]"),
        ("out[a].in[x]", "in"),
        ("out[a].in", "out[a]"),
        ("out[a]", "out"),
    ]
    assert Counter(e.step for e in told if e.inside is None) == {"out": 2}


def test_cancelling_a_loop_cleans_up_every_item():
    left = []

    async def execute(context):
        try:
            await trio.sleep_forever()
        finally:
            left.append(context.variables["item"])

    loop = WorkflowStep.for_each("l", range(3), WorkflowStep("s", execute=execute))
    workflow = hocket.WorkflowDefinition("w", [loop])

    async def main():
        with trio.move_on_after(1):
            await hocket.WorkflowManager().execute(workflow)

    run_virtual(main)
    assert sorted(left) == [0, 1, 2]


# --- matrix


def cells(*given, **options):
    step = gives("s", lambda context: context.variables["matrix"])
    result = run(WorkflowStep.matrix("m", *given, step, **options))
    return result.results["m"].results


def test_a_matrix_has_a_cell_for_every_combination_and_keys_that_say_which():
    found = cells({"os": ["linux", "mac"], "py": [3.11, 3.12]})
    assert list(found) == ["linux, 3.11", "linux, 3.12", "mac, 3.11", "mac, 3.12"]
    assert found["mac, 3.11"] == {"os": "mac", "py": 3.11}


def test_cells_are_left_out_and_added():
    found = cells(
        {"os": ["linux", "mac"], "py": [1, 2]},
        exclude=[{"os": "mac", "py": 1}, {"os": "linux"}],
        include=[{"os": "bsd", "py": 1, "slow": True}],
    )
    assert list(found) == ["mac, 2", "bsd, 1, true"]


def test_the_values_of_a_matrix_may_come_from_a_result():
    step = gives("s", lambda context: context.variables["matrix"]["n"])
    loop = WorkflowStep.matrix("m", {"n": "$results.list", "c": ["x"]}, step, key="n$matrix.n")
    assert run(gives("list", [1, 2]), loop).results["m"].results == {"n1": 1, "n2": 2}


def test_two_cells_of_one_key_are_named():
    step = gives("s", 1)
    loop = WorkflowStep.matrix("m", {"n": [1, 2]}, step, include="$results.more")
    assert why(run(gives("more", [{"n": 2}]), loop), "m") == (
        "matrix of step 'm': the key '2' belongs to more than one item; give each its own key"
    )


# --- repeat


def counted(context):
    return context.variables["index"]


def test_a_step_is_repeated_until_something_holds_and_gives_its_last_value():
    loop = WorkflowStep.repeat("r", gives("s", counted), until="$results.r == 3", delay=5)
    result = run(loop)
    assert (result.results["r"], result.duration) == (3, 15)


@pytest.mark.parametrize("delay", ["$index + 1", lambda context: context.variables["index"] + 1])
def test_the_time_between_two_passes_may_be_worked_out_after_each(delay):
    loop = WorkflowStep.repeat("r", gives("s", counted), until="$results.r == 3", delay=delay)
    result = run(loop)
    assert (result.results["r"], result.duration) == (3, 1 + 2 + 3)


def test_it_sees_the_value_of_the_pass_that_has_ended():
    loop = WorkflowStep.repeat(
        "r", gives("s", counted), until="$index == 3", delay="$results.r * 2"
    )
    assert run(loop).duration == 0 + 2 + 4


def test_a_time_to_wait_is_no_text_in_python():
    with pytest.raises(hocket.ExpressionError, match=r"write one value, .* around it: \$index"):
        WorkflowStep.repeat("r", gives("s", 1), until="false", delay="${index}s")


def test_how_many_passes_there_may_be_is_worked_out_before_the_first():
    loop = WorkflowStep.repeat("r", gives("s", counted), until="false", max="$results.n")
    result = run(gives("n", 3), loop)
    assert why(result, "r") == "repeat of step 'r': after 3 passes it does not hold: false"
    loop = WorkflowStep.repeat("r", gives("s", counted), until="$index == 4", max=float("inf"))
    assert run(loop).results["r"] == 4


@pytest.mark.parametrize(
    ("delay", "text"), [("$results.n", "got 'soon'"), ("$index > 5 ? 1 : null", "came to None")]
)
def test_what_is_no_time_to_wait_fails_the_step(delay, text):
    loop = WorkflowStep.repeat("r", gives("s", counted), until="false", delay=delay)
    assert text in why(run(gives("n", "soon"), loop), "r")


def test_a_pass_sees_the_value_of_the_one_before():
    step = gives("s", lambda context: context.results.get("r", 1) * 2)
    assert run(WorkflowStep.repeat("r", step, until="$results.r > 50")).results["r"] == 64


def test_until_sees_the_steps_of_a_block():
    steps = [gives("a", counted), gives("b", "x")]
    loop = WorkflowStep.repeat("r", sequence=steps, until="$results.a == 2 && $results.r.b == 'x'")
    assert run(loop).results["r"] == {"a": 2, "b": "x"}


def test_a_step_that_is_repeated_too_often_fails_and_says_what_does_not_hold():
    result = run(WorkflowStep.repeat("r", gives("s", counted), until="$index < 0", max=3, delay=1))
    assert why(result, "r") == "repeat of step 'r': after 3 passes it does not hold: $index < 0"
    assert result.duration == 2


def test_a_failing_pass_ends_it_unless_it_may_fail():
    async def execute(context):
        if context.variables["index"] < 2:
            raise OSError("not yet")
        return "done"

    def loop(**options):
        step = WorkflowStep("s", execute=execute, **options)
        return WorkflowStep.repeat("r", step, until="has($results.r)")

    assert run(loop(on_error="continue")).results["r"] == "done"
    assert why(run(loop()), "r").startswith("loop 'r' failed: pass 0")


# --- what is refused


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            lambda: WorkflowStep.for_each("l", [], as_="results", step=once()),
            "step 'l': for_each: as_: $results is taken: choose another name than 'results'",
        ),
        (
            lambda: WorkflowStep.for_each("l", [], as_="a-b", step=once()),
            "step 'l': for_each: as_: expected a name of letters, digits and _, such as user; found 'a-b'",
        ),
        (
            lambda: WorkflowStep.for_each("l", []),
            "step 'l': for_each needs exactly one of step, steps and sequence: what it does each time; got none",
        ),
        (
            lambda: WorkflowStep.for_each("l", [], once(), steps=[once()]),
            "step 'l': for_each needs exactly one of step, steps and sequence: what it does each time; got step and steps",
        ),
        (
            lambda: WorkflowStep.for_each("l", [], steps=[]),
            "step 'l': for_each: steps needs at least one step",
        ),
        (
            lambda: WorkflowStep.for_each("l", [], once(), wait_strategy="any", fail_fast=False),
            "step 'l': for_each: fail_fast=False is for groups that need all; 'any' is decided by less: leave one of them out",
        ),
        (
            lambda: WorkflowStep.matrix("m", {}, once()),
            "step 'm': matrix: axes needs at least one name, or include a cell",
        ),
        (
            lambda: WorkflowStep.matrix("m", {"include": [1]}, once()),
            "step 'm': matrix: 'include' is no name for values: pass include=...",
        ),
        (
            lambda: WorkflowStep.repeat("r", once(), until="true", max=0),
            "step 'r': repeat: max must be at least 1; got 0",
        ),
    ],
)
def test_a_loop_that_cannot_be_is_refused_at_the_door(made, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared
        made()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (
            lambda: [
                WorkflowStep.for_each("l", [1], steps=[gives("x", 1)]),
                gives("b", 1, when="$results.x > 1"),
            ],
            "steps[1].when: $results.x: step 'x' is inside step 'l', which hides it; write $results.l.results",
        ),
        (
            lambda: [
                WorkflowStep.for_each(
                    "l", ["$user"], WorkflowStep("x", tool="t", input="$usr.id"), as_="user"
                )
            ],
            "steps[0].step.input: '$usr.id' is no reference; did you mean $user? ('$$' writes a dollar)",
        ),
        (
            lambda: [WorkflowStep.for_each("l", [1], gives("x", 1, when="$usr == 1"), as_="user")],
            (
                "steps[0].step.when: column 1 of the expression: there is no $usr; did you mean $user? "
                "(references: $results, $errors, $states, $context, $env, $run, $now, $user, $index)"
            ),
        ),
        (
            lambda: [
                WorkflowStep.matrix(
                    "m", {"os": [1]}, WorkflowStep("x", tool="t", input="$matrix.so")
                )
            ],
            "steps[0].step.input: $matrix.so: the matrix has no 'so' (it has os)",
        ),
        (
            lambda: [WorkflowStep.for_each("l", "$item", once())],
            (
                "steps[0].for_each.in: '$item' is no reference; $item has a meaning only inside of a loop "
                "('$$' writes a dollar)"
            ),
        ),
        (
            lambda: [
                WorkflowStep.for_each(
                    "l", [1], WorkflowStep("x", tool="t", input="$item"), as_="user"
                )
            ],
            (
                "steps[0].step.input: '$item' is no reference; here there are $user, $index "
                "('$$' writes a dollar)"
            ),
        ),
        (
            lambda: [
                WorkflowStep.for_each(
                    "l", [1], WorkflowStep("x", tool="t", input="to $usr"), as_="user"
                )
            ],
            (
                "steps[0].step.input: '$usr' is no reference; here there are $user, $index "
                "('$$' writes a dollar)"
            ),
        ),
        (
            lambda: [
                WorkflowStep.for_each("l", [1], WorkflowStep("x", tool="t", input="$results.l"))
            ],
            "steps[0].step.input: $results.l: this step runs inside step 'l', which cannot end before it",
        ),
    ],
)
def test_references_that_no_pass_can_have_are_refused(steps, text):
    found = hocket.WorkflowDefinition("w", steps()).analysis.mistakes
    assert [str(one) for one in found] == ([] if text is None else [text])


def test_observers_are_told_why_a_pass_or_a_step_in_one_does_not_run():
    told = []
    steps = [gives("a", 1, when="$item > 1"), gives("b", 2, depends_on=["a"])]
    single = WorkflowStep.for_each("single", [1, 2], once(when="$item == 2"))
    run(WorkflowStep.for_each("l", [1, 2], steps=steps), single, observer=told.append)
    assert {event.step: event.reason for event in told if event.reason} == {
        "l[0].a": "its condition said no: $item > 1",
        "l[0].b": "no step that it depends on succeeded: a was skipped: its condition said no: $item > 1",
        "single[0]": "its condition said no: $item == 2",
    }


def test_loops_in_each_other_are_told_of_by_all_keys():
    told = []
    inner = WorkflowStep.for_each(
        "inner", ["x"], WorkflowStep.for_each("most", [1], once()), key="$item"
    )
    run(WorkflowStep.for_each("outer", ["a"], inner, key="$item"), observer=told.append)
    started = [event.step for event in told if event.kind is EventKind.STARTED]
    assert started == ["outer", "outer[a]", "outer[a][x]", "outer[a][x][0]"]


def test_a_result_explains_steps_and_says_so_of_what_is_inside_of_them():
    result = run(WorkflowStep.for_each("l", [1], once()), WorkflowStep("b", steps=[gives("s", 1)]))
    with pytest.raises(
        KeyError, match=r"'l\[0\]' is inside step 'l', which is all that the result"
    ):
        result.explain("l[0]")
    with pytest.raises(KeyError, match="did you mean 's'"):
        result.explain("b.s")
    with pytest.raises(KeyError, match=r"there is no step 'c\[0\]'"):
        result.explain("c[0]")


# --- what is refused before the run


class Odd:
    @property
    def id(self):
        raise AssertionError("nobody looks before the run")


@pytest.mark.parametrize(
    ("loop", "text"),
    [
        (
            lambda: WorkflowStep.for_each("l", ["xy"] * 2, once(), key="k"),
            "the same for all 2",
        ),
        (lambda: WorkflowStep.for_each("l", range(3), once(), key="k"), "the same for all 3 items"),
        (lambda: WorkflowStep.for_each("l", [1, 1], once(), key="$item"), "'1' belongs to more"),
        (
            lambda: WorkflowStep.for_each("l", {"a": 1}, once(), wait_strategy="quorum(2)"),
            "there is 1",
        ),
        (
            lambda: WorkflowStep.matrix("l", {"n": [1]}, once(), exclude=[{"n": 2}]),
            "no value of 'n' is 2",
        ),
        (
            lambda: WorkflowStep.matrix("l", {"n": [1, 1]}, once()),
            "'1' belongs to more than one item",
        ),
    ],
)
def test_what_can_only_fail_is_refused_in_python_too(loop, text):
    with pytest.raises(hocket.WorkflowInvalid) as caught:
        hocket.WorkflowDefinition("w", [loop()]).validate()
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "loop",
    [
        lambda: WorkflowStep.for_each("l", [Odd(), Odd()], once(), key="$item.id"),
        lambda: WorkflowStep.for_each("l", [1, 1], once(), key="$item-$context.n"),
        lambda: WorkflowStep.for_each("l", ["$results.a", 1], once(), key="$item"),
        lambda: WorkflowStep.for_each(
            "l", "$context.all", once(), key="k", wait_strategy="quorum(9)"
        ),
        lambda: WorkflowStep.for_each("l", ["x"], once(), key="k"),
        lambda: WorkflowStep.for_each("l", [1, 1], once(), key="$index-$item"),
        lambda: WorkflowStep.for_each("l", [1, 1], once(), key=str),
        lambda: WorkflowStep.matrix("l", {"n": "$context.all"}, once(), exclude=[{"n": 7}]),
        lambda: WorkflowStep.matrix("l", {"n": [1, 1]}, once(), key="$index"),
        lambda: WorkflowStep.matrix("l", {"n": range(2000)}, once(), wait_strategy="quorum(2001)"),
        lambda: WorkflowStep.matrix("l", {"n": [1]}, once(), exclude=[{"n": "$context.n"}]),
        *(
            lambda values=values, left_out=left_out: WorkflowStep.matrix(
                "l", {"n": values}, once(), exclude=[{"n": left_out}]
            )
            for values, left_out in [
                ([{"v": "$results.a"}, {"v": 6}], {"v": 5}),
                ([{"v": 6}, {"v": 7}], {"v": "$results.a"}),
                ([["$results.a"], [6]], [5]),
                ([{"v": ["${results.a}"]}], {"v": ["1"]}),
            ]
        ),
    ],
)
def test_what_is_known_only_in_the_run_is_left_to_it(loop):
    hocket.WorkflowDefinition("w", [gives("a", 1), loop()]).validate()


def test_a_loop_inside_of_a_loop_goes_by_the_name_of_that():
    def nested(step):
        inner = WorkflowStep.for_each("in", [1, 2], step, as_="n")
        middle = WorkflowStep.for_each("mid", [1], inner, as_="m")
        return WorkflowStep.for_each("all", [1], middle, continue_on_error=True)

    (middle,) = run(nested(once())).results["all"].results.values()
    (inner,) = middle.results.values()
    assert (middle.group_id, inner.group_id) == ("all", "mid")
    (error,) = run(nested(gives("s", lambda context: 1 / 0))).results["all"].errors.values()
    assert "[]" not in "".join(traceback.format_exception(error))

"""hocket.testing: what it promises to the tests of others."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from functools import partial

import pytest
import trio
import trio.testing

import hocket
import hocket.testing
from hocket import (
    ParallelExecutionManager,
    ParallelGroup,
    StepState,
    StepTimeout,
    WorkerPool,
    WorkerTask,
)
from hocket.testing import (
    ReferenceManager,
    assert_adds_up,
    assert_idle,
    assert_partition,
    assert_works_on,
    leaks,
    run_virtual,
    seeded_schedule,
)

pytest_plugins = ["pytester"]


# --- the public names -----------------------------------------------------------------------------


def test_every_public_name_has_one_home_and_a_docstring():
    tree = ast.parse(inspect.getsource(hocket.testing))
    imported = [
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(imported) == hocket.testing.__all__
    for name in hocket.testing.__all__:
        value = getattr(hocket.testing, name)
        assert value.__doc__
        assert value.__module__.startswith("hocket.testing._")


def test_it_needs_no_pytest():
    program = "import sys; sys.modules['pytest'] = None; import hocket.testing"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_hocket_alone_does_not_load_it():
    program = "import sys, hocket; assert not [m for m in sys.modules if 'testing' in m and 'hocket' in m]"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


# --- the books of a pool --------------------------------------------------------------------------


async def test_a_running_step_is_named(autojump_clock):
    pool = WorkerPool(max_concurrent=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, WorkerTask("slow", partial(trio.sleep, 10)))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(pool.execute, trio.sleep, 1)
        await trio.sleep(2)
        assert_adds_up(pool)
        with pytest.raises(AssertionError, match=r"^steps are still running: 'slow' for 2\.000 s$"):
            assert_idle(pool)
        with pytest.raises(AssertionError, match="still running"):
            await assert_works_on(pool)
        assert [(leak.step, leak.age) for leak in leaks()] == [("slow", 2)]
        assert leaks(ignore=[pool]) == []
    assert_idle(pool)
    assert leaks() == []


def test_books_that_are_wrong_are_told_with_all_counts(monkeypatch):
    pool = WorkerPool()
    run_virtual(pool.execute, trio.sleep, 0)
    right = pool._core.statistics()
    core = type("Core", (), {"statistics": lambda: right | {"submitted": 2}, "running": 0})
    core.active = core.queue_length = core.runs = 0
    monkeypatch.setattr(pool, "_core", core)
    with pytest.raises(AssertionError, match="2 steps were submitted, but: 1 completed, 0 failed"):
        assert_adds_up(pool)


async def test_a_manager_is_as_good_as_its_pool():
    await assert_works_on(ParallelExecutionManager(max_concurrent=3))


async def execute(step):
    return step


def test_a_result_with_a_step_too_few_or_too_many_is_told():
    group = ParallelGroup("g", ["a", "b"])
    result = run_virtual(ParallelExecutionManager().execute_group, group, execute)
    assert_partition(result, ["a", "b"])
    for ids in (["a"], ["a", "b", "c"], ["a", "c"]):
        with pytest.raises(AssertionError, match="the result lists"):
            assert_partition(result, ids)


# --- virtual time and schedules -------------------------------------------------------------------


def test_virtual_time_is_exact():
    async def main(seconds):
        start = trio.current_time()
        await trio.sleep(seconds)
        return trio.current_time() - start

    assert run_virtual(main, 86_400.0) == 86_400.0


def orders(seeds):
    async def main():
        ran = []

        async def one(n):
            ran.append(n)

        async with trio.open_nursery() as nursery:
            for n in range(6):
                nursery.start_soon(one, n)
        return tuple(ran)

    return [run_virtual(main, seed=seed) for seed in seeds]


def test_a_seed_fixes_the_order_of_tasks():
    assert orders(range(20)) == orders(range(20))
    assert len(set(orders(range(200)))) > 100, "orders beyond forwards and backwards"


def test_the_order_is_trios_own_again_afterwards():
    run = sys.modules["trio._core._run"]
    before = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()
    with pytest.raises(KeyError), seeded_schedule(1):
        raise KeyError
    assert (run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()) == before


async def test_inside_a_run_it_is_too_late_for_a_seed():
    with pytest.raises(RuntimeError, match=r"goes around trio\.run"), seeded_schedule(1):
        pass


def test_a_trio_that_hides_its_order_is_told(monkeypatch):
    monkeypatch.delattr(sys.modules["trio._core._run"], "_r")
    told = pytest.raises(RuntimeError, match="does not let the order of tasks be chosen")
    with told, seeded_schedule(1):
        pass


# --- the reference --------------------------------------------------------------------------------


def reference(group, step=execute, **options):
    manager = ReferenceManager(**options)
    return run_virtual(manager.execute_group, group, step), manager


def test_the_reference_keeps_the_limits():
    running = most = 0

    async def step(name):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    steps = list("abcdefgh")
    for pool_limit, group_limit in ((3, None), (5, 3), (3, 5)):
        most = 0
        group = ParallelGroup("g", steps, max_concurrent=group_limit)
        result, _ = reference(group, step, max_concurrent=pool_limit)
        assert (most, result.duration) == (3, 3)


def test_the_reference_counts_every_step_once():
    async def step(name):
        await trio.sleep(int(name))
        if name == "2":
            raise ValueError(name)

    group = ParallelGroup("g", list("123456"), "all_settled", timeout=5.5, step_timeout=4.5)
    result, manager = reference(group, step, max_concurrent=5)
    assert_partition(result, group.steps)
    assert manager.counts == {
        StepState.SUCCEEDED: 3,
        StepState.FAILED: 1,
        StepState.TIMED_OUT: 2,
    }
    assert isinstance(result.errors["5"], StepTimeout)


def test_the_reference_takes_steps_that_are_computed():
    async def steps(context):
        return context

    result, _ = reference(ParallelGroup("g", lambda context: ["a", "b"]))
    assert result.results == {"a": "a", "b": "b"}
    group = ParallelGroup("g", steps)
    result = run_virtual(ReferenceManager().execute_group, group, execute, ["c"])
    assert result.results == {"c": "c"}


# --- the pytest plugin ----------------------------------------------------------------------------

LEAK = """
import trio, hocket
from queue import Empty, SimpleQueue

guests = []

def leave_a_step_running(pool):
    # A guest run of which nobody takes care any more.
    todo = SimpleQueue()
    trio.lowlevel.start_guest_run(
        pool.execute, hocket.WorkerTask("poller", trio.sleep_forever),
        run_sync_soon_threadsafe=todo.put, done_callback=print,
    )
    guests.append(todo)
    while True:
        try:
            todo.get(timeout=0.3)()
        except Empty:
            return
"""


def test_a_step_that_outlives_its_test_is_reported(pytester):
    pytester.makepyfile(
        leak=LEAK,
        test_it="""
        import hocket, leak

        def test_leaks():
            leak.leave_a_step_running(hocket.WorkerPool())

        def test_innocent():
            pass
        """,
    )
    result = pytester.runpytest_subprocess("-p", "no:unraisableexception")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        ["test_it.py::test_leaks", "*LeakedStepWarning: step 'poller' still runs, after 0.* s*"]
    )


def test_where_warnings_are_errors_a_leak_fails_the_test(pytester):
    pytester.makepyfile(
        """
        import hocket, trio

        async def test_leaves_a_scope_open():
            async def step():
                trio.CancelScope().__enter__()
            tasks = [hocket.WorkerTask("careless", step), hocket.WorkerTask("b", trio.sleep_forever)]
            await hocket.WorkerPool().execute_with_strategy(tasks, "race")
        """
    )
    pytester.makeini("[pytest]\ntrio_mode = true")
    result = pytester.runpytest_subprocess("-W", "error::hocket.testing.LeakedStepWarning")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*step 'careless' ended and left behind an open cancel scope*"])


def test_a_pool_must_end_up_idle_where_the_fixture_asks_for_it(pytester):
    pytester.makepyfile(
        leak=LEAK,
        test_it="""
        import hocket, leak

        def test_it(hocket_idle_pools):
            leak.leave_a_step_running(hocket.ParallelExecutionManager().pool)
        """,
    )
    result = pytester.runpytest_subprocess("-p", "no:unraisableexception")
    result.assert_outcomes(passed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines(["*AssertionError: steps are still running: 'poller' for*"])


ORDERED = """
    import pytest, trio

    @pytest.mark.hocket_schedules({n})
    async def test_relies_on_an_order():
        ran = []

        async def one(n):
            ran.append(n)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, 1)
            nursery.start_soon(one, 2)
        assert ran == [1, 2]
"""


def test_a_test_runs_under_as_many_schedules_as_it_asks_for(pytester):
    pytester.makepyfile(ORDERED.format(n=10))
    pytester.makeini("[pytest]\ntrio_mode = true")
    first = failed_seeds(pytester)
    assert 0 < len(first) < 10
    assert failed_seeds(pytester) == first
    seed = min(first)
    assert failed_seeds(pytester, "--hocket-seed", str(seed)) == {seed}


def failed_seeds(pytester, *arguments):
    _, _, failed = pytester.inline_run(*arguments).listoutcomes()
    return {int(report.nodeid.partition("[seed")[2].rstrip("]")) for report in failed}


@pytest.mark.parametrize("n", ["", "0", "'many'", "1, 2"])
def test_a_marker_without_a_number_is_refused(pytester, n):
    pytester.makepyfile(ORDERED.format(n=n))
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*hocket_schedules takes how many schedules to run, such as*"])
    assert result.ret != 0


@pytest.mark.parametrize("seed", [None, 1])
def test_what_a_virtual_run_raises_comes_out_as_it_is_though_nothing_may_be_set_on_it(seed):
    class Refusing(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(f"{name} is read-only")

    error = Refusing()

    async def fail():
        raise error

    with pytest.raises(Refusing) as caught:
        run_virtual(fail, seed=seed)
    assert caught.value is error


def test_a_seeded_schedule_may_decorate_a_test_and_leaves_trio_as_it_was():
    run = sys.modules["trio._core._run"]
    before = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()

    @seeded_schedule(3)
    def order():
        with seeded_schedule(4):
            return trio.run(_order)

    async def _order():
        found = []
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(_note, found, number)
        return found

    async def _note(found, number):
        found.append(number)

    assert order() == order()
    assert (run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()) == before

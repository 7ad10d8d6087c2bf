"""The benchmark suite: what it knows of contenders, that none can cheat, and what it shows."""

from __future__ import annotations

import ast
import contextlib
import gc
import graphlib
import importlib
import io
import json
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial

import pytest
import trio

from benches import contender, plan
from benches.check.verification import verify
from benches.check.wrong import Wrong
from benches.contender import BadContender, Contender
from benches.contenders import worker_loop
from benches.measure import environment, process, runner
from benches.measure.measurement import measure
from benches.show import markdown, results as store
from benches.show.comparison import comparisons, imports, scaling
from benches.work import runtimes
from benches.work.frame import LIMIT, threes
from benches.work.workloads import MS_A_RACE, WORKLOADS

# A tiny size of each kind of work.
TINY = {
    "each": ("one_checkpoint", 30),
    "settle": ("failing", 100),
    "race": ("race", 20),
    "groups": ("groups_of_three", 12),
    "calls": ("calls", 120),
    "beside": ("beside_a_batch", 3_000),
    "graph": ("dag_10k", 300),
    "stream": ("streamed", 30),
    "rated": ("rated", 30),
    "retried": ("retried", 30),
}

FILES = contender.paths()
BENCHES = contender.FOLDER.parent


@pytest.fixture(autouse=True, scope="module")
def little_to_collect():
    """Each measurement collects garbage: what pytest holds need not be looked at each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


DECLARED = '''
"""What it is."""
PACKAGES = ["peer>=1"]
RUNTIMES = ["asyncio", "uvloop"]
SOURCE = "https://peer.example"
TIME_LIMIT = True

async def each(step, names): ...
'''


def declaring(text, tmp_path):
    path = tmp_path / "peer.py"
    path.write_text(text.strip(), encoding="utf-8")
    return contender.read(path)


# --- The rooms ----------------------------------------------------------------------------------

# Room -> the rooms below it that it may import, the lowest first. A file beside the rooms is one.
ROOMS = {
    "work": "",
    "contender": "",
    "contenders": "work",
    "check": "work",
    "plan": "work contender",
    "measure": "work contender check plan",
    "show": "work contender plan measure",
    "suite": "work contender plan measure show",
    "late": "contenders",
    "threads": "work",
    "__main__": "work contender plan measure suite",
}
MODULES = {
    ".".join(path.relative_to(BENCHES).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(BENCHES.rglob("*.py"))
}


def imported_by(module):
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "benches":
            origin = node.module.removeprefix("benches").removeprefix(".")
            inner = {f"{origin}.{alias.name}".removeprefix(".") for alias in node.names}
            yield from inner & MODULES.keys() or {origin}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room):
    below = ROOMS[room].split()
    assert below == [other for other in list(ROOMS)[: list(ROOMS).index(room)] if other in below]
    inside = [module for module in MODULES if module.split(".")[0] == room]
    assert inside
    found = {other.split(".")[0] for module in inside for other in imported_by(module)}
    assert found <= {room, *below}


def test_every_file_is_in_a_room_and_no_two_import_each_other_in_a_circle():
    assert {module.split(".")[0] for module in MODULES} == {*ROOMS, "__init__"}
    graphlib.TopologicalSorter({name: imported_by(name) for name in MODULES}).prepare()


# --- The files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_contender_declares_what_it_is(path):
    found = contender.read(path)
    assert found.shapes
    assert found.what.endswith(".")
    assert found.source.startswith("https://") or (environment.ROOT / found.source).exists()


CASES = [
    pytest.param(found, runtime, shape, id=f"{found.name}-{runtime}-{shape}")
    for found in map(contender.read, FILES)
    for runtime in found.runtimes
    for shape in found.shapes
]


@pytest.mark.parametrize(("found", "runtime", "shape"), CASES)
def test_a_contender_does_its_work(found, runtime, shape):
    if found.slow:
        pytest.skip("slow")
    try:
        on = runtimes.load(runtime)
        module = importlib.import_module(f"benches.contenders.{found.name}")
    except ImportError as error:
        pytest.skip(str(error))
    function = getattr(module, shape)
    try:
        verify(on, shape, function, serial=found.serial)
    except Wrong as wrong:
        # Where threads do it, the system may let a small batch end before the other thread begins.
        if shape != "beside" or "before the first small group" not in str(wrong):
            raise
        verify(on, shape, function, serial=found.serial)
    workload, n = TINY[shape]
    measured = measure(on, function, WORKLOADS[workload], n)
    assert measured["n"] == n
    assert measured["seconds"] > 0


def test_declarations_are_read_without_the_package(tmp_path):
    assert declaring(DECLARED, tmp_path) == Contender(
        name="peer",
        what="What it is.",
        packages=("peer>=1",),
        runtimes=("asyncio", "uvloop"),
        source="https://peer.example",
        time_limit=True,
        slow=False,
        serial=False,
        shapes=("each",),
    )


@pytest.mark.parametrize(
    ("text", "instead", "message"),
    [
        ('"""What it is."""', "", "must be a docstring"),
        ('PACKAGES = ["peer>=1"]', "", "PACKAGES is missing"),
        ('PACKAGES = ["peer>=1"]', "PACKAGES = peers()", "must be a literal list"),
        ("TIME_LIMIT = True", "TIME_LIMIT = 30", "must be a literal bool"),
        ('"uvloop"', '"curio"', "must list some of trio, asyncio, uvloop, threads"),
        ("each", "everything", "define at least one of each, settle"),
        ("):", ")", "expected ':'"),
    ],
)
def test_a_file_that_is_no_contender_says_what_to_write(text, instead, message, tmp_path):
    with pytest.raises(BadContender, match=message):
        declaring(DECLARED.replace(text, instead), tmp_path)


# --- Nobody wins by not doing the work ----------------------------------------------------------


async def skips_one(step, names):
    return {name: await step(name) if name != names[1] else name for name in names}


async def runs_one_twice(step, names):
    await step(names[1])
    return {name: await step(name) for name in names}


async def loses_a_value(step, names):
    values = {name: await step(name) for name in names}
    del values[names[1]]
    return values


async def mixes_values_up(step, names):
    values = [await step(name) for name in names]
    return dict(zip(names, reversed(values), strict=True))


async def exceeds_the_limit(step, names):
    values = {}

    async def one(name):
        values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return values


async def runs_groups_side_by_side(step, names):
    values = {}

    async def one(group):
        for name in group:
            values[name] = await step(name)

    async with trio.open_nursery() as nursery:
        for group in threes(names)[:3]:
            nursery.start_soon(one, group)
    await one(names[9:])
    return values


async def swallows_errors(step, names):
    values = {}
    for name in names:
        try:
            values[name] = await step(name)
        except ValueError:
            values[name] = name
    return values, {}


async def runs_a_graph_all_at_once(step, dependencies):
    values = {}

    async def some(names):
        for name in names:
            values[name] = await step(name)

    names = list(dependencies)
    async with trio.open_nursery() as nursery:
        for start in range(LIMIT):
            nursery.start_soon(some, names[start::LIMIT])
    return values


async def runs_no_batch(step, names, small):
    async def group(names):
        for name in names:
            await step(name)

    return await small(group)


async def does_not_wait_for_the_group(step, names, small):
    async with trio.open_nursery() as nursery:
        for name in names[:5]:
            nursery.start_soon(step, name)

        async def group(names):
            for name in names:
                nursery.start_soon(step, name)

        return await small(group)


async def has_a_limit_for_each(step, names, small):
    async def some(names):
        limiter = trio.CapacityLimiter(LIMIT)
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(one, limiter, name)

    async def one(limiter, name):
        async with limiter:
            await step(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(some, names)
        found = await small(some)
        nursery.cancel_scope.cancel()
    return found


async def names_a_loser(step, names):
    winners = []

    async def one(name):
        winners.append(await step(name))
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    return next(name for name in names if name not in winners)


async def leaves_losers_behind(step, names):
    send, receive = trio.open_memory_channel(1)
    scope = trio.CancelScope()

    async def one(name):
        await send.send(await step(name))

    async def all_of_them():
        with scope:
            async with trio.open_nursery() as nursery:
                for name in names:
                    nursery.start_soon(one, name)

    trio.lowlevel.spawn_system_task(all_of_them)
    winner = await receive.receive()
    scope.cancel()
    return winner


async def goes_on_after_the_return(step, names, small):
    async def later():
        await trio.sleep(0.002)
        await step(names[1])

    await step(names[0])
    found = await small(partial(runs_one_after_another, step))
    trio.lowlevel.spawn_system_task(later)
    return found


async def streams_no_more_than_one(step, names):
    return {name: await step(name) async for name in names if name == "step-1"}


async def knows_no_rate(step, names, per_second):
    return await worker_loop.each(step, names)


async def tries_once(step, names):
    values = {}
    for name in names:
        with contextlib.suppress(ValueError):
            values[name] = await step(name)
    return values


async def runs_one_after_another(step, names):
    return {name: await step(name) for name in names}


@pytest.mark.parametrize(
    ("cheat", "shape", "message"),
    [
        (skips_one, "each", "1 steps did not run, 'step-2' is one"),
        (runs_one_twice, "each", "1 steps ran more than once, 'step-2' is one"),
        (loses_a_value, "each", "1 of 60 missing, 'step-2' is one"),
        (mixes_values_up, "each", "'step-1' has 'step-60' instead of 'step-1'"),
        (exceeds_the_limit, "each", "60 steps ran at once; the limit is 10"),
        (exceeds_the_limit, "calls", "200 steps ran at once; the limit is 10"),
        (exceeds_the_limit, "groups", "12 steps ran at once; the limit is 3"),
        (runs_groups_side_by_side, "groups", "started before a step that it has to wait for"),
        (swallows_errors, "settle", "values: 6 that nobody asked for"),
        (runs_a_graph_all_at_once, "graph", "started before a step that it has to wait for"),
        (runs_no_batch, "beside", "no step of the batch ran"),
        (does_not_wait_for_the_group, "beside", "returned before 'small-1' had ended"),
        (has_a_limit_for_each, "beside", "ran at once; the limit is 10"),
        (goes_on_after_the_return, "beside", "steps started after the return"),
        (leaves_losers_behind, "race", "29 steps still ran, or cleaned up, on return"),
        (names_a_loser, "race", "is said to have won, but"),
        (streams_no_more_than_one, "stream", "59 steps did not run, 'step-2' is one"),
        (knows_no_rate, "rated", "20 starts took .* s, not 0.090 s"),
        (tries_once, "retried", "6 steps did not run, 'step-5' is one"),
    ],
)
def test_a_contender_that_cheats_is_caught(cheat, shape, message):
    with pytest.raises(Wrong, match=message):
        verify(runtimes.load("trio"), shape, cheat, serial=True)


@pytest.mark.parametrize("shape", ["each", "calls", "groups", "graph"])
def test_who_runs_one_step_after_another_has_to_say_so(shape):
    with pytest.raises(Wrong, match="no two steps ran side by side"):
        verify(runtimes.load("trio"), shape, runs_one_after_another)
    verify(runtimes.load("trio"), shape, runs_one_after_another, serial=True)


def test_threads_are_watched_as_well():
    def each(step, names):
        return {name: step(name) for name in names[1:]} | {names[0]: names[0]}

    with pytest.raises(Wrong, match="1 steps did not run"):
        verify(runtimes.load("threads"), "each", each)


@pytest.mark.parametrize(
    ("shape", "cheat", "message"),
    [
        ("each", skips_one, None),
        ("each", loses_a_value, "1 of 30 missing"),
        ("settle", swallows_errors, "that nobody asked for"),
    ],
)
def test_the_values_of_every_timed_run_are_checked(shape, cheat, message):
    workload, n = TINY[shape]
    on = runtimes.load("trio")
    if message is None:  # its values are right: that is what the watched run is for
        assert measure(on, cheat, WORKLOADS[workload], n)["n"] == n
        return
    with pytest.raises(Wrong, match=message):
        measure(on, cheat, WORKLOADS[workload], n)


# --- Processes and environment ------------------------------------------------------------------


def order(name, **changed):
    order = {"contender": name, "runtime": "trio", "workload": "no_op", "n": 30}
    return order | {"url": "", "verify": True} | changed


def test_a_measurement_in_a_fresh_process_says_time_and_memory():
    answer = process.measure(order("hocket"), budget=60)
    assert answer.keys() == {"seconds", "n", "peak", "growth", "imports"}
    assert 0 < answer["seconds"] < answer["imports"]
    assert answer["peak"] > 1e6


def test_a_contender_that_is_not_there_is_named():
    answer = process.measure(order("no_such_peer"), budget=60)
    assert answer == {
        "broken": "cannot be imported: "
        "ModuleNotFoundError: No module named 'benches.contenders.no_such_peer'"
    }


def test_a_run_over_the_budget_is_cut():
    answer = process.measure(order("bare_loop", workload="sleeps", n=10_000), budget=0.5)
    assert answer == {"cut": "took more than 0.5 s"}


def test_a_cell_without_a_figure_is_not_tried_again_and_the_rest_runs(monkeypatch):
    asked = []

    def answer(order, budget):
        asked.append((order["contender"], order["verify"]))
        if order["contender"] == "anyio":
            return {"wrong": "1 steps did not run"}
        return {"seconds": 0.1, "n": 7, "peak": 1, "growth": 1, "imports": 0.1}

    monkeypatch.setattr(process, "measure", answer)
    cells = [plan.Cell("no_op", name, "trio", 10) for name in ("peer", "anyio", "hocket")]
    cells[0].status, cells[0].reason = "broken", "no wheel"
    runner.run(plan.QUICK, cells, 2, "", lambda _cell, left: None)
    assert sorted(asked[:2]) == [("anyio", True), ("hocket", True)], "each round in its own order"
    assert asked[2:] == [("hocket", False)]
    assert [cell.status for cell in cells] == ["broken", "wrong", "ok"]
    assert [run["round"] for run in cells[2].runs] == [0, 1]
    assert cells[2].n == 7


def peer(name="peer", **changed):
    found = Contender(
        name, "A peer.", (f"{name}>=1",), ("asyncio", "uvloop"), "", False, False, False, ("each",)
    )
    return replace(found, **changed)


def planned(kind, names=()):
    workloads = plan.chosen_workloads(kind, [])
    chosen = plan.chosen_contenders(kind, [peer(), peer("engine", slow=True)], names)
    return plan.cells(kind, workloads, chosen, {})


def test_the_quick_run_has_one_runtime_of_each_and_slow_engines_only_where_asked_for():
    quick = planned(plan.QUICK)
    assert {(cell.contender, cell.runtime) for cell in quick} == {("peer", "asyncio")}
    assert {cell.contender for cell in planned(plan.QUICK, ["engine"])} == {"engine"}


def test_the_full_run_has_all_runtimes_and_slow_engines_with_fewer_steps():
    full = planned(plan.FULL)
    assert {(cell.contender, cell.runtime) for cell in full} == {
        (name, runtime) for name in ("peer", "engine") for runtime in ("asyncio", "uvloop")
    }
    assert max(cell.n for cell in full if cell.contender == "engine") <= 1_000


def test_a_workload_that_is_only_in_the_full_run_can_be_asked_for_in_the_quick_one():
    assert "http" not in {cell.workload for cell in planned(plan.QUICK)}
    assert "http" in {cell.workload for cell in planned(plan.FULL)}
    assert plan.chosen_workloads(plan.QUICK, ["http"]) == [WORKLOADS["http"]]


def test_what_cannot_be_installed_is_named_and_not_run():
    (cell,) = plan.cells(plan.QUICK, [WORKLOADS["no_op"]], [peer()], {"peer": "no wheel"})
    assert (cell.status, cell.reason) == ("broken", "cannot be installed: no wheel")
    assert not cell.wants_more(plan.QUICK.patience)


def test_packages_that_do_not_fit_together_are_tried_one_by_one(monkeypatch, capsys):
    monkeypatch.setattr(
        environment, "_pip", lambda packages: "no" if "bad>=1" in packages else None
    )
    broken = environment._install({"": ["trio"], "bad": ["bad>=1"], "good": ["good>=1"]})
    assert broken == {"bad": "no"}
    assert "bad is left out: no" in capsys.readouterr().out


def test_the_command_names_what_there_is_to_choose_from():
    command = [sys.executable, "-m", "benches", "--contender", "peer"]
    done = subprocess.run(
        command, cwd=environment.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no contender 'peer': choose from" in done.stderr


# --- What is shown ------------------------------------------------------------------------------


DATE = "2030-01-31T12:00:00+00:00"


def results():
    """Two rounds in which the machine was twice as slow in the second one."""
    seconds = {"bare_loop": 0.001, "hocket": 0.002, "peer": 0.02}
    cells = []
    for workload in ("no_op", "race"):
        for name, first in seconds.items():
            runs = [
                {"round": at, "seconds": first * (at + 1), "peak": 9, "growth": 900, "imports": 0.1}
                for at in range(2)
            ]
            cells.append(plan.Cell(workload, name, "trio", 100, runs=runs))
            cells.append(plan.Cell(workload, name, "trio", 10, scaling=True, runs=runs[:1]))
    cells.append(plan.Cell("no_op", "engine", "trio", 10, status="cut", reason="took too long"))
    keys = ("name", "what", "unit", "floor", "memory")
    shown = [WORKLOADS[name] for name in ("no_op", "race")]
    about = {
        "what": "A peer.",
        "source": "https://peer.example",
        "runtimes": ["trio"],
        "time_limit": False,
        "slow": False,
        "serial": False,
    }
    return json.loads(
        json.dumps(
            {
                "kind": "quick",
                "date": DATE,
                "revision": "abc",
                "interrupted": False,
                "machine": {
                    "system": "Linux",
                    "cpu": "A processor",
                    "cores": 2,
                    "memory_gb": 8,
                    "python": "CPython 3",
                },
                "packages": {"trio": "1.0"},
                "freeze": ["trio==1.0"],
                "rounds": 2,
                "limit": 10,
                "step_timeout": 30.0,
                "workloads": [
                    {key: getattr(one, key) for key in keys} | {"date": DATE, "revision": "abc"}
                    for one in shown
                ],
                "contenders": dict.fromkeys([*seconds, "engine"], about),
                "bad": {"broken": "broken.py: RUNTIMES is missing"},
                "cells": [asdict(cell) for cell in cells],
            }
        )
    )


def test_ratios_are_those_of_figures_of_the_same_round():
    no_op, race = comparisons(results())
    ours = no_op.find("hocket")
    assert (ours.cost, ours.low, ours.high) == pytest.approx((30, 20, 40))
    assert (ours.to_floor, ours.to_hocket) == pytest.approx((2, 1))
    assert no_op.find("peer").to_hocket == pytest.approx(10)
    assert (race.unit, race.find("hocket").cost) == (MS_A_RACE, pytest.approx(3))
    assert race.find("hocket").to_floor is None


def test_the_cheapest_stands_first_and_who_has_no_figure_last():
    no_op, _ = comparisons(results())
    assert [row.contender for row in no_op.rows] == ["bare_loop", "hocket", "peer", "engine"]
    assert no_op.rows[-1].why == "cut: took too long"


def test_the_cost_by_number_of_steps_is_in_order():
    assert scaling(results(), "no_op")["peer"] == [(10, 2_000), (100, pytest.approx(300))]


def test_the_tables_name_everything():
    table = pytest.importorskip("benches.show.table")
    from rich.console import Console

    console = Console(width=120, record=True, file=io.StringIO())
    table.show(console, results())
    text = console.export_text()
    for part in ("bare_loop (floor)", "10.0×", "cut: took too long", "A processor", "trio 1.0"):
        assert part in text
    assert "broken is no contender: broken.py: RUNTIMES is missing" in text


def test_markdown_is_written_between_the_marks_and_nowhere_else(tmp_path):
    (tmp_path / "docs/project").mkdir(parents=True)
    for name in (markdown.PAGE, markdown.README):
        marks = f"{markdown.BEGIN}\nold\n{markdown.END}"
        (tmp_path / name).write_text(f"before\n{marks}\nafter\n", encoding="utf-8")
    written = markdown.write(results(), "quick", root=tmp_path)
    assert written == [tmp_path / markdown.PAGE, tmp_path / markdown.README]
    docs, readme = (path.read_text(encoding="utf-8") for path in written)
    for text in (docs, readme):
        assert text.startswith("before\n<!--")
        assert text.endswith("-->\nafter\n")
        assert "old" not in text
    assert "(../../benches/results/quick-cost.svg)" in docs
    assert "| **hocket** | trio | 30.0 | 20.0 – 40.0 | 2.00× | 1.00× |  |" in docs
    row = "100 | µs a step | 15.0 | **30.0** | 300 (peer) |  |"
    assert f"| [Steps that return at once](#no_op) | {row}" in docs
    assert f"| [Steps that return at once](docs/project/benchmarks.md#no_op) | {row}" in readme
    assert "#race" in docs
    assert "#race" not in readme


def test_the_rows_of_the_readme_are_workloads():
    assert set(markdown.HIGHLIGHTS) <= WORKLOADS.keys()


@pytest.mark.parametrize("name", [markdown.PAGE, markdown.README])
def test_the_documentation_has_the_marks(name):
    text = (environment.ROOT / name).read_text(encoding="utf-8")
    assert text.count(markdown.BEGIN) == text.count(markdown.END) == 1


def test_documentation_without_its_marks_is_left_alone(tmp_path):
    path = tmp_path / markdown.PAGE
    path.parent.mkdir(parents=True)
    path.write_text(f"before\n{markdown.BEGIN}\nafter\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"benchmarks\.md: .* must be there, once each"):
        markdown.write(results(), "full", root=tmp_path)
    assert path.read_text(encoding="utf-8").endswith("after\n")


def test_a_workload_that_is_measured_again_takes_its_own_place_and_says_when():
    new = results() | {"workloads": results()["workloads"][1:]}
    new["workloads"][0] |= {"date": "2031-02-03T00:00:00+00:00", "revision": "def"}
    new["cells"] = [cell for cell in new["cells"] if cell["workload"] == "race"]
    for cell in new["cells"]:
        cell["runs"] = [run | {"seconds": 2 * run["seconds"]} for run in cell["runs"]]
    found = store.renewed(results(), new)
    no_op, race = comparisons(found)
    assert no_op == comparisons(results())[0]
    assert race.find("hocket").cost == pytest.approx(6)
    text = markdown.report(found, "quick")
    assert text.count("Measured again on 2031-02-03, revision def.") == 1


def test_what_was_measured_elsewhere_is_not_mixed():
    with pytest.raises(ValueError, match="machine differs"):
        store.renewed(results(), results() | {"machine": {}})


def test_a_package_that_only_new_workloads_need_may_come_and_none_may_change():
    old, new = results(), results()
    new["workloads"] = [*new["workloads"], new["workloads"][0] | {"name": "another"}]
    new["packages"] = old["packages"] | {"stamina": "1.0"}
    found = store.renewed(old, new)
    assert [one["name"] for one in found["workloads"]] == [one["name"] for one in new["workloads"]]
    assert found["packages"] == new["packages"]
    name = next(iter(old["packages"]))
    with pytest.raises(ValueError, match="packages differs"):
        store.renewed(old, new | {"packages": new["packages"] | {name: "0.0.0"}})


def test_who_was_found_wrong_has_no_figure_anywhere():
    found = results()
    for cell in found["cells"]:
        if cell["contender"] == "peer":
            cell["status"] = "wrong"
    assert "peer" not in scaling(found, "no_op")
    assert "peer" not in {who for who, _, _ in imports(found)}


def test_the_pictures_are_drawn(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from benches.show import pictures

    monkeypatch.setattr(store, "FOLDER", tmp_path)
    drawn = pictures.draw(results(), "quick")
    assert {path.name for path in drawn} == {
        f"quick-{what}.{kind}" for what in ("cost", "scaling") for kind in ("svg", "png")
    }
    assert all(path.stat().st_size > 1_000 for path in drawn)

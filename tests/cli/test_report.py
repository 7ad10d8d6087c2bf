"""The report of a run that has ended: one count, who failed it and why, at any width and length."""

from __future__ import annotations

import json
import re

import pytest

from hocket._cli.main import main
from tests.cli.commands import TIME, command, on_a_terminal, run, states, workflow, write


def notes(text):
    """The table's steps with their notes."""
    found = re.findall(rf"^ *(\S+)  .*(?:-|{TIME}) +(?:-|{TIME})(?:  (.*))?$", text, re.MULTILINE)
    return {name: note.strip() for name, note in found}


def echo(id_, **more):
    return {"id": id_, "tool": "echo", **more}


def explode(id_, **more):
    return {"id": id_, "tool": "explode", **more}


def group(id_, steps, strategy="all", **more):
    return {"id": id_, "group": {"wait_strategy": strategy, "steps": steps}, **more}


# --- one count

MANY = [
    group("g", [echo("a"), group("h", [echo("b"), echo("c")])]),
    group("w", [echo("near", input={"seconds": 0.1}), echo("far", input={"seconds": 60})], "any"),
    explode("bad", continue_on_error=True),
    echo("after", depends_on=["bad"]),
]


def test_whoever_says_steps_means_the_same(folder, capsys):
    file = workflow(folder, *MANY)
    assert main(["check", file, "--tools", "clitools"]) == 0
    assert capsys.readouterr().out == "w.yaml: ok ('W', 10 steps)\n"
    assert run(file) == 0
    out = capsys.readouterr().out
    assert len(states(out)) == 10
    assert "(10 steps: 8 succeeded, 1 failed, 1 cancelled)" in out
    assert run(file, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["steps"]) == 10


def test_the_display_and_the_log_count_the_same(folder):
    words = command("run", workflow(folder, *MANY), "--tools", "clitools")
    _, seen = on_a_terminal(words)
    assert "/10" in seen
    _, seen = on_a_terminal([*words, "--log-level", "debug"])
    assert "workflow 'W' starts: 10 steps" in seen.replace("\r\n", "")


def test_steps_that_tools_run_are_counted_apart(folder, capsys):
    file = workflow(folder, {"tool": "split", "input": {"parts": ["x", "y"]}})
    assert run(file) == 0
    assert "(1 step: 1 succeeded; tools have run 2 more)" in capsys.readouterr().out


# --- who failed it, and why others never ran


def test_the_fatal_error_comes_first_and_skipped_steps_say_why(folder, capsys):
    file = workflow(
        folder,
        explode("harmless", continue_on_error=True),
        echo("first", input={"seconds": 0.05}),
        explode("store", depends_on=["first"]),
        echo("tell", depends_on=["store"]),
        echo("long", input={"seconds": 60}),
        echo("last", depends_on=["tell"]),
        group("inner", [echo("x"), echo("y")], depends_on=["last"]),
    )
    assert run(file) == 1
    out = capsys.readouterr().out
    assert notes(out) == {
        "harmless": "tolerated",
        "first": "",
        "store": "failed the run",
        "tell": "store failed",
        "long": "store failed",
        "last": "store failed",
        "inner": "store failed",
        "x": "store failed",
        "y": "store failed",
    }
    errors = out.split("\nerrors\n")[1].splitlines()
    assert [line.split()[0] for line in errors[:2]] == ["store", "harmless"]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            group("g", [explode("bad"), echo("other", input={"seconds": 60})]),
            {"g": "failed the run", "bad": "", "other": "bad failed"},
        ),
        (
            group("g", [echo("near"), echo("far", input={"seconds": 60})], "race"),
            {"g": "", "near": "winner", "far": "near won"},
        ),
        (
            group("g", [explode("bad"), echo("far", input={"seconds": 60})], "race"),
            {"g": "failed the run", "bad": "", "far": "bad failed"},
        ),
        (
            group("g", [explode("bad"), echo("fine")], "all_settled"),
            {"g": "", "bad": "tolerated", "fine": ""},
        ),
        (
            group("g", [echo("a"), echo("late", input={"seconds": 60})], "quorum(1)"),
            {"g": "", "a": "", "late": "a won"},
        ),
        (
            group("g", [echo("late", input={"seconds": 60})], timeout=0.05),
            {"g": "failed the run", "late": "g timed out"},
        ),
    ],
)  # fmt: skip
def test_members_of_groups_say_why_too(folder, capsys, step, expected):
    run(workflow(folder, step))
    assert notes(capsys.readouterr().out) == expected


def test_a_step_of_a_handler_that_fails_says_of_which_handler(folder, capsys):
    handlers = {"on_failure": [explode("tell")], "finally": [explode("close"), echo("log")]}
    assert run(workflow(folder, explode("bad"), **handlers), "--progress", "none") == 1
    assert notes(capsys.readouterr().out) == {
        "bad": "failed the run",
        "tell": "failed in on_failure",
        "close": "failed in finally",
        "log": "",
    }
    assert run(workflow(folder, echo("good"), **handlers), "--progress", "none") == 1
    found = notes(capsys.readouterr().out)
    assert (found["close"], found["good"]) == ("failed the run", "")


def test_what_the_time_limit_of_the_run_has_cut_says_so(folder, capsys):
    steps = [echo("slow", input={"seconds": 60}), echo("after", depends_on=["slow"])]
    assert run(workflow(folder, *steps, max_duration=0.05)) == 1
    out = capsys.readouterr().out
    assert notes(out)["after"] in ("slow timed out", "max_duration")
    assert "ran past its max_duration of 0.05 s, after " in out


# --- any width, any length

LONG = "fetch_the_customer_records_of_the_region_of_the_page_number_"
WIDE = [
    group("layer_1", [echo(f"{LONG}{n}") for n in range(3)]),
    echo("数据" * 30, depends_on=["layer_1"]),
    explode("store", input={"text": "no room " * 250_000}, depends_on=["数据" * 30]),
    echo("after_" * 30, depends_on=["store"]),
]


def cells(line):
    from rich.cells import cell_len

    return cell_len(line)


GROUPS = """
import hocket
import trio


async def lost():
    raise OSError("lost")


@hocket.tool
async def nursery():
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as inner:
            inner.start_soon(lost)


@hocket.tool
async def endless(parts):
    error = ValueError("again")
    for _ in range(parts):
        error = ExceptionGroup("two", [error, error])
    raise error


@hocket.tool
async def of_steps(step: hocket.StepContext):
    async def run(part):
        raise OSError(part)

    (await step.run_group(hocket.ParallelGroup("parts", ["x"]), run)).raise_for_failure()
"""


def test_an_exception_group_is_told_with_what_is_in_it(folder, capsys):
    write(folder, "groups.py", GROUPS)
    steps = [
        {"tool": "nursery", "continue_on_error": True},
        {"tool": "endless", "input": {"parts": 1}, "continue_on_error": True},
        {"tool": "endless", "input": {"parts": 500}, "continue_on_error": True},
        {"tool": "of_steps", "continue_on_error": True},
    ]
    file = workflow(folder, *steps)
    assert main(["run", file, "--tools", "groups", "--json"]) == 0
    printed = capsys.readouterr()
    s0, s1, s2, s3, *_ = [step["error"] for step in json.loads(printed.out)["steps"]]
    assert s0 == "ExceptionGroup: Exceptions from Trio nursery: OSError: lost"
    assert s1 == "ExceptionGroup: two: ValueError: again; ValueError: again"
    assert s2 == f"ExceptionGroup: two: {'ValueError: again; ' * 3}..."
    assert s3 == "GroupFailed: group 'parts' failed: 1 of 1 steps"
    assert f": {s0}\n" in printed.err


@pytest.mark.parametrize("width", [20, 60, 80, 120])
def test_the_table_is_never_wider_than_the_terminal(folder, width):
    words = command("run", workflow(folder, *WIDE), "--tools", "clitools", "--progress", "none")
    code, seen = on_a_terminal(words, COLUMNS=str(width))
    assert code == 1
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).split("\r\n")
    assert max(map(cells, lines)) <= width
    assert len(lines) < 60
    text = " ".join(line.strip() for line in lines)
    assert "2,000,013 characters" in text
    if width >= 60:
        assert "store failed" in text
        assert len([line for line in lines if "page_number_" in line or "ber_" in line]) == 3


def test_elsewhere_the_table_is_as_wide_as_columns_says(folder, capsys, monkeypatch):
    file = workflow(folder, *WIDE)
    for width in (60, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        assert run(file, "--progress", "none") == 1
        table = capsys.readouterr().out.split("\nerrors\n")[0]
        assert width - 30 < max(map(cells, table.splitlines())) <= width
    assert len(table.splitlines()) == 9


def test_of_very_many_steps_the_report_has_those_that_failed_and_the_slowest(folder, capsys):
    bad = [explode(f"bad{n}", continue_on_error=True) for n in range(30)]
    slow = [echo(f"slow{n}", input={"seconds": 0.2 + n / 100}) for n in range(10)]
    file = workflow(
        folder,
        *[echo(f"e{n}") for n in range(960)],
        *bad,
        *slow,
        parallel_config={"max_concurrent": 1000},
        output="done",
    )
    assert run(file, "--progress", "none") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert set(states(printed.out)) == {f"bad{n}" for n in range(20)} | {
        f"slow{n}" for n in range(10)
    }
    assert "the slowest 10, and 970 more: --all lists them" in printed.out
    assert "  and 10 more: --all lists them" in printed.out
    assert "(1,000 steps: 970 succeeded, 30 failed)" in printed.out
    assert len(printed.out.splitlines()) < 80
    assert run(file, "--progress", "none", "--all") == 0
    assert len(states(capsys.readouterr().out)) == 1000


def test_the_verdict_comes_last_and_a_groups_output_is_its_values(folder, capsys):
    steps = group("g", [echo("a", input={"value": 1}), echo("b", input={"value": 2})])
    assert run(workflow(folder, steps)) == 0
    out = capsys.readouterr().out
    output, verdict = out.split("\n\n")[-2:]
    assert json.loads(output) == {"a": 1, "b": 2}
    assert re.fullmatch(rf"W: succeeded after {TIME} \(3 steps: 3 succeeded\)\n", verdict)
    assert run("w.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out)["output"] == {"a": 1, "b": 2}


# --- progress


def test_progress_may_be_lines_a_summary_or_nothing(folder, capsys):
    file = workflow(folder, *MANY)
    lines = {}
    for kind in ("plain", "summary", "none", "auto"):
        assert run(file, "--progress", kind, "--json") == 0
        lines[kind] = capsys.readouterr().err.splitlines()
    assert lines["none"] == []
    assert len(lines["plain"]) == len(lines["auto"]) == 20
    (failure,) = lines["summary"]
    assert re.search(rf"failed +bad after {TIME}: RuntimeError: out of order$", failure)
    assert run(file, "--quiet", "--progress", "plain") == 0
    assert len(capsys.readouterr().err.splitlines()) == 20


async def test_a_summary_says_now_and_then_how_far_it_is(autojump_clock):
    import io

    import trio

    from hocket import WorkflowDefinition, WorkflowManager, WorkflowStep
    from hocket._report.output import Stream
    from hocket._report.progress import make_progress
    from hocket._report.record import RunRecord
    from hocket._report.screen import Screen

    def step(n):
        async def execute(context):
            await trio.sleep(n / 10)

        return WorkflowStep(f"s{n}", execute=execute)

    file = io.StringIO()
    record = RunRecord(
        WorkflowDefinition("w", [step(n) for n in range(1, 121)]),
    )
    progress = make_progress(record, Screen(Stream(file)), "auto")
    record.begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(progress.refresh)
        observers = [record.observe, progress.observe]
        await WorkflowManager().execute(record.workflow, observer=observers)
        nursery.cancel_scope.cancel()
    lines = file.getvalue().splitlines()
    assert 5 < len(lines) < 40
    assert all(re.search(r"\d+ of 120 steps ended, \d+ running$", line) for line in lines)


def test_many_steps_are_summed_up_where_nobody_looks(folder, capsys):
    assert run(workflow(folder, *[echo(f"e{n}") for n in range(101)], output="x"), "--json") == 0
    assert capsys.readouterr().err == ""


def test_the_display_has_a_line_for_a_group_and_the_last_failure(folder):
    members = [echo(f"m{n}", input={"seconds": n / 2}) for n in range(5)]
    steps = [group("layer_1", members), explode("bad", continue_on_error=True)]
    file = workflow(folder, *steps)
    _, seen = on_a_terminal(command("run", file, "--tools", "clitools"))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"^   layer_1  3/5\r?$", plain, re.MULTILINE)
    assert re.search(r"✗ bad  RuntimeError: out of order", plain)
    assert re.search(r"W ━+.* 5/7, 1 failed  1\.\d s  \d\.\d/s  \d s left", plain)


def loop(id_, **more):
    step = {"tool": "echo", "input": {"seconds": "$item"}}
    return {"id": id_, "for_each": {"in": [0, 0, "late"], "key": "k$index", **more}, "step": step}


def test_a_loop_is_one_line_and_an_item_that_fails_is_named_by_its_key(folder, capsys):
    file = workflow(
        folder, loop("each", continue_on_error=True), echo("after", depends_on=["each"])
    )
    assert main(["check", file, "--tools", "clitools"]) == 0
    assert "2 steps" in capsys.readouterr().out
    assert run(file, "--progress", "plain") == 0
    out, err = capsys.readouterr()
    assert states(out) == {"each": "succeeded", "after": "succeeded"}
    assert "for_each of 3" in out
    assert err.count("each") == 4  # its start, with what it is, the item that failed, and its end
    assert "failed     each[k2] after" in err


def test_a_loop_that_fails_says_which_item_and_why(folder, capsys):
    assert run(workflow(folder, loop("each", fail_fast=False)), "--progress", "none") == 1
    out = capsys.readouterr().out
    assert "loop 'each' failed: 1 of 3 items: 'k2': " in out


def what(folder, capsys, step, code, **top):
    """What a step is, as the document and the report say it after the run."""
    file = workflow(folder, step, **top)
    assert run(file, "--json") == code
    document = json.loads(capsys.readouterr().out)["steps"][0]["what"]
    assert run(file, "--progress", "none") == code
    assert f"  {document}  " in capsys.readouterr().out
    return document


ZERO = {"tool": "echo", "input": {"seconds": 0}}
BAD = {"tool": "explode", "retry": {"attempts": 3, "on": ["any"], "wait_initial": 0.01}}
IN_3 = {"in": [1, 2, 3]}


@pytest.mark.parametrize(
    ("step", "code", "expected"),
    [
        ({"for_each": IN_3, "step": ZERO}, 0, "for_each of 3"),
        ({"for_each": {**IN_3, "continue_on_error": True}, "step": BAD}, 0, "for_each of 3"),
        ({"for_each": {**IN_3, "fail_fast": False}, "step": BAD}, 1, "for_each, 3 begun"),
        (
            {"for_each": {**IN_3, "max_concurrent": 1, "wait_strategy": "any"}, "step": ZERO},
            0,
            "for_each of 3",
        ),
        ({"for_each": IN_3, "step": {**ZERO, "when": "$item > 2"}}, 0, "for_each of 3"),
        ({"repeat": {"until": "$index == 1"}, "step": ZERO}, 0, "repeat of 2"),
        (
            {
                "repeat": {"until": "$index == 1"},
                "step": {"group": {"steps": [{"id": f"m{n}", **ZERO} for n in range(5)]}},
            },
            0,
            "repeat of 2",
        ),
        ({"repeat": {"max": 2, "until": "$index == 7"}, "step": ZERO}, 1, "repeat, 2 begun"),
        ({"matrix": {"a": [1, 2], "b": [3, 4]}, "step": ZERO}, 0, "matrix of 4"),
    ],
)
def test_a_loop_says_how_many_items_it_had_or_came_to(folder, capsys, step, code, expected):
    assert what(folder, capsys, step, code) == expected


def test_a_loop_that_is_stopped_says_how_many_items_it_came_to(folder, capsys):
    items = {"in": [0, 0] + [60] * 98, "max_concurrent": 2}
    step = {"for_each": items, "step": {"tool": "echo", "input": {"seconds": "$item"}}}
    assert what(folder, capsys, step, 1, max_duration=0.1) == "for_each, 4 begun"


def test_a_workflow_with_the_name_of_its_step_is_no_loop(folder, capsys):
    inner = {"name": "s0", "steps": [echo("a"), explode("b", continue_on_error=True)], "output": 1}
    write(folder, "inner.yaml", json.dumps(inner))
    assert what(folder, capsys, {"workflow": "inner.yaml"}, 0) == "workflow"
    assert run(workflow(folder, {"workflow": "inner.yaml"}), "--progress", "plain") == 0
    assert "s0.b" not in capsys.readouterr().err


def test_the_display_has_one_line_for_a_loop(folder):
    items = {"in": [0.3] * 50, "max_concurrent": 10}
    each = {
        "id": "each",
        "for_each": items,
        "step": {"tool": "echo", "input": {"seconds": "$item"}},
    }
    words = command("run", workflow(folder, each), "--tools", "clitools")
    _, seen = on_a_terminal(words)
    assert re.search(r"each\S*  \d+/\d+", seen)
    assert "each[" not in seen

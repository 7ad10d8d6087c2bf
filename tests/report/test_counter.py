"""hocket.progress: what it counts, and where it shows what."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
import trio

import hocket

PROGRAM = """
import trio, hocket
from hocket.testing import run_virtual

async def step(item):
    await trio.sleep(1)

async def main():
    with hocket.progress({arguments}) as observer:
        await hocket.map(step, range(12), max_concurrent=1, observer=observer)

run_virtual(main)
"""


def run(arguments="", **streams):
    command = [sys.executable, "-c", PROGRAM.format(arguments=arguments)]
    return subprocess.run(command, check=True, timeout=60, text=True, **streams)


async def test_it_counts_what_it_is_told(autojump_clock):
    async def step(item):
        await trio.sleep(1)
        if item == 2:
            raise ValueError(item)

    with hocket.progress(4, show="nothing") as observer:
        async with hocket.stream(
            step, range(4), max_concurrent=1, on_error="collect", observer=observer
        ) as outcomes:
            await anext(outcomes)
            await anext(outcomes)
            assert (observer.done, observer.running, observer.ended) == (2, 1, 2)
            assert (observer.rate, observer.remaining) == (1.0, 2.0)
            await anext(outcomes)
    assert (observer.done, observer.failed, observer.cancelled, observer.running) == (2, 1, 1, 0)
    assert observer.waited == 0 + 1 + 1 + 1
    assert observer.retries == 0


async def test_a_step_that_is_tried_again_ends_once(autojump_clock):
    async def step(item):
        await trio.sleep(1)
        raise ValueError(item)

    retry = hocket.Retry(3, on=ValueError, wait_initial=2, wait_jitter=0)
    pool = hocket.WorkerPool(max_concurrent=1)
    with hocket.progress(2, show="nothing") as observer:
        async with pool.stream(
            step, range(2), on_error="collect", retry=retry, observer=observer
        ) as outcomes:
            async for _ in outcomes:
                pass
    assert (observer.ended, observer.failed, observer.running, observer.retries) == (2, 2, 0, 4)
    assert str(observer).startswith("2 of 2 ended, 2 failed, 0 running, 4 retries")


async def test_what_will_not_run_is_no_failure(autojump_clock):
    async def step(inputs):
        await trio.sleep(1)

    steps = [
        hocket.WorkflowStep("a", execute=step),
        hocket.WorkflowStep("b", execute=step, depends_on=["a"], when=False),
    ]
    with hocket.progress(2, show="nothing") as observer:
        await hocket.WorkflowManager().execute(
            hocket.WorkflowDefinition("w", steps), observer=observer
        )
    assert (observer.done, observer.skipped, observer.failed, observer.running) == (1, 1, 0, 0)
    assert str(observer).startswith("1 of 2 ended, 1 skipped, 0 running")


async def test_the_rate_is_that_of_the_last_seconds(autojump_clock):
    pace = 10.0

    async def step(_):
        await trio.sleep(1 / pace)

    with hocket.progress(show="lines") as observer:
        await hocket.map(step, range(500), max_concurrent=1, observer=observer)
        assert observer.rate == pytest.approx(10)
        pace = 1.0
        await hocket.map(step, range(30), max_concurrent=1, observer=observer)
        assert observer.rate == pytest.approx(1, rel=0.1)
    assert observer.remaining is None


def test_into_a_pipe_it_writes_a_line_now_and_then_and_one_at_the_end():
    said = run("total=12", stderr=subprocess.PIPE).stderr.splitlines()
    assert [line.partition(",")[0] for line in said] == [
        "5 of 12 ended",
        "10 of 12 ended",
        "12 of 12 ended",
    ]
    assert "1 running" in said[0]
    assert "7.00 s left" in said[0]


def test_into_a_file_it_writes_nothing_unless_it_is_asked_to(tmp_path):
    for arguments, lines in (("", 0), ("show='lines'", 3)):
        with (tmp_path / "log").open("w+") as log:
            run(arguments, stderr=log)
            log.seek(0)
            assert len(log.readlines()) == lines


def test_on_a_terminal_one_line_is_drawn_again_and_again():
    ours, theirs = pty.openpty()
    run("total=12", stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 10_000):
            said += chunk
    except OSError:
        pass  # that is how a terminal ends
    os.close(ours)
    text = said.decode()
    assert "3 of 12 ended, " in text
    assert "11 of 12 ended, " in text
    assert "\x1b[2K" in text, "the line was drawn over"
    assert text.rstrip().endswith("each")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"total": -1}, "total must be at least 0; got -1"),
        (
            {"total": 1.5},
            "total must be a whole number of at least 0, or None for no limit; got 1.5",
        ),
        ({"show": "bar"}, "show must be 'auto', 'lines' or 'nothing'; got 'bar'"),
    ],
    ids=str,
)
def test_wrong_settings_are_told(arguments, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        hocket.progress(**arguments)
    assert str(caught.value) == text

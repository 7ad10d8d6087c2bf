"""A process that runs trials: ``python -m torture.worker SUITE FIRST COUNT PROGRESS``.

It prints what was tried, as lines of JSON, and keeps the seed it is at in the file PROGRESS: after
a crash, or when it hangs, that is the seed to repeat.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from torture.suite import Suite, add, load, without_turns

REPORT_EVERY = 0.5  # seconds


def main(name: str, first: int, count: int, progress: str) -> None:
    suite = load(name)
    mark = os.open(progress, os.O_WRONLY | os.O_CREAT)
    done, counts, reported = 0, {}, time.monotonic()
    for seed in range(first, first + count):
        os.pwrite(mark, b"%20d" % seed, 0)
        faulthandler.dump_traceback_later(suite.patience, exit=True)
        try:
            with turns(seed):
                add(counts, suite.trial(seed))
        except Exception as error:
            say(done=done + 1, counts=counts, failed=seed, text=describe(suite, seed, error))
            done, counts = 0, {}
            continue
        done += 1
        if time.monotonic() - reported > REPORT_EVERY:
            say(done=done, counts=counts)
            done, counts, reported = 0, {}, time.monotonic()
    faulthandler.cancel_dump_traceback_later()
    say(done=done, counts=counts)


def describe(suite: Suite, seed: int, error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    with turns(seed):
        text += f"Turns: {os.environ.get('HOCKET_TURNS', 'on')}\n"
    if suite.shrink is not None:
        faulthandler.cancel_dump_traceback_later()
        try:
            with turns(seed):
                text += f"\nShrunk:\n{suite.shrink(seed)}\n"
        except Exception:
            text += f"\nShrinking failed:\n{traceback.format_exc()}"
    return text


@contextmanager
def turns(seed: int) -> Iterator[None]:
    """Have every second trial go without turns of the driver's own, also in its processes."""
    if os.environ.get("HOCKET_TURNS") is None and random.Random(f"turns {seed}").random() < 0.5:
        with without_turns():
            yield
    else:
        yield


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

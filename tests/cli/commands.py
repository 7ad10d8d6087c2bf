"""What the tests of the command have in common: tools, workflows, and ways to run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from hocket._cli.main import main

TOOLS = '''
import logging

import trio

import hocket


@hocket.tool
async def echo(value=None, seconds=0):
    await trio.sleep(seconds)
    return value


@hocket.tool
async def say(text):
    print("printed:", text)
    logging.getLogger("tools").info("logged: %s", text)
    await trio.lowlevel.checkpoint()
    return text


@hocket.tool
async def split(parts, step: hocket.StepContext):
    result = await step.run_group(hocket.ParallelGroup("parts", parts), echo)
    return result.results


@hocket.tool
async def explode(text="out of\\n order"):
    await trio.lowlevel.checkpoint()
    raise RuntimeError(text)


@hocket.tool
async def hold(path):
    """Run until cancelled, and clean up in some time."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(0.05)
            await trio.Path(path).write_text("cleaned up")


@hocket.tool
async def block():
    """Compute without end, and without ever letting Trio have a look."""
    print("blocking", flush=True)
    while True:
        pass


class Grip:
    """Something that JSON cannot show."""

    def __repr__(self):
        return "<a grip>"


@hocket.tool
async def odd():
    await trio.lowlevel.checkpoint()
    return {"grip": Grip(), 7: float("inf")}
'''

SUM = """
name: Sum
steps:
  - {id: one, tool: echo, input: {value: 1}}
  - {id: two, tool: echo, input: {value: $context.n}}
  - id: both
    depends_on: [one, two]
    group: {id: pair, wait_strategy: any, steps: [three, never]}
  - {id: three, tool: echo, input: {value: 3, seconds: 0.05}}
  - {id: never, tool: echo, input: {seconds: 60}}
output: [$results.one, $results.two, $results.both.value]
"""

FAILING = """
name: Failing
steps:
  - {id: good, tool: echo, input: {value: 1}}
  - {id: bad, tool: explode, depends_on: [good]}
  - {id: after, tool: echo, depends_on: [bad]}
"""

HOLDING = """
name: Holding
steps:
  - {id: quick, tool: echo, input: {value: 1}}
  - {id: holding, tool: hold, input: {path: $context.path}, depends_on: [quick]}
  - {id: after, tool: echo, depends_on: [holding]}
"""


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return name


def workflow(folder, *steps, **top):
    """A file with these steps; JSON is YAML."""
    entries = [{"id": f"s{n}", **step} for n, step in enumerate(steps)]
    return write(folder, "w.yaml", json.dumps({"name": "W", "steps": entries, **top}))


def run(file, *options):
    return main(["run", file, "--tools", "clitools", *options])


def command(*words, **options):
    return [sys.executable, "-W", "error", "-m", "hocket", *words]


def start(*words, **options):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(*words), **{**streams, **options})


TIME = r"[\d.]+ (?:µs|ms|s)"


def states(text):
    """The table's steps with their states."""
    found = re.findall(
        r"^( *\S+)  .*?  (succeeded|failed|timed_out|cancelled|skipped|omitted|not_reached)\b",
        text,
        re.MULTILINE,
    )
    return dict(found)


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"{text!r} was never written")


def refuse(capsys, words):
    try:
        code = main(words)
    except SystemExit as end:  # argparse ends by itself
        code = end.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    return printed.err


BLOCK_RICH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
from hocket._cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def on_a_terminal(words, **environment):
    """Run a command whose standard output and error are a terminal; give code and text."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **environment}
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # how Linux says that the other end is closed
            data = b""
        if not data:
            break
        seen += data
    os.close(master)
    return process.wait(timeout=30), seen.decode()

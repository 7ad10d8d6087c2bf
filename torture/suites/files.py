"""Workflow files and settings as strangers write them, through the command itself.

Each trial writes one file, whole or broken, and checks or runs it, in this process. Whatever the file
holds, the command ends with a result or with a list of mistakes, soon, and in little memory.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hocket import ToolRegistry, WorkflowFileError, load_workflow, workflow_from_dict
from hocket._cli.main import main
from torture import file_tools, hostile_files
from torture.suite import Suite

MOST_SECONDS = 10.0
MOST_MEMORY = 700  # MB, the interpreter and all that is imported included
MOST_TEXT = 2_500_000
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
COMMANDS = ["check", "load", "dict", "run", "run", "run"]


@functools.cache
def folder() -> Path:
    """One folder a process; it is left to the system's own tidying."""
    return Path(tempfile.mkdtemp(prefix="hocket-files-"))


def command(rng: random.Random, name: str, path: Path) -> tuple[int, str, str]:
    """Run the command; return its exit code, and what it wrote."""
    words = [name, str(path), "--tools", file_tools.__name__]
    if name == "run":
        settings = [hostile_files.make_setting(rng) for _ in range(rng.randrange(3))]
        words += [f"--set={text}" for text in ["city=Ghent", *settings]]
        words += rng.choice([["--json"], ["--quiet"], []])
    out, err, before = io.StringIO(), io.StringIO(), list(sys.path)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    finally:
        sys.path[:] = before
    if code in (0, 1) and "--json" in words:
        json.loads(out.getvalue())
    return code, out.getvalue(), err.getvalue()


def load(path: Path) -> int:
    """Load it from Python: every mistake says where it is."""
    try:
        load_workflow(path)
    except WorkflowFileError as error:
        refused = error
    else:
        return 0
    mistakes = refused.mistakes
    assert len(str(refused)) < MOST_TEXT, len(str(refused))
    lines = len(_LINE_ENDS.findall(path.read_text(errors="replace"))) + 1
    for mistake in mistakes:
        assert mistake.text, mistake
        assert mistake.source == str(path), mistake
        # The end of a file without a last line end is a line of its own to libyaml.
        assert mistake.line is None or 1 <= mistake.line <= lines + 1, (mistake, lines)
    placed = sum(mistake.line is not None for mistake in mistakes)
    assert placed >= len(mistakes) - 1, mistakes
    return 2


def from_dict(data: Any) -> int:
    """Read the same from Python's own values."""
    tools = ToolRegistry.from_module(file_tools.__name__)
    try:
        workflow_from_dict(data, tools=tools)
    except WorkflowFileError as error:
        refused = error
    else:
        return 0
    assert refused.mistakes
    assert len(str(refused)) < MOST_TEXT, len(str(refused))
    return 2


def trial(seed: int) -> Counter[str]:
    rng = random.Random(seed)
    path = folder() / "workflow.yaml"
    path.write_bytes(hostile_files.make_file(rng))
    name = rng.choice(COMMANDS)
    began = time.process_time()
    if name == "load":
        code = load(path)
    elif name == "dict":
        code = from_dict(hostile_files.make_dict(rng))
    else:
        code, _, err = command(rng, name, path)
        assert "Traceback" not in err, err
        assert code != 2 or err.strip()
        assert len(err) < MOST_TEXT, len(err)
    took = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    assert code in (0, 1, 2), code
    assert took < MOST_SECONDS, took
    assert memory < MOST_MEMORY, memory
    kind = {0: "fine", 1: "failed runs", 2: "refused"}[code]
    return Counter({kind: 1, "worst seconds": took, "worst memory, MB": memory})


SUITE = Suite(
    name="files",
    promise="whatever a workflow file or a setting holds, `hocket check`, `hocket run` and "
    "`load_workflow` end with a result or a list of mistakes, each with its place, in less than "
    f"{MOST_SECONDS:g} s and {MOST_MEMORY} MB",
    unit="files",
    trial=trial,
    small=300,
    large=100_000,
)

"""What the types accept and refuse, by two type checkers, which infer by different rules.

The other files of this folder are what they read. In the right ones nothing may be refused, and
`assert_type` says what a value is; in the wrong ones exactly the lines that end with `# refused`.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(path for path in HERE.glob("*.py") if path != Path(__file__))

# What a checker refuses in a file: its messages, by line.
Refused = Mapping[int, list[str]]


def run(*command: str) -> str:
    """Run a checker by this interpreter, which then finds the hocket that the tests find."""
    here = Path(sys.executable).parent
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        # `pyright --verifytypes` looks for a package where the first python of the path would.
        env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@functools.cache
def mypy() -> dict[str, Refused]:
    refused: dict[str, Refused] = defaultdict(lambda: defaultdict(list))
    for line in run("mypy", "--strict", "--output", "json", *map(str, FILES)).splitlines():
        found = json.loads(line)
        if found["severity"] == "error":
            refused[Path(found["file"]).name][found["line"]].append(found["message"])
    return refused


@functools.cache
def pyright() -> dict[str, Refused]:
    refused: dict[str, Refused] = defaultdict(lambda: defaultdict(list))
    said = run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, FILES))
    for found in json.loads(said)["generalDiagnostics"]:
        if found["severity"] == "error":
            line = found["range"]["start"]["line"] + 1
            refused[Path(found["file"]).name][line].append(found["message"])
    return refused


@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_checker_refuses_the_lines_that_are_marked_and_no_others(file, checker):
    lines = dict(enumerate(file.read_text(encoding="utf-8").splitlines(), 1))
    marked = {number for number, line in lines.items() if line.endswith("# refused")}
    refused = checker()[file.name]
    accepted = [f"{number}: {lines[number].strip()}" for number in sorted(marked - set(refused))]
    unexpected = [
        f"{number}: {lines[number].strip()}\n    " + "\n    ".join(refused[number])
        for number in sorted(set(refused) - marked)
    ]
    assert not accepted, "wrong, and accepted:\n" + "\n".join(accepted)
    assert not unexpected, "right, and refused:\n" + "\n".join(unexpected)


@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_a_checker_finds_nothing_wrong_with_hocket_itself_on_the_way(checker):
    assert set(checker()) <= {file.name for file in FILES}


def test_every_type_of_the_public_api_is_known():
    said = json.loads(run("pyright", "--outputjson", "--ignoreexternal", "--verifytypes", "hocket"))
    unknown = [
        f"{symbol['name']}: {problem['message']}"
        for symbol in said["typeCompleteness"]["symbols"]
        for problem in symbol["diagnostics"]
        if problem["severity"] == "error"
    ]
    assert not unknown, "\n".join(unknown)
    assert said["typeCompleteness"]["completenessScore"] == 1

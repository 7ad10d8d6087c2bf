"""The programs in README.md run, and print what README.md says they print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"

# A program, and the ```text block that directly follows it, if one does.
EXAMPLE = re.compile(
    r"^```python\n(?P<program>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)


# A file that is shown: its first line names it.
FILE = re.compile(
    r"^```(?:python|yaml)\n# (?P<name>\w+\.\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)
COMMAND = re.compile(
    r"^```console\n\$ hocket (?P<command>.*?)\n(?P<output>.*?)^```", re.DOTALL | re.MULTILINE
)


def examples() -> list:
    text = README.read_text(encoding="utf-8")
    found = []
    for match in EXAMPLE.finditer(text):
        if FILE.match(match[0]):
            continue
        line = text.count("\n", 0, match.start("program"))
        found.append(pytest.param(line, match["program"], match["output"], id=f"line {line + 1}"))
    return found


def test_the_readme_has_a_program_with_its_output():
    assert any(output is not None for _, _, output in (example.values for example in examples()))


@pytest.mark.parametrize(("line", "program", "output"), examples())
def test_a_program_in_the_readme_runs_and_prints_what_it_says(line, program, output, capsys):
    assert program.rstrip().endswith("trio.run(main)"), "a program in README.md runs as it stands"
    # Empty lines in front: a traceback shows the line of README.md.
    code = compile("\n" * line + program, str(README), "exec")
    exec(code, {"__name__": "__main__"})
    printed = capsys.readouterr()
    assert printed.err == ""
    if output is not None:
        assert printed.out == output


def test_the_command_in_the_readme_prints_what_it_says(tmp_path):
    text = README.read_text(encoding="utf-8")
    for file in FILE.finditer(text):
        (tmp_path / file["name"]).write_text(file["text"], encoding="utf-8")
    shown = COMMAND.search(text)
    command = [sys.executable, "-m", "hocket", *shlex.split(shown["command"])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", shown["output"])

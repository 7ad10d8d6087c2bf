"""The programs and commands in README.md and the guides run, and print what the page says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]

# A program, and the ```text block that directly follows it, if one does.
EXAMPLE = re.compile(
    r"^```python\n(?P<program>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
# A file that is shown: its first line names it.
FILE = re.compile(
    r"^```(?:python|yaml)\n# (?P<name>\w+\.\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)
# Commands, each after a dollar, and what they print.
SESSION = re.compile(r"^```console\n(?P<lines>.*?)^```", re.DOTALL | re.MULTILINE)
# As they are called in an environment that hocket is installed in.
COMMANDS = 'hocket() { "$PYTHON" -m hocket "$@"; }; python() { "$PYTHON" "$@"; }\n'


def examples() -> list:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in EXAMPLE.finditer(text):
            if FILE.match(match[0]):
                continue
            line = text.count("\n", 0, match.start("program"))
            values = (page, line, match["program"], match["output"])
            found.append(pytest.param(*values, id=f"{page.name} line {line + 1}"))
    return found


def pages_with(pattern) -> list:
    found = [page for page in PAGES if pattern.search(page.read_text(encoding="utf-8"))]
    return [pytest.param(page, id=page.name) for page in found]


def test_the_readme_has_a_program_with_its_output():
    assert any(
        page.name == "README.md" and output is not None
        for page, _, _, output in (example.values for example in examples())
    )


@pytest.mark.parametrize(("page", "line", "program", "output"), examples())
def test_a_program_on_a_page_runs_and_prints_what_it_says(page, line, program, output, capsys):
    assert program.rstrip().endswith("trio.run(main)"), "a program on a page runs as it stands"
    # Empty lines in front: a traceback shows the line of the page.
    code = compile("\n" * line + program, str(page), "exec")
    exec(code, {"__name__": "__main__"})
    printed = capsys.readouterr()
    assert printed.err == ""
    if output is not None:
        assert printed.out == output


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", pages_with(SESSION))
def test_the_commands_on_a_page_print_what_it_says(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    for file in FILE.finditer(text):
        (tmp_path / file["name"]).write_text(file["text"], encoding="utf-8")
    for session in SESSION.finditer(text):
        lines = session["lines"].splitlines(keepends=True)
        typed = "".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
        done = subprocess.run(
            ["sh", "-c", COMMANDS + typed],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "PYTHON": sys.executable},
        )
        assert done.stdout == "".join(line for line in lines if not line.startswith("$ "))


@pytest.mark.parametrize("page", pages_with(FILE))
def test_every_file_on_a_page_is_used(page):
    text = page.read_text(encoding="utf-8")
    sessions = "".join(session["lines"] for session in SESSION.finditer(text))
    files = {file["name"]: file["text"] for file in FILE.finditer(text)}
    for name in files:
        others = "".join(content for other, content in files.items() if other != name)
        used = re.search(rf"\b{Path(name).stem}\b", sessions + others)
        # Tests are run by test_docs.py.
        assert used or name.startswith("test_"), name

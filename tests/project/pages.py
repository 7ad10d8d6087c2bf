"""What README.md and the pages under docs/ show is run, each block in its place on the page.

- A ``python`` block is a program, and the ``text`` block after it is what it prints.
- A ``python`` or ``yaml`` block whose first line is ``# name.py`` is a file in the page's own folder.
  Files of tests are run by pytest, at the last of them.
- A ``yaml`` block is a workflow in which ``hocket check`` finds nothing, with the page's tools. One that
  is called ``broken.yaml`` is a workflow in which it finds mistakes.
- A ``console`` block is commands, each after a dollar, and what they print, in the page's own folder.
- ``<!-- skip: next -->`` above a block leaves it out. test_pages.py counts these.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
# A file that is shown: its first line names it.
FILE = re.compile(r"# (?P<name>\w+\.\w+)\n")
# As they are called in an environment that hocket is installed in.
COMMANDS = 'hocket() { "$PYTHON" -m hocket "$@"; }; python() { "$PYTHON" "$@"; }\n'


class Page:
    """What has happened on a page so far."""

    def __init__(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.printed: str | None = None

    def write(self, block: str, default: str = "") -> str:
        """Write the file that a block shows, and return its name; "" if it has none."""
        match = FILE.match(block)
        name = match["name"] if match else default
        if name:
            text = block[match.end() :] if match else block
            (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command in the page's folder; what it prints may be on both streams."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "PYTHON": sys.executable},
        )
        return done.returncode, done.stdout


def open_page(namespace: dict) -> None:
    namespace["page"] = Page()


def close_page(namespace: dict) -> None:
    namespace["page"].temporary.cleanup()


def python(example: Example) -> None:
    page = example.namespace["page"]
    name = page.write(example.parsed)
    if not name:
        page.printed = run_program(example, page.folder)
    elif example.start == example.document.text.rfind("```python\n# test_"):
        run_tests(page)


def run_tests(page: Page) -> None:
    files = sorted(page.folder.glob("test_*.py"))
    _, printed = page.run(sys.executable, "-m", "pytest", "-q", "-W", "error")
    tests = sum(file.read_text(encoding="utf-8").count("\ndef test_") for file in files)
    # At least: a marker may run a test more than once. Nothing fails, and nothing is left out.
    summary = re.search(r"^(\d+) passed in", printed, flags=re.MULTILINE)
    assert summary, printed
    assert int(summary[1]) >= tests, printed


def run_program(example: Example, folder: Path) -> str:
    # Empty lines in front: a traceback shows the line of the page.
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    last = ast.parse(source, example.path).body[-1]
    assert isinstance(last, ast.Expr), "a program on a page runs as it stands: it ends in a call"
    code = compile(source, example.path, "exec", dont_inherit=True)
    out, err = StringIO(), StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        exec(code, {"__name__": "__main__"})
    assert err.getvalue() == ""
    return out.getvalue()


def output(example: Example) -> None:
    page = example.namespace["page"]
    printed, page.printed = page.printed, None
    assert printed is not None, "a text block is what the program before it prints"
    assert printed == example.parsed


def workflow(example: Example) -> None:
    page = example.namespace["page"]
    name = page.write(example.parsed, default="a_workflow.yaml")
    tools = [
        f"--tools={file.stem}"
        for file in page.folder.glob("*.py")
        if "@tool" in file.read_text(encoding="utf-8").replace("hocket.", "")
    ]
    code, printed = page.run(sys.executable, "-m", "hocket", "check", name, *tools)
    assert code == (2 if name == "broken.yaml" else 0), printed


def session(example: Example) -> None:
    if sys.platform == "win32":
        pytest.skip("the commands are for a POSIX shell")
    lines = example.parsed.splitlines(keepends=True)
    typed = "".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    _, printed = example.namespace["page"].run("sh", "-c", COMMANDS + typed)
    assert printed == "".join(line for line in lines if not line.startswith("$ "))


PAGES = Sybil(
    [
        CodeBlockParser("python", python),
        CodeBlockParser("text", output),
        CodeBlockParser("yaml", workflow),
        CodeBlockParser("console", session),
        SkipParser(),
    ],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=open_page,
    teardown=close_page,
)

"""The programs in README.md run, and print what README.md says they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

# A program, and the ```text block that directly follows it, if one does.
EXAMPLE = re.compile(
    r"^```python\n(?P<program>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)


def examples() -> list:
    text = README.read_text(encoding="utf-8")
    found = []
    for match in EXAMPLE.finditer(text):
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

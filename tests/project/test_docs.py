"""What the documentation shows runs: the examples of every docstring, and the files of docs/."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import hocket

pytest_plugins = ["pytester"]

PACKAGE = Path(hocket.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"

# A file that is shown: its first line names it.
FILE = re.compile(r"^```python\n# (?P<name>\w+\.py)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)


def modules() -> list[str]:
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if ">>>" in path.read_text(encoding="utf-8"):
            names.append(".".join(parts).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_do_what_they_show(name):
    # As a reader has it who tries one: what the package exports is at hand.
    names = {name: getattr(hocket, name) for name in hocket.__all__}
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs=names)
    assert found.attempted
    assert not found.failed


def test_the_tests_in_the_documentation_pass(pytester):
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    files = {match["name"]: match["text"] for match in FILE.finditer(text)}
    for name, content in files.items():
        (pytester.path / name).write_text(content, encoding="utf-8")
    # Every test there counts: 20 orders of one, and the others once.
    tests = sum(content.count("\ndef test_") for content in files.values()) + 19
    result = pytester.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=tests)

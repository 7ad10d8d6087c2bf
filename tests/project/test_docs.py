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
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

# A file that is shown: its first line names it.
FILE = re.compile(r"^```python\n# (?P<name>\w+\.py)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
# What is shown as text is no link and no heading.
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<path>[^)\s#]*)(?:#(?P<place>[^)\s]+))?\)")


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
    text = (DOCS / "guides/testing.md").read_text(encoding="utf-8")
    files = {match["name"]: match["text"] for match in FILE.finditer(text)}
    for name, content in files.items():
        (pytester.path / name).write_text(content, encoding="utf-8")
    # Every test there counts: 20 orders of one, and the others once.
    tests = sum(content.count("\ndef test_") for content in files.values()) + 19
    result = pytester.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=tests)


def places(page: Path) -> set[str]:
    """The headings of a page, as a link names them."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_leads_somewhere(page):
    for link in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
        if ":" in link["path"]:
            continue
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.exists(), link[0]
        if link["place"]:
            assert link["place"] in places(target), link[0]

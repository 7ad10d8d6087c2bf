"""The pages: what they show is run (by pages.py), linked, and all of it is there for the reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.pages import FILE, PAGES, ROOT

FILES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = {path: list(PAGES.parse(path).examples()) for path in FILES if PAGES.should_parse(path)}

# What is shown as text is no link and no heading.
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<path>[^)\s#]*)(?:#(?P<place>[^)\s]+))?\)")

# Blocks that are shown and not run, each marked `<!-- skip: next -->`: how many a page may have.
# They need a package that the tests do without: what one comes from, a contender of the benchmarks.
SKIPPED = {
    "docs/moving/prefect.md": 1,
    "docs/project/benchmarks.md": 1,
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_page_of_the_documentation_is_run():
    assert {path for path in FILES if path.parent != ROOT} < set(SHOWN)
    languages = {example.region.lexemes["arguments"] for example in SHOWN[ROOT / "README.md"]}
    assert languages >= {"python", "text"}


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_a_page_leaves_out_no_more_blocks_than_it_may(path):
    assert path.read_text(encoding="utf-8").count("<!-- skip") <= SKIPPED.get(name(path), 0)


def test_every_block_of_code_on_a_page_is_in_a_language_that_is_run_or_known():
    known = {"python", "text", "yaml", "console", "sh"}
    known |= {"{eval-rst}", "{include}", "{literalinclude}", "{toctree}"}
    for path in SHOWN:
        fences = re.findall(r"^```(.*)\n(?:.*\n)*?```$", path.read_text("utf-8"), re.MULTILINE)
        assert {fence.partition(" ")[0] for fence in fences} <= known, name(path)


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_every_file_on_a_page_is_used(path):
    blocks = [example.parsed for example in SHOWN[path] if isinstance(example.parsed, str)]
    for block in blocks:
        file = FILE.match(block)
        if file and not file["name"].startswith("test_"):
            others = "".join(other for other in blocks if other is not block)
            stem = file["name"].partition(".")[0]
            assert re.search(rf"\b{stem}\b", others), file["name"]


def places(page: Path) -> set[str]:
    """The headings of a page, as a link names them."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", FILES, ids=name)
def test_every_relative_link_of_a_page_leads_somewhere(page):
    for link in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
        if ":" in link["path"]:
            continue
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        assert target.exists(), link[0]
        if link["place"]:
            assert link["place"] in places(target), link[0]

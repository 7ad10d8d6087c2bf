"""The keys of a workflow file: the guide names every one."""

from __future__ import annotations

from pathlib import Path

import attrs

from hocket._files.entries import ConfigEntry, FileEntry, GroupEntry, StepEntry

GUIDE = Path(__file__).parents[2] / "docs/guides/workflow-files.md"
ENTRIES = {
    "the file": FileEntry,
    "`parallel_config`": ConfigEntry,
    "a step": StepEntry,
    "`group`": GroupEntry,
}


def test_the_guide_has_every_key_in_both_spellings():
    found = {}
    where = ""
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 8 and cells[2].startswith("`"):
            where = cells[1] or where
            found.setdefault(where, {})[cells[2].strip("`")] = cells[3].strip("`") or None
    assert found == {
        where: {field.name: field.metadata["camel"] for field in attrs.fields(entry)}
        for where, entry in ENTRIES.items()
    }

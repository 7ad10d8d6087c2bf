"""The keys of a workflow file: the guide names every one."""

from __future__ import annotations

from pathlib import Path

import attrs

from hocket._files.entries import (
    ENTRIES as ALL,
    BranchEntry,
    CaseEntry,
    ConfigEntry,
    EdgeEntry,
    FileEntry,
    ForEachEntry,
    GroupEntry,
    MatrixEntry,
    ParameterEntry,
    RateEntry,
    RepeatEntry,
    RetryEntry,
    StepEntry,
)

GUIDE = Path(__file__).parents[2] / "docs/guides/workflow-files.md"
ENTRIES = {
    "the file": FileEntry,
    "`parallel_config`": ConfigEntry,
    "a step": StepEntry,
    "`for_each`": ForEachEntry,
    "`matrix`": MatrixEntry,
    "`repeat`": RepeatEntry,
    "`group`": GroupEntry,
    "a retry": RetryEntry,
    "a rate": RateEntry,
    "a parameter": ParameterEntry,
    "a dependency": EdgeEntry,
    "`branch`": BranchEntry,
    "a case": CaseEntry,
}


def test_every_kind_of_entry_is_looked_for():
    assert set(ENTRIES.values()) == set(ALL)


def test_the_guide_has_every_key_in_both_spellings():
    found = {}
    where = ""
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 8 and cells[2].startswith("`"):
            where = cells[1] or where
            found.setdefault(where, {})[cells[2].strip("`")] = cells[3].strip("`") or None
    assert found == {
        where: {
            field.name.removesuffix("_"): field.metadata["camel"]
            for field in attrs.fields(entry)
            if not field.metadata.get("is_rest")
        }
        for where, entry in ENTRIES.items()
    }

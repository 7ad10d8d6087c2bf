"""A directory with tools and workflows, for every test of the command."""

from __future__ import annotations

import sys

import pytest

from tests.cli.commands import FAILING, HOLDING, SUM, TOOLS, write


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory with tools, to stand in; every test imports them anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("clitools", "others"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    write(tmp_path, "clitools.py", TOOLS)
    for name, text in (("sum", SUM), ("failing", FAILING), ("holding", HOLDING)):
        write(tmp_path, f"{name}.yaml", text)
    yield tmp_path
    for name in ("clitools", "others"):
        sys.modules.pop(name, None)

"""The examples in the docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import hocket

PACKAGE = Path(hocket.__file__).parent


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

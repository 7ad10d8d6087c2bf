"""The API reference has every public name once, and says of every field what it is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import attrs
import pytest
from sphinx.pycode import ModuleAnalyzer

import hocket
import hocket.testing
import hocket.tools.http
import hocket.tools.sqlite

PAGES = sorted((Path(__file__).parents[2] / "docs/reference").glob("*.md"))
DIRECTIVE = re.compile(r"^\.\. auto\w+:: (\S+)$", re.MULTILINE)

MODULES = [hocket, hocket.testing, hocket.tools.http, hocket.tools.sqlite]
PUBLIC = {f"{m.__name__}.{name}": getattr(m, name) for m in MODULES for name in m.__all__}
RECORDS = [name for name, value in PUBLIC.items() if inspect.isclass(value) and attrs.has(value)]


def test_every_public_name_is_on_exactly_one_page():
    listed = [name for page in PAGES for name in DIRECTIVE.findall(page.read_text("utf-8"))]
    assert sorted(listed) == sorted(PUBLIC)


@pytest.mark.parametrize("name", RECORDS)
def test_every_public_field_is_described(name):
    cls = PUBLIC[name]
    after_fields = ModuleAnalyzer.for_module(cls.__module__).find_attr_docs()
    arguments = re.findall(r"^    (\w+): ", inspect.getdoc(cls) or "", flags=re.MULTILINE)
    for field in attrs.fields(cls):
        described = (cls.__name__, field.name) in after_fields
        # Once: as a parameter or as a field.
        assert field.name.startswith("_") or described != (field.name in arguments), field.name

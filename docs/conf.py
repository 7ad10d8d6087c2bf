"""How `make docs` builds the site. It needs no network."""

from __future__ import annotations

import builtins
import enum
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import hocket

project = "hocket"
author = "hocket contributors"
copyright = author  # noqa: A001 - Sphinx's name for it
version = release = hocket.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"hocket {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

# Headings can be linked to as on a code host: `page.md#a-heading`.
myst_heading_anchors = 4

# --- The reference ----------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
# One parameter a line where they do not fit in one. Types count with their modules, which are not shown.
maximum_signature_line_length = 110
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# What hocket makes and callers only read: how to call its class says nothing to them.
MADE_BY_HOCKET = {
    "hocket.DurationStats",
    "hocket.Outcome",
    "hocket.ParallelExecutionResult",
    "hocket.PoolStats",
    "hocket.PoolStatus",
    "hocket.Progress",
    "hocket.StepEvent",
    "hocket.Stream",
    "hocket.WorkflowResult",
    "hocket.testing.LeakedStep",
}

# A reference that leads nowhere is an error, with these exceptions.
nitpicky = True
nitpick_ignore_regex = [
    # Python's and Trio's own names lead out of the site.
    ("py:.*", "|".join([*dir(builtins), "Cancelled"])),
    ("py:.*", r"(collections|contextlib|datetime|functools|os|sqlite3|trio|typing)\..*"),
    # Type variables.
    ("py:class", r"(hocket\..*\.)?_?([A-Z]|[A-Z]_co|Ts|Made)"),
    # Callers meet these as values, and never name their types.
    ("py:class", r"hocket\._base\.mistakes\.Mistake|hocket\.tools\._tool\.Tool"),
    ("py:class", r"hocket\._workflow\.(analysis\.Analysis|common\.\w+)"),
    ("py:class", r"hocket\._workflow\.(block|computed|loop|sides|sub_workflow)\.\w+"),
    ("py:class", r"hocket\._model\.run_in\.Blocking"),
]

# Files outside of docs/ that pages link to, and the pages that show them.
ROOT = Path(__file__).parents[1]
PAGES_OF = {
    ROOT / "README": "index",
    ROOT / "CHANGELOG": "project/changelog",
    ROOT / "CONTRIBUTING": "project/contributing",
    ROOT / "examples/storefront/README": "storefront",
}


def link_to_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Lead links to a file outside of docs/ to the page that shows it."""
    for link in doctree.findall(addnodes.pending_xref):
        link["reftarget"] = PAGES_OF.get(Path(link["reftarget"]), link["reftarget"])


def short_signature(
    app: Sphinx, what: str, name: str, value: object, options: object, text: str, result: str
) -> tuple[str, str] | None:
    """Leave out the signatures of what only hocket calls, and defaults that are made."""
    if not text:
        return None
    if what == "exception" or name in MADE_BY_HOCKET or isinstance(value, enum.EnumType):
        return "", ""
    return re.sub(r"= (NOTHING|<function .*?>)", "= ...", text), result


def plain_text(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from reading what stands before a colon as the type of a field."""
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> None:
    """Connect the functions above; Sphinx calls it."""
    app.connect("doctree-read", link_to_pages)
    app.connect("autodoc-process-signature", short_signature)
    app.connect("autodoc-process-docstring", plain_text, priority=400)  # before napoleon's

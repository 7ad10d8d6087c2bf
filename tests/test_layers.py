"""Who may import whom: the table, and nothing but the table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "hocket"

# The plainest modules: text, errors, numbers. They know nothing of groups or workflows.
BASE = {"_callables", "_duration", "_errors", "_mistake", "_suggest"}
# What a caller hands in and gets back.
NOUNS = {"_config", "_group", "_result", "_statistics", "_strategy", "_task"}
# A workflow before it runs.
DEFINITION = {"_context", "_lookup", "_order", "_plan", "_references", "_step", "_workflow"}

# Module -> the modules of hocket that it may import. Read from the top: a module imports only
# modules above it, and a test holds the table itself to that.
MAY_IMPORT: dict[str, set[str]] = {
    # --- base
    "_core": set(),
    "_mistake": set(),
    "_suggest": set(),
    "_errors": {"_mistake"},
    "_duration": {"_errors"},
    "_callables": {"_errors"},
    # --- nouns
    "_strategy": BASE,
    "_config": BASE,
    "_task": BASE,
    "_group": BASE | {"_strategy"},
    "_result": BASE | {"_strategy"},
    "_statistics": BASE,
    # --- the engine: the only modules that import the Rust core
    "_residue": BASE | {"_core"},
    "_run": BASE | NOUNS | {"_core", "_residue"},
    "_pool": BASE | NOUNS | {"_core", "_run"},
    "_manager": BASE | NOUNS | {"_pool"},
    # --- workflows: definition
    "_context": BASE | {"_result"},
    "_lookup": BASE,
    "_references": BASE | {"_context", "_lookup"},
    "_step": BASE | {"_context", "_group", "_references", "_strategy"},
    "_order": BASE,
    "_plan": BASE | {"_order", "_references", "_step"},
    "_workflow": BASE | {"_config", "_plan", "_references", "_step"},
    # --- workflows: files
    "_spelling": BASE,
    "_schema": BASE | NOUNS | DEFINITION | {"_spelling"},
    "_document": BASE | NOUNS | DEFINITION | {"_schema", "_spelling"},
    "_load": BASE | NOUNS | DEFINITION | {"_document", "_schema", "_spelling"},
    # --- workflows: tools
    "_tools": BASE | {"_context", "_plan", "_references"},
    "tools": BASE | {"_tools"},
    "tools.http": BASE | {"_context", "_tools"},
    "tools.sqlite": BASE | {"_context", "_tools"},
    # --- workflows: running them
    "_workflow_manager": BASE
    | NOUNS
    | DEFINITION
    | {"_core", "_manager", "_pool", "_run", "_tools"},
    # --- doors
    "__init__": BASE
    | NOUNS
    | DEFINITION
    | {"_core", "_manager", "_pool", "_tools", "_workflow_manager"},
    "_cli": BASE
    | NOUNS
    | DEFINITION
    | {"_load", "_manager", "_tools", "_workflow_manager", "tools"},
    "__main__": {"_cli"},
}

# Imports against the direction of the table, each with its reason. All of them are deferred (in a
# function, or for types only): at import time the direction has no exception.
DEFERRED: dict[tuple[str, str], str] = {
    ("_workflow", "_load"): "constructors of WorkflowDefinition read files; cattrs loads only then",
    ("_workflow", "_tools"): "a registry in a signature, for types only",
    ("tools", "tools.http"): "loads when it is first asked for: needs its extra",
    ("tools", "tools.sqlite"): "loads when it is first asked for",
}

# Who may import what from outside, beside trio, attrs and the standard library.
OUTSIDE: dict[str, set[str]] = {
    "cattrs": {"_schema"},
    "httpx": {"tools.http"},
    "rich": {"_cli"},
    "sqlite3": {"tools.sqlite"},
    "yaml": {"_document"},
}
ANYWHERE = {"attrs", "outcome", "trio"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


# `_core` is compiled; its stub stands for it.
FILES = {name_of(path): path for path in sorted([*PACKAGE.rglob("*.py"), PACKAGE / "_core.pyi"])}


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """Yield every module that one imports, absolute, and whether that is deferred."""
    path = FILES[module]
    package = ["hocket", *path.relative_to(PACKAGE).parent.parts]

    def visit(node: ast.AST, deferred: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, deferred
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from . import _x` and `from hocket import _x` import a module, not a name.
                inner = f"{origin}.{alias.name}".removeprefix("hocket.")
                yield (f"hocket.{inner}" if inner in MAY_IMPORT else origin), deferred
        else:
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            )
            for child in ast.iter_child_nodes(node):
                yield from visit(child, deferred or later)

    yield from visit(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), False)


def inner_imports(module: str) -> set[tuple[str, bool]]:
    """The modules of hocket that one imports, without the package's name."""
    return {
        (name.removeprefix("hocket").removeprefix(".") or "__init__", deferred)
        for name, deferred in imports(module)
        if name.partition(".")[0] == "hocket"
    }


def test_the_table_points_one_way():
    order = list(MAY_IMPORT)
    against = {
        (module, other)
        for module, allowed in MAY_IMPORT.items()
        for other in allowed
        if other not in order[: order.index(module)]
    }
    assert not against


def test_every_module_has_a_place_in_the_table():
    assert not FILES.keys() - MAY_IMPORT.keys()


def test_the_table_names_no_module_that_is_gone():
    assert not MAY_IMPORT.keys() - FILES.keys()


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_what_the_table_allows(module):
    refused = {
        f"{module} imports {other}"
        for other, deferred in inner_imports(module)
        if other != module
        and other not in MAY_IMPORT.get(module, ())
        and not (deferred and (module, other) in DEFERRED)
    }
    assert not refused


def test_every_exception_to_the_direction_is_still_needed():
    used = {(module, other) for module in FILES for other, deferred in inner_imports(module)}
    assert not DEFERRED.keys() - used


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_from_outside_only_what_is_its_business(module):
    outside = {name.partition(".")[0] for name, _ in imports(module)} - {"hocket"}
    refused = {
        f"{module} imports {name}"
        for name in outside
        if (name in OUTSIDE and module not in OUTSIDE[name])
        or (name not in OUTSIDE and name not in ANYWHERE and name not in sys.stdlib_module_names)
    }
    assert not refused

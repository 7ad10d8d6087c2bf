"""Who may import whom: the table, and nothing but the table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "hocket"

# Layer -> (the layers that it may import from, its modules). A module may import from those layers,
# and from the modules before it in its own.
LAYERS: dict[str, tuple[str, str]] = {
    # Text, numbers, errors. They know nothing of groups or workflows.
    "base": ("", "_mistake _suggest _errors _duration _callables _lookup _order _spelling"),
    # What a caller hands in and gets back.
    "nouns": ("base core", "_strategy _config _task _group _result _statistics"),
    # Running steps: the modules that stand on the Rust core.
    "engine": ("base core nouns", "_introspection _trio _leftovers _run _batch _pool _manager"),
    # A workflow before it runs.
    "definition": ("base nouns", "_context _references _step _plan _workflow _workflow_result"),
    # From a file to a definition.
    "files": ("base nouns definition", "_schema _document _build _load"),
    "tools": ("base definition", "_tool _tools tools.http tools.sqlite tools"),
    "workflows": ("base core nouns engine definition tools", "_workflow_manager"),
    "package": ("base core nouns engine definition tools workflows", "__init__"),
    # For tests of what runs on hocket.
    "testing": (
        "base core nouns engine",
        "testing._accounts testing._leaks testing._reference testing._schedule testing._plugin testing",
    ),
    # The command `hocket`.
    "command": (
        "base nouns definition files tools workflows",
        "_interrupt _jsonable _settings _stream _record _progress _report _cli __main__",
    ),
}


def _table() -> dict[str, set[str]]:
    members = {layer: modules.split() for layer, (_, modules) in LAYERS.items()}
    members["core"] = ["_core"]
    table: dict[str, set[str]] = {"_core": set()}
    for layer, (below, _) in LAYERS.items():
        for index, module in enumerate(members[layer]):
            from_below = {name for other in below.split() for name in members[other]}
            table[module] = from_below | set(members[layer][:index])
    return table


# Module -> the modules of hocket that it may import.
MAY_IMPORT = _table()

# Imports against the direction of the table, each with its reason. All of them are deferred (in a
# function, or for types only): at import time the direction has no exception.
DEFERRED: dict[tuple[str, str], str] = {
    ("_workflow", "_load"): "constructors of WorkflowDefinition read files; cattrs loads only then",
    ("_workflow", "_tools"): "a registry in a signature, for types only",
    ("_load", "_tools"): "likewise",
}

# Who may import what from outside, beside trio, attrs and the standard library.
OUTSIDE: dict[str, set[str]] = {
    "cattrs": {"_schema"},
    "httpx": {"tools.http"},
    "pytest": {"testing._plugin"},
    "rich": {"_progress", "_report"},
    "sqlite3": {"tools.sqlite"},
    "yaml": {"_document"},
}
ANYWHERE = {"attrs", "trio"}


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

"""Rooms on one-way floors: a room imports only rooms below it, and inside a room nobody in a circle."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "hocket"

# Room -> the rooms below it that it may import, the lowest first.
ROOMS: dict[str, str] = {
    # Text, time, arguments, errors. Nothing here knows of steps.
    "_base": "",
    # The compiled core.
    "_core": "",
    # What a caller hands in and gets back.
    "_model": "_base _core",
    # Running steps: Trio above, Rust below.
    "_engine": "_base _core _model",
    # Verbs that bring their own pool.
    "_batch": "_base _model _engine",
    # A workflow before it runs.
    "_workflow": "_base _core _model",
    # What steps call by name, and what a tool may do as part of its step.
    "tools": "_base _model _engine _workflow",
    # From a file to a definition.
    "_files": "_base _model _workflow tools",
    # Running a workflow.
    "_runner": "_base _core _model _engine _workflow tools",
    # How a run is shown.
    "_report": "_base _model _workflow _runner",
    # The command `hocket`.
    "_cli": "_base _model _workflow tools _files _runner _report",
    # For tests of what runs on hocket.
    "testing": "_base _core _model _engine",
    # `import hocket`.
    "__init__": "_base _core _model _engine _batch _workflow tools _files _runner _report",
    # `python -m hocket`.
    "__main__": "_cli",
}

# Who may import what from outside, beside trio, attrs and the standard library.
OUTSIDE: dict[str, set[str]] = {
    "cattrs": {"_files.convert", "_workflow.parameters"},
    "httpcore": {"tools._http_connections"},
    "httpx": {
        "tools._http_body",
        "tools._http_connections",
        "tools._http_content",
        "tools._http_exchange",
    },
    "outcome": {"_engine.turns"},
    "typing_extensions": {"_workflow.common"},  # only for checkers
    "pytest": {"testing._plugin"},
    "rich": {"_report.console", "_report.counter", "_report.live"},
    "sqlite3": {"tools._sqlite_statement"},
    "yaml": {"_files.document", "_files.yaml_errors"},
}
ANYWHERE = {"attrs", "trio"}

LONGEST_FILE = 400


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room_of(module: str) -> str:
    return module.partition(".")[0]


# The compiled core's stub stands for it.
FILES = {module_of(path): path for path in sorted([*PACKAGE.rglob("*.py"), PACKAGE / "_core.pyi"])}


def imports(module: str) -> Iterator[str]:
    """Yield every module that one imports, anywhere in it, by its whole name."""
    path = FILES[module]
    package = ["hocket", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from . import x` imports a module, not a name.
                inner = f"{origin}.{alias.name}"
                yield inner if inner.removeprefix("hocket.") in FILES else origin


def inner_imports(module: str) -> set[str]:
    """The modules of hocket that one imports, without the package's name."""
    names = {name for name in imports(module) if name.partition(".")[0] == "hocket"}
    return {name.removeprefix("hocket").removeprefix(".") or "__init__" for name in names}


def circle_in(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle of a graph of imports, or an empty list."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_the_table_points_one_way():
    order = list(ROOMS)
    against = {
        (room, other)
        for room, below in ROOMS.items()
        for other in below.split()
        if other not in order[: order.index(room)]
    }
    assert not against


def test_every_module_is_in_a_room_of_the_table_and_no_room_is_empty():
    assert {room_of(module) for module in FILES} == set(ROOMS)


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_rooms_below_its_own(module):
    room = room_of(module)
    allowed = {room, *ROOMS[room].split()}
    refused = {other for other in inner_imports(module) if room_of(other) not in allowed}
    assert not refused, f"{module} imports {refused}"


@pytest.mark.parametrize("room", ROOMS)
def test_inside_a_room_no_two_files_import_each_other_in_a_circle(room):
    inside = {module for module in FILES if room_of(module) == room}
    graph = {module: inner_imports(module) & inside - {module} for module in inside}
    assert not circle_in(graph)


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_from_outside_only_what_is_its_business(module):
    outside = {name.partition(".")[0] for name in imports(module)} - {"hocket"}
    refused = {
        f"{module} imports {name}"
        for name in outside
        if (name in OUTSIDE and module not in OUTSIDE[name])
        or (name not in OUTSIDE and name not in ANYWHERE and name not in sys.stdlib_module_names)
    }
    assert not refused


# --- Rust

CRATES = {crate: ROOT / "rust" / crate / "src" for crate in ("core", "py")}
_USE = re.compile(r"\b((?:crate|super)(?:::\w+)*(?:::\{[^;]*?\})?)")


def rust_files(crate: str) -> dict[str, Path]:
    """The modules of a crate, `driver::judge` for driver/judge.rs; the root has no name."""
    source = CRATES[crate]
    files = {}
    for path in sorted(source.rglob("*.rs")):
        parts = path.relative_to(source).with_suffix("").parts
        parts = parts[:-1] if parts[-1] in ("mod", "lib") else parts
        files["::".join(parts)] = path
    return files


def paths_in(text: str) -> Iterator[str]:
    """Every path of a `use`, or in code, that begins with `crate` or `super`; groups spelled out."""
    code = re.sub(r"//.*", "", text)
    for match in _USE.finditer(code):
        head, _, group = match[1].partition("::{")
        names = re.findall(r"[\w:]+", re.sub(r"\{[^{}]*\}", "", group[:-1])) if group else []
        yield from (f"{head}::{name}" for name in names or [""])


def rust_imports(module: str, files: Mapping[str, Path]) -> set[str]:
    found = set()
    for path in paths_in(files[module].read_text(encoding="utf-8")):
        parts = [part for part in path.split("::") if part]
        base = [] if parts[0] == "crate" else module.split("::")[:-1]
        target = [*base, *parts[1:]]
        while target and "::".join(target) not in files:
            target.pop()
        found.add("::".join(target))
    return found - {module, ""}


@pytest.mark.parametrize("crate", CRATES)
def test_no_two_files_of_a_crate_import_each_other_in_a_circle(crate):
    files = rust_files(crate)
    assert not circle_in({module: rust_imports(module, files) for module in files if module})


# --- Size


@pytest.mark.parametrize(
    "path",
    [
        str(path.relative_to(ROOT))
        for folder, kind in ((PACKAGE, "*.py"), *((source, "*.rs") for source in CRATES.values()))
        for path in sorted(folder.rglob(kind))
    ],
)
def test_no_source_file_is_longer_than_a_reader_keeps_in_mind(path):
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE

"""The contenders: what their files declare, read without importing them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("contenders")
RUNTIMES = ("trio", "asyncio", "uvloop", "threads")
SHAPES = (
    "each",
    "settle",
    "race",
    "groups",
    "calls",
    "beside",
    "graph",
    "stream",
    "rated",
    "retried",
)

# Declaration -> its type, and the value of one that is left out (None: it may not be).
DECLARATIONS = {
    "PACKAGES": (list, None),
    "RUNTIMES": (list, None),
    "SOURCE": (str, None),
    "TIME_LIMIT": (bool, None),
    "SLOW": (bool, False),
    "SERIAL": (bool, False),
}


class BadContender(Exception):
    """A file in benches/contenders that is no contender; the message says what to write."""


@dataclass(frozen=True)
class Contender:
    """What one file declares."""

    name: str
    what: str
    """The first line of the file."""
    packages: tuple[str, ...]
    runtimes: tuple[str, ...]
    source: str
    time_limit: bool
    slow: bool
    serial: bool
    """It runs one step after another, which is no mistake."""
    shapes: tuple[str, ...]


def paths() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("_"))


def read_all() -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders, and by name what is wrong with the files that are none."""
    contenders, bad = [], {}
    for path in paths():
        try:
            contenders.append(read(path))
        except BadContender as error:
            bad[path.stem] = str(error)
    return contenders, bad


def read(path: Path) -> Contender:
    """Read what a file declares.

    Raises:
        BadContender: something is missing or misspelt.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise BadContender(f"{path.name}: {error}") from error
    values = {name: _literal(path, tree, name) for name in DECLARATIONS}
    what = (ast.get_docstring(tree) or "").partition("\n")[0]
    shapes = tuple(shape for shape in SHAPES if shape in _names(tree))
    if not what:
        raise BadContender(f"{path.name}: the first line must be a docstring that says what it is")
    if not shapes:
        raise BadContender(f"{path.name}: define at least one of {', '.join(SHAPES)}")
    unknown = [name for name in values["RUNTIMES"] if name not in RUNTIMES]
    if unknown or not values["RUNTIMES"]:
        raise BadContender(
            f"{path.name}: RUNTIMES must list some of {', '.join(RUNTIMES)}; "
            f"found {values['RUNTIMES']!r}"
        )
    if "race" in shapes and "threads" in values["RUNTIMES"]:
        raise BadContender(f"{path.name}: there is no race for threads, which cannot be cancelled")
    return Contender(
        name=path.stem,
        what=what,
        packages=tuple(values["PACKAGES"]),
        runtimes=tuple(values["RUNTIMES"]),
        source=values["SOURCE"],
        time_limit=values["TIME_LIMIT"],
        slow=values["SLOW"],
        serial=values["SERIAL"],
        shapes=shapes,
    )


def _literal(path: Path, tree: ast.Module, name: str) -> object:
    kind, default = DECLARATIONS[name]
    for node in tree.body:
        if isinstance(node, ast.Assign) and name in _targets(node):
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                value = None
            if not isinstance(value, kind):
                raise BadContender(f"{path.name}: {name} must be a literal {kind.__name__}")
            return value
    if default is None:
        raise BadContender(f"{path.name}: {name} is missing; docs/project/benchmarks.md shows one")
    return default


def _names(tree: ast.Module) -> set[str]:
    """Return what the module defines, whichever way."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(_targets(node))
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def _targets(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]

"""The modules of tools: imported by name, or from a file."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from .._base.errors import ToolModuleError
from .._base.shown import one_line
from .._base.suggestions import nearest

__all__ = ["import_tools"]

_FILE = re.compile(r"(?P<path>.*\.py|.*[/\\][^:]*)(?::(?P<name>[^/\\]*))?", re.DOTALL)


def import_tools(text: str) -> tuple[ModuleType, str]:
    """Import what ``module``, ``path/to/file.py``, or either with ``:name``, is about.

    Returns:
        The module and the name, which may be empty.

    Raises:
        ToolModuleError: there is none, or it fails to import.
    """
    match = _FILE.fullmatch(text)
    if match is not None:
        path = _existing(text, Path(match["path"]).expanduser())
        return _imported(text, lambda: _from_file(path)), match["name"] or ""
    name, _, attribute = text.partition(":")
    if not name or name.startswith("."):
        raise ToolModuleError(
            f"{text!r} names no tools; write the name of a module, such as 'my_package.tools', or the "
            f"path of a file, such as 'my_tools.py'"
        )
    return _imported(text, lambda: _by_name(text, name)), attribute


def _imported(text: str, load: Callable[[], ModuleType]) -> ModuleType:
    try:
        return load()
    except (ToolModuleError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() among others: the mistake of a module ends nothing
        what = f"the tools {text!r} failed to import: {one_line(error)}"
        raise ToolModuleError(what) from error


def _by_name(text: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ToolModuleError(
                f"there is no module {error.name!r} for the tools {text!r}; {_instead(name, error.name)}"
            ) from error
        raise


def _instead(name: str, missing: str) -> str:
    """What to write for a module that there is not."""
    parent = missing.rpartition(".")[0]
    if parent in sys.modules and not hasattr(sys.modules[parent], "__path__"):
        tool = f"{parent}:{name[len(parent) + 1 :]}"
        return f"{parent!r} is no package; for a tool in it write {tool!r}"
    with contextlib.suppress(OSError):  # the current directory may be gone
        near = nearest(missing, [file.stem for file in Path().glob("*.py")])
        if near is not None:
            return f"did you mean {near!r}?"
    return (
        "give a name that Python can import, such as 'my_package.tools', or the path of a file: "
        "'my_tools.py'"
    )


def _existing(text: str, path: Path) -> Path:
    """The file of a path, which may lack its ending."""
    found = path if path.suffix == ".py" else path.with_name(f"{path.name}.py")
    if found.is_file():
        return found.resolve()
    if path.is_dir():
        raise ToolModuleError(f"the tools {text!r} are a directory; name a file in it")
    folder = found.parent
    names = [entry.stem for entry in folder.glob("*.py")] if folder.is_dir() else []
    near = nearest(found.stem, names)
    hint = "" if near is None else f"; did you mean {str(found.with_name(f'{near}.py'))!r}?"
    raise ToolModuleError(f"there is no file {str(found)!r} for the tools {text!r}{hint}")


def _from_file(path: Path) -> ModuleType:
    """Import a file as Python runs a script: modules beside it are found too."""
    known = sys.modules.get(path.stem)
    if known is not None and _is_of(known, path):
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    # A file may be called as a module that is there already: "http.py".
    name = path.stem if known is None and _is_free(path) else f"{path.stem} ({path})"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _is_of(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve() == path


def _is_free(path: Path) -> bool:
    return path.stem.isidentifier() and path.stem not in sys.stdlib_module_names

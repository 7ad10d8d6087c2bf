"""Where the command and its file are checked: every mistake is reported, and then nothing is run."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import attrs

from .._base.errors import MissingExtra, ToolModuleError, WorkflowInvalid
from .._files.load import read_workflow
from ..tools._registry import ToolRegistry
from .settings import SettingError

__all__ = ["Door", "Refused"]

_T = TypeVar("_T")

_HINT = "(your own tools: --tools MODULE)"


class Refused(Exception):
    """The command or the file has mistakes; the text lists them."""


@attrs.define
class Door:
    """Collects mistakes of the command and the file, so that all are reported at once."""

    mistakes: list[str] = attrs.field(factory=list)

    def attempt(self, read: Callable[..., _T], *args: Any) -> _T | None:
        """Return what ``read(*args)`` gives; None if it finds a mistake, which is noted."""
        try:
            return read(*args)
        except (WorkflowInvalid, ToolModuleError, MissingExtra, SettingError) as error:
            text = "\n".join([str(error), *getattr(error, "__notes__", ())])
            if text not in self.mistakes:
                self.mistakes.append(text)
            return None

    def refuse(self) -> NoReturn:
        """Raise what was noted."""
        raise Refused(self.text())

    def text(self) -> str:
        """Every mistake that was noted."""
        return "\n".join(self.mistakes)

    def load(
        self, arguments: argparse.Namespace, values: dict[str, Any] | None = None
    ) -> tuple[Any, ToolRegistry]:
        """The workflow and its tools; the workflow is None if there is a mistake.

        ``values`` is what ``$context`` will be, if that is known.
        """
        if arguments.tools:
            with contextlib.suppress(FileNotFoundError):  # a current directory that was deleted
                sys.path.insert(0, str(Path.cwd()))
        from ..tools import builtin_tools

        registry = builtin_tools()
        loaded = [self.attempt(ToolRegistry.from_module, text) for text in arguments.tools]
        for tools in loaded:
            registry = registry if tools is None else registry.merge(tools)
        # With a module missing, most tools would be unknown, and that is not the file's mistake.
        known = None if None in loaded else registry
        read = read_workflow if arguments.tools else _read_without_tools
        return self.attempt(read, arguments.file, known, values), registry


def _read_without_tools(
    file: str, known: ToolRegistry | None, values: dict[str, Any] | None
) -> Any:
    """Read a file; if it names tools that there are not, the error has a note of ``--tools``."""
    try:
        return read_workflow(file, known, values)
    except WorkflowInvalid as error:
        if any(mistake.text.startswith("there is no tool ") for mistake in error.mistakes):
            error.add_note(_HINT)
        raise

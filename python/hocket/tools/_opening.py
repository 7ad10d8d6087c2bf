"""Tools that are made for one run: entered one after the other, left in reverse."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import attrs

from .._base.exceptions import note_on
from .._base.shown import shown
from ._tool import OpenTool, Tool

__all__ = ["Opening"]


@attrs.define
class Opening:
    """Opens the tools of one run, and closes them.

    Not made with contextlib: its managers write to the exception that passes through them, and one
    that refuses that would be lost, with the tools that are still open.
    """

    _tools: Mapping[str, Tool]
    _entered: list[_Entered] = attrs.field(factory=list, init=False)

    async def __aenter__(self) -> dict[str, OpenTool]:
        try:
            return {name: await self._open(name, made) for name, made in self._tools.items()}
        except BaseException as error:
            await self._leave(error)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            await self._leave(error)
        except BaseException as left:
            if error is None or left is not error:
                raise
            # The frames of this file are no news.
            BaseException.with_traceback(error, traceback)
            return False
        finally:
            del error
        return kind is not None

    async def _open(self, name: str, made: Tool) -> OpenTool:
        if not made.is_class:
            return OpenTool(made, made.target)
        open_before = len(self._entered)
        try:
            manager = made.target()
            # First: no exception out of a signal handler comes between entering and noting it.
            self._entered.append(_Entered(name, manager))
            call: Any = await type(manager).__aenter__(manager)
        except (Exception, SystemExit) as error:
            del self._entered[open_before:]
            note_on(error, f"raised as the tool {name!r} was opened, before any step ran")
            raise
        except BaseException:
            del self._entered[open_before:]
            raise
        _check_entered(name, call)
        return OpenTool(made, call)

    async def _leave(self, error: BaseException | None) -> None:
        """Raise an error, if there is one, inside of all that was entered."""
        try:
            if self._entered:
                async with self._entered.pop(0):
                    await self._leave(error)
            elif error is not None:
                raise error
        finally:
            del error


def _check_entered(name: str, entered: object) -> None:
    if not callable(entered):
        raise TypeError(
            f"'__aenter__' of tool {name!r} must return the tool ('return self'); it returned "
            f"{shown(entered)}"
        )


@attrs.frozen
class _Entered:
    """A manager that was entered before."""

    name: str
    manager: Any

    async def __aenter__(self) -> None:
        """Nothing is left to do."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        try:
            return await type(self.manager).__aexit__(self.manager, kind, error, traceback)
        except (Exception, SystemExit) as left:
            if left is not error:
                note_on(left, f"raised as the tool {self.name!r} was closed, after the last step")
            raise

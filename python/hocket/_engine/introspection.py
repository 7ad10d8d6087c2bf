"""Helping debuggers look into a suspended step."""

from __future__ import annotations

import sys

from .. import _core

__all__ = ["teach_stackscope"]

_taught = False


def teach_stackscope() -> None:
    """Have stackscope, if the program uses it, walk through a driver into the step's frames.

    Trio's own ``Task.iter_await_frames`` needs no help.
    """
    global _taught  # noqa: PLW0603 - stackscope's registry is global too
    stackscope = sys.modules.get("stackscope")
    if _taught or stackscope is None:
        return
    _taught = True
    stackscope.unwrap_stackitem.register(_core.Driver)(lambda driver: driver.cr_await)

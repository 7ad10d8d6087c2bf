"""The text of a file, if it is a file of text that can be one of a workflow."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .._base.suggestions import nearest

__all__ = ["CannotRead", "read_text"]

# A workflow of 100,000 steps is about 10 MB.
_MOST_BYTES = 16_000_000
_ENDINGS = (".yaml", ".yml", ".json")


class CannotRead(Exception):
    """The file cannot be read; the text says why."""


def read_text(source: str) -> str:
    """Read a file of UTF-8 text.

    Raises:
        CannotRead: there is no such file, it is none, it is too large, or not UTF-8.
    """
    try:
        return _read(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise CannotRead(f"the file is not UTF-8 text: byte {error.start} is {byte:#04x}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotRead(f"cannot read the file: {reason}{_near_file(source)}") from None
    except ValueError:
        raise CannotRead("cannot read the file: its name has a null character") from None


def _read(source: str) -> bytes:
    if not source:
        raise CannotRead("cannot read the file: its name is empty")
    # Looked at before it is opened: opening a pipe waits for somebody to write into it.
    path = Path(source)
    _check_kind(path.stat())
    with path.open("rb") as file:
        _check_kind(os.fstat(file.fileno()))
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise CannotRead(f"the file is larger than {_MOST_BYTES // 1_000_000} MB")
    return content


def _check_kind(status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise CannotRead("cannot read the file: it is a directory; name a file in it")
    raise CannotRead(
        "cannot read the file: it is a pipe, a device or a socket; write its text to a file first"
    )


def _near_file(source: str) -> str:
    path = Path(source)
    try:
        if path.exists() or not path.parent.is_dir():
            return ""
        # By the name alone: an ending that all of them have makes nothing near.
        names = {entry.stem: entry.name for entry in path.parent.iterdir() if _may_be_meant(entry)}
    except OSError:  # a folder that may not be read, or a name that is too long
        return ""
    name = nearest(path.stem if path.suffix in _ENDINGS else path.name, names)
    return "" if name is None else f"; did you mean {str(path.with_name(names[name]))!r}?"


def _may_be_meant(entry: Path) -> bool:
    return entry.suffix in _ENDINGS and not entry.is_dir()

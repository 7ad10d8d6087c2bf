"""The files that are hashed: those of Python's own standard library."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path

# Not part of what is shipped with every Python.
APART = {"site-packages", "test", "tests", "idlelib", "__pycache__"}


def library(n: int) -> list[str]:
    """Return the first n files, or as many as there are."""
    root = Path(sysconfig.get_path("stdlib"))
    found = sorted(
        path for path in root.rglob("*.py") if not APART & set(path.relative_to(root).parts)
    )
    return [str(path) for path in found[:n]]


def digest(path: str) -> str:
    return hashlib.blake2b(Path(path).read_bytes()).hexdigest()

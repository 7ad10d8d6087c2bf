"""Builds of hocket that only tests need, each as a package of its own beside the usual one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Build -> (arguments for cargo, the folder in target/ where the library appears, environment).
BUILDS: dict[str, tuple[list[str], str, dict[str, str]]] = {
    # With switches for faults and for mutations, and with debug assertions.
    "faults": (["--features", "faults"], "debug", {}),
}


def package_of(build: str) -> Path | None:
    """Return the folder to put on the path for a build, made if need be; None for the usual one."""
    if build == "release":
        return None
    arguments, folder, environment = BUILDS[build]
    target = ROOT / "target" / build
    subprocess.run(
        ["cargo", "build", "--quiet", "--package", "hocket-py", "--target-dir", target, *arguments],
        cwd=ROOT,
        env=dict(os.environ, PYO3_PYTHON=sys.executable, **environment),
        check=True,
    )
    library = next((target / folder).glob("*_core.[sd][oy]*"))
    package = target / "package"
    shutil.copytree(
        ROOT / "python" / "hocket",
        package / "hocket",
        ignore=shutil.ignore_patterns("__pycache__", "_core*.so", "_core*.pyd"),
        dirs_exist_ok=True,
    )
    shutil.copy(library, package / "hocket" / "_core.so")
    return package

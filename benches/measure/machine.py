"""What all this runs on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benches.measure.environment import ROOT


def machine() -> dict[str, object]:
    return {
        "system": _system(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def versions(requirements: Iterable[str]) -> dict[str, str]:
    """Return the version of each package that is installed here, and hocket's."""
    import hocket

    found = {"hocket": hocket.__version__}
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def freeze() -> list[str]:
    """Return every package of this environment, as `pip freeze` writes them."""
    found = {f"{one.name}=={one.version}" for one in importlib.metadata.distributions() if one.name}
    return sorted(found, key=str.lower)


def revision() -> str:
    """Return git's name of what is checked out, `-dirty` if files were changed; else nothing."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.platform(terse=True)
    return f"{name}, {platform.system()} {platform.release()}"


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

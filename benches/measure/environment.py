"""The environment .venv-bench: what the contenders need, apart from what hocket needs.

Only the standard library is imported here: this runs before there is anything else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from benches.contender import Contender

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-bench"
PYTHON = HOME / "bin" / "python"
STAMP = HOME / ".stamp.json"

# Of the suite itself: clients and server of `http`, tables and progress, pictures.
RUNNER = ["httpx>=0.27", "matplotlib>=3.9", "rich>=13.7", "uvicorn>=0.30"]
RUNTIME_PACKAGES = {"uvloop": ["uvloop>=0.21"]}


class CannotMake(Exception):
    """The environment cannot be made; the message says what to do."""


def inside() -> bool:
    return Path(sys.prefix) == HOME


def variables() -> dict[str, str]:
    """Return what the environment's Python must be started with: hocket is the one built here."""
    paths = [str(ROOT), str(ROOT / "python")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def broken() -> dict[str, str]:
    """Return by contender, or runtime, why its packages could not be installed."""
    return _stamp().get("broken", {})


def make(contenders: Sequence[Contender]) -> None:
    """Make the environment, or complete it; at once when nothing is missing.

    Raises:
        CannotMake: it cannot be made at all. Contenders that cannot be installed are only noted.
    """
    if not list((ROOT / "python" / "hocket").glob("_core*.so")):
        raise CannotMake("hocket has not been built yet. Run: make environment")
    wanted = _wanted(contenders)
    state = {"python": [sys.base_prefix, sys.version], "home": str(HOME), "wanted": wanted}
    with _alone():
        found = _stamp()
        if {key: found.get(key) for key in state} == state:
            return
        if {key: found.get(key) for key in ("python", "home")} != {
            key: state[key] for key in ("python", "home")
        }:
            _say(f"Making the environment {HOME.name}")
            shutil.rmtree(HOME, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        state["broken"] = _install(wanted)
        STAMP.write_text(json.dumps(state, indent=1), encoding="utf-8")


def _wanted(contenders: Sequence[Contender]) -> dict[str, list[str]]:
    """Return who needs which packages, hocket and the suite under an empty name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtimes = {runtime for contender in contenders for runtime in contender.runtimes}
    return (
        {"": project["dependencies"] + RUNNER}
        | {name: packages for name, packages in RUNTIME_PACKAGES.items() if name in runtimes}
        | {one.name: list(one.packages) for one in contenders if one.packages}
    )


def _install(wanted: dict[str, list[str]]) -> dict[str, str]:
    """Install all together; if that fails, one after the other. Return why which ones failed."""
    peers = ", ".join(name for name in wanted if name)
    _say(f"Installing what the contenders need: {peers}. The first time takes minutes")
    everything = [package for packages in wanted.values() for package in packages]
    if _pip(everything) is None:
        return {}
    _say("Not all can be installed together: trying one after the other")
    broken, chosen = {}, []
    for name, packages in wanted.items():
        # With those before it, whose versions it must not change to others than they allow.
        error = _pip(chosen + packages)
        if error is None:
            chosen += packages
        elif not name:
            raise CannotMake(f"The benchmarks' own packages cannot be installed: {error}")
        else:
            broken[name] = error
            _say(f"{name} is left out: {error}")
    return broken


def _pip(packages: Sequence[str]) -> str | None:
    """Install packages; return what is wrong, if anything is."""
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or done.stderr.splitlines() or ["pip said nothing"])[0].removeprefix("ERROR: ")


def _stamp() -> dict:
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep two runs from installing at once."""
    with HOME.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"==> {text}", flush=True)

"""Builds of hocket that only tests need, each as a package of its own beside the usual one.

``python -m torture.build faults`` makes one ahead, so that no test takes as long as a compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Build -> (arguments for cargo, the folder in target/ where the library appears, environment).
BUILDS: dict[str, tuple[list[str], str, dict[str, str]]] = {
    # With places to strike and rules to switch off, and with debug assertions.
    "faults": (["--features", "faults", "--config", "profile.dev.opt-level=1"], "debug", {}),
    # With AddressSanitizer. A target is named so that build scripts go without it.
    "asan": (
        ["--target", "host-tuple", "--features", "faults"],
        "*/debug",
        {"RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": "-Zsanitizer=address"},
    ),
}


def package_of(build: str) -> Path | None:
    """Return the folder to put on the path for a build, made if need be; None for the usual one."""
    if build == "release":
        return None
    target = ROOT / "target" / build
    target.mkdir(parents=True, exist_ok=True)
    print(f"building hocket with {build} (minutes, the first time)", file=sys.stderr, flush=True)
    with locked(target / ".package-lock"):
        library = compile_core(build, target)
        package = target / "package"
        update(package / "hocket", ROOT / "python" / "hocket", library)
    return package


def compile_core(build: str, target: Path) -> Path:
    arguments, folder, environment = BUILDS[build]
    subprocess.run(
        ["cargo", "build", "--quiet", "--package", "hocket-py", "--target-dir", target, *arguments],
        cwd=ROOT,
        env=dict(os.environ, PYO3_PYTHON=sys.executable, **environment),
        check=True,
    )
    libraries = target.glob(f"{folder}/*_core.*")
    return next(file for file in libraries if file.suffix in (".so", ".dll", ".dylib"))


def update(package: Path, sources: Path, library: Path) -> None:
    """Bring the package up to date. What has not changed stays: somebody may be running it."""
    wanted = {
        path.relative_to(sources): path
        for path in sources.rglob("*")
        if path.suffix not in (".so", ".pyd", ".pyc") and path.is_file()
    }
    wanted[Path("_core.pyd" if os.name == "nt" else "_core.so")] = library
    for path in package.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and path.relative_to(package) not in wanted:
            path.unlink()
    for name, source in wanted.items():
        copy = package / name
        if copy.exists() and copy.stat().st_mtime_ns == source.stat().st_mtime_ns:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # A new file in the place of the old one, which lives on in whoever has loaded it.
        fresh = copy.with_name(f"{copy.name}.new")
        shutil.copy2(source, fresh)
        fresh.replace(copy)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One at a time, also among processes."""
    with path.open("w") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for name in sys.argv[1:]:
        package_of(name)

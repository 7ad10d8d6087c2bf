"""Trials of other suites in a build with AddressSanitizer, which reports any wrong access to memory.

First it proves that it would: a planted use of freed memory must be reported, and the extension
must have been built with the checks in it. Nothing here imports hocket, because its build needs the
sanitizer's library to be there before the interpreter.
"""

from __future__ import annotations

import functools
import importlib
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torture.build import ROOT
from torture.suite import Suite

# Suite -> (trials at a time, what to set in its module to make it small).
SUITES: dict[str, tuple[int, dict[str, Any]]] = {
    "differential": (1000, {}),
    "faults": (10, {}),
    # Freed memory is kept for a while, to catch who still uses it, so the process does grow.
    "memory": (1, {"STEPS": 200_000, "WARM_UP": 10_000, "GROWTH": math.inf, "BLOCKS": math.inf}),
}

PLANTED = """
#include <stdlib.h>
int use_after_free(void) {
    int *volatile freed = malloc(sizeof(int));
    free(freed);
    return *freed;
}
"""


@functools.cache
def runtime() -> str | None:
    """Return the path of gcc's sanitizer library, if there is one."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    asked = [compiler, "-print-file-name=libasan.so"]
    path = subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()
    return path if os.path.isabs(path) else None  # noqa: PTH117 - a bare name means "not found"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an interpreter under the sanitizer."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        check=False,
        env={
            **os.environ,
            "LD_PRELOAD": runtime() or "",
            # Each object is a block of its own, so that the sanitizer sees where it ends.
            "PYTHONMALLOC": "malloc",
            # An interpreter that ends leaves much behind, on purpose: no leaks are looked for.
            "ASAN_OPTIONS": "detect_leaks=0",
        },
        text=True,
    )


@functools.cache
def prove() -> None:
    """Require that the sanitizer is at work."""
    library = ROOT / "target" / "asan" / "package" / "hocket" / "_core.so"
    assert b"__asan_report_load" in library.read_bytes(), f"{library} was built without the checks"
    with tempfile.TemporaryDirectory() as folder:
        source, planted = Path(folder, "planted.c"), Path(folder, "planted.so")
        source.write_text(PLANTED, encoding="utf-8")
        compiler = ["cc", "-fsanitize=address", "-shared", "-fPIC", "-o", planted, source]
        subprocess.run(compiler, check=True)
        done = python("-c", f"import ctypes; ctypes.CDLL({str(planted)!r}).use_after_free()")
    assert "AddressSanitizer: heap-use-after-free" in done.stderr, f"not caught: {done.stderr}"


def trial(seed: int) -> Mapping[str, float]:
    prove()
    names = [name for name in SUITES if Path(__file__).with_name(f"{name}.py").exists()]
    name = names[seed % len(names)]
    trials, _ = SUITES[name]
    done = python("-m", "torture.suites.sanitizer", name, str(seed * trials))
    assert done.returncode == 0, f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Sanitizer" not in done.stderr, done.stderr
    return {f"trials of {name}": trials}


def main(name: str, first: int) -> None:
    """Run the trials, in this process."""
    module = importlib.import_module(f"torture.suites.{name}")
    trials, smaller = SUITES[name]
    vars(module).update(smaller)
    for seed in range(first, first + trials):
        module.SUITE.trial(seed)


SUITE = Suite(
    name="sanitizer",
    promise="no access to memory that is not ours",
    unit="runs under AddressSanitizer",
    trial=trial,
    small=0,
    large=30 if runtime() else 0,
    build="asan",
    patience=900,
)
if not runtime():
    print("sanitizer: left out, because there is no libasan.so; it comes with gcc", file=sys.stderr)

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

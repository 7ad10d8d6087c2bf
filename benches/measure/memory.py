"""How much memory this process takes, in bytes.

On Linux from /proc: what getrusage says there of a new process includes that of its parent.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Forget the peak so far, where that is possible."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    return _field("VmHWM")


def resident() -> int:
    """Return what is in use now; elsewhere than on Linux, the peak so far."""
    return _field("VmRSS")


def _field(name: str) -> int:
    if sys.platform == "linux":
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024

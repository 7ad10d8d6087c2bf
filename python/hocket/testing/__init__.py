"""Testing what runs on hocket: virtual time, repeatable schedules, pools that must end up empty.

With pytest nothing needs to be imported: the plugin gives the fixture ``hocket_idle_pools``, the marker
``hocket_schedules``, and a warning for every step that a test leaves behind. See ``docs/guides/testing.md``.
"""

from ._accounts import (
    assert_adds_up as assert_adds_up,
    assert_idle as assert_idle,
    assert_partition as assert_partition,
    assert_works_on as assert_works_on,
)
from ._leaks import LeakedStep as LeakedStep, LeakedStepWarning as LeakedStepWarning, leaks as leaks
from ._reference import ReferenceManager as ReferenceManager
from ._schedule import run_virtual as run_virtual, seeded_schedule as seeded_schedule

__all__ = [
    "LeakedStep",
    "LeakedStepWarning",
    "ReferenceManager",
    "assert_adds_up",
    "assert_idle",
    "assert_partition",
    "assert_works_on",
    "leaks",
    "run_virtual",
    "seeded_schedule",
]

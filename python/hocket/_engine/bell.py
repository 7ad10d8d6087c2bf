"""A bell: one task waits for it, and whoever has something for that task rings."""

from __future__ import annotations

import trio
from trio.lowlevel import Task, current_task, enable_ki_protection

__all__ = ["Bell"]


class Bell:
    """Wakes the one task that waits for it. To ring for nobody has no effect, then or later."""

    __slots__ = ("task",)

    def __init__(self) -> None:
        self.task: Task | None = None
        """The task that waits. Whoever rings often looks whether there is one, and spares a call."""

    @enable_ki_protection
    async def wait(self) -> None:
        """Wait until it rings."""

        def abort(_: object) -> trio.lowlevel.Abort:
            self.task = None  # at once: who is cancelled must not be woken
            return trio.lowlevel.Abort.SUCCEEDED

        task = self.task = current_task()
        try:
            await trio.lowlevel.wait_task_rescheduled(abort)
        finally:
            if self.task is task:  # there was no memory to begin with it
                self.task = None

    @enable_ki_protection
    def ring(self) -> None:
        """Wake the task that waits, if one does."""
        if self.task is not None:
            task, self.task = self.task, None
            trio.lowlevel.reschedule(task)

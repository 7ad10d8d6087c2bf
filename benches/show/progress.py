"""A line that says what is measured now and how long it will still take."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from benches.plan import Cell

# Seconds between two lines where there is no terminal.
QUIET = 15


class Rounds:
    """Used as ``with Rounds(console) as tell:``, and called before each process."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._told = 0.0
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[left]} left  {task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="?")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, cell: Cell, left: float) -> None:
        now = time.monotonic()
        passed = now - self._began
        what = f"{cell.workload}: {cell.contender} on {cell.runtime}"
        self._bar.update(
            self._task,
            completed=passed,
            total=passed + left,
            left=_clock(left),
            description=what,
        )
        if not self._console.is_terminal and now - self._told >= QUIET:
            self._told = now
            share = 100 * passed / (passed + left)
            self._console.print(f"{share:3.0f} %  {_clock(left)} left  {what}", highlight=False)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"

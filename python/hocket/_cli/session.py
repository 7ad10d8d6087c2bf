"""One run of one workflow, for ``hocket run``: what is seen of it, and what it comes to."""

from __future__ import annotations

import signal
import sys

import attrs
import trio

from .._base.errors import UnresolvedReference
from .._base.shown import one_line, traceback_of
from .._report.as_json import write_json, write_output
from .._report.output import Stream
from .._report.progress import Progress
from .._report.record import RunRecord
from .._report.table import write_report
from .._runner.manager import WorkflowManager
from .._workflow.context import WorkflowContext
from .exits import FAILURE, SUCCESS
from .interrupt import Interrupt, interruptible

__all__ = ["Session"]


@attrs.define
class Session:
    """One run of one workflow."""

    record: RunRecord
    manager: WorkflowManager
    context: WorkflowContext
    progress: Progress
    style: str
    out: Stream
    err: Stream

    async def run(self) -> int:
        """Run it; return the exit code when nothing of it runs any more."""
        self.record.started_at = trio.current_time()
        interrupt = Interrupt()
        try:
            await self._run_until(interrupt)
        except* KeyboardInterrupt:  # the second Ctrl-C: somebody had enough of waiting
            interrupt.signal = interrupt.signal or signal.SIGINT
        # A run that had already been decided when the signal came counts as what it is.
        if interrupt.signal is not None and self.record.result is None:
            self.record.interrupted = interrupt.signal.name
        self.record.close(self.context.results, self.context.errors)
        if self.record.interrupted is not None and interrupt.code is not None:
            return interrupt.code
        return SUCCESS if self.record.success else FAILURE

    async def _run_until(self, interrupt: Interrupt) -> None:
        with (
            trio.CancelScope() as scope,
            interruptible(interrupt, scope, self._announce),
            self.progress.shown(),
        ):
            await self._run_with_progress()

    async def _run_with_progress(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.progress.refresh)
            await self._execute()
            nursery.cancel_scope.cancel()

    async def _execute(self) -> None:
        try:
            self.record.result = await self.manager.execute(
                self.record.workflow,
                self.context,
                observer=[self.record.observe, self.progress.observe],
            )
        except UnresolvedReference as error:
            self.record.problem = f"the output cannot be made: {error}"

    def _announce(self, number: signal.Signals) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else number.name
        # Not self.err: a live display takes the place of sys.stderr, and shows lines above itself.
        sys.stderr.write(f"interrupted by {name}: cancelling, and waiting for steps to clean up\n")

    def write(self) -> None:
        """Write what the user asked to see."""
        if self.style == "json":
            write_json(self.record, self.out)
            return
        if self.style == "table":
            if self.out.isatty() or self.err.isatty():
                self.out.line()
            write_report(self.record, self.out)
            if self.record.success:
                self.out.line()
        elif not self.record.success:
            self._write_failures()
        write_output(self.record, self.out)

    def _write_failures(self) -> None:
        """Say why there is no output, where no table says it."""
        if self.record.problem is not None:
            self.err.line(self.record.problem)
        for step in self.record.steps.values():
            if step.error is not None and not step.is_group:
                self.err.line(f"{step.id} {step.state.value}: {step.error}")

    def write_tracebacks(self) -> None:
        """Write the traceback of every failed step that ran something itself."""
        for id_, error in self.context.errors.items():
            record = self.record.steps.get(id_)
            if record is None or not record.is_group:
                self.err.line(f"step {id_!r} failed: {one_line(error)}")
                self.err.write(traceback_of(error))

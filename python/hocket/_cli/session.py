"""One run of one workflow, for ``hocket run``: what is seen of it, and what it comes to."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

import attrs
import trio

from .._base.errors import UnresolvedReference
from .._base.exceptions import is_a, leaves, notes_of
from .._base.shown import one_line, traceback_of, visible
from .._model.event import Observer
from .._model.states import StepState
from .._report.as_json import write_json, write_output
from .._report.failures import Failures
from .._report.inner_steps import InnerSteps
from .._report.output import Stream
from .._report.progress import Progress
from .._report.record import RunRecord
from .._report.screen import Screen
from .._report.table import write_report, write_verdict
from .._runner.manager import WorkflowManager
from .._runner.result import WorkflowResult
from .._workflow.context import WorkflowContext
from .._workflow.ledger import explain
from .exits import FAILURE, SUCCESS
from .interrupt import Interrupt, name_of, taken

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
    screen: Screen
    inner: InnerSteps
    """Those of the explained steps that are inside of loops and other workflows."""
    everything: bool = False
    """Whether the report has every step, of however many."""
    explained: Sequence[str] = ()
    """Steps of which is said at the end how they ended, and why."""
    tracebacks: bool = False
    interrupt: Interrupt = attrs.field(factory=Interrupt, init=False)

    def run(self) -> int:
        """Run it, and report; return the exit code when nothing of it runs any more."""
        with taken(self.interrupt):
            try:
                trio.run(self._run)
            except BaseException as error:  # noqa: BLE001 - reported
                self._note_fatal(error)
            self.interrupt.reports = True
            return self._report()

    async def _run(self) -> None:
        self.record.begin()
        with self.progress.shown():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.progress.refresh)
                with trio.CancelScope() as scope:
                    token = trio.lowlevel.current_trio_token()
                    self.interrupt.abandon = self._abandon
                    self.interrupt.cancel = partial(self._cancel, token, scope)
                    if self.interrupt.signal is not None:  # it came before there was a run
                        scope.cancel()
                    await self._execute()
                nursery.cancel_scope.cancel()

    async def _execute(self) -> None:
        try:
            await self.manager._execute(
                self.record.workflow,
                self.context,
                self._observers(),
                self._note_result,
            )
        except trio.Cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 - reported
            self._note_fatal(error)

    def _observers(self) -> list[Observer]:
        inner = [self.inner.observe] if self.inner.names else []
        return [self.record.observe, self.progress.observe, *inner]

    def _note_result(self, result: WorkflowResult) -> None:
        self.record.result = result

    def _note_fatal(self, error: BaseException) -> None:
        """Take note of what was raised beside the steps, or went through one."""
        found = [leaf for leaf in leaves(error) if not is_a(leaf, trio.Cancelled)]
        if any(is_a(leaf, KeyboardInterrupt) for leaf in found):
            self.interrupt.signal = self.interrupt.signal or signal.SIGINT
        others = [leaf for leaf in found if not is_a(leaf, KeyboardInterrupt)]
        if others:
            self.record.problem = "\n".join(dict.fromkeys(map(_fatal, others)))
        if self.tracebacks:
            self.screen.write(traceback_of(error))

    def _cancel(self, token: trio.lowlevel.TrioToken, scope: trio.CancelScope) -> None:
        assert self.interrupt.signal is not None
        self.record.stopped_at = self.record.now()
        self.progress.cancelling(name_of(self.interrupt.signal))
        token.run_sync_soon(scope.cancel)

    def _abandon(self) -> NoReturn:
        """End the process at once, with the report: in a signal handler, wherever the run is.

        Nothing else gets past a thread, or clean-up that is shielded.
        """
        self.interrupt.reports = True
        code = 128 + signal.SIGINT
        try:
            # The signal may have come as the display was drawing; the report matters more than that.
            with contextlib.suppress(Exception):
                self.progress.close()
            left = [step.id for step in self.record.steps.values() if step.state is _RUNNING]
            what = ", ".join(left) or "tools that had not opened, or not closed, yet"
            self.record.problem, self.record.abandoned = f"abandoned: {what}", True
            code = self._report()
        finally:
            os._exit(code)

    def _report(self) -> int:
        record = self.record
        # Also one that had been decided when the signal came: whoever sent it is told that it took.
        if self.interrupt.signal is not None:
            record.interrupted = self.interrupt.signal.name
        record.close(self.context)
        if self.tracebacks:
            self._failures.write_tracebacks()
        self._write(self.out)
        for step in self.explained:
            self.screen.line(self._explained(step))
        if self.out.is_lost:
            self.screen.line(f"standard output cannot be written to: {self.out.why_lost()}")
            self._write(self.screen.err)
        if self.interrupt.code is not None:
            return self.interrupt.code
        return SUCCESS if record.success and not self.out.is_lost else FAILURE

    @property
    def _failures(self) -> Failures:
        return Failures(self.record, self.context, self.screen)

    def _explained(self, step: str) -> str:
        if step in self.inner.names:
            return self.inner.explain(step, self.context)
        text = explain(step, self.context)
        is_left = self.record.abandoned and self.context.state_of(step) is None
        return f"{text}: the run was abandoned" if is_left else text

    def _write(self, stream: Stream) -> None:
        """Write what the user asked to see."""
        if self.style == "json":
            write_json(self.record, stream)
        elif self.style == "quiet":
            write_output(self.record, stream)
            if not self.record.success and stream is self.out:
                self._failures.write(everything=self.everything)
        else:
            self._write_report(stream)

    def _write_report(self, stream: Stream) -> None:
        if stream.isatty() or self.screen.err.isatty():
            stream.line()
        write_report(self.record, stream, everything=self.everything)
        stream.line()
        if self.record.has_output:
            write_output(self.record, stream)
            stream.line()
        write_verdict(self.record, stream)


_RUNNING = StepState.RUNNING


def _fatal(error: BaseException) -> str:
    """What was raised, and where as far as notes tell it."""
    if is_a(error, UnresolvedReference):
        return f"the output cannot be made: {error}"
    parts = [one_line(error), *map(visible, notes_of(error))]
    if not is_a(error, Exception):
        parts.append("it is no Exception, so it ended the whole run: raise one instead")
    return "; ".join(parts)

"""Running steps inside a nursery: the supervisor, its workers and its watchdog.

A KeyboardInterrupt may strike a step at any instruction, and never the code around it: everything
here is protected, except the one frame that a driver is awaited in.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Coroutine
from functools import partial
from math import inf
from typing import Any

import trio
from trio.lowlevel import current_task, disable_ki_protection, enable_ki_protection

from .. import _core
from .._base.exceptions import is_a, leaves, note_on
from .._base.shown import shown
from . import leftovers, tree_variables, turns
from .contenders import Contenders
from .threads import Clerk, send_thread

__all__ = ["Host", "drive", "judge", "supervise", "unwrap"]


@enable_ki_protection
async def supervise(
    run: _core.Run, timeout: float | None, *, isolated: bool, contenders: Contenders | None = None
) -> bool:
    """Run all steps of ``run``; return when no task of it is left.

    The caller's own task is the first worker: a group whose steps never suspend needs no other.
    Returns whether the run's time limit of ``timeout`` seconds passed before it was decided. (It may
    have passed without a cancellation: the last step may have been shielded.) A failing step raises
    nothing here. Raises the caller's cancellation (unless the run had been decided before), what
    is no step's error (KeyboardInterrupt, SystemExit), and mistakes of the program.
    """
    host = None
    around = inf if timeout is None else trio.current_effective_deadline()
    keeps_out = tree_variables.are_set_in(current_task().context)
    try:
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            if timeout is not None:
                scope.deadline = trio.current_time() + timeout
            host = Host(run, nursery, isolated)
            limited = timeout is not None or contenders is not None
            run.attach(host.spawn, host.stop, host.alarm, limited)
            if contenders is not None:
                host.hold()
                nursery.start_soon(host.start_all, contenders, name="hocket.contenders")
            elif isolated or run.in_threads or sys.exception() is not None or keeps_out:
                # A step must not see the exception that the caller handles as the context of its own,
                # nor share what belongs to the caller's task.
                run.start()
            else:
                await host.work_here()
        return host.is_out_of_time()
    except BaseException as error:  # noqa: BLE001 - raised below, in another shape
        failure = unwrap(error)
    try:
        if is_a(failure, trio.Cancelled) and run.decided:
            # What is done is done; the caller meets its cancellation at its next checkpoint.
            assert host is not None, "decided before it began"
            return host.is_out_of_time(around)
        raise failure
    finally:
        del failure


def unwrap(error: BaseException) -> BaseException:
    """Return the one exception that matters, so that its shape does not depend on timing."""
    found = leaves(error)
    rest = [leaf for leaf in found if not is_a(leaf, trio.Cancelled)]
    fatal = [leaf for leaf in rest if not is_a(leaf, Exception)]
    chosen = fatal or rest or found[:1]
    if len(chosen) > 1:
        return error
    if fatal and len(rest) > 1:
        # What else went wrong is no step's error either: it is still to be seen.
        others = ", ".join(shown(leaf) for leaf in rest if leaf is not fatal[0])
        if not note_on(fatal[0], f"beside it: [{others}]"):
            return error
    return chosen[0]


@disable_ki_protection
async def drive(driver: _core.Driver) -> None:
    """Await the driver in a frame that Ctrl-C may interrupt, as steps expect it."""
    try:
        await driver
    finally:
        del driver


@enable_ki_protection
def judge(driver: _core.Driver, error: BaseException | None) -> None:
    """Tell the driver what came out of the scope that its step was cancelled in.

    Trio has judged by then: None stands for a cancellation that the scope has caught, which is
    the step's time limit. What is not (only) the step's affair is raised.
    """
    remaining = None
    try:
        remaining = driver.judge(error)
        if remaining is not None:
            raise remaining
    finally:
        # A traceback holds this frame: its own, or that of a step that is cancelled from here.
        del driver, error, remaining


class Host:
    """What the core's crew asks of us: worker tasks in our nursery, an end, an alarm."""

    def __init__(self, run: _core.Run, nursery: trio.Nursery, isolated: bool) -> None:
        self._run = run
        self._isolated = isolated
        self._nursery = nursery
        self._workers = 0
        self._ring = turns.ring() if run.takes_turns else None
        self._watch: trio.CancelScope | None = None
        self._asleep = False
        self._failure: BaseException | None = None
        self._over = False
        self._clerk: Clerk | None = None
        # Workers are spawned while some step's context may be current. None of it is theirs.
        self._context = contextvars.copy_context()
        self.stopped = False

    @enable_ki_protection
    def spawn(self) -> None:
        """Start one more worker; the core calls this."""
        if self._over:
            # A slot was granted to a run that is just being left. Its end passes the slot on.
            return
        if self._run.in_threads:
            if self._clerk is None:
                self._clerk = Clerk(self._run)
                self._start(self._clerk.work, name="hocket.clerk")
            driver = _core.ThreadDriver(self._run)
            self._start(self._work_in_thread, driver, self._clerk, name="hocket.worker")
            self._clerk.begins()
        else:
            self._start(self._work, _core.Driver(self._run), self._ring, name="hocket.worker")
        self._workers += 1

    def hold(self) -> None:
        """Keep the run open while it has no worker: steps are still to come."""
        self._workers += 1

    @enable_ki_protection
    def release(self) -> None:
        """No more steps will come, and those there are have a worker: what :meth:`hold` began ends."""
        self._workers -= 1
        if self._workers == 0:
            self._over = True
            if self._watch is not None:
                self._watch.cancel()
            if self._clerk is not None:
                self._clerk.end()

    async def start_all(self, contenders: Contenders) -> None:
        """Let the contenders start one after the other."""
        try:
            await contenders.start_all(self._run)
        finally:
            self.release()

    def _start(self, *args: Any, name: str) -> None:
        self._context.run(partial(self._nursery.start_soon, *args, name=name))

    @enable_ki_protection
    async def work_here(self) -> None:
        """Be the first worker, in the task that has opened the nursery."""
        self._workers += 1
        driver = _core.Driver(self._run)
        task = current_task()
        held = leftovers.locks(task)
        ring = turns.ring_of_caller() if self._ring is not None else None
        try:
            await self._work(driver, ring)
        finally:
            if driver.retire:
                leftovers.break_locks(task, held)

    @enable_ki_protection
    def _work(self, driver: _core.Driver, ring: _core.Ring | None) -> Coroutine[Any, Any, None]:
        # Without time limits only the end of the run can cancel a step: the nursery's own scope
        # is enough.
        work = self._shifts if self._run.has_timeouts else self._only_shift
        return work(driver, ring)

    @enable_ki_protection
    async def _only_shift(self, driver: _core.Driver, ring: _core.Ring | None) -> None:
        """Run steps inside the nursery's scope, and leave."""
        task, scope = current_task(), self._nursery.cancel_scope
        try:
            left = leftovers.Leftovers(task, scope, own_task=self._isolated)
            driver.enter(task, scope, left.to_watch(), ring)
            try:
                await drive(driver)
            finally:
                await left.tidy()
        finally:
            self._leave(driver)
            del self, driver

    @enable_ki_protection
    async def _shifts(self, driver: _core.Driver, ring: _core.Ring | None) -> None:
        """Run steps inside one cancel scope after another, and leave."""
        task = current_task()
        try:
            again = True
            while again:
                try:
                    with trio.CancelScope() as scope:
                        left = leftovers.Leftovers(task, scope, own_task=self._isolated)
                        driver.enter(task, scope, left.to_watch(), ring)
                        try:
                            await drive(driver)
                        finally:
                            await left.tidy()
                except BaseException as error:  # noqa: BLE001 - the driver says what goes on
                    judge(driver, error)
                else:
                    if scope.cancelled_caught:
                        judge(driver, None)
                again = driver.again
        finally:
            self._leave(driver)
            del self, driver

    @enable_ki_protection
    async def _work_in_thread(self, driver: _core.ThreadDriver, clerk: Clerk) -> None:
        """Have a thread run steps, from inside one cancel scope after another, and leave."""
        task = current_task()
        try:
            again = True
            while again:
                with trio.CancelScope() as scope:
                    driver.enter(task, scope)
                    await send_thread(driver)
                again = driver.again
        finally:
            try:
                driver.exit()
            finally:
                self.release()
                clerk.leaves()
                del self, driver

    @enable_ki_protection
    def _leave(self, driver: _core.Driver) -> None:
        try:
            driver.exit()
            if driver.retire:
                self._run.replace()
        finally:
            self.release()

    @enable_ki_protection
    def stop(self) -> None:
        """Cancel what still runs: the run is decided; the core calls this."""
        scope = self._nursery.cancel_scope
        # A verdict that comes when the run's time is already up stops nothing.
        self.stopped = not scope.cancel_called
        scope.cancel(reason="the group is decided")
        del self

    def is_out_of_time(self, around: float = inf) -> bool:
        """Whether the time limit came before the verdict, and before one around the run."""
        deadline = self._nursery.cancel_scope.deadline
        return deadline < around and not self.stopped and deadline <= trio.current_time()

    @enable_ki_protection
    def alarm(self, deadline: float) -> None:
        """See to it that overdue steps are looked for by then; the core calls this."""
        if self._watch is None:
            self._watch = trio.CancelScope(deadline=deadline)
            self._start(self._watchdog, name="hocket.watchdog")
        elif deadline < self._watch.deadline:
            self._watch.deadline = deadline
        if not self._asleep and deadline <= trio.current_time():
            # The watchdog would see it in its turn, which may come after the step's.
            self._watch.deadline = self._cancel_overdue()
        del self

    @enable_ki_protection
    async def _watchdog(self) -> None:
        # The time limits of all steps cost one task, which sleeps on one Trio deadline.
        try:
            while not self._over:
                assert self._watch is not None
                try:
                    with self._watch:
                        self._asleep = True
                        await trio.lowlevel.wait_task_rescheduled(self._time_has_come)
                finally:
                    # Also when the whole nursery was cancelled, which woke us too.
                    if self._failure is not None:
                        raise self._failure
                    # Functions in threads, beside async steps, have timed out: others are to know.
                    while self._clerk is None and self._run.attend():
                        await trio.lowlevel.cancel_shielded_checkpoint()
        finally:
            del self

    @enable_ki_protection
    def _time_has_come(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        """Cancel what is overdue: Trio calls this as it wakes the watchdog.

        That is before any task of this tick runs, and so when Trio would cancel a scope with this
        deadline. In the watchdog's own turn a step that is due now may have run, or not.
        """
        self._asleep = False
        try:
            if not self._over:
                self._watch = trio.CancelScope(deadline=self._cancel_overdue())
        except BaseException as error:  # noqa: BLE001 - not for Trio: the watchdog raises it
            self._failure = error
        del self
        return trio.lowlevel.Abort.SUCCEEDED

    def _cancel_overdue(self) -> float:
        """Cancel what is overdue; return when to look again."""
        try:
            return inf if (again := self._run.cancel_overdue()) is None else again
        finally:
            # A step's time limit keeps the frames that have cancelled the step.
            del self

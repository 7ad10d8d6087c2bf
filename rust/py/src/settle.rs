//! The end of a step: what it came to, who is told, who goes on.

use std::sync::atomic::Ordering;

use hocket_core::faults::{Rule, holds};
use hocket_core::{Next, Outcome, SlotId};
use pyo3::intern;
use pyo3::prelude::*;

use crate::clock::seconds;
use crate::coroutine::close_quietly;
use crate::driver::Driver;
use crate::errors;
use crate::exception::{Ending, classify, is_plainly_fatal};
use crate::ffi;
use crate::memory::{Action, Inner, Memory, Settled, Step, Suspended, Unwinding};
use crate::panics::quietly;
use crate::strikes::fault;

/// A driver that never yields would starve every other task. After this long without going
/// through Trio's scheduler it performs a checkpoint, where a cancellation reaches it too.
/// One millisecond costs a run of no-op steps less than 0.2 %.
const STRETCH_NS: u64 = 1_000_000;
/// The same for all drivers that Trio resumes one after the other: each one that comes later has
/// its checkpoint after a single step.
const ROUND_NS: u64 = 3_000_000;
/// The same for a virtual clock, which stands still while steps run.
const STRETCH_STEPS: u32 = 256;

impl Driver {
    /// A step has returned.
    pub(crate) fn returned(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        step: Step,
        suspended: bool,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let run = self.run.get();
        let Some(seat) = &memory.seat else {
            return Err(errors::not_seated(py));
        };
        fault!(py, Leftovers);
        let tasks_before = memory.tasks_before.filter(|_| !suspended);
        if memory.leftovers.are_on(seat.task.bind(py), tasks_before)? {
            return self.found_leftovers(py, memory, step, None);
        }
        let dirty = self.worker().is_fired() && holds(Rule::Dirty);
        let cancelled = suspended && seat.is_cancelled(py)?;
        let leave = cancelled || memory.thrown;
        memory.stays = !(run.isolated || leave || dirty);
        self.stand_back(py, cancelled)?;
        let settled = self.free_slot(py, memory, step.slot, Outcome::Completed)?;
        let id = run.work.id(py, step.index)?;
        run.work.record_value(&id, value)?;
        self.tell(py, step.index, &id, Outcome::Completed, settled)?;
        memory.must_checkpoint |= leave;
        self.move_on(py, memory, dirty)
    }

    /// A step has raised.
    pub(crate) fn raised(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        step: Step,
        held: Option<Suspended>,
        error: PyErr,
    ) -> PyResult<()> {
        let suspended = held.is_some();
        let Some(seat) = &memory.seat else {
            return Err(errors::not_seated(py));
        };
        // Something fatal frees the slot before anything that can allocate or run Python.
        if is_plainly_fatal(py, &error)? && holds(Rule::Fatal) {
            quietly(py, || self.settle(py, memory, step, Outcome::Failed, None));
            drop(held);
            return Err(error);
        }
        fault!(py, Leftovers);
        let tasks_before = memory.tasks_before.filter(|_| !suspended);
        if memory.leftovers.are_on(seat.task.bind(py), tasks_before)? {
            return match classify(py, error)? {
                fatal @ Ending::Fatal(_) => self.carry_out(py, memory, step, fatal),
                ending => self.found_leftovers(py, memory, step, Some(ending.into_error())),
            };
        }
        let fired = self.worker().is_fired();
        if fired || (seat.trio_fires && suspended) {
            let traceback = error.traceback(py).map(Bound::unbind);
            memory.unwinding = Some(Unwinding {
                step,
                error: error.clone_ref(py).into_value(py),
                traceback,
            });
            return Err(error);
        }
        let cancelled = suspended && seat.is_cancelled(py)?;
        let ending = classify(py, error)?;
        self.stand_back(py, cancelled)?;
        self.carry_out(py, memory, step, ending)?;
        memory.must_checkpoint |= cancelled || memory.thrown;
        self.move_on(py, memory, false)
    }

    /// The step has ended well or badly, and left something behind on the worker's task.
    fn found_leftovers(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        step: Step,
        cause: Option<PyErr>,
    ) -> PyResult<()> {
        let error = self.leftovers_error(py, memory, step.index, cause)?;
        self.settle(py, memory, step, Outcome::Failed, Some(error))?;
        match holds(Rule::Retire) {
            true => self.retire_worker(py, memory),
            false => Ok(()),
        }
    }

    /// Where the worker's next step runs. Dirty: no step may start in a scope that is cancelled.
    fn move_on(&self, py: Python<'_>, memory: &mut Memory, dirty: bool) -> PyResult<()> {
        if self.run.get().isolated {
            return self.retire_worker(py, memory);
        }
        if dirty {
            memory.action = Action::Again;
        }
        Ok(())
    }

    /// The slot of a step whose run is being cancelled is not for another step of that run.
    fn stand_back(&self, py: Python<'_>, cancelled: bool) -> PyResult<()> {
        let run = self.run.get();
        if cancelled {
            run.pool.get().lock(py)?.stand_back(run.lane);
        }
        Ok(())
    }

    /// Record what an exception came to; raise what has to go on.
    pub(crate) fn carry_out(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        step: Step,
        ending: Ending,
    ) -> PyResult<()> {
        match ending {
            Ending::Error(error) => self.settle(py, memory, step, Outcome::Failed, Some(error)),
            Ending::Cancelled(error) => {
                self.settle(py, memory, step, Outcome::Unwound, None)?;
                Err(error)
            }
            Ending::Both(cancelled, error) => {
                self.stand_back(py, true)?;
                self.settle(py, memory, step, Outcome::Failed, Some(error))?;
                Err(cancelled)
            }
            Ending::Fatal(error) if !holds(Rule::Fatal) => {
                self.settle(py, memory, step, Outcome::Failed, Some(error))
            }
            Ending::Fatal(error) => {
                quietly(py, || self.settle(py, memory, step, Outcome::Failed, None));
                Err(error)
            }
        }
    }

    /// A step has not returned: give the slot back, note the error, tell who waits. Without an
    /// error `Failed` is something fatal, after which nothing more may run.
    pub(crate) fn settle(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        step: Step,
        outcome: Outcome,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        let run = self.run.get();
        let fatal = error.is_none() && outcome == Outcome::Failed;
        let settled = self.free_slot(py, memory, step.slot, outcome)?;
        if fatal {
            return match settled.woken {
                true => run.pool.get().wake(py, Some(run.lane)),
                false => Ok(()),
            };
        }
        let id = run.work.id(py, step.index)?;
        if let Some(error) = error {
            run.work.record_error(&id, &error)?;
        }
        self.tell(py, step.index, &id, outcome, settled)
    }

    /// The step's state is final: its slot goes back.
    #[inline]
    pub(crate) fn free_slot(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        slot: SlotId,
        outcome: Outcome,
    ) -> PyResult<Settled> {
        fault!(py, FreeSlot);
        let run = self.run.get();
        let clock = run.work.clock.soon_ns(py, &mut memory.anchor);
        let now_ns = *clock.as_ref().unwrap_or(&0);
        let mut scheduler = run.pool.get().lock(py)?;
        let started_ns = match run.work.observer {
            Some(_) => scheduler.started_ns(slot).unwrap_or(now_ns),
            None => now_ns,
        };
        memory.now_ns = Some(now_ns);
        self.count_stretch(memory, now_ns);
        // One trip to the scheduler instead of two, where nothing stands between two steps.
        let stays = std::mem::take(&mut memory.stays) && !memory.must_checkpoint;
        let verdict = if stays {
            let (verdict, next) = scheduler.settle_and_next(slot, outcome, now_ns);
            memory.next = Some(next);
            verdict
        } else {
            scheduler.settle(slot, outcome, now_ns)
        };
        let decided = verdict.is_some();
        let alone = decided && scheduler.is_idle(run.lane);
        let woken = scheduler.has_wakes();
        drop(scheduler);
        self.worker().set_slot(None);
        fault!(py, FreedSlot);
        clock?;
        Ok(Settled {
            decided,
            alone,
            woken,
            run_ns: now_ns.saturating_sub(started_ns),
        })
    }

    /// Tell whoever has to know that a step has ended.
    pub(crate) fn tell(
        &self,
        py: Python<'_>,
        index: u32,
        id: &Bound<'_, PyAny>,
        outcome: Outcome,
        settled: Settled,
    ) -> PyResult<()> {
        fault!(py, Tell);
        // The observer last: it is the caller's code, and may raise.
        let run = self.run.get();
        if settled.decided {
            run.crew().announce_verdict(py, index, settled.alone)?;
        }
        if settled.woken {
            run.pool.get().wake(py, Some(run.lane))?;
        }
        if run.work.observer.is_some() {
            let what = match outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::TimedOut => "timed_out",
                Outcome::Unwound => "cancelled",
            };
            self.observe(py, what, id, settled.run_ns)?;
        }
        Ok(())
    }

    /// Call the observer. A panic in there is not the driver's.
    pub(crate) fn observe(
        &self,
        py: Python<'_>,
        what: &str,
        id: &Bound<'_, PyAny>,
        ns: u64,
    ) -> PyResult<()> {
        let Some(observer) = &self.run.get().work.observer else {
            return Ok(());
        };
        fault!(py, Observe);
        let outside = self.in_step.swap(true, Ordering::Relaxed);
        let told = observer.call1(py, (what, id, seconds(ns)));
        self.in_step.store(outside, Ordering::Relaxed);
        told.map(drop)
    }

    /// Whether a checkpoint is due before the next step.
    pub(crate) fn count_stretch(&self, memory: &mut Memory, now_ns: u64) {
        memory.streak += 1;
        let since_ns = *memory.since_ns.get_or_insert(now_ns);
        memory.must_checkpoint = match self.run.get().work.clock.is_virtual() {
            false => {
                let stretch_ns = now_ns.saturating_sub(since_ns);
                memory.round.ran(stretch_ns) >= ROUND_NS || stretch_ns >= STRETCH_NS
            }
            true => memory.streak >= STRETCH_STEPS,
        };
        if memory.must_checkpoint {
            memory.streak = 0;
        }
    }

    /// Put the worker's own context and name back, before anything but a step can look at them.
    pub(crate) fn restore_task(&self, py: Python<'_>, memory: &mut Memory) -> PyResult<()> {
        let (Some(seat), true) = (&memory.seat, memory.task_is_changed) else {
            return Ok(());
        };
        fault!(py, SitBack);
        let task = seat.task.bind(py);
        ffi::set_attribute(
            task,
            intern!(py, "context"),
            self.run.get().work.base.bind(py),
        )?;
        ffi::set_attribute(task, intern!(py, "name"), seat.name.bind(py))?;
        memory.task_is_changed = false;
        Ok(())
    }

    /// The worker makes room for another one, which is to lose no turn by starting later.
    pub(crate) fn retire_worker(&self, py: Python<'_>, memory: &mut Memory) -> PyResult<()> {
        fault!(py, Retire);
        memory.action = Action::Retire;
        let run = self.run.get();
        run.pool.get().lock(py)?.request(run.lane);
        Ok(())
    }

    pub(crate) fn leftovers_error(
        &self,
        py: Python<'_>,
        memory: &Memory,
        index: u32,
        cause: Option<PyErr>,
    ) -> PyResult<PyErr> {
        let Some(describe) = memory.leftovers.describe(py) else {
            return Err(errors::internal(
                py,
                "leftovers were found where none can be",
            ));
        };
        fault!(py, Describe);
        let id = self.run.get().work.id(py, index)?;
        let error = PyErr::from_value(describe.call1((id,))?);
        error.set_cause(py, cause);
        Ok(error)
    }

    /// The driver has failed or is closed: the step in flight, if any, is closed and unwound.
    pub(crate) fn abandon(&self, py: Python<'_>, memory: &mut Memory) {
        self.run.get().crew().unpark(self.worker().number);
        match std::mem::take(&mut memory.inner) {
            Inner::Step(held) => {
                memory.task_is_changed = true;
                close_quietly(py, &held.coroutine);
                quietly(py, || {
                    // After a crash of Trio's the run may be closed before its drivers are.
                    match self.is_running(py, held.step.slot)? {
                        true => self.settle(py, memory, held.step, Outcome::Unwound, None),
                        false => Ok(()),
                    }
                });
            }
            Inner::Own(coroutine) => close_quietly(py, &coroutine),
            Inner::Nothing => {}
        }
        quietly(py, || self.release_lost_slot(py, memory));
    }

    /// Something failed between taking a step over and settling it: its slot still goes back.
    pub(crate) fn release_lost_slot(&self, py: Python<'_>, memory: &mut Memory) -> PyResult<()> {
        let taken = match memory.next.take() {
            Some(Next::Start { slot, .. }) => Some(slot),
            _ => self.worker().slot().filter(|_| memory.unwinding.is_none()),
        };
        let Some(slot) = taken else { return Ok(()) };
        self.worker().set_slot(None);
        // A poisoned scheduler has no slots to give any more; every later call says so.
        let run = self.run.get();
        let pool = run.pool.get();
        if self.is_running(py, slot)? {
            pool.lock(py)?.settle(slot, Outcome::Unwound, 0);
        }
        pool.wake(py, Some(run.lane))
    }

    fn is_running(&self, py: Python<'_>, slot: SlotId) -> PyResult<bool> {
        let scheduler = self.run.get().pool.get().lock(py)?;
        Ok(scheduler.started_ns(slot).is_some())
    }

    pub(crate) fn judge_step(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        error: Option<Bound<'_, PyAny>>,
        caught: bool,
    ) -> PyResult<()> {
        fault!(py, Judge);
        let run = self.run.get();
        let Some(unwinding) = memory.unwinding.take() else {
            // Not a step's: the driver's own checkpoint or wait was cancelled, or it failed.
            return error.map_or(Ok(()), |error| Err(PyErr::from_value(error)));
        };
        // Frames of ours below the step's would tie the error to the run that holds it.
        let traceback = unwinding
            .traceback
            .map(|traceback| traceback.into_bound(py));
        let steps_own = PyErr::from_value(unwinding.error.into_bound(py).into_any());
        steps_own.set_traceback(py, traceback.clone());
        let step = unwinding.step;
        match error {
            Some(error) => {
                let error = match error.is(steps_own.value(py)) {
                    true => steps_own,
                    false => PyErr::from_value(error),
                };
                error.set_traceback(py, traceback);
                let ending = classify(py, error)?;
                self.carry_out(py, memory, step, ending)?;
            }
            None if caught => {
                let error = run.timeout_error(py, step.index)?;
                error.set_cause(py, Some(steps_own));
                self.settle(py, memory, step, Outcome::TimedOut, Some(error))?;
            }
            None => return Err(errors::internal(py, "a step's exception was swallowed")),
        }
        fault!(py, Judged);
        match run.isolated {
            true => return self.retire_worker(py, memory),
            false => memory.action = Action::Again,
        }
        Ok(())
    }
}

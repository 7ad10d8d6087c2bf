//! What is done when a step has ended: its slot goes back, its outcome is noted, others are told.
//!
//! The slot goes back first, under the scheduler's lock; only then is anything recorded or anybody
//! told, which can fail for want of memory and runs other people's code. So no failure there costs
//! a slot. Where nothing stands between two steps, one trip to the scheduler settles the one and
//! starts the other.

use std::mem;
use std::sync::atomic::Ordering;

use hocket_core::{Outcome, SlotId};
use pyo3::prelude::*;

use super::memory::{Action, Step};
use super::turn::{Settled, Turn};
use crate::errors;
use crate::event::Happened;
use crate::faults::fault;
use crate::pool::Pool;
use crate::trio;

/// How a step ended that has not returned.
pub enum End {
    Failed(PyErr),
    TimedOut(PyErr),
    Cancelled,
    /// KeyboardInterrupt and its like, which are nobody's result: nothing more may run.
    Fatal(PyErr),
}

impl End {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(_) | Self::Fatal(_) => Outcome::Failed,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

impl<'py> Turn<'_, 'py> {
    /// A step has not returned: give the slot back, note the error, tell who waits.
    pub fn settle(&mut self, step: Step, end: End) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        if let End::Failed(error) | End::TimedOut(error) = &end {
            if run.work.tries() && self.try_again(step, error)? {
                return Ok(());
            }
        }
        let settled = self.end_step(step.slot, end.outcome())?;
        if settled.is_late {
            return self.ended_late(step.slot, Some(end), &settled);
        }
        let (error, happened) = match &end {
            End::Fatal(error) => return self.tell_fatal(step.index, error, &settled),
            End::Failed(error) => (Some(error), Happened::Failed(error)),
            End::TimedOut(error) => (Some(error), Happened::TimedOut(error)),
            End::Cancelled => (None, Happened::Cancelled),
        };
        let id = run.work.id(py, step.index)?;
        if let Some(error) = error {
            let figures = self.figures(step.index, &settled)?;
            run.work.record(step.index, &id, Err(error), figures)?;
        }
        self.tell(step.index, &id, happened, settled)
    }

    /// The function of a step that had timed out has ended: all that happens is that the slot goes back.
    pub fn ended_late(&self, slot: SlotId, end: Option<End>, settled: &Settled) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        match end {
            Some(End::Failed(error)) => run.raised_late(py, slot, error),
            _ => drop(run.desk.error_of(slot)),
        }
        match settled.woken {
            true => Pool::wake(&run.pool, py, Some(run.lane)),
            false => Ok(()),
        }
    }

    /// An observer has to know of this end too. Nobody else has: the error itself ends the run.
    fn tell_fatal(&self, index: u32, error: &PyErr, settled: &Settled) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        if settled.woken {
            Pool::wake(&run.pool, py, Some(run.lane))?;
        }
        let Some(observer) = &run.work.observer else {
            return Ok(());
        };
        let id = run.work.id(py, index)?;
        let attempt = self.attempt(index)?;
        self.observe(
            observer,
            Happened::Failed(error),
            &id,
            settled.run_ns,
            attempt,
        )
    }

    /// The step's state is final: its slot goes back, or, where nothing stands between two steps, on
    /// to the lane's next step, which is then noted in `next`.
    #[inline]
    pub fn end_step(&mut self, slot: SlotId, outcome: Outcome) -> PyResult<Settled> {
        fault!(self.py, FreeSlot);
        let (py, run) = (self.py, self.run());
        let clock = run.work.clock.soon(py, &mut self.memory.anchor);
        let now = clock.as_ref().copied().unwrap_or_default();
        let now_ns = now.ns;
        if run.is_closed() {
            // Where Trio has been torn a task may outlive its run; what it comes to is nobody's.
            self.worker().set_slot(None);
            return Err(errors::closed());
        }
        let mut scheduler = self.pool().lock(py)?;
        let (waited_ns, started_ns) = match run.work.wants_times() {
            true => scheduler.times_ns(slot).unwrap_or((0, now_ns)),
            false => (0, now_ns),
        };
        let is_late = self.worker().is_cancelled() && scheduler.has_timed_out(slot);
        self.now = Some(now);
        self.count_stretch(now_ns);
        // One trip to the scheduler instead of two, where nothing stands between two steps.
        let stays = mem::take(&mut self.stays) && !self.memory.must_checkpoint;
        let verdict = if stays {
            let (verdict, next) = scheduler.settle_and_next(slot, outcome, now_ns);
            self.next = Some(next);
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
            is_late,
            run_ns: now_ns.saturating_sub(started_ns),
            waited_ns,
        })
    }

    /// Find out whether a checkpoint is due before the next step.
    pub fn count_stretch(&mut self, now_ns: u64) {
        let pace = &mut self.pace;
        pace.streak += 1;
        let since_ns = *pace.since_ns.get_or_insert(now_ns);
        let stretch_ns = now_ns.saturating_sub(since_ns);
        let is_foreign = self.driver.run.get().work.clock.is_foreign();
        let due = pace
            .round
            .count_stretch(pace.streak, stretch_ns, is_foreign);
        self.memory.must_checkpoint = due;
    }

    /// Tell whoever has to know that a step has ended.
    pub fn tell(
        &self,
        index: u32,
        id: &Bound<'py, PyAny>,
        happened: Happened<'_, 'py>,
        settled: Settled,
    ) -> PyResult<()> {
        fault!(self.py, Tell);
        // The observer last: it is the caller's code, and may raise.
        let (py, run) = (self.py, self.run());
        if settled.decided {
            run.crew().announce_verdict(py, index, settled.alone)?;
        }
        if settled.woken {
            Pool::wake(&run.pool, py, Some(run.lane))?;
        }
        match &run.work.observer {
            Some(observer) => {
                let attempt = self.attempt(index)?;
                self.observe(observer, happened, id, settled.run_ns, attempt)
            }
            None => Ok(()),
        }
    }

    /// Call the observer. A panic in there is not the driver's.
    pub fn observe(
        &self,
        observer: &Py<PyAny>,
        happened: Happened<'_, 'py>,
        step: &Bound<'py, PyAny>,
        ns: u64,
        attempt: u32,
    ) -> PyResult<()> {
        fault!(self.py, Observe);
        let event = happened.event(step, &self.run().work.group, ns, attempt)?;
        let in_step = &self.driver.in_step;
        let outside = in_step.swap(true, Ordering::Relaxed);
        let told = observer.call1(self.py, (event,));
        in_step.store(outside, Ordering::Relaxed);
        told.map(drop)
    }

    /// The slot of a step whose run is being cancelled is not for another step of that run.
    pub fn stand_back(&self, cancelled: bool) -> PyResult<()> {
        if cancelled {
            self.pool().lock(self.py)?.stand_back(self.run().lane);
        }
        Ok(())
    }

    /// The worker makes room for another one. That one's slot is reserved here and now, so that the run
    /// does not fall behind others while the new worker starts.
    pub fn retire_worker(&mut self) -> PyResult<()> {
        fault!(self.py, Retire);
        self.memory.action = Action::Retire;
        self.pool().lock(self.py)?.request(self.run().lane);
        Ok(())
    }

    /// Put the worker's own context and name back, before anything but a step can look at them.
    pub fn restore_task(&mut self) -> PyResult<()> {
        let py = self.py;
        let (Some(seat), true) = (&self.memory.seat, self.memory.task_is_changed) else {
            return Ok(());
        };
        fault!(py, SitBack);
        let task = seat.task.bind(py);
        if let Some(base) = &self.run().work.base {
            self.memory.contexts.task_is_restored();
            trio::task_context(py)?.set(task, base.bind(py))?;
        }
        trio::task_name(py)?.set(task, seat.name.bind(py))?;
        self.memory.task_is_changed = false;
        Ok(())
    }
}

//! The end of a function: its step is settled, and others are told by way of the desk.
//!
//! As on Trio's own thread the slot goes back first, under the scheduler's lock, and only then is
//! anything recorded. What is noted in the run's own dicts and lists is noted here.

use hocket_core::Outcome;
use pyo3::exceptions::{PyException, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use super::desk::Told;
use super::pull::{Following, Shift, Step};
use crate::errors;
use crate::event::Happened;
use crate::exception::{Ending, classify, is_plainly_fatal};
use crate::faults::fault;
use crate::outcome::Figures;
use crate::pool::Pool;

/// How a step has ended.
enum End<'py> {
    Succeeded(Bound<'py, PyAny>),
    Failed(PyErr),
    TimedOut(PyErr),
    Cancelled,
    Fatal(PyErr),
}

impl End<'_> {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Succeeded(_) => Outcome::Succeeded,
            Self::Failed(_) | Self::Fatal(_) => Outcome::Failed,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

/// No coroutine can raise StopIteration, and so no step does: it is a RuntimeError, as from an async one.
fn as_if_async(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let found = PyRuntimeError::new_err("function raised StopIteration");
    found.set_cause(py, Some(error));
    found
}

/// What came of a step's end.
struct Settled {
    /// Whether it decided the run, and as the last one that ran.
    decided: bool,
    alone: bool,
    waited_ns: u64,
    run_ns: u64,
    attempt: u32,
    /// Whether its time was up, so that the scope is cancelled, or about to be.
    is_dirty: bool,
    /// Whether it had timed out before.
    is_late: bool,
    /// The time, if its thread's stretch is over with it.
    gives_way_at: Option<u64>,
}

impl<'py> Shift<'_, 'py> {
    /// A function has returned, or raised. Whether the thread goes on, in this scope.
    pub fn ended(&mut self, step: Step, made: PyResult<Bound<'py, PyAny>>) -> PyResult<bool> {
        let py = self.py;
        if let Some(mistake) = self.mistake(step, &made)? {
            self.settle(step, End::Cancelled)?;
            return Err(mistake);
        }
        let error = match made {
            Ok(value) if self.is_to_be_judged(step)? => return self.overdue(step, None, value),
            Ok(value) => return self.settle(step, End::Succeeded(value)),
            Err(error) => as_if_async(py, error),
        };
        // Something fatal frees the slot before anything that can allocate or run Python.
        if is_plainly_fatal(py, &error)? {
            self.settle(step, End::Fatal(error.clone_ref(py)))?;
            return Err(error);
        }
        if self.is_to_be_judged(step)? {
            let none = py.None().into_bound(py);
            return self.overdue(step, Some(error), none);
        }
        match classify(py, error)? {
            Ending::Error(error) => self.settle(step, End::Failed(error)),
            Ending::Cancelled(error) => {
                // It asked Trio, which has cancelled the run; or the step's time is up.
                let goes_on = self.settle(step, End::Cancelled)?;
                self.unless_late(goes_on, error)
            }
            Ending::Both(cancelled, error) => {
                self.pool().lock(py)?.stand_back(self.run().lane);
                let goes_on = self.settle(step, End::Failed(error))?;
                self.unless_late(goes_on, cancelled)
            }
            Ending::Fatal(error) => {
                self.settle(step, End::Fatal(error.clone_ref(py)))?;
                Err(error)
            }
        }
    }

    /// Of a step that has timed out, its cancellation is over; any other one goes on to Trio.
    fn unless_late(&self, goes_on: bool, cancelled: PyErr) -> PyResult<bool> {
        match goes_on {
            true => Err(cancelled),
            false => Ok(false),
        }
    }

    /// Whether the step's time is up, and what it has come to is still to be found.
    fn is_to_be_judged(&self, step: Step) -> PyResult<bool> {
        if !self.run().has_timeouts {
            return Ok(false);
        }
        let scheduler = self.pool().lock(self.py)?;
        Ok(scheduler.is_overdue(step.slot) && !scheduler.has_timed_out(step.slot))
    }

    /// An attempt has ended that was past its limit.
    fn overdue(
        &mut self,
        step: Step,
        own: Option<PyErr>,
        value: Bound<'py, PyAny>,
    ) -> PyResult<bool> {
        drop(value);
        let error = self.run().timeout_error(self.py, step.index, step.slot)?;
        error.set_cause(self.py, own);
        self.settle(step, End::TimedOut(error))
    }

    /// The step has ended: its slot goes back, or on to the next step. Whether the thread goes on.
    fn settle(&mut self, step: Step, end: End<'py>) -> PyResult<bool> {
        let (py, run) = (self.py, self.run());
        if let End::Failed(error) | End::TimedOut(error) = &end
            && run.work.tries()
            && let Some(goes_on) = self.try_again(step, error)?
        {
            return Ok(goes_on);
        }
        let id = run.work.id(py, step.index)?;
        let (settled, followed) = self.end_step(step, end.outcome())?;
        // First of all: of what has happened somebody is told, whatever else has failed.
        match settled.is_late {
            true => self.tell_late(step, end)?,
            false => self.tell(step, &id, &end, &settled)?,
        }
        followed?;
        if let Some(now_ns) = settled.gives_way_at {
            self.give_way(now_ns);
        }
        if run.work.wants_times() && !settled.is_late {
            run.desk.wait_for_room(py);
        }
        Ok(!settled.is_dirty)
    }

    /// Note what a step has come to, and tell who has to know, each of them whatever else fails.
    fn tell(
        &mut self,
        step: Step,
        id: &Bound<'py, PyAny>,
        end: &End<'py>,
        settled: &Settled,
    ) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        let recorded = match end {
            End::Succeeded(value) => self.record(step, id, Ok(value), settled),
            End::Failed(error) | End::TimedOut(error) => self.record(step, id, Err(error), settled),
            End::Cancelled | End::Fatal(_) => Ok(()),
        };
        let mut announced = Ok(());
        if settled.decided {
            run.crew().note_winner(step.index);
            let (step, alone) = (step.index, settled.alone);
            announced = run.desk.put(py, |papers| papers.decided(step, alone));
        }
        let happened = match end {
            End::Succeeded(value) => Happened::Succeeded(value),
            End::Failed(error) | End::Fatal(error) => Happened::Failed(error),
            End::TimedOut(error) => Happened::TimedOut(error),
            End::Cancelled => Happened::Cancelled,
        };
        let told = self.tell_end(happened, id, settled.run_ns, settled.attempt);
        recorded.and(announced).and(told)
    }

    /// Free the step's slot. With it comes what has failed afterwards, which does not undo that.
    fn end_step(&mut self, step: Step, outcome: Outcome) -> PyResult<(Settled, PyResult<()>)> {
        fault!(self.py, FreeSlot);
        let (py, run, pool) = (self.py, self.run(), self.pool());
        let clock = run.work.clock.soon(py, &mut self.anchor);
        let now = clock.as_ref().copied().unwrap_or_default();
        let gives_way = self.stretch.is_over(now.ns);
        let mut scheduler = pool.lock(py)?;
        if scheduler.started_ns(step.slot).is_none() {
            // Where Trio has been torn a thread may outlive its run; what it comes to is nobody's.
            drop(scheduler);
            self.worker().set_slot(None);
            return Err(errors::closed());
        }
        let (mut waited_ns, mut started_ns, mut attempt) = (0, now.ns, 1);
        if run.work.wants_times() {
            (waited_ns, started_ns) = scheduler.times_ns(step.slot).unwrap_or((0, now.ns));
            attempt = scheduler.attempt(run.lane, step.index);
        }
        let is_dirty = scheduler.is_overdue(step.slot);
        let is_late = scheduler.has_timed_out(step.slot);
        self.worker().set_slot(None);
        let goes_on = outcome == Outcome::Succeeded && !gives_way && clock.is_ok();
        let (verdict, following) = if goes_on && !is_dirty {
            let (verdict, next) = scheduler.settle_and_next(step.slot, outcome, now.ns);
            let following = self.take_over(&mut scheduler, &next, now);
            self.next = Some(next);
            (verdict, following)
        } else {
            let verdict = scheduler.settle(step.slot, outcome, now.ns);
            let wakes = scheduler.take_wakes();
            (verdict, Following::waking(wakes))
        };
        let alone = verdict.is_some() && scheduler.is_idle(run.lane);
        if is_dirty {
            self.is_coming_back();
        }
        drop(scheduler);
        let settled = Settled {
            decided: verdict.is_some(),
            alone,
            waited_ns,
            run_ns: now.ns.saturating_sub(started_ns),
            attempt,
            is_dirty,
            is_late,
            gives_way_at: (gives_way && !is_dirty).then_some(now.ns),
        };
        Ok((settled, self.follow_up(following).and(clock.map(drop))))
    }

    fn follow_up(&self, following: Following) -> PyResult<()> {
        fault!(self.py, FreedSlot);
        self.follow(following)
    }

    /// Note what a step has come to; of a run that is fed, have it landed on Trio's thread.
    fn record(
        &self,
        step: Step,
        id: &Bound<'py, PyAny>,
        ended: Result<&Bound<'py, PyAny>, &PyErr>,
        settled: &Settled,
    ) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        let figures = Figures {
            waited_ns: settled.waited_ns,
            ran_ns: settled.run_ns,
            attempt: settled.attempt,
        };
        if run.work.landing.is_none() {
            return run.work.record(step.index, id, ended, figures);
        }
        let told = Told::Landed {
            step: step.index,
            ended: match ended {
                Ok(value) => Ok(value.clone().unbind()),
                Err(error) => Err(error.clone_ref(py).into_value(py)),
            },
            figures,
        };
        run.desk.put(py, |papers| papers.tell(told))
    }

    /// The function of a step that has timed out has ended. What it has raised goes to the error that
    /// there is.
    fn tell_late(&mut self, step: Step, end: End<'py>) -> PyResult<()> {
        let py = self.py;
        let error = match end {
            End::Failed(error) if error.is_instance_of::<PyException>(py) => {
                Some(error.into_value(py))
            }
            _ => None,
        };
        let told = Told::Late {
            slot: step.slot,
            error,
        };
        self.begun = None;
        self.run().desk.put(py, |papers| papers.tell(told))
    }

    /// The attempt has failed with this error. If the step waits for another one its slot has gone
    /// back, and this is whether the thread goes on.
    fn try_again(&mut self, step: Step, error: &PyErr) -> PyResult<Option<bool>> {
        let (py, run) = (self.py, self.run());
        let Some(retried) = run.try_again(py, self.worker(), (step.index, step.slot), error)?
        else {
            return Ok(None);
        };
        if retried.is_dirty {
            self.is_coming_back();
        }
        let woken = Pool::wake_from_thread(&run.pool, py, retried.wakes, Some(run.lane));
        let id = run.work.id(py, step.index)?;
        let happened = Happened::Retrying(error);
        self.tell_end(happened, &id, retried.ran_ns, retried.attempt)?;
        woken?;
        Ok(Some(!retried.is_dirty))
    }
}

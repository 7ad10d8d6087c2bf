//! What the end of a step is, and where the worker goes on.
//!
//! A step that returns has returned, however late (but for one that waited for a function in a thread,
//! which nobody could cancel). A step that raises is not judged by its
//! exception alone: a `Cancelled` does not say whose it is. Where a scope of ours may have been
//! cancelled, the exception goes on through it, and what comes out on the other side decides.
//!
//! This is the path of a time limit in a group. As a step suspends, its deadline is armed in the
//! scheduler, and the supervisor's watchdog is set to the earliest one. As Trio wakes that it calls
//! `Run.cancel_overdue`: the scheduler names the workers whose step is past its limit (one that has
//! ended meanwhile is disarmed), and `Worker::cancel_overdue` cancels the scope that such a worker sits in.
//! Trio throws `Cancelled` into the step. When it comes out of the step, `raised` finds that the
//! scope was cancelled: it keeps the exception (`Unwinding`) and raises it, out of the driver and
//! through the worker's `with scope:`. A scope that catches it makes the worker call `Driver.judge`
//! with None, and the step has failed with StepTimeout. Anything that comes out instead, another
//! error or the cancellation of a scope further out, is given to `Driver.judge`, which judges it by
//! its kind. No step starts in a scope that was cancelled: the worker enters a fresh one.
//!
//! A single call has no watchdog. Its alarm sets the deadline of the very scope around it, and Trio
//! cancels it without telling us (`trio_cancels`): whatever a suspended step raises goes through the
//! scope, and `Driver.judge` decides as above.

use hocket_core::Outcome;
use hocket_core::faults::{self, Rule};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;

use super::memory::{Action, Step, Suspended, Unwinding};
use super::settle::End;
use super::turn::Turn;
use crate::errors;
use crate::event::Happened;
use crate::exception::{Ending, classify, is_plainly_fatal};
use crate::faults::fault;
use crate::frames;
use crate::panics::guarded;

impl<'py> Turn<'_, 'py> {
    /// A step has returned.
    pub fn returned(
        &mut self,
        step: Step,
        suspended: bool,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        fault!(py, Leftovers);
        let tasks_before = self.tasks_before.filter(|_| !suspended);
        let leftovers = &self.memory.baseline;
        let is_late = self.worker().take_late();
        if leftovers.are_on(seat.task.bind(py), tasks_before)? {
            return self.found_leftovers(step, None);
        }
        let dirty = self.worker().is_cancelled() && faults::holds(Rule::Dirty);
        let cancelled = suspended && seat.is_cancelled(py)?;
        let leave = cancelled || self.memory.thrown;
        self.stays = !(run.isolated || leave || dirty);
        self.stand_back(cancelled)?;
        if is_late {
            self.stays = false;
            self.timed_out(step, None)?;
            self.memory.must_checkpoint |= leave;
            return self.move_on(dirty);
        }
        let settled = self.end_step(step.slot, Outcome::Succeeded)?;
        if settled.is_late {
            self.ended_late(step.slot, None, &settled)?;
        } else {
            let id = run.work.id(py, step.index)?;
            let figures = self.figures(step.index, &settled)?;
            run.work.record(step.index, &id, Ok(value), figures)?;
            self.tell(step.index, &id, Happened::Succeeded(value), settled)?;
        }
        self.memory.must_checkpoint |= leave;
        self.move_on(dirty)
    }

    /// A step has raised.
    pub fn raised(&mut self, step: Step, held: Option<Suspended>, error: PyErr) -> PyResult<()> {
        let py = self.py;
        let suspended = held.is_some();
        let is_late = self.worker().take_late();
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        // Something fatal frees the slot before anything that can allocate or run Python.
        if is_plainly_fatal(py, &error)? && faults::holds(Rule::Fatal) {
            self.settle_fatal(step, &error);
            drop(held);
            return Err(error);
        }
        frames::forget_callers(py, &error)?;
        fault!(py, Leftovers);
        let tasks_before = self.tasks_before.filter(|_| !suspended);
        let leftovers = &self.memory.baseline;
        if leftovers.are_on(seat.task.bind(py), tasks_before)? {
            return match classify(py, error)? {
                fatal @ Ending::Fatal(_) => self.carry_out(step, fatal),
                ending => self.found_leftovers(step, Some(ending.into_error())),
            };
        }
        let dirty = self.worker().is_cancelled();
        // An ordinary error is nobody's cancellation, and Trio's scopes might stumble over it.
        let ordinary = error.is_instance_of::<PyException>(py);
        if !ordinary && (dirty || (seat.trio_cancels && suspended)) {
            let traceback = error.traceback(py).map(Bound::unbind);
            self.memory.unwinding = Some(Unwinding {
                step,
                error: error.clone_ref(py).into_value(py),
                traceback,
            });
            return Err(error);
        }
        let cancelled = suspended && seat.is_cancelled(py)?;
        let ending = classify(py, error)?;
        self.stand_back(cancelled)?;
        match ending {
            Ending::Error(error) if is_late => self.timed_out(step, Some(error))?,
            ending => self.carry_out(step, ending)?,
        }
        self.memory.must_checkpoint |= cancelled || self.memory.thrown;
        self.move_on(dirty && faults::holds(Rule::Dirty))
    }

    /// What came out of the worker's scope decides about the step whose exception went into it:
    /// `error`, or None when the scope has caught its own cancellation.
    pub fn judge(&mut self, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        fault!(self.py, Judge);
        let (py, run) = (self.py, self.run());
        let Some(unwinding) = self.memory.unwinding.take() else {
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
                self.carry_out(step, ending)?;
            }
            None => self.timed_out(step, Some(steps_own))?,
        }
        fault!(py, Judged);
        match run.isolated {
            true => return self.retire_worker(),
            false => self.memory.action = Action::Again,
        }
        Ok(())
    }

    /// The step's time was up when it ended; `own` is what it has raised.
    fn timed_out(&mut self, step: Step, own: Option<PyErr>) -> PyResult<()> {
        let error = self.run().timeout_error(self.py, step.index, step.slot)?;
        error.set_cause(self.py, own);
        self.settle(step, End::TimedOut(error))
    }

    /// Record what an exception came to; raise what has to go on.
    fn carry_out(&mut self, step: Step, ending: Ending) -> PyResult<()> {
        match ending {
            Ending::Error(error) => self.settle(step, End::Failed(error)),
            Ending::Cancelled(error) => {
                self.settle(step, End::Cancelled)?;
                Err(error)
            }
            Ending::Both(cancelled, error) => {
                self.stand_back(true)?;
                self.settle(step, End::Failed(error))?;
                Err(cancelled)
            }
            Ending::Fatal(error) if !faults::holds(Rule::Fatal) => {
                self.settle(step, End::Failed(error))
            }
            Ending::Fatal(error) => {
                self.settle_fatal(step, &error);
                Err(error)
            }
        }
    }

    /// The error goes on, whatever fails here. One more Ctrl-C is no news beside it.
    fn settle_fatal(&mut self, step: Step, error: &PyErr) {
        let py = self.py;
        let fatal = error.clone_ref(py);
        if let Err(other) = guarded(py, || self.settle(step, End::Fatal(fatal))) {
            if !other.is_instance_of::<PyKeyboardInterrupt>(py) {
                other.write_unraisable(py, None);
            }
        }
    }

    /// The step has ended well or badly, and left something behind on the worker's task.
    fn found_leftovers(&mut self, step: Step, cause: Option<PyErr>) -> PyResult<()> {
        let error = self.leftovers_error(step.index, cause)?;
        self.settle(step, End::Failed(error))?;
        match faults::holds(Rule::Retire) {
            true => self.retire_worker(),
            false => Ok(()),
        }
    }

    fn leftovers_error(&self, index: u32, cause: Option<PyErr>) -> PyResult<PyErr> {
        let py = self.py;
        let Some(describe) = self.memory.baseline.describe(py) else {
            let what = "leftovers were found where none can be";
            return Err(errors::internal(py, what));
        };
        fault!(py, Describe);
        let id = self.run().work.id(py, index)?;
        let error = PyErr::from_value(describe.call1((id,))?);
        error.set_cause(py, cause);
        Ok(error)
    }

    /// Where the worker's next step runs. Dirty: no step may start in a scope that is cancelled.
    fn move_on(&mut self, dirty: bool) -> PyResult<()> {
        if self.run().isolated {
            return self.retire_worker();
        }
        if dirty {
            self.memory.action = Action::Again;
        }
        Ok(())
    }
}

//! A failed attempt, for the driver: whether the step is tried again is found in `retrying`.

use pyo3::prelude::*;

use super::memory::{Action, Step};
use super::turn::{Settled, Turn};
use crate::errors;
use crate::event::Happened;
use crate::outcome::Figures;
use crate::pool::Pool;

impl<'py> Turn<'_, 'py> {
    /// The attempt has failed with this error. Whether the step waits for another one: its slot has gone
    /// back then, and it is not settled.
    pub fn try_again(&mut self, step: Step, error: &PyErr) -> PyResult<bool> {
        let (py, run) = (self.py, self.run());
        if run.is_closed() || self.is_being_cancelled()? {
            return Ok(false);
        }
        let asked = run.try_again(py, self.worker(), (step.index, step.slot), error)?;
        let Some(retried) = asked else {
            return Ok(false);
        };
        self.now = Some(retried.now);
        self.count_stretch(retried.now.ns);
        if self
            .memory
            .seat
            .as_ref()
            .is_some_and(|seat| seat.trio_cancels)
        {
            // The attempt's deadline is the scope's: the next one needs another scope.
            self.memory.action = Action::Again;
        }
        Pool::wake_those(&run.pool, py, retried.wakes, Some(run.lane))?;
        if let Some(observer) = &run.work.observer {
            let id = run.work.id(py, step.index)?;
            let happened = Happened::Retrying(error);
            self.observe(observer, happened, &id, retried.ran_ns, retried.attempt)?;
        }
        Ok(true)
    }

    /// Whether the run is being cancelled from outside: then no other attempt would come to anything.
    fn is_being_cancelled(&self) -> PyResult<bool> {
        let py = self.py;
        let Some(seat) = &self.memory.seat else {
            return Err(errors::not_seated(py));
        };
        // A scope of the step's own may have been cancelled for its limit alone.
        let limited = self.worker().is_cancelled() || seat.trio_cancels;
        Ok(!limited && seat.is_cancelled(py)?)
    }

    /// What is told of a step that has ended, besides what it came to.
    pub fn figures(&self, index: u32, settled: &Settled) -> PyResult<Figures> {
        let attempt = match &self.run().work.landing {
            Some(_) => self.attempt(index)?,
            None => 1,
        };
        Ok(Figures {
            waited_ns: settled.waited_ns,
            ran_ns: settled.run_ns,
            attempt,
        })
    }

    /// Which attempt this is, for an observer.
    pub fn attempt(&self, index: u32) -> PyResult<u32> {
        match self.run().work.tries() {
            true => Ok(self.pool().lock(self.py)?.attempt(self.run().lane, index)),
            false => Ok(1),
        }
    }
}

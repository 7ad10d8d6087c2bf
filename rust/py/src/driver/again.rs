//! A failed attempt: the caller's rule says whether, and the scheduler when, the step is tried again.

use hocket_core::Attempt;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use super::memory::{Action, Step};
use super::turn::{Settled, Turn};
use crate::errors;
use crate::event::Happened;
use crate::outcome::Figures;
use crate::trio;

impl<'py> Turn<'_, 'py> {
    /// The attempt has failed with this error. Whether the step waits for another one: its slot has gone
    /// back then, and it is not settled.
    pub fn try_again(&mut self, step: Step, error: &PyErr) -> PyResult<bool> {
        let (py, run) = (self.py, self.run());
        let Some(decide) = run.work.retry(py, step.index)? else {
            return Ok(false);
        };
        if run.is_closed() || self.is_being_cancelled()? {
            return Ok(false);
        }
        let value: Bound<'py, PyBaseException> = error.clone_ref(py).into_value(py).into_bound(py);
        let answer: Option<(Option<u64>, f64)> = decide.call1((&value,))?.extract()?;
        let Some((asked_ns, chance)) = answer else {
            return Ok(false);
        };
        let now = run.work.clock.now(py)?;
        let mut scheduler = self.pool().lock(py)?;
        let started_ns = scheduler.started_ns(step.slot).unwrap_or(now.ns);
        let attempt = scheduler.attempt(run.lane, step.index);
        let waits = scheduler.retry(step.slot, asked_ns, chance, now.ns);
        let woken = scheduler.has_wakes();
        drop(scheduler);
        match waits {
            Some(Attempt::At { .. }) => {}
            Some(Attempt::Refused) => {
                let note = "not tried again, as the pool's retry_budget is used up";
                trio::note_on(py)?.call1((value, note))?;
                return Ok(false);
            }
            None => return Ok(false),
        }
        self.worker().set_slot(None);
        self.now = Some(now);
        self.count_stretch(now.ns);
        if self
            .memory
            .seat
            .as_ref()
            .is_some_and(|seat| seat.trio_cancels)
        {
            // The attempt's deadline is the scope's: the next one needs another scope.
            self.memory.action = Action::Again;
        }
        if woken {
            self.pool().wake(py, Some(run.lane))?;
        }
        if let Some(observer) = &run.work.observer {
            let id = run.work.id(py, step.index)?;
            let ran_ns = now.ns.saturating_sub(started_ns);
            self.observe(observer, Happened::Retrying(error), &id, ran_ns, attempt)?;
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

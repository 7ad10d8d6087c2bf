//! What a run leaves: steps that were stopped, or never started, and those past their limit.

use hocket_core::{SlotId, StepState};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::clock::seconds;
use crate::errors;
use crate::faults::fault;
use crate::pool::Pool;
use crate::run::Run;

impl Run {
    /// A worker was cancelled between two steps: the whole run is, and will start nothing more.
    /// What it stands in line for, or was granted already, goes to others.
    pub fn abandon_rest(&self, py: Python<'_>) -> PyResult<()> {
        self.pool.get().lock(py)?.stop(self.lane);
        Pool::wake(&self.pool, py, Some(self.lane))
    }

    /// StepTimeout for a step past its own limit.
    pub fn timeout_error(&self, py: Python<'_>, step: u32, slot: SlotId) -> PyResult<PyErr> {
        let scheduler = self.pool.get().lock(py)?;
        let (limit_ns, of) = match scheduler.attempt_limit_ns(slot) {
            Some((_, true)) => (scheduler.retry_timeout_ns(self.lane, step), "retry"),
            limit => (limit.map(|(limit_ns, _)| limit_ns), "step"),
        };
        drop(scheduler);
        let limit_s = limit_ns.map_or(0.0, seconds);
        let id = self.work.id(py, step)?;
        Ok(errors::step_timeout(py, &id, limit_s, of))
    }

    /// The ids of the steps that are skipped, and of those that were stopped from outside.
    pub fn skipped_and_stopped<'py>(
        &self,
        py: Python<'py>,
        states: Vec<StepState>,
        timed_out: bool,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        fault!(py, Closing);
        let skipped = PyList::empty(py);
        let stopped = PyList::empty(py);
        for (step, state) in states.into_iter().enumerate() {
            let is_stopped = matches!(state, StepState::Cancelled | StepState::Running);
            if is_stopped {
                stopped.append(self.work.id(py, step as u32)?)?;
            }
            if state == StepState::Waiting || (is_stopped && !timed_out) {
                skipped.append(self.work.id(py, step as u32)?)?;
            }
        }
        Ok((skipped, stopped))
    }
}

//! The runs that are open in a pool, and the `trio.run` that they are in; what becomes of them
//! when that breaks off.

use std::collections::HashMap;

use hocket_core::LaneId;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::clock::Clock;
use crate::pool::Pool;
use crate::run::Run;
use crate::trio;

/// The open runs, and the `trio.run` they are in: of two, neither could wake the other's workers.
#[derive(Default)]
pub struct Runs {
    pub open: HashMap<LaneId, Py<Run>>,
    /// How many are open, or are being opened or closed.
    pub users: usize,
    /// The Trio token of those, or of the latest ones.
    pub token: Option<Py<PyAny>>,
    /// The clock of that `trio.run`.
    pub clock: Option<Clock>,
}

impl Runs {
    pub fn serves(&self, token: &Bound<'_, PyAny>) -> bool {
        self.users == 0 || self.knows(token)
    }

    pub fn knows(&self, token: &Bound<'_, PyAny>) -> bool {
        self.token.as_ref().is_some_and(|own| own.is(token))
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for run in self.open.values() {
            visit.call(run)?;
        }
        visit.call(&self.token)?;
        match &self.clock {
            Some(clock) => clock.traverse(visit),
            None => Ok(()),
        }
    }
}

impl Pool {
    /// Where something has torn another `trio.run`, whoever had runs open in it may never come to
    /// close them (an exception that is kept keeps the tasks). Once that `trio.run` is over we do.
    pub fn close_torn(&self, token: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = token.py();
        let runs = self.lock_runs();
        if runs.serves(token) {
            return Ok(());
        }
        let other = runs.token.as_ref().map(|token| token.clone_ref(py));
        drop(runs);
        self.check_fork()?;
        let over = trio::is_over(py)?.call1((&other,))?.is_truthy()?;
        let runs = self.lock_runs();
        let same = runs.token.as_ref().map(Py::as_ptr) == other.as_ref().map(Py::as_ptr);
        if !over || !same {
            return Ok(());
        }
        let torn: Vec<_> = runs.open.values().map(|run| run.clone_ref(py)).collect();
        drop(runs);
        // All are stopped before the first one is closed: a slot that one gives back must not
        // wake a task of another, which no Trio runs any more.
        let mut scheduler = self.lock(py)?;
        torn.iter().for_each(|run| scheduler.stop(run.get().lane));
        drop(scheduler.take_wakes());
        drop(scheduler);
        torn.iter()
            .try_for_each(|run| run.get().close(py, false).map(drop))
    }
}

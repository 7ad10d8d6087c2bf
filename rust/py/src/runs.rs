//! The runs that are open in a pool, and the `trio.run` that they are in.

use std::collections::HashMap;
use std::thread::{self, ThreadId};

use hocket_core::LaneId;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::clock::Clock;
use crate::crew::Crew;

/// What the pool has to know of an open run.
pub struct Open {
    /// The run itself, for who can close it: this file comes below.
    pub run: Py<PyAny>,
    pub crew: Py<Crew>,
    /// The id of each step.
    pub ids: Py<PyList>,
    pub clock: Clock,
}

/// The open runs, and the `trio.run` they are in: of two, neither could wake the other's workers.
#[derive(Default)]
pub struct Runs {
    pub open: HashMap<LaneId, Open>,
    /// What to call as a step has its slot again that waits for it, by the lane that stands in line for it.
    pub bells: HashMap<LaneId, Py<PyAny>>,
    /// How many are open, or are being opened.
    pub entered: usize,
    /// The Trio token of those, or of the latest ones.
    pub token: Option<Py<PyAny>>,
    /// The thread of that `trio.run`.
    pub thread: Option<ThreadId>,
    /// The clock of that `trio.run`.
    pub clock: Option<Clock>,
}

impl Runs {
    pub fn serves(&self, token: &Bound<'_, PyAny>) -> bool {
        self.entered == 0 || self.knows(token)
    }

    pub fn knows(&self, token: &Bound<'_, PyAny>) -> bool {
        self.token.as_ref().is_some_and(|own| own.is(token))
    }

    /// The crews whose workers can be woken from this thread: from another one than Trio's, none.
    pub fn crews_here(&self, py: Python<'_>) -> Vec<Py<Crew>> {
        let is_trios = self.thread == Some(thread::current().id());
        let open = self.open.values().filter(|_| is_trios);
        open.map(|open| open.crew.clone_ref(py)).collect()
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for open in self.open.values() {
            visit.call(&open.run)?;
            visit.call(&open.crew)?;
            visit.call(&open.ids)?;
            open.clock.traverse(visit)?;
        }
        self.bells.values().try_for_each(|bell| visit.call(bell))?;
        visit.call(&self.token)?;
        match &self.clock {
            Some(clock) => clock.traverse(visit),
            None => Ok(()),
        }
    }
}

//! Where a worker sits, and what a step may leave behind there.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet};

use crate::ffi;

/// Where the worker sits: its task, its scope, and what these look like when nothing is left
/// behind. The parts that are private to Trio are None where Trio does not have them.
pub struct Seat {
    pub task: Py<PyAny>,
    pub name: Py<PyAny>,
    pub scope: Option<Py<PyAny>>,
    /// Whether Trio itself fires the scope, so that we are not told.
    pub trio_fires: bool,
    pub nurseries: Option<Py<PyList>>,
    pub nurseries_before: usize,
    pub status: Option<Py<PyAny>>,
    pub status_tasks: Option<Py<PySet>>,
    pub breaker: Option<Py<PyDict>>,
    /// How many locks the task held before: the caller's own task may be the worker.
    pub locks_before: usize,
    pub describe: Option<Py<PyAny>>,
}

/// What the supervisor has looked up: (nurseries, status, status_tasks, breaker, describe), each
/// None where it cannot be had.
pub type Leftovers = (
    Option<Py<PyList>>,
    Option<Py<PyAny>>,
    Option<Py<PySet>>,
    Option<Py<PyDict>>,
    Option<Py<PyAny>>,
);

impl Seat {
    pub fn new(
        task: &Bound<'_, PyAny>,
        scope: Option<Py<PyAny>>,
        leftovers: Leftovers,
        trio_fires: bool,
    ) -> PyResult<Self> {
        let py = task.py();
        let (nurseries, status, status_tasks, breaker, describe) = leftovers;
        Ok(Self {
            task: task.clone().unbind(),
            name: task.getattr(intern!(py, "name"))?.unbind(),
            scope,
            trio_fires,
            nurseries_before: nurseries.as_ref().map_or(0, |list| list.bind(py).len()),
            nurseries,
            status,
            status_tasks,
            locks_before: locks_held(py, breaker.as_ref(), task)?,
            breaker,
            describe,
        })
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.task)?;
        visit.call(&self.scope)?;
        visit.call(&self.nurseries)?;
        visit.call(&self.status)?;
        visit.call(&self.status_tasks)?;
        visit.call(&self.breaker)?;
        visit.call(&self.describe)
    }

    /// A step may have named the task for itself.
    pub fn put_name_back(&self, py: Python<'_>) -> PyResult<()> {
        let task = self.task.bind(py);
        let name = intern!(py, "name");
        match task.getattr(name)?.is(&self.name) {
            true => Ok(()),
            false => ffi::set_attribute(task, name, self.name.bind(py)),
        }
    }

    /// Whether the worker's next checkpoint would raise Cancelled; then it must come before the
    /// next step. False where Trio does not let us look: that step's own checkpoint then decides.
    pub fn is_cancelled(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(status) = &self.status else {
            return Ok(false);
        };
        let cancelled = status
            .bind(py)
            .getattr(intern!(py, "effectively_cancelled"))?;
        cancelled.is_truthy()
    }

    /// How many tasks sit in the same scope as this one.
    pub fn company(&self, py: Python<'_>) -> usize {
        let tasks = self.status_tasks.as_ref();
        tasks.map_or(0, |tasks| tasks.bind(py).len())
    }

    /// Whether the step that just ended has left something open on the task. Sizes only: this is
    /// asked after every step. `company` is what it was before a step that has not suspended, so
    /// that nobody but the step can have changed it.
    pub fn finds_leftovers(&self, py: Python<'_>, company: Option<usize>) -> PyResult<bool> {
        if let Some(nurseries) = &self.nurseries {
            if nurseries.bind(py).len() != self.nurseries_before {
                return Ok(true);
            }
        }
        if let (Some(tasks), true) = (&self.status_tasks, company != Some(self.company(py))) {
            if !tasks.bind(py).contains(&self.task)? {
                return Ok(true);
            }
        }
        let locks = locks_held(py, self.breaker.as_ref(), self.task.bind(py))?;
        Ok(locks > self.locks_before)
    }
}

/// How many locks Trio would have to break if the task exited now.
fn locks_held(
    py: Python<'_>,
    breaker: Option<&Py<PyDict>>,
    task: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let Some(breaker) = breaker
        .map(|dict| dict.bind(py))
        .filter(|dict| !dict.is_empty())
    else {
        return Ok(0);
    };
    breaker.get_item(task)?.map_or(Ok(0), |lots| lots.len())
}

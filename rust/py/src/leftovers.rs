//! What a step may leave behind on the task that it shares with later steps.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet};

/// What the task and the worker's scope look like while nothing is left behind. Most of it is
/// private to Trio: each part is None where Trio does not have it, and by default all are.
#[derive(Default)]
pub struct Baseline {
    nurseries: Option<Py<PyList>>,
    nurseries_before: usize,
    /// The tasks in the scope.
    tasks: Option<Py<PySet>>,
    breaker: Option<Py<PyDict>>,
    /// How many locks the task held before: the caller's own task may be the worker.
    locks_before: usize,
    describe: Option<Py<PyAny>>,
}

impl Baseline {
    pub fn new(
        task: &Bound<'_, PyAny>,
        nurseries: Option<Py<PyList>>,
        tasks: Option<Py<PySet>>,
        breaker: Option<Py<PyDict>>,
        describe: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let py = task.py();
        Ok(Self {
            nurseries_before: nurseries.as_ref().map_or(0, |list| list.bind(py).len()),
            nurseries,
            tasks,
            locks_before: locks_held(breaker.as_ref(), task)?,
            breaker,
            describe,
        })
    }

    /// How many tasks sit in the worker's scope.
    pub fn tasks_in_scope(&self, py: Python<'_>) -> usize {
        let tasks = self.tasks.as_ref();
        tasks.map_or(0, |tasks| tasks.bind(py).len())
    }

    /// Whether the step that just ended has left something open on the task. Sizes only: this is
    /// asked after every step. `tasks_before` is how many tasks the scope had before a step that
    /// has not suspended, so that nobody but the step can have changed it.
    pub fn are_on(&self, task: &Bound<'_, PyAny>, tasks_before: Option<usize>) -> PyResult<bool> {
        let py = task.py();
        if let Some(nurseries) = &self.nurseries {
            if nurseries.bind(py).len() != self.nurseries_before {
                return Ok(true);
            }
        }
        if let (Some(tasks), true) = (&self.tasks, tasks_before != Some(self.tasks_in_scope(py))) {
            if !tasks.bind(py).contains(task)? {
                return Ok(true);
            }
        }
        let locks = locks_held(self.breaker.as_ref(), task)?;
        Ok(locks > self.locks_before)
    }

    /// What makes the error of a step that has left something behind, from the step's id.
    pub fn describe<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyAny>> {
        self.describe.as_ref().map(|describe| describe.bind(py))
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.nurseries)?;
        visit.call(&self.tasks)?;
        visit.call(&self.breaker)?;
        visit.call(&self.describe)
    }
}

/// How many locks Trio would have to break if the task exited now.
fn locks_held(breaker: Option<&Py<PyDict>>, task: &Bound<'_, PyAny>) -> PyResult<usize> {
    let breaker = breaker.map(|dict| dict.bind(task.py()));
    let Some(breaker) = breaker.filter(|dict| !dict.is_empty()) else {
        return Ok(0);
    };
    breaker.get_item(task)?.map_or(Ok(0), |lots| lots.len())
}

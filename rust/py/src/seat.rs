//! Where a worker sits.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::trio;

/// The task that the worker runs its steps in, and the cancel scope around them.
pub struct Seat {
    pub task: Py<PyAny>,
    /// The task's own name.
    pub name: Py<PyAny>,
    /// None in a task that is not ours.
    pub scope: Option<Py<PyAny>>,
    /// The scope's cancel status, which is private to Trio: None where Trio does not have it.
    pub status: Option<Py<PyAny>>,
    /// Whether Trio itself fires the scope, so that we are not told.
    pub trio_cancels: bool,
}

impl Seat {
    pub fn new(
        task: &Bound<'_, PyAny>,
        scope: Option<Py<PyAny>>,
        status: Option<Py<PyAny>>,
        trio_cancels: bool,
    ) -> PyResult<Self> {
        Ok(Self {
            task: task.clone().unbind(),
            name: trio::task_name(task.py())?.get(task)?.unbind(),
            scope,
            status,
            trio_cancels,
        })
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            task: self.task.clone_ref(py),
            name: self.name.clone_ref(py),
            scope: self.scope.as_ref().map(|scope| scope.clone_ref(py)),
            status: self.status.as_ref().map(|status| status.clone_ref(py)),
            trio_cancels: self.trio_cancels,
        }
    }

    /// A step may have named the task for itself.
    pub fn put_name_back(&self, py: Python<'_>) -> PyResult<()> {
        let task = self.task.bind(py);
        let name = trio::task_name(py)?;
        match name.get(task)?.is(&self.name) {
            true => Ok(()),
            false => name.set(task, self.name.bind(py)),
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

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.task)?;
        visit.call(&self.name)?;
        visit.call(&self.scope)?;
        visit.call(&self.status)
    }
}

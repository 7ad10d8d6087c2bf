//! What a run's observer is told: a `StepEvent` of Python's, made only where there is one.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use crate::clock::seconds;

/// What has happened to a step, and what came of it.
pub enum Happened<'a, 'py> {
    Started,
    Succeeded(&'a Bound<'py, PyAny>),
    Failed(&'a PyErr),
    TimedOut(&'a PyErr),
    Retrying(&'a PyErr),
    Cancelled,
}

impl<'py> Happened<'_, 'py> {
    /// The name of the member of Python's `EventKind`.
    fn name(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self {
            Self::Started => intern!(py, "STARTED"),
            Self::Succeeded(_) => intern!(py, "SUCCEEDED"),
            Self::Failed(_) => intern!(py, "FAILED"),
            Self::TimedOut(_) => intern!(py, "TIMED_OUT"),
            Self::Cancelled => intern!(py, "CANCELLED"),
            Self::Retrying(_) => intern!(py, "RETRYING"),
        }
    }

    /// The event for a step of this group; `ns` is how long it has waited, or run.
    pub fn event(
        &self,
        step: &Bound<'py, PyAny>,
        group: &Py<PyAny>,
        ns: u64,
        attempt: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        static KIND: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        static EVENT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let py = step.py();
        let module = "hocket._model.event";
        let kind = KIND
            .import(py, module, "EventKind")?
            .getattr(self.name(py))?;
        let (value, error) = match self {
            Self::Succeeded(value) => (Some(*value), None),
            Self::Failed(error) | Self::TimedOut(error) | Self::Retrying(error) => {
                (None, Some(error.value(py)))
            }
            Self::Started | Self::Cancelled => (None, None),
        };
        let event = EVENT.import(py, module, "StepEvent")?;
        event.call1((kind, step, group, seconds(ns), value, error, attempt))
    }
}

//! What kind of end an exception makes of the step that it has left.

use pyo3::exceptions::{PyBaseExceptionGroup, PyException};
use pyo3::prelude::*;

use crate::odd;
use crate::trio;

/// How a step has ended that raised: one of four kinds.
pub enum Ending {
    /// An ordinary error, to be recorded.
    Error(PyErr),
    /// Only a cancellation.
    Cancelled(PyErr),
    /// A cancellation, to be raised, and an ordinary error beside it, to be recorded.
    Both(PyErr, PyErr),
    /// KeyboardInterrupt, SystemExit and their like: straight through.
    Fatal(PyErr),
}

impl Ending {
    /// The exception itself; of two, the one to be recorded.
    pub fn into_error(self) -> PyErr {
        match self {
            Self::Error(error)
            | Self::Cancelled(error)
            | Self::Both(_, error)
            | Self::Fatal(error) => error,
        }
    }
}

/// KeyboardInterrupt and its like. A group of exceptions needs a closer look, in [`classify`].
pub fn is_plainly_fatal(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(!error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyBaseExceptionGroup>(py)
        && !error.is_instance(py, trio::cancelled(py)?))
}

pub fn classify(py: Python<'_>, error: PyErr) -> PyResult<Ending> {
    if error.is_instance_of::<PyException>(py) {
        return Ok(Ending::Error(error));
    }
    let cancelled = trio::cancelled(py)?;
    if error.is_instance(py, cancelled) {
        return Ok(Ending::Cancelled(error));
    }
    if !error.is_instance_of::<PyBaseExceptionGroup>(py) {
        return Ok(Ending::Fatal(error));
    }
    let split = odd::split(py)?.call1((error.value(py), cancelled))?;
    let (matched, rest): (Bound<'_, PyAny>, Bound<'_, PyAny>) = split.extract()?;
    if rest.is_none() {
        return Ok(Ending::Cancelled(error));
    }
    if !rest.is_instance_of::<PyException>() {
        return Ok(Ending::Fatal(error));
    }
    let rest = PyErr::from_value(rest);
    Ok(match matched.is_none() {
        true => Ending::Error(rest),
        false => Ending::Both(PyErr::from_value(matched), rest),
    })
}

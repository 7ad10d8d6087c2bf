//! What a turn has come to.

use std::any::Any;
use std::panic::resume_unwind;
use std::thread;

use pyo3::prelude::*;

/// A trap for Trio, or None where the driver returns.
pub type Driven<'py> = PyResult<Option<Bound<'py, PyAny>>>;

/// What a turn has come to that only Trio can take in: the worker's next resumption says it.
pub enum Kept {
    Trap(Py<PyAny>),
    Leave,
    Raise(PyErr),
    Panic(Box<dyn Any + Send>),
}

impl Kept {
    pub fn of(said: thread::Result<Driven<'_>>) -> Self {
        match said {
            Ok(Ok(Some(trap))) => Self::Trap(trap.unbind()),
            Ok(Ok(None)) => Self::Leave,
            Ok(Err(error)) => Self::Raise(error),
            Err(panic) => Self::Panic(panic),
        }
    }

    pub fn say(self, py: Python<'_>) -> Driven<'_> {
        match self {
            Self::Trap(trap) => Ok(Some(trap.into_bound(py))),
            Self::Leave => Ok(None),
            Self::Raise(error) => Err(error),
            Self::Panic(panic) => resume_unwind(panic),
        }
    }
}

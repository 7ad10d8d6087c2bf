//! The way from Rust to the errors of `hocket._base.errors`.

use std::collections::TryReserveError;

use pyo3::exceptions::{PyMemoryError, PyRecursionError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// One of `hocket._base.errors`' classes, called with these arguments.
fn make<'py>(
    cache: &PyOnceLock<Py<PyType>>,
    py: Python<'py>,
    name: &str,
    args: impl pyo3::call::PyCallArgs<'py>,
) -> PyErr {
    let made = cache
        .import(py, "hocket._base.errors", name)
        .and_then(|class| class.call1(args));
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

pub fn internal(py: Python<'_>, what: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let text = format!(
        "{what}. This is a bug in hocket: please report it, with this traceback and, if you can, \
         the program that shows it."
    );
    let error = make(&CLASS, py, "InternalError", (text,));
    // Errors that are raised from Rust get no context by themselves, and this may hide a Ctrl-C.
    let handled = py
        .import("sys")
        .and_then(|sys| sys.call_method0("exception"));
    if let Some(handled) = handled.ok().filter(|handled| !handled.is_none()) {
        error.set_context(py, Some(PyErr::from_value(handled)));
    }
    error
}

pub fn not_seated(py: Python<'_>) -> PyErr {
    internal(py, "a driver was awaited before `enter`")
}

/// For a task that goes on though its run was closed, which only a torn Trio lets happen.
pub fn closed() -> PyErr {
    PyRuntimeError::new_err("the call that this step belongs to has been left")
}

pub fn queue_full(py: Python<'_>, queue_size: u32, paused: bool) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let why = match (queue_size, paused) {
        (0, true) => "no call may wait (queue_size=0)".to_owned(),
        (0, false) => "no slot is free, and nobody may wait for one (queue_size=0)".to_owned(),
        (size, _) => format!("the queue already holds {size} waiting steps (queue_size={size})"),
    };
    let (pause, when) = match paused {
        true => ("the pool is paused, and ", "after resume()"),
        false => ("", "later"),
    };
    let text = format!(
        "{pause}{why}. Submit {when}, raise queue_size, or make the pool with when_full=\"wait\" \
         and a queue_size of at least 1."
    );
    make(&CLASS, py, "QueueFull", (text,))
}

pub fn step_timeout(py: Python<'_>, step: &Bound<'_, PyAny>, limit_s: f64, of: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    make(&CLASS, py, "StepTimeout", (step, limit_s, of))
}

/// A step inside a step inside a step, beyond what the stack holds.
pub fn too_deep() -> PyErr {
    PyRecursionError::new_err(
        "maximum recursion depth exceeded: steps that wait for steps of their own have taken half of \
         the thread's stack",
    )
}

/// There is not enough memory for what the caller has asked for.
pub fn out_of_memory(_: TryReserveError) -> PyErr {
    PyMemoryError::new_err(())
}

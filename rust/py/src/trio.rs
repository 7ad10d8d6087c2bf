//! What the driver needs of Trio, looked up once.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::ffi::Slot;

#[macro_export]
macro_rules! lookup {
    ($name:ident, $module:literal, $attribute:literal) => {
        pub fn $name(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static CELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            CELL.get_or_try_init(py, || Ok(py.import($module)?.getattr($attribute)?.unbind()))
                .map(|value| value.bind(py))
        }
    };
}

lookup!(checkpoint, "trio.lowlevel", "checkpoint");
lookup!(current_time, "trio", "current_time");
lookup!(reschedule, "trio.lowlevel", "reschedule");
lookup!(
    wait_task_rescheduled,
    "trio.lowlevel",
    "wait_task_rescheduled"
);
lookup!(abort, "trio.lowlevel", "Abort");
lookup!(note_on, "hocket._base.exceptions", "note_on");
lookup!(wake, "hocket._engine.callbacks", "wake");
lookup!(wait_until, "hocket._engine.callbacks", "wait_until");
lookup!(clock_origin, "hocket._engine.callbacks", "clock_origin");
lookup!(is_over, "hocket._engine.callbacks", "is_over");
lookup!(is_scheduled, "hocket._engine.leftovers", "is_scheduled");
lookup!(adopt, "hocket._engine.callbacks", "adopt");
lookup!(
    begin_in_portal,
    "hocket._engine.callbacks",
    "begin_in_portal"
);

pub fn cancelled(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CELL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CELL.import(py, "trio", "Cancelled")
}

/// Have Trio's thread call this, in the `trio.run` with this token. Where that is over nobody is left
/// there, and nothing is to be done.
pub fn call_soon(token: &Bound<'_, PyAny>, call: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = intern!(token.py(), "run_sync_soon");
    unless_over(token.py(), token.call_method1(name, (call,)))
}

/// What came of such a call.
pub fn unless_over<T>(py: Python<'_>, called: PyResult<T>) -> PyResult<()> {
    static OVER: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match called {
        Err(error) if !error.is_instance(py, OVER.import(py, "trio", "RunFinishedError")?) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// What a task is called.
pub fn task_name(py: Python<'_>) -> PyResult<&Slot> {
    static CELL: PyOnceLock<Slot> = PyOnceLock::new();
    CELL.get_or_try_init(py, || slot_of_task(py, "name"))
}

/// Where Trio resumes a task.
pub fn task_context(py: Python<'_>) -> PyResult<&Slot> {
    static CELL: PyOnceLock<Slot> = PyOnceLock::new();
    CELL.get_or_try_init(py, || slot_of_task(py, "context"))
}

fn slot_of_task(py: Python<'_>, name: &str) -> PyResult<Slot> {
    let module = py.import("trio.lowlevel")?;
    Slot::of(module.getattr("Task")?.cast()?, name)
}

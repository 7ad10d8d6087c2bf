//! What the driver needs of Trio, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

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
lookup!(
    wait_task_rescheduled,
    "trio.lowlevel",
    "wait_task_rescheduled"
);
lookup!(abort, "trio.lowlevel", "Abort");
lookup!(wake, "hocket._engine.callbacks", "wake");
lookup!(is_over, "hocket._engine.callbacks", "is_over");
lookup!(is_scheduled, "hocket._engine.leftovers", "is_scheduled");
lookup!(adopt, "hocket._engine.callbacks", "adopt");

pub fn cancelled(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CELL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CELL.import(py, "trio", "Cancelled")
}

//! Whether a step can be suspended without the driver's knowledge.
//!
//! The package greenback gives a task a portal: it runs the task's coroutine, and the driver in it,
//! on a greenlet, a stack of its own. A function that is not async may then wait for Trio: the
//! whole stack is put aside, with the driver in the middle of resuming its step, and comes back when
//! Trio resumes the task. A step has to be ready for that before it starts (`coroutine`).

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// Whether this is not the thread's own stack. It stays so until Trio is resumed.
pub fn is_open(py: Python<'_>) -> bool {
    on_greenlet(py).unwrap_or(false)
}

fn on_greenlet(py: Python<'_>) -> PyResult<bool> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let modules = MODULES.import(py, "sys", "modules")?;
    let Some(greenlet) = modules.get_item(intern!(py, "greenlet"))? else {
        return Ok(false);
    };
    let current = greenlet.call_method0(intern!(py, "getcurrent"))?;
    Ok(!current.getattr(intern!(py, "parent"))?.is_none())
}

//! A fork inside a step would run the remaining steps twice: the child's schedulers are poisoned.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How many forks lie between this process and the one that imported the module.
static GENERATION: AtomicU64 = AtomicU64::new(0);

#[pyfunction]
fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Have the interpreter tell us of forks (there are none on Windows).
pub fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let os = py.import("os")?;
    if !os.hasattr("register_at_fork")? {
        return Ok(());
    }
    let options = PyDict::new(py);
    options.set_item("after_in_child", wrap_pyfunction!(forked, module)?)?;
    os.call_method("register_at_fork", (), Some(&options))?;
    Ok(())
}

pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Refuse to go on in a child with work that belongs to its parent.
pub fn check(born: u64) -> PyResult<()> {
    if born == generation() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "this pool was busy when the process forked: its remaining steps belong to the parent \
         process. Make a new pool, in a new trio.run, in the child.",
    ))
}

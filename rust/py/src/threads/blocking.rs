//! Async steps that wait for a function in a thread: nobody can cancel them meanwhile.

use pyo3::prelude::*;

use crate::pool::Pool;
use crate::worker::Worker;

/// Note whether the step of this pool that runs in this task waits for a function in a thread.
#[pyfunction]
pub fn set_blocks(pool: &Bound<'_, Pool>, task: &Bound<'_, PyAny>, blocks: bool) -> PyResult<()> {
    if let Some(worker) = pool.get().tasks(pool.py()).get_item(task)? {
        worker.cast::<Worker>()?.get().set_blocks(blocks);
    }
    Ok(())
}

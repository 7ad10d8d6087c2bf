//! Async steps that wait for a function in a thread: nobody can cancel them meanwhile.

use pyo3::prelude::*;

use crate::pool::Pool;
use crate::worker::Worker;

/// The step of this pool that runs in this task waits for a function in a thread.
#[pyfunction]
pub fn begin_blocking(pool: &Bound<'_, Pool>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Some(worker) = worker_in(pool, task)? {
        worker.get().begins_to_block();
    }
    Ok(())
}

/// The function has ended. `is_past`: after the step's limit, though nobody may have looked at that yet.
/// Then the step has timed out, whatever else it comes to.
#[pyfunction]
pub fn end_blocking(
    pool: &Bound<'_, Pool>,
    task: &Bound<'_, PyAny>,
    is_past: bool,
) -> PyResult<()> {
    let Some(worker) = worker_in(pool, task)? else {
        return Ok(());
    };
    let worker = worker.get();
    let Some(slot) = worker.slot() else {
        return Ok(());
    };
    let scheduler = pool.get().lock(pool.py())?;
    let is_late = is_past || scheduler.is_overdue(slot);
    worker.ends_to_block(is_late && !scheduler.has_timed_out(slot));
    Ok(())
}

fn worker_in<'py>(
    pool: &Bound<'py, Pool>,
    task: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, Worker>>> {
    let worker = pool.get().tasks(pool.py()).get_item(task)?;
    Ok(worker.map(|worker| worker.cast_into()).transpose()?)
}

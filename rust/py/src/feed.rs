//! The way of steps into a run that was opened without any: one by one, while it runs.
//!
//! Python puts the step and its id into the run's lists, at a place that is free, and then says
//! that place here. A step that ends is told to the run's `landing`, and its place is free again.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::run::Run;

/// Feeds one run.
#[pyclass(frozen, module = "hocket._core")]
pub struct Feed {
    run: Py<Run>,
}

#[pymethods]
impl Feed {
    #[new]
    fn new(run: Py<Run>) -> Self {
        Self { run }
    }

    /// A step has come to this place: it starts when it has a slot.
    fn put(&self, py: Python<'_>, place: u32) -> PyResult<()> {
        let run = self.run.get();
        run.check_thread()?;
        let now_ns = run.work.clock.now_ns(py)?;
        let mut scheduler = run.pool.get().lock(py)?;
        scheduler.feed(run.lane, place, now_ns);
        // A worker that is on its way starts it, or brings the one that does.
        let wanted = !run.crew().expects_worker() && scheduler.request(run.lane);
        drop(scheduler);
        match wanted {
            true => run.crew().bring_worker(py),
            false => Ok(()),
        }
    }

    /// No more steps come: workers that have none may leave.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let run = self.run.get();
        run.check_thread()?;
        let mut scheduler = run.pool.get().lock(py)?;
        scheduler.end_feed(run.lane);
        let exhausted = scheduler.is_exhausted(run.lane);
        drop(scheduler);
        match exhausted {
            true => run.crew().dismiss(py),
            false => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.run)
    }
}

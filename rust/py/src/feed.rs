//! The way of steps into a run that was opened without any: one by one, while it runs.
//!
//! A step is a place in the run's lists of ids and steps. Either Python has filled the lists, and says
//! which step may start (`put`); or items come in one by one, each at a place that is free (`add`,
//! `take`), and what becomes of them is told to the run's `Landing`, which frees the place.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString};

use crate::errors;
use crate::landing::Landing;
use crate::run::Run;

/// Feeds one run.
#[pyclass(frozen, module = "hocket._core")]
pub struct Feed {
    run: Py<Run>,
    /// Makes the id of an item; None: its index is.
    key: Option<Py<PyAny>>,
}

#[pymethods]
impl Feed {
    #[new]
    #[pyo3(signature = (run, key=None))]
    fn new(run: Py<Run>, key: Option<Py<PyAny>>) -> Self {
        Self { run, key }
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

    /// Take in an item, for which there has to be room. Whether one more may follow at once; otherwise
    /// there is no room for it, or others are to have their turn first.
    fn add(&self, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = item.py();
        let work = &self.run.get().work;
        let made = self.key.as_ref().map(|key| key.call1(py, (item,)));
        let made = made.transpose()?;
        let taken = self.landing(py)?.take(py)?;
        let at = taken.place as usize;
        match made {
            Some(id) => work.ids.bind(py).set_item(at, id)?,
            None => {
                let id = PyString::new(py, &taken.index.to_string());
                work.ids.bind(py).set_item(at, id)?;
            }
        }
        // By Python's own way: a loop's list tells each pass its place.
        work.steps.bind(py).as_any().set_item(at, item)?;
        self.put(py, taken.place)?;
        Ok(taken.goes_on)
    }

    /// Take in what an iterator gives, until there is no room or others are to have their turn.
    /// Whether that was all.
    fn take(&self, mut iterator: Bound<'_, PyIterator>) -> PyResult<bool> {
        let mut goes_on = self.landing(iterator.py())?.room() > 0;
        while goes_on {
            match iterator.next() {
                Some(item) => goes_on = self.add(&item?)?,
                None => return Ok(true),
            }
        }
        Ok(false)
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
        visit.call(&self.run)?;
        visit.call(&self.key)
    }
}

impl Feed {
    fn landing(&self, py: Python<'_>) -> PyResult<&Landing> {
        let landing = self.run.get().work.landing.as_ref();
        landing
            .map(|landing| landing.get())
            .ok_or_else(|| errors::internal(py, "items come to a run that they cannot land in"))
    }
}

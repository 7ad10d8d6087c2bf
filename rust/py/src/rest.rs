//! The rest of those that were to be woken at once, when they were too many for one go.
//!
//! Their slots are theirs already, and nobody can take them: they only start a little later. Trio
//! calls us between the rounds of its tasks, and whatever becomes of those that were woken before
//! them, all are woken.

use std::collections::VecDeque;
use std::sync::Mutex;

use hocket_core::LaneId;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::crew::Crew;
use crate::panics::{guarded, lock};
use crate::pool::Pool;
use crate::slice::Slice;

impl Pool {
    /// Wake these lanes as soon as others have run: their slots are theirs already.
    pub fn wake_later(
        &self,
        py: Python<'_>,
        lanes: impl Iterator<Item = LaneId>,
        failed: &mut Vec<LaneId>,
    ) {
        let lanes: Vec<LaneId> = lanes.collect();
        let crews = lanes.iter().filter_map(|&lane| self.crew(py, lane));
        let crews: VecDeque<_> = crews.collect();
        let runs = self.lock_runs();
        let token = runs.token.as_ref().map(|token| token.clone_ref(py));
        drop(runs);
        let (false, Some(token)) = (crews.is_empty(), token) else {
            return;
        };
        if guarded(py, || Rest::call_soon(py, token, crews)).is_err() {
            failed.extend(lanes);
        }
    }

    /// How long one waking of many may take.
    pub fn slice(&self) -> Slice {
        let runs = self.lock_runs();
        runs.clock
            .as_ref()
            .map_or_else(Slice::endless, Slice::begin)
    }
}

/// Crews that were granted a slot, the longest waiting first. Python never sees it but to call it.
#[pyclass(frozen, module = "hocket._core")]
pub struct Rest {
    token: Py<PyAny>,
    /// Never locked while Python code can run.
    crews: Mutex<VecDeque<Py<Crew>>>,
}

impl Rest {
    /// Wake these as soon as others have run, in the `trio.run` with this token.
    pub fn call_soon(py: Python<'_>, token: Py<PyAny>, crews: VecDeque<Py<Crew>>) -> PyResult<()> {
        let crews = Mutex::new(crews);
        Self::again(&Bound::new(py, Self { token, crews })?)
    }

    fn again(slf: &Bound<'_, Self>) -> PyResult<()> {
        let token = slf.get().token.bind(slf.py());
        let name = intern!(slf.py(), "run_sync_soon");
        token.call_method1(name, (slf,)).map(drop)
    }

    fn next(&self) -> Option<Py<Crew>> {
        lock(&self.crews).pop_front()
    }
}

#[pymethods]
impl Rest {
    fn __call__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let slice = Slice::limited();
        while let Some(crew) = slf.get().next() {
            if let Err(error) = guarded(py, || crew.get().bring_worker(py)) {
                // For want of memory, say. Nobody else knows of it: it is tried again. Raised here it
                // would break Trio.
                error.write_unraisable(py, None);
                lock(&slf.get().crews).push_back(crew);
                break;
            }
            if slice.is_over() {
                break;
            }
        }
        let done = lock(&slf.get().crews).is_empty();
        match done {
            true => Ok(()),
            false => Self::again(slf),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.token)?;
        if let Ok(crews) = self.crews.try_lock() {
            for crew in &*crews {
                visit.call(crew)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let crews = std::mem::take(&mut *lock(&self.crews));
        drop(crews);
    }
}

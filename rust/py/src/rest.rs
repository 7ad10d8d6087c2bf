//! The rest of those that were to be woken: they were too many for one go, or a thread has found them,
//! and only Trio's may wake them.
//!
//! Their slots are theirs already, and nobody can take them: they only start a little later. Trio
//! calls us between the rounds of its tasks, and whatever becomes of those that were woken before
//! them, all are woken.

use std::collections::VecDeque;
use std::sync::Mutex;

use hocket_core::LaneId;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::panics::{guarded, lock, quietly};
use crate::pool::Pool;
use crate::slice::Slice;
use crate::trio;

/// How often one is tried. What has failed so often fails again, and Trio would never come to rest.
const TRIES: u32 = 3;

impl Pool {
    /// Wake these lanes as soon as others have run: their slots are theirs already. From any thread.
    /// If that fails, whoever wakes next tries again.
    pub fn wake_later(slf: &Py<Self>, py: Python<'_>, lanes: Vec<LaneId>) -> PyResult<()> {
        if lanes.is_empty() {
            return Ok(());
        }
        let runs = slf.get().lock_runs();
        let token = runs.token.as_ref().map(|token| token.clone_ref(py));
        drop(runs);
        let Some(token) = token else { return Ok(()) };
        let called = guarded(py, || {
            let rest = Rest {
                pool: slf.clone_ref(py),
                token,
                lanes: Mutex::new(lanes.iter().map(|&lane| (lane, 0)).collect()),
            };
            Rest::call_soon(&Bound::new(py, rest)?)
        });
        if called.is_err() {
            slf.get().lock(py)?.put_back_wakes(lanes);
        }
        called
    }

    /// How long one waking of many may take.
    pub fn slice(&self) -> Slice {
        let runs = self.lock_runs();
        runs.clock
            .as_ref()
            .map_or_else(Slice::endless, Slice::begin)
    }
}

/// Lanes that were granted a slot, the longest waiting first. Python never sees it but to call it.
#[pyclass(frozen, module = "hocket._core")]
struct Rest {
    pool: Py<Pool>,
    token: Py<PyAny>,
    /// Each with how often it was tried. Never locked while Python code can run.
    lanes: Mutex<VecDeque<(LaneId, u32)>>,
}

impl Rest {
    /// Have Trio call us, in the `trio.run` of our token.
    fn call_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        trio::call_soon(slf.get().token.bind(slf.py()), slf.as_any())
    }

    fn next(&self) -> Option<(LaneId, u32)> {
        lock(&self.lanes).pop_front()
    }

    /// Nobody calls us any more for these: whoever wakes next tries again.
    fn put_back(&self, py: Python<'_>, lanes: Vec<LaneId>) {
        let pool = self.pool.get();
        quietly(py, || pool.lock(py).map(|mut it| it.put_back_wakes(lanes)));
    }
}

#[pymethods]
impl Rest {
    fn __call__(slf: &Bound<'_, Self>) {
        let (py, this) = (slf.py(), slf.get());
        let slice = Slice::limited();
        while let Some((lane, tries)) = this.next() {
            if let Err(error) = guarded(py, || this.pool.get().wake_lane(py, lane)) {
                // For want of memory, say. Raised here it would break Trio.
                error.write_unraisable(py, None);
                match tries + 1 < TRIES {
                    true => lock(&this.lanes).push_back((lane, tries + 1)),
                    false => this.put_back(py, vec![lane]),
                }
                break;
            }
            if slice.is_over() {
                break;
            }
        }
        if lock(&this.lanes).is_empty() {
            return;
        }
        if let Err(error) = guarded(py, || Self::call_soon(slf)) {
            error.write_unraisable(py, None);
            let left = std::mem::take(&mut *lock(&this.lanes));
            this.put_back(py, left.into_iter().map(|(lane, _)| lane).collect());
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pool)?;
        visit.call(&self.token)
    }
}

//! A step's slot, for the time that the step does without it.

use hocket_core::{Given, LaneId, SlotId};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::panics::guarded;
use crate::pool::Pool;

/// The slot of the running step that a task works for.
#[pyclass(frozen, module = "hocket._core")]
pub struct Released {
    pool: Py<Pool>,
    slot: SlotId,
}

#[pymethods]
impl Released {
    #[new]
    fn new(pool: &Bound<'_, Pool>, task: &Bound<'_, PyAny>) -> PyResult<Self> {
        let slot = pool.get().parent(task)?.ok_or_else(|| {
            PyRuntimeError::new_err(
                "only a step of this pool has a slot of it to release; this task is none: write \
                 `async with pool.released():` inside of the function that the pool runs",
            )
        })?;
        Ok(Self {
            pool: pool.clone().unbind(),
            slot,
        })
    }

    /// Give the slot back: who has waited for it longest starts.
    fn give_up(&self, py: Python<'_>) -> PyResult<()> {
        let pool = self.pool.get();
        let now_ns = pool.now_ns(py)?;
        let mut scheduler = pool.lock(py)?;
        let given = scheduler.give_up(self.slot, now_ns);
        drop(scheduler);
        match given {
            Given::Back(lane) => {
                self.bring_worker(py, lane)?;
                pool.wake(py, None)
            }
            Given::HasNone => Ok(()),
            Given::Away => Err(PyRuntimeError::new_err(
                "this step has released its slot already: two `async with pool.released():` of one \
                 step may follow each other, but not overlap",
            )),
            Given::Ended => Err(PyRuntimeError::new_err("the step has ended")),
        }
    }

    /// Have a slot again. True: the step has one. Otherwise it stands in line, and `bell` is called as
    /// it has one, unless `leave` was called.
    fn want_back(&self, py: Python<'_>, bell: Py<PyAny>) -> PyResult<bool> {
        let pool = self.pool.get();
        let now_ns = pool.now_ns(py)?;
        let mut scheduler = pool.lock(py)?;
        let lane = scheduler.want_back(self.slot, now_ns);
        drop(scheduler);
        if let Some(lane) = lane {
            pool.lock_runs().bells.insert(lane, bell);
        }
        pool.wake(py, None)?;
        Ok(lane.is_none())
    }

    /// Nobody waits for the bell any more. The step stands in line as before.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let pool = self.pool.get();
        let lane = pool.lock(py)?.stands_for(self.slot);
        let bell = lane.and_then(|lane| pool.lock_runs().bells.remove(&lane));
        drop(bell);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pool)
    }
}

impl Released {
    /// A step of the same run may start in its place: its run need not stand in line for it.
    fn bring_worker(&self, py: Python<'_>, lane: LaneId) -> PyResult<()> {
        let pool = self.pool.get();
        let Some(crew) = pool.crew(py, lane) else {
            return Ok(());
        };
        let wanted = !crew.get().expects_worker() && pool.lock(py)?.request(lane);
        match wanted {
            true => crew.get().bring_worker(py),
            false => Ok(()),
        }
    }
}

impl Pool {
    /// Tell those steps among these lanes that they have their slot again; the others are returned.
    /// One that could not be told is kept, to be told with the next wakes.
    pub fn ring_bells(&self, py: Python<'_>, lanes: Vec<LaneId>) -> PyResult<Vec<LaneId>> {
        if self.lock_runs().bells.is_empty() {
            return Ok(lanes);
        }
        let (mut others, mut failed, mut first_error) = (Vec::new(), Vec::new(), None);
        for lane in lanes {
            let bell = self.lock_runs().bells.remove(&lane);
            let Some(bell) = bell else {
                others.push(lane);
                continue;
            };
            if let Err(error) = guarded(py, || bell.call0(py).map(drop)) {
                self.lock_runs().bells.insert(lane, bell);
                failed.push(lane);
                first_error.get_or_insert(error);
            }
        }
        if let Some(error) = first_error {
            failed.extend(others);
            self.lock(py)?.put_back_wakes(failed);
            return Err(error);
        }
        Ok(others)
    }
}

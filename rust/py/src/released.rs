//! A step's slot, for the time that the step does without it.

use hocket_core::{Given, LaneId, SlotId};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

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
                Pool::wake(&self.pool, py, None)
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
        // Before anybody else has the lock: a thread may give it its slot.
        let before = lane.and_then(|lane| pool.lock_runs().bells.insert(lane, bell));
        drop(scheduler);
        drop(before);
        Pool::wake(&self.pool, py, None)?;
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
    /// Tell the step for which this lane stood in line that it has its slot again. If that fails it is
    /// kept, to be told by whoever tries again.
    pub fn ring_bell(&self, py: Python<'_>, lane: LaneId) -> PyResult<()> {
        let Some(bell) = self.lock_runs().bells.remove(&lane) else {
            return Ok(());
        };
        let rung = bell.call0(py).map(drop);
        if rung.is_err() {
            self.lock_runs().bells.insert(lane, bell);
        }
        rung
    }
}

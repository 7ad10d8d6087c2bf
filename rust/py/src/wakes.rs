//! Who was granted a slot is woken: a run has a worker come for it, a step that waits for its own has
//! its bell rung. Both on Trio's thread.

use hocket_core::LaneId;
use pyo3::prelude::*;

use crate::panics::guarded;
use crate::pool::Pool;
use crate::slice::Slice;

impl Pool {
    /// See to it that every lane that was granted a slot is woken. `own` is the lane whose driver is
    /// about to ask for a step itself.
    pub fn wake(slf: &Py<Self>, py: Python<'_>, own: Option<LaneId>) -> PyResult<()> {
        let wakes = slf.get().lock(py)?.take_wakes();
        Self::wake_those(slf, py, wakes, own)
    }

    /// Wake those that the scheduler has named. `own` has been answered since they were, or is about
    /// to ask.
    pub fn wake_those(
        slf: &Py<Self>,
        py: Python<'_>,
        mut wakes: Vec<LaneId>,
        mut own: Option<LaneId>,
    ) -> PyResult<()> {
        let this = slf.get();
        let mut first_error = None;
        loop {
            let mut failed = Vec::new();
            let slice = (wakes.len() > Slice::FEW).then(|| this.slice());
            let mut wanted = wakes.into_iter().filter(|&lane| Some(lane) != own);
            for lane in &mut wanted {
                if let Err(error) = guarded(py, || this.wake_lane(py, lane)) {
                    failed.push(lane);
                    first_error.get_or_insert(error);
                }
                if slice.as_ref().is_some_and(Slice::is_over) {
                    break;
                }
            }
            if let Err(error) = Self::wake_later(slf, py, wanted.collect()) {
                first_error.get_or_insert(error);
            }
            if !failed.is_empty() {
                // Too deep in the stack, say. Whoever wakes next tries again.
                this.lock(py)?.put_back_wakes(failed);
            }
            if let Some(error) = first_error {
                return Err(error);
            }
            wakes = this.lock(py)?.take_wakes();
            if wakes.is_empty() {
                return Ok(());
            }
            // Granted meanwhile, by a thread: that came after what `own` has been answered.
            own = None;
        }
    }

    /// Wake who stands behind this lane, if it is open still.
    pub fn wake_lane(&self, py: Python<'_>, lane: LaneId) -> PyResult<()> {
        match self.crew(py, lane) {
            Some(crew) => crew.get().bring_worker(py),
            None => self.ring_bell(py, lane),
        }
    }
}

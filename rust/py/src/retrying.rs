//! A failed attempt: the caller's rule says whether, and the scheduler when, the step is tried again.

use hocket_core::{Attempt, LaneId, SlotId};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use crate::clock::Moment;
use crate::run::Run;
use crate::trio;
use crate::worker::Worker;

/// The step waits for another attempt.
pub struct Retried {
    /// When the attempt failed, how long it has run, and which one it was.
    pub now: Moment,
    pub ran_ns: u64,
    pub attempt: u32,
    /// Whether its time was up, so that the scope is cancelled, or about to be.
    pub is_dirty: bool,
    /// Who has its slot now, and is to be woken.
    pub wakes: Vec<LaneId>,
}

impl Run {
    /// The attempt of this worker's step has failed with this error. Where the step waits for another
    /// one its slot has gone back; None: nothing has happened, and the step is to be settled.
    pub fn try_again(
        &self,
        py: Python<'_>,
        worker: &Worker,
        (step, slot): (u32, SlotId),
        error: &PyErr,
    ) -> PyResult<Option<Retried>> {
        let Some(decide) = self.work.retry(py, step)? else {
            return Ok(None);
        };
        let value: Bound<'_, PyBaseException> = error.clone_ref(py).into_value(py).into_bound(py);
        let answer: Option<(Option<u64>, f64)> = decide.call1((&value,))?.extract()?;
        let Some((asked_ns, chance)) = answer else {
            return Ok(None);
        };
        let now = self.work.clock.now(py)?;
        let mut scheduler = self.pool.get().lock(py)?;
        let Some(started_ns) = scheduler.started_ns(slot) else {
            return Ok(None);
        };
        let is_dirty = scheduler.is_overdue(slot);
        let attempt = scheduler.attempt(self.lane, step);
        match scheduler.retry(slot, asked_ns, chance, now.ns) {
            Some(Attempt::At { .. }) => {}
            Some(Attempt::Refused) => {
                drop(scheduler);
                let note = "not tried again, as the pool's retry_budget is used up";
                trio::note_on(py)?.call1((value, note))?;
                return Ok(None);
            }
            None => return Ok(None),
        }
        worker.set_slot(None);
        let wakes = scheduler.take_wakes();
        drop(scheduler);
        Ok(Some(Retried {
            now,
            ran_ns: now.ns.saturating_sub(started_ns),
            attempt,
            is_dirty,
            wakes,
        }))
    }
}

//! A step of a thread that fails itself: its slot is not lost, nor the end of what was told to begin.

use hocket_core::Outcome;
use pyo3::prelude::*;

use super::pull::Shift;
use crate::event::Happened;
use crate::panics::quietly;
use crate::pool::Pool;

impl Shift<'_, '_> {
    /// Something has failed between taking a step over and the end of settling it.
    pub fn give_up(&mut self) {
        let py = self.py;
        quietly(py, || self.release_lost_slot());
        quietly(py, || self.tell_lost_end());
    }

    fn release_lost_slot(&mut self) -> PyResult<()> {
        let (py, run) = (self.py, self.run());
        let Some(slot) = self.worker().slot() else {
            return Ok(());
        };
        self.worker().set_slot(None);
        let mut scheduler = self.pool().lock(py)?;
        if scheduler.has_timed_out(slot) {
            // The observer was told so as it did.
            self.begun = None;
        }
        if scheduler.started_ns(slot).is_some() {
            scheduler.settle(slot, Outcome::Cancelled, 0);
        }
        let wakes = scheduler.take_wakes();
        drop(scheduler);
        Pool::wake_from_thread(&run.pool, py, wakes, None)
    }

    fn tell_lost_end(&mut self) -> PyResult<()> {
        let Some(begun) = self.begun.take() else {
            return Ok(());
        };
        let now = self.run().work.clock.now(self.py)?;
        let ran_ns = now.ns.saturating_sub(begun.started_ns);
        self.tell_end(Happened::Cancelled, &begun.id, ran_ns, begun.attempt)
    }
}

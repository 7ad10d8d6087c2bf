//! The way out of the driver, when it returns, fails or is closed: no coroutine is left open, no
//! slot lost. After a return there is nothing left to do.

use hocket_core::{Next, Outcome, SlotId};
use pyo3::prelude::*;

use super::memory::Inner;
use super::settle::End;
use super::turn::Turn;
use crate::coroutine::close_quietly;
use crate::panics::quietly;
use crate::pool::Pool;

impl Turn<'_, '_> {
    /// The step in flight, if any, is closed, and settled as cancelled.
    pub fn abandon(&mut self) {
        let py = self.py;
        self.run().crew().unpark(self.worker().number);
        match std::mem::take(&mut self.memory.inner) {
            Inner::Step(held) => {
                close_quietly(py, &held.coroutine);
                quietly(py, || {
                    // After a crash of Trio's the run may be closed before its drivers are.
                    match self.is_running(held.step.slot)? {
                        true => self.settle(held.step, End::Cancelled),
                        false => Ok(()),
                    }
                });
            }
            Inner::Own(coroutine) => close_quietly(py, &coroutine),
            Inner::Nothing => {}
        }
        quietly(py, || self.release_lost_slot());
    }

    /// Something failed between taking a step over and settling it: its slot still goes back.
    pub fn release_lost_slot(&mut self) -> PyResult<()> {
        let taken = match self.next.take() {
            Some(Next::Start { slot, .. }) => Some(slot),
            _ => {
                let slot = self.worker().slot();
                slot.filter(|_| self.memory.unwinding.is_none())
            }
        };
        let Some(slot) = taken else { return Ok(()) };
        self.worker().set_slot(None);
        // A poisoned scheduler has no slots to give any more; every later call says so.
        let (py, pool) = (self.py, self.pool());
        if self.is_running(slot)? {
            pool.lock(py)?.settle(slot, Outcome::Cancelled, 0);
        }
        Pool::wake(&self.run().pool, py, Some(self.run().lane))
    }

    fn is_running(&self, slot: SlotId) -> PyResult<bool> {
        let scheduler = self.pool().lock(self.py)?;
        Ok(scheduler.started_ns(slot).is_some())
    }
}

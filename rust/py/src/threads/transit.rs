//! Between threads and Trio's thread: workers on their way to where they wait, and lanes to be woken.

use std::sync::atomic::Ordering;

use hocket_core::{LaneId, SlotId};
use pyo3::prelude::*;

use crate::crew::Crew;
use crate::pool::Pool;

impl Crew {
    /// A worker's thread was told to wait: its task is about to.
    pub fn sets_out(&self) {
        self.in_transit.fetch_add(1, Ordering::Relaxed);
    }

    /// The task is here. Whether somebody was to be woken meanwhile, and it has to ask again.
    pub fn arrives(&self) -> bool {
        self.in_transit.fetch_sub(1, Ordering::Relaxed);
        self.wanted.swap(false, Ordering::Relaxed)
    }

    /// The step that this worker runs, if that is in a thread: `all` of the run's steps may be.
    pub fn slot_in_thread(&self, number: u32, all: bool) -> Option<SlotId> {
        let members = self.members();
        let worker = members.workers.get(number as usize)?.as_ref()?.get();
        worker.slot().filter(|_| all || worker.blocks())
    }
}

impl Pool {
    /// What [`Pool::wake_those`] does, from another thread than Trio's: that one then wakes them.
    pub fn wake_from_thread(
        slf: &Py<Self>,
        py: Python<'_>,
        mut wakes: Vec<LaneId>,
        own: Option<LaneId>,
    ) -> PyResult<()> {
        wakes.retain(|&lane| Some(lane) != own);
        Self::wake_later(slf, py, wakes)
    }
}

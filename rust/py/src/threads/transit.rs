//! From the answer that a thread was given to where its task waits: workers that are in between.

use std::sync::atomic::Ordering;

use hocket_core::SlotId;

use crate::crew::Crew;

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

    /// The step that this worker runs.
    pub fn slot_of(&self, number: u32) -> Option<SlotId> {
        let members = self.members();
        members.workers.get(number as usize)?.as_ref()?.get().slot()
    }
}

//! A running step, and the source of its slot.

use crate::ids::{LaneId, SlotId};
use crate::loan::Loan;

/// A running step.
#[derive(Debug)]
pub(crate) struct Slot {
    pub lane: LaneId,
    pub step: u32,
    pub started_ns: u64,
    pub source: Source,
    /// The worker whose deadline is armed for this step.
    pub armed: Option<u32>,
    /// Made when a lane asks for it: few steps ever wait for steps of their own.
    pub loan: Option<Box<Loan>>,
}

/// Where a running step's slot came from, and so where it goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One of the pool's.
    Pool,
    /// Lent by a running step that waits for this one.
    Loan(SlotId),
    /// None: the step only waits for steps of its own.
    NoSlot,
}

/// A running step, as one may ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Whose step it is.
    pub lane: LaneId,
    /// Which one.
    pub step: u32,
    /// Since when it runs.
    pub started_ns: u64,
}

//! The slot of a step that waits for steps of its own, while it is lent to them.

use std::sync::Arc;

use crate::ids::{LaneId, SlotId};
use crate::line::Line;

/// The whereabouts of a slot that a waiting step can lend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// With the lender: it lies idle.
    Nobody,
    /// Granted to a lane whose worker has not taken it yet.
    Reserved(LaneId),
    /// In use by this step.
    Running(SlotId),
}

/// The steps that wait for a lane, from the nearest outwards: when one ends, the next one lends.
#[derive(Debug)]
pub(crate) struct Lenders {
    pub nearest: SlotId,
    pub above: Option<Arc<Lenders>>,
}

/// The lending side of a running step: its slot, and the lanes that wait for it.
#[derive(Debug)]
pub(crate) struct Loan {
    pub lent: Lent,
    /// The line for the lender's slot: lanes of steps that the lender waits for.
    pub line: Line<LaneId>,
}

impl Default for Loan {
    fn default() -> Self {
        Self {
            lent: Lent::Nobody,
            line: Line::default(),
        }
    }
}

//! The slot of a step that waits for steps of its own, while it is lent to them.

use std::sync::Arc;

use crate::ids::{LaneId, SlotId};
use crate::line::Line;

/// Who has the slot that a waiting step lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    Nobody,
    /// Granted to a lane whose worker has not taken it yet.
    Reserved(LaneId),
    Running(SlotId),
}

/// The steps that wait for a lane, from the nearest outwards: when one ends, the next one lends.
#[derive(Debug)]
pub(crate) struct Lenders {
    pub nearest: SlotId,
    pub above: Option<Arc<Lenders>>,
}

#[derive(Debug)]
pub(crate) struct Loan {
    pub lent: Lent,
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

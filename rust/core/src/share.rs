//! A share: so many of the pool's slots, for a lane and everything that its steps open.

use crate::ids::LaneId;
use crate::line::Line;
use crate::slab::Key;

/// A share of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShareId(pub Key);

/// How much of the pool a lane and everything below it may take.
///
/// Invariant: while `claimed < limit`, nobody stands in its line.
#[derive(Debug)]
pub(crate) struct Share {
    limit: u32,
    /// Claims that are held: by slots that run a step of it or are reserved for one (a step that
    /// lends its slot to one of it counts with that one), and by lanes that have come past it and
    /// wait further on.
    pub claimed: u32,
    /// Lanes that wait for a claim.
    pub line: Line<LaneId>,
    /// The share that this one is a part of.
    pub above: Option<ShareId>,
    /// Open lanes that take their slots within it, and shares that are a part of it. The share is
    /// kept for them when the lane that it was made for has closed.
    pub parts: u32,
}

impl Share {
    pub fn new(limit: u32, above: Option<ShareId>) -> Self {
        Self {
            limit,
            claimed: 0,
            line: Line::default(),
            above,
            parts: 0,
        }
    }

    /// Whether a claim can be had without passing anybody by.
    pub fn has_room(&self) -> bool {
        self.claimed < self.limit && self.line.is_empty()
    }

    /// The longest waiting lane, if there is a claim for it.
    pub fn serve(&mut self) -> Option<LaneId> {
        if self.claimed >= self.limit {
            return None;
        }
        let id = self.line.pop()?;
        self.claimed += 1;
        Some(id)
    }
}

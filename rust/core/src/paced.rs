//! The lanes of one scheduler that start their steps at one rate, and those of them that wait.

use crate::ids::LaneId;
use crate::line::Line;
use crate::rate::SharedRate;
use crate::slab::Key;

/// A rate, as one scheduler knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PacedId(pub Key);

/// What a scheduler knows of a rate that lanes of it have.
#[derive(Debug)]
pub(crate) struct Paced {
    pub rate: SharedRate,
    /// The part of the pool's line in which lanes of this rate stand. Which of all lanes came first
    /// their `stood` says.
    pub line: Line<LaneId>,
    /// Lanes that are in a share, and wait for the rate alone: they have no claim meanwhile, which
    /// others of the share could use.
    pub before: Line<LaneId>,
    /// How many lanes in `line` are in a share.
    pub with_claims: u32,
    /// How many lanes wait for a lender's slot.
    pub asking: u32,
    /// Lanes that were granted a slot and have not started a step with it.
    pub granted: u32,
    /// Open lanes of this rate.
    pub lanes: u32,
}

impl Paced {
    pub fn new(rate: SharedRate) -> Self {
        Self {
            rate,
            line: Line::default(),
            before: Line::default(),
            with_claims: 0,
            asking: 0,
            granted: 0,
            lanes: 0,
        }
    }

    /// When one more lane may be granted a slot; None as long as that depends on those that were.
    pub fn opens_ns(&self) -> Option<u64> {
        self.rate.lock().opens_ns(self.granted)
    }

    /// Whether nobody waits.
    pub fn is_idle(&self) -> bool {
        self.line.is_empty() && self.before.is_empty()
    }
}

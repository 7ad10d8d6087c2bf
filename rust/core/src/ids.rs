//! The keys by which a binding names a lane and a running step.

use crate::slab::Key;

/// A lane: one group, one workflow, or one single step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub(crate) Key);

/// A running step's entry in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(crate) Key);

impl SlotId {
    /// The same in 64 bits, for an atomic. `u64::MAX` stands for no slot: it is never handed out.
    pub fn to_bits(slot: Option<Self>) -> u64 {
        slot.map_or(u64::MAX, |slot| slot.0.to_bits())
    }

    /// The reverse of [`SlotId::to_bits`].
    pub fn from_bits(bits: u64) -> Option<Self> {
        (bits != u64::MAX).then(|| Self(Key::from_bits(bits)))
    }
}

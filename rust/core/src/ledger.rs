//! Who holds a slot, and where the slot came from.

use std::sync::Arc;

use crate::ids::{LaneId, SlotId};
use crate::line::Line;
use crate::slab::Slab;

/// Where a running step's slot came from, and so where it goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One of the pool's.
    Pool,
    /// Lent by a running step that waits for this one.
    Loan(SlotId),
    /// None: the step only waits for steps of its own.
    Free,
}

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

/// The pool's slots.
///
/// Invariant: while `in_use < limit`, nobody waits; the scheduler grants at once.
/// After the limit was lowered `in_use` may be above it until enough steps have ended.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub limit: u32,
    /// Pool slots running or reserved. A lent slot counts once, for its lender.
    pub in_use: u32,
    pub running: Slab<Slot>,
}

impl Ledger {
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            in_use: 0,
            running: Slab::default(),
        }
    }

    pub fn take(&mut self) -> bool {
        let free = self.in_use < self.limit;
        self.in_use += u32::from(free);
        free
    }

    pub fn get(&self, slot: SlotId) -> Option<&Slot> {
        self.running.get(slot.0)
    }

    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut Slot> {
        self.running.get_mut(slot.0)
    }

    pub fn count(&self, which: impl Fn(Source) -> bool) -> usize {
        let chosen = |(_, slot): &(_, &Slot)| which(slot.source);
        self.running.iter().filter(chosen).count()
    }

    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        self.running.iter().map(|(_, slot)| Holder {
            lane: slot.lane,
            step: slot.step,
            started_ns: slot.started_ns,
        })
    }
}

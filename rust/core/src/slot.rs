//! A running step, and the source of its slot.

use crate::ids::{LaneId, SlotId};
use crate::loan::{Lent, Loan};

/// A running step's entry in the ledger.
#[derive(Debug)]
pub(crate) struct Slot {
    pub lane: LaneId,
    pub step: u32,
    pub started_ns: u64,
    pub source: Source,
    /// The worker whose deadline is armed for this step.
    pub armed: Option<u32>,
    /// Whether its time is up. It runs on, as a function in a thread does.
    pub is_overdue: bool,
    /// Whether it has timed out, and so has ended but for the slot.
    pub has_timed_out: bool,
    /// The lane that stands in line for it, while it waits to have a slot again.
    pub back: Option<LaneId>,
    /// Made when a lane asks for it: few steps ever wait for steps of their own.
    pub loan: Option<Box<Loan>>,
}

impl Source {
    /// Whether there is a slot, with claims, to give back.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Pool | Self::Loan(_))
    }
}

impl Slot {
    /// Whether it is lent to nobody.
    pub fn lies_idle(&self) -> bool {
        let loan = self.loan.as_ref();
        loan.is_none_or(|loan| loan.lent == Lent::Nobody)
    }

    /// Whether it lies idle, to be lent, and a lane waits for it.
    pub fn is_wanted_idle_loan(&self) -> bool {
        let idle = self.loan.as_ref().filter(|loan| loan.lent == Lent::Nobody);
        idle.is_some_and(|loan| !loan.line.is_empty())
    }
}

/// The source of a running step's slot, to which it goes back. With the slot go claims of the share
/// of the step's lane, and of those further out, as far as the source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One of the pool's: with a claim of every share from the lane's outwards.
    Pool,
    /// This running step's, which waits for the one it is lent to: with a claim of every share from
    /// the lane's outwards, before that of the lender's lane.
    Loan(SlotId),
    /// None: the step only waits for steps of its own.
    NoSlot,
    /// None for a while: the step has given its slot back, and will want one again.
    Away,
}

/// A running step, as the views show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its lane.
    pub lane: LaneId,
    /// Its number in the lane.
    pub step: u32,
    /// The time of its start.
    pub started_ns: u64,
    /// Whether it has given its slot back for a while.
    pub is_away: bool,
}

//! One run in the scheduler: its steps, its limit, its join policy.

use std::sync::Arc;

use crate::deadlines::Deadlines;
use crate::graph::Graph;
use crate::ids::SlotId;
use crate::join::Join;
use crate::line::Ticket;
use crate::loan::Lenders;
use crate::outcome::StepState;
use crate::paced::PacedId;
use crate::ready::ReadyQueue;
use crate::retry::Again;
use crate::share::ShareId;
use crate::slot::Source;
use crate::tally::Tally;

#[derive(Debug)]
pub(crate) struct Lane {
    pub states: Vec<StepState>,
    /// Ready steps that take a slot.
    pub ready: ReadyQueue,
    /// Ready steps that take no slot: they only wait for steps of their own.
    pub ready_slotless: ReadyQueue,
    /// Which steps take no slot, one flag a step; empty when all take one.
    pub slotless: Vec<bool>,
    /// Steps whose failure counts as success; empty when there are none.
    pub tolerated: Vec<bool>,
    pub graph: Option<Graph>,
    /// When each step became ready; empty when all did as the lane opened.
    pub ready_at_ns: Vec<u64>,
    pub opened_ns: u64,
    pub join: Join,
    pub limit: u32,
    pub timeout_ns: Option<u64>,
    /// Time limits of single steps; empty when all have `timeout_ns`.
    pub timeouts_ns: Vec<Option<u64>>,
    pub deadlines: Deadlines,
    /// A slot granted and not yet taken by a worker. It counts against both limits.
    pub reserved: Option<Source>,
    /// Running steps that hold a slot.
    pub holding: u32,
    /// Running steps that have given their slot back for a while. They count against the lane's limit.
    pub away: u32,
    /// Running steps, those without a slot included.
    pub running: u32,
    /// Those of them that have timed out, and only hold their slot.
    pub overstaying: u32,
    pub stopped: bool,
    /// Whether more steps may come in: see `scheduler/feeding.rs`.
    pub is_fed: bool,
    /// How long each step that was stopped from outside has run; whether that counts as running
    /// time is known as the lane is closed.
    pub cancelled_ns: Vec<u64>,
    /// What its steps that take a slot have come to.
    pub tally: Tally,
    /// The steps that wait for this lane and lend it their slot.
    pub lenders: Option<Arc<Lenders>>,
    /// The share of the pool that it takes slots within.
    pub share: Option<ShareId>,
    /// Whether the lane takes a place of the bounded queue while it stands in the pool's line.
    pub bounded: bool,
    /// The rate at which its steps start, besides the pool's.
    pub rate: Option<PacedId>,
    /// Whether its steps are alike and start at any time: no dependencies, none without a slot,
    /// nobody to lend one, no rate.
    pub plain: bool,
    /// Its steps that may be tried again; None where no step may.
    pub again: Option<Box<Again>>,
    pub tickets: Tickets,
    /// The running step that it waits for, to have a slot again: see `scheduler/released.rs`.
    pub returns: Option<SlotId>,
    /// When it came to stand in the pool's line, or was given a slot at once: the number of that.
    pub stood: u64,
    /// Until when a worker of it sleeps, to ask then.
    pub asleep_ns: Option<u64>,
}

/// The lines in which a lane stands while it waits for a slot: one of the pool's, of a share and
/// outside, and the lender's as well once it has the claims that go with a loan. It has all claims
/// up to where it stands; it takes them with it to the slot.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    /// In the pool's line: a bounded lane has a place of the bounded queue there.
    pub pool: Option<Ticket>,
    /// In the line of a share that is full.
    pub share: Option<(ShareId, Ticket)>,
    /// In the line for the slot of the nearest lender, which is this one.
    pub loan: Option<(SlotId, Ticket)>,
    /// Outside: it would stand in the pool's line, but the bounded queue is full.
    pub outside: Option<Ticket>,
    /// Before the gates: its rate has to open first.
    pub before: Option<Ticket>,
}

impl Tickets {
    pub fn waits(&self) -> bool {
        self.pool.is_some()
            || self.share.is_some()
            || self.outside.is_some()
            || self.before.is_some()
    }
}

impl Lane {
    /// Whether one more slot would be used.
    pub fn wants_slot(&self) -> bool {
        let reserved = u32::from(self.reserved.is_some());
        !self.stopped
            && self.startable() > reserved as usize
            && u64::from(self.holding) + u64::from(self.away) + u64::from(reserved)
                < u64::from(self.limit)
    }

    /// Steps that could start now, if there were slots.
    pub fn startable(&self) -> usize {
        self.ready.len() + self.again.as_ref().map_or(0, |again| again.due())
    }

    /// A step that is tried again goes first: it has waited longer than those that are not tried yet.
    pub fn take_ready(&mut self) -> Option<u32> {
        let again = self.again.as_mut().and_then(|again| again.pop());
        again.or_else(|| self.ready.pop())
    }

    pub fn takes_slot(&self, step: u32) -> bool {
        !self.slotless.get(step as usize).copied().unwrap_or(false)
    }

    pub fn tolerates(&self, step: u32) -> bool {
        self.tolerated.get(step as usize).copied().unwrap_or(false)
    }

    pub fn submitted_ns(&self, step: u32) -> u64 {
        if let Some(again) = &self.again {
            let past = again.attempts.get(&step);
            if let Some(failed_ns) = past.and_then(|past| past.failed_ns) {
                return failed_ns;
            }
        }
        let ready = self.ready_at_ns.get(step as usize).copied();
        ready.unwrap_or(self.opened_ns)
    }

    pub fn has_timeouts(&self) -> bool {
        self.timeout_ns.is_some() || !self.timeouts_ns.is_empty()
    }

    pub fn step_timeout_ns(&self, step: u32) -> Option<u64> {
        let own = self.timeouts_ns.get(step as usize).copied();
        own.unwrap_or(self.timeout_ns)
    }
}

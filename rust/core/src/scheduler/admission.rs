//! Admission: the lane that gets a slot, and the lines in which the others wait.
//!
//! # A freed slot
//!
//! A slot goes back where it came from, and at once to the lane that has waited there longest.
//! `give_back` decides it, for every slot but two: where nobody waits, a step that ends leaves its
//! slot to the next step of its own lane (`pass_on`, in `settling`), and where a lender ends before
//! its borrower, the borrower keeps the slot (`hand_over`, in `loans`).
//!
//! - A slot of the pool goes to the lane at the front of the pool's line (`grant`). It is free
//!   when that line is empty.
//! - A lent slot goes to the lane at the front of its lender's line, past all lanes in the pool's
//!   line. It lies idle, with the lender, when the lender's line is empty.
//!
//! The slot is reserved for that lane, the lane is named among the wakes, and one of its workers
//! comes for the slot with `next`. A lane that asks in the meantime cannot take it. While a lane
//! stands in the pool's line none of the pool's slots is free, so a lane that finds a free one
//! passes nobody by.
//!
//! # Three queues
//!
//! - *The pool's line*, `Scheduler::line`, is for the pool's slots.
//! - *The line for a lender's slot*, `Loan::line`, is for the slot of one running step, and for
//!   lanes of steps that this step waits for (see `loans`). Such a lane stands in the pool's line
//!   as well, takes the slot that comes first, and then leaves both.
//! - *Outside*, `Scheduler::outside`, is for a place in the pool's line. A queue is bounded for
//!   lanes that say so: each takes one of its places while it stands in the pool's line. Where
//!   all are taken, such a lane that has to wait is refused when it is opened, or waits outside. A
//!   lane that gives up its place lets the lane that has waited outside longest go to the end of
//!   the pool's line. A lane outside gets none of the pool's slots, but it may get its lender's.
//!
//! # Fairness
//!
//! Each of the three is first come, first served, and a lane stands there once, however many
//! steps it has ready. A lane gets one slot a turn and stands at the end of the line when it wants
//! more. So lanes take turns, step by step: of two lanes in line, one with a thousand ready steps
//! and one with a single one, each gets every other slot. Every lane in the pool's line moves
//! forward with each slot of the pool that is granted, and none is overtaken there. A lane outside
//! is not there yet: lanes that take no place in the bounded queue pass it by.
//!
//! # A priority
//!
//! The order of lanes is in the two `Line`s of the scheduler and nowhere else: lanes join them in
//! `stand_in_line` and `admit_from_outside`, and are chosen by `pop` in `grant` and in
//! `admit_from_outside`. A priority, or a fair share for each tenant, is another queue with
//! `join`, `leave` and `pop` in their place. `acquire` needs no change, as it takes a free slot
//! only while the line is empty, and neither does `pass_on`, which keeps a slot only then.

use super::Scheduler;
use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};
use crate::lane::Lane;
use crate::loan::Lent;
use crate::slot::{Slot, Source};

impl Scheduler {
    /// A slot for this lane, if one can be had without passing anybody by: the idle one of its
    /// lender, or else a free one of the pool's.
    pub(super) fn acquire(&mut self, id: LaneId) -> Option<Source> {
        let borrowed = self.borrow(id);
        let source = borrowed.or_else(|| self.ledger.take().then_some(Source::Pool))?;
        // A lane that `resize` put in line may find its lender's slot idle before its turn comes.
        self.leave_line(id);
        Some(source)
    }

    /// Whether a lane with this lender would find neither an idle loan nor a free slot.
    pub(super) fn must_wait(&self, lender: Option<SlotId>) -> bool {
        let lendable = lender.and_then(|l| self.ledger.get(l)).is_some_and(|slot| {
            let loan = slot.loan.as_ref();
            loan.is_none_or(|loan| loan.lent == Lent::Nobody)
        });
        !lendable && self.ledger.in_use >= self.ledger.limit
    }

    /// Whether every place of the bounded queue is taken.
    pub(super) fn queue_is_full(&self) -> bool {
        self.queue_size.is_some_and(|size| self.queued >= size)
    }

    /// Let the lane wait for a slot: in the pool's line or outside, and in its lender's line.
    /// A lane that waits already keeps its place.
    pub(super) fn stand_in_line(&mut self, id: LaneId) {
        // A lane would wait for ever for a place in a queue that has none.
        let full = self.queue_size != Some(0) && self.queue_is_full();
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        if lane.tickets.waits() {
            return;
        }
        if lane.bounded && full {
            lane.tickets.outside = Some(self.outside.join(id));
        } else {
            self.queued += u32::from(lane.bounded);
            lane.tickets.pool = Some(self.line.join(id));
        }
        self.ask_for_loan(id);
    }

    /// Let the lane wait no longer, in any line. Its place in the bounded queue is given up.
    fn leave_line(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        if let Some(ticket) = lane.tickets.loan.take() {
            let lender = lane.lenders.as_ref().map(|lenders| lenders.nearest);
            let lender = lender.and_then(|l| self.ledger.get_mut(l));
            if let Some(loan) = lender.and_then(|slot| slot.loan.as_mut()) {
                loan.line.leave(ticket);
            }
        }
        if let Some(ticket) = lane.tickets.outside.take() {
            self.outside.leave(ticket);
        }
        if let Some(ticket) = lane.tickets.pool.take() {
            self.line.leave(ticket);
            if lane.bounded {
                self.queued -= 1;
                self.admit_from_outside();
            }
        }
    }

    /// Give a place of the bounded queue, if one is free, to the longest waiting lane outside.
    fn admit_from_outside(&mut self) {
        if self.queue_is_full() {
            return;
        }
        if let Some(id) = self.outside.pop() {
            let lane = self.lanes.get_mut(id.0).expect("a lane in line is open");
            lane.tickets.outside = None;
            lane.tickets.pool = Some(self.line.join(id));
            self.queued += 1;
        }
    }

    /// Put the slot of a step that ends back. If the step has lent it, the borrower keeps it. Lanes
    /// that wait for it ask the next lender, and keep their places in the pool's line.
    pub(super) fn release(&mut self, slot_id: SlotId, mut slot: Slot) {
        let loan = slot.loan.take();
        let lent = loan.as_ref().map_or(Lent::Nobody, |loan| loan.lent);
        fault!(LockedRelease);
        if lent == Lent::Nobody {
            self.give_back(slot.source);
            if !faults::holds(Rule::Returned)
                && slot.source == Source::Pool
                && self.ledger.in_use > 0
            {
                self.give_back(slot.source);
            }
        } else {
            self.hand_over(slot_id, slot.source, lent);
        }
        let mut line = loan.map(|loan| loan.line).unwrap_or_default();
        while let Some(id) = line.pop() {
            // One that was served since this step ended is no longer waiting.
            if self.lane_mut(id).tickets.loan.take().is_none() {
                continue;
            }
            match self.borrow(id) {
                Some(source) => self.reserve(id, source),
                None => self.ask_for_loan(id),
            }
        }
    }

    /// Put a slot back where it came from, and hand it to the longest waiting lane there.
    pub(super) fn give_back(&mut self, source: Source) {
        match source {
            Source::NoSlot => {}
            Source::Pool => {
                self.ledger.in_use -= 1;
                self.grant();
            }
            Source::Loan(lender) => {
                self.set_lent(lender, Lent::Nobody);
                let slot = self.ledger.get_mut(lender);
                let Some(id) = slot.and_then(|s| s.loan.as_mut()?.line.pop()) else {
                    return;
                };
                self.lane_mut(id).tickets.loan = None;
                self.set_lent(lender, Lent::Reserved(id));
                self.reserve(id, source);
            }
        }
    }

    /// Hand the pool's free slots to the lanes at the front of the pool's line.
    fn grant(&mut self) {
        while self.ledger.in_use < self.ledger.limit {
            // While a lane is outside the queue is full, and so the line is not empty.
            let Some(id) = self.line.pop() else {
                return;
            };
            self.ledger.in_use += 1;
            let lane = self.lanes.get_mut(id.0).expect("a lane in line is open");
            lane.tickets.pool = None;
            if lane.bounded {
                self.queued -= 1;
                self.admit_from_outside();
            }
            self.reserve(id, Source::Pool);
        }
    }

    /// The slot is this lane's now, and one of its workers is to be woken to come for it.
    fn reserve(&mut self, id: LaneId, source: Source) {
        self.leave_line(id);
        self.lane_mut(id).reserved.push(source);
        self.wakes.push(id);
    }

    /// Change the limit. Lowering it stops nothing; raising it starts waiting lanes at once.
    pub fn resize(&mut self, limit: u32) {
        self.ledger.limit = limit;
        if self.ledger.in_use < limit {
            // The one lane that may have had all the slots, and so was not in line.
            let wants = |(key, lane): (_, &Lane)| lane.wants_slot().then_some(LaneId(key));
            let idle: Vec<LaneId> = self.lanes.iter().filter_map(wants).collect();
            for id in idle {
                let lane = self.lane_mut(id);
                if lane.holding > 0 && lane.reserved.is_empty() {
                    self.stand_in_line(id);
                }
            }
        }
        self.grant();
    }

    /// The lane waits for no slot any more, until it asks again. A slot it was granted goes to the
    /// next in line.
    pub fn stand_back(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        let reserved = std::mem::take(&mut lane.reserved);
        self.leave_line(id);
        for source in reserved {
            self.give_back(source);
        }
    }

    /// The lanes that were granted a slot since the last call, longest waiting first. The caller
    /// sees to it that a worker of each asks [`Scheduler::next`].
    pub fn take_wakes(&mut self) -> Vec<LaneId> {
        std::mem::take(&mut self.wakes)
    }

    /// These lanes could not be woken: they stay to be woken.
    pub fn put_back_wakes(&mut self, lanes: Vec<LaneId>) {
        self.wakes.extend(lanes);
    }

    /// Whether [`Scheduler::take_wakes`] would return any.
    pub fn has_wakes(&self) -> bool {
        !self.wakes.is_empty()
    }
}

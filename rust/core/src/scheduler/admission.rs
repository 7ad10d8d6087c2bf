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
//! - A lent slot goes to the lane at the front of its lender's line (`lend`, in `loans`), past all
//!   lanes in the pool's line. It lies idle, with the lender, when the lender's line is empty.
//!
//! The claims of shares that go with a slot come back before the slot does (see `shares`).
//!
//! The slot is reserved for that lane, the lane is named among the wakes, and one of its workers
//! comes for the slot with `next`. A lane that asks in the meantime cannot take it. While a lane
//! stands in the pool's line none of the pool's slots is free, so a lane that finds a free one
//! passes nobody by. In a paused pool no slot can be had, so slots lie idle beside their lines, and
//! a worker that comes for a reserved one waits; `resume` (in `settings`) makes up for both.
//!
//! # The lines
//!
//! - *The pool's line*, `Scheduler::line`, is for the pool's slots.
//! - *The line of a share*, `Share::line`, comes before it, for lanes whose share has no claim left
//!   (see `shares`). A lane with a share has its claims when it stands in the pool's line.
//! - *The line for a lender's slot*, `Loan::line`, is for the slot of one running step, and for
//!   lanes of steps that this step waits for (see `loans`). Such a lane stands in one of the other
//!   lines as well, takes the slot that comes first, and then leaves both.
//! - *Outside*, `Scheduler::outside`, is for a place in the pool's line (see below).
//!
//! # The bounded queue
//!
//! The queue is bounded for lanes that say so: each takes one of its places while it stands in the
//! pool's line. One that waits for its share takes none, nor does one with a rate of its own, since
//! the queue is everybody's.
//!
//! - While all places are taken, a bounded lane that would have to wait, for a slot or for its
//!   share, is refused as it is opened, if the pool refuses.
//! - One that was taken in is never refused afterwards. Where it has all its claims and there is no
//!   place for it, it waits outside. A lane that gives up its place lets the lane that has waited
//!   outside longest go to the end of the pool's line.
//! - A queue that has no places has one for lanes that may not be refused: they would wait for it
//!   for ever. So nobody is outside while nobody stands in the pool's line.
//!
//! No more places are taken than there are, unless the queue was made smaller.
//!
//! # Fairness
//!
//! Each of them is first come, first served, and a lane stands there once, however many steps it
//! has ready. A lane gets one slot a turn and stands at the end of the line when it wants more. So
//! lanes take turns, step by step: of two lanes in line, one with a thousand ready steps and one
//! with a single one, each gets every other slot. Every lane in the pool's line moves forward with
//! each slot of the pool that is granted, and none is overtaken there. A lane outside is not there
//! yet: lanes that take no place in the bounded queue pass it by.
//!
//! # A priority
//!
//! The order of lanes is in the four kinds of `Line` above and nowhere else, and each is joined
//! and popped in one place: the pool's in `join_line` and `grant`, outside in `wait_for_pool` and
//! `admit_from_outside`, a share's in `pass_gates` and `Share::serve`, a lender's in `ask_for_loan`
//! and `lend` (and emptied in `release`). A priority, or a fair share for each tenant, is another
//! queue with `join`, `leave` and `pop` in place of those. For lanes without shares and lenders the
//! first two are enough. `acquire` needs no change, as it takes a slot only while nobody waits for
//! it, and neither does `pass_on`, which keeps a slot only then.

use super::Scheduler;
use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};
use crate::loan::Lent;
use crate::share::ShareId;
use crate::slot::{Slot, Source};

impl Scheduler {
    /// A slot for this lane, if one can be had without passing anybody by: the idle one of its
    /// lender, or else a free one of the pool's. One that waits is given it in its turn.
    pub(super) fn acquire(&mut self, id: LaneId) -> Option<Source> {
        let lender = self.lender(id);
        let lane = self.lane_mut(id);
        let share = lane.share;
        if lane.tickets.waits() {
            return None;
        }
        let source = self.offer(lender, share).filter(|_| self.lets_in(id))?;
        self.claim(share, self.claims_end(source));
        match source {
            Source::Loan(lender) => self.set_lent(lender, Lent::Reserved(id)),
            _ => self.ledger.in_use += 1,
        }
        Some(source)
    }

    /// The source of a slot that a lane with this lender, in this share, could have at once, if it is
    /// let in.
    pub(super) fn offer(&self, lender: Option<SlotId>, share: Option<ShareId>) -> Option<Source> {
        let loan = lender.filter(|&lender| self.can_lend(lender));
        let pool = self.ledger.has_free().then_some(Source::Pool);
        let sources = [loan.map(Source::Loan), pool];
        let has_claims = |source: &Source| self.has_room(share, self.claims_end(*source));
        sources.into_iter().flatten().find(has_claims)
    }

    /// Reserve a slot for this lane, if one can be had: it has a worker that will come for it.
    pub(super) fn acquire_for_later(&mut self, id: LaneId) -> bool {
        let source = self.acquire(id);
        if source.is_some() {
            let stood = self.next_stood();
            let lane = self.lane_mut(id);
            (lane.reserved, lane.stood) = (source, stood);
            self.count_granted(id, true);
        }
        source.is_some()
    }

    /// Whether every place of the bounded queue is taken.
    pub(super) fn queue_is_full(&self) -> bool {
        self.queue_size.is_some_and(|size| self.queued >= size)
    }

    /// Whether a lane that waits, and is not refused, may take a place of the bounded queue. For a
    /// place in a queue that has none it would wait for ever, so there is always one.
    fn has_place(&self) -> bool {
        self.queued == 0 || !self.queue_is_full()
    }

    /// Let the lane wait for a slot: in the line of its share, in the pool's line or outside, and
    /// in its lender's line. A lane that waits already keeps its place.
    pub(super) fn stand_in_line(&mut self, id: LaneId) {
        let lane = self.lane_mut(id);
        if lane.tickets.waits() {
            return;
        }
        let share = lane.share;
        if share.is_some() && !self.admits(id) {
            return self.wait_before_gates(id);
        }
        self.pass_gates(id, share);
    }

    /// Let the lane, which has all its claims, wait for one of the pool's slots.
    pub(super) fn wait_for_pool(&mut self, id: LaneId) {
        if self.lane_mut(id).bounded && !self.has_place() {
            let ticket = self.outside.join(id);
            self.lane_mut(id).tickets.outside = Some(ticket);
        } else {
            self.join_line(id);
        }
    }

    /// Let the lane stand in the pool's line. A bounded one takes a place of the bounded queue.
    fn join_line(&mut self, id: LaneId) {
        let stood = self.next_stood();
        let lane = self.lanes.get_mut(id.0).expect("a lane in line is open");
        lane.stood = stood;
        self.queued += u32::from(lane.bounded);
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        lane.tickets.pool = Some(match paced {
            None if lane.returns.is_some() => self.returning.join(id),
            None => self.line.join(id),
            Some(paced) => {
                paced.with_claims += u32::from(lane.share.is_some());
                paced.line.join(id)
            }
        });
    }

    fn next_stood(&mut self) -> u64 {
        self.stood += 1;
        self.stood
    }

    /// Let the lane wait no longer, in any line. Its place in the bounded queue is given up, and
    /// so are the claims that it took as it waited, from this share outwards.
    pub(super) fn leave_line(&mut self, id: LaneId, needless: Option<ShareId>) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        let tickets = std::mem::take(&mut lane.tickets);
        if let Some((lender, ticket)) = tickets.loan {
            let lender = self.ledger.get_mut(lender);
            if let Some(loan) = lender.and_then(|slot| slot.loan.as_mut()) {
                loan.line.leave(ticket);
            }
            self.count_asking(id, false);
        }
        let lane = self.lanes.get(id.0).expect("it was there above");
        if let Some(ticket) = tickets.outside {
            self.outside.leave(ticket);
        }
        let gate = tickets.share.map(|(gate, ticket)| {
            if let Some(gate) = self.shares.get_mut(gate.0) {
                gate.line.leave(ticket);
            }
            gate
        });
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        if let Some(ticket) = tickets.pool {
            self.queued -= u32::from(lane.bounded);
            match paced {
                None if lane.returns.is_some() => self.returning.leave(ticket),
                None => self.line.leave(ticket),
                Some(paced) => {
                    paced.with_claims -= u32::from(lane.share.is_some());
                    paced.line.leave(ticket)
                }
            };
            self.admit_from_outside();
        } else if let (Some(ticket), Some(paced)) = (tickets.before, paced) {
            paced.before.leave(ticket);
            return; // it has no claims
        }
        if tickets.waits() && needless != gate {
            self.give_claims_back(needless, gate);
            self.grant();
        }
    }

    /// Give the places of the bounded queue that are free to those that have waited outside longest.
    pub(super) fn admit_from_outside(&mut self) {
        while self.has_place() {
            let Some(id) = self.outside.pop() else {
                return;
            };
            self.lane_mut(id).tickets.outside = None;
            self.join_line(id);
        }
    }

    /// Put the slot of a step that ends back. If the step has lent it, the borrower keeps it. Lanes
    /// that wait for it ask the next lender, and keep their places in the other lines.
    pub(super) fn release(&mut self, slot_id: SlotId, mut slot: Slot) {
        let share = self.lane_mut(slot.lane).share;
        let loan = slot.loan.take();
        let lent = loan.as_ref().map_or(Lent::Nobody, |loan| loan.lent);
        let mut line = loan.map(|loan| loan.line).unwrap_or_default();
        let mut asked = Vec::new();
        while let Some(id) = line.pop() {
            if self.lane_mut(id).tickets.loan.take().is_some() {
                self.count_asking(id, false);
            }
            asked.push(id);
        }
        fault!(LockedRelease);
        if lent == Lent::Nobody {
            self.give_back(share, slot.source);
            if !faults::holds(Rule::Returned)
                && slot.source == Source::Pool
                && self.ledger.in_use > 0
            {
                self.give_back(None, Source::Pool);
            }
        } else {
            self.hand_over(slot_id, slot.source, lent);
        }
        for id in asked {
            // Since this step ended it may have been served, or have come through to the next one.
            let tickets = &self.lane_mut(id).tickets;
            if tickets.waits() && tickets.loan.is_none() {
                self.ask_next_lender(id);
            }
        }
    }

    /// Put the slot of a lane in this share back where it came from, with its claims, and hand it
    /// to the longest waiting lane there.
    pub(super) fn give_back(&mut self, share: Option<ShareId>, source: Source) {
        if source == Source::Pool {
            self.ledger.in_use -= 1;
        }
        if source.is_held() && share.is_some() {
            self.give_claims_back(share, self.claims_end(source));
        }
        match source {
            Source::NoSlot | Source::Away => {}
            Source::Pool => self.grant(),
            Source::Loan(lender) => {
                self.lend(lender);
                // A claim that came back may have let a lane go on to the pool's line.
                self.grant();
            }
        }
    }

    /// Hand the pool's free slots to the lanes at the front of the pool's line.
    pub(super) fn grant(&mut self) {
        while self.ledger.has_free() {
            let Some(id) = self.first_in_line() else {
                return;
            };
            self.ledger.in_use += 1;
            self.reserve(id, Source::Pool);
        }
    }

    /// The slot is this lane's now, with the claims that go with it, and one of its workers is to
    /// be woken to come for it.
    pub(super) fn reserve(&mut self, id: LaneId, source: Source) {
        self.lane_mut(id).reserved = Some(source);
        self.count_granted(id, true);
        self.wakes.push(id);
        self.leave_line(id, self.claims_end(source));
        self.come_back(id);
    }

    /// The lane waits for no slot any more, until it asks again. A slot it was granted goes to the
    /// next in line.
    pub fn stand_back(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        let (share, reserved) = (lane.share, lane.reserved.take());
        self.leave_line(id, share);
        if let Some(source) = reserved {
            self.count_granted(id, false);
            self.give_back(share, source);
        }
        self.keep_time(None);
    }

    /// The lanes that were granted a slot since the last call, longest waiting first. The caller
    /// sees to it that a worker of each asks [`Scheduler::next`].
    pub fn take_wakes(&mut self) -> Vec<LaneId> {
        self.forget_returned();
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

//! Who gets a slot.

use super::Scheduler;
use crate::faults::{Rule, fault, holds};
use crate::ids::{LaneId, SlotId};
use crate::lane::Lane;
use crate::loan::Lent;
use crate::slot::{Slot, Source};

impl Scheduler {
    /// A slot for this lane, if one can be had without passing anybody by.
    pub(super) fn acquire(&mut self, id: LaneId) -> Option<Source> {
        let borrowed = self.borrow(id);
        let source = borrowed.or_else(|| self.ledger.take().then_some(Source::Pool))?;
        // A lane that `resize` put in line may find its lender's slot idle before its turn comes.
        self.leave_line(id);
        Some(source)
    }

    pub(super) fn must_wait(&self, lender: Option<SlotId>) -> bool {
        let lendable = lender.and_then(|l| self.ledger.get(l)).is_some_and(|slot| {
            let loan = slot.loan.as_ref();
            loan.is_none_or(|loan| loan.lent == Lent::Nobody)
        });
        !lendable && self.ledger.in_use >= self.ledger.limit
    }

    pub(super) fn queue_is_full(&self) -> bool {
        self.queue_size.is_some_and(|size| self.queued >= size)
    }

    pub(super) fn stand_in_line(&mut self, id: LaneId) {
        // For a place in a queue that has none it would wait for ever.
        let full = self.queue_size != Some(0) && self.queue_is_full();
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        if lane.place.waits() {
            return;
        }
        if lane.place.bounded && full {
            lane.place.outside = Some(self.outside.join(id));
        } else {
            self.queued += u32::from(lane.place.bounded);
            lane.place.pool = Some(self.line.join(id));
        }
        self.ask_for_loan(id);
    }

    fn leave_line(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        if let Some(ticket) = lane.place.loan.take() {
            let lender = lane.lenders.as_ref().map(|lenders| lenders.nearest);
            let lender = lender.and_then(|l| self.ledger.get_mut(l));
            if let Some(loan) = lender.and_then(|slot| slot.loan.as_mut()) {
                loan.line.leave(ticket);
            }
        }
        if let Some(ticket) = lane.place.outside.take() {
            self.outside.leave(ticket);
        }
        if let Some(ticket) = lane.place.pool.take() {
            self.line.leave(ticket);
            if lane.place.bounded {
                self.queued -= 1;
                self.admit_from_outside();
            }
        }
    }

    fn admit_from_outside(&mut self) {
        if self.queue_is_full() {
            return;
        }
        if let Some(id) = self.outside.pop() {
            let lane = self.lanes.get_mut(id.0).expect("a lane in line is open");
            lane.place.outside = None;
            lane.place.pool = Some(self.line.join(id));
            self.queued += 1;
        }
    }

    /// Put a step's slot back. If the step lent it, whoever has it keeps it, and whoever waits
    /// for it asks the next lender.
    pub(super) fn release(&mut self, slot_id: SlotId, mut slot: Slot) {
        let loan = slot.loan.take();
        let lent = loan.as_ref().map_or(Lent::Nobody, |loan| loan.lent);
        fault!(LockedRelease);
        if lent == Lent::Nobody {
            self.give_back(slot.source);
            if !holds(Rule::Returned) && slot.source == Source::Pool && self.ledger.in_use > 0 {
                self.give_back(slot.source);
            }
        } else {
            self.hand_over(slot_id, slot.source, lent);
        }
        let mut line = loan.map(|loan| loan.line).unwrap_or_default();
        while let Some(id) = line.pop() {
            // One that was served since this step ended is no longer waiting.
            if self.lane_mut(id).place.loan.take().is_none() {
                continue;
            }
            match self.borrow(id) {
                Some(source) => self.reserve(id, source),
                None => self.ask_for_loan(id),
            }
        }
    }

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
                self.lane_mut(id).place.loan = None;
                self.set_lent(lender, Lent::Reserved(id));
                self.reserve(id, source);
            }
        }
    }

    fn grant(&mut self) {
        while self.ledger.in_use < self.ledger.limit {
            // While anybody is outside the queue is full, and so the line is not empty.
            let Some(id) = self.line.pop() else {
                return;
            };
            self.ledger.in_use += 1;
            let lane = self.lanes.get_mut(id.0).expect("a lane in line is open");
            lane.place.pool = None;
            if lane.place.bounded {
                self.queued -= 1;
                self.admit_from_outside();
            }
            self.reserve(id, Source::Pool);
        }
    }

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

    /// The lane waits for no slot any more, until it asks again; what it was granted goes to others.
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

//! What may be changed while steps run: the limit, the queue, and whether anything starts at all.

use super::Scheduler;
use crate::closed::Reason;
use crate::ids::{LaneId, SlotId};
use crate::lane::Lane;
use crate::slot::Slot;
use crate::spec::WhenFull;

impl Scheduler {
    /// Change the limit. Lowering it stops nothing; raising it starts waiting lanes at once.
    pub fn resize(&mut self, limit: u32) {
        self.ledger.limit = limit;
        self.fill();
        self.keep_time(None);
    }

    /// Give a step of a lane whose steps have limits of their own another one: from its next suspension
    /// on, if it does not run yet or has not suspended.
    pub fn set_step_timeout(&mut self, id: LaneId, step: u32, timeout_ns: Option<u64>) {
        let lane = self.lanes.get_mut(id.0);
        if let Some(own) = lane.and_then(|lane| lane.timeouts_ns.get_mut(step as usize)) {
            *own = timeout_ns;
        }
    }

    /// Start no step that takes a slot, until `resume`. Running steps go on. A lane that was
    /// granted a slot keeps it, and its worker waits.
    pub fn pause(&mut self) {
        self.ledger.closed.set(Reason::Paused, true);
        self.keep_time(None);
    }

    /// Go on after `pause`, and before a hold is over: whoever was granted a slot comes for it, and free slots are handed out.
    pub fn resume(&mut self) {
        if self.ledger.closed.lets_start() {
            return;
        }
        self.ledger.closed.set(Reason::Paused, false);
        self.hold_is_over();
        self.open_again();
        self.keep_time(None);
    }

    pub(super) fn hold_is_over(&mut self) {
        self.held_until_ns = None;
        self.ledger.closed.set(Reason::Held, false);
    }

    /// Whoever was granted a slot comes for it, and free slots are handed out.
    pub(super) fn open_again(&mut self) {
        let granted = |(key, lane): (_, &Lane)| lane.reserved.map(|_| LaneId(key));
        self.wakes.extend(self.lanes.iter().filter_map(granted));
        self.lend_idle();
        self.fill();
    }

    /// Lend the slots that lie idle though somebody waits for them.
    pub(super) fn lend_idle(&mut self) {
        let lends = |(key, slot): (_, &Slot)| slot.is_wanted_idle_loan().then_some(SlotId(key));
        let lenders: Vec<SlotId> = self.ledger.running.iter().filter_map(lends).collect();
        for lender in lenders {
            // What is lent may let others go on, and one of those may have borrowed this one.
            if (self.ledger.get(lender)).is_some_and(Slot::is_wanted_idle_loan) {
                self.lend(lender);
            }
        }
    }

    /// Change how many bounded lanes may wait. Those for which there is a place now come in from
    /// outside; nobody who waits already is sent away.
    pub fn set_queue_size(&mut self, queue_size: Option<u32>) {
        self.queue_size = queue_size;
        self.admit_from_outside();
        self.keep_time(None);
    }

    /// Change what becomes of bounded lanes that are opened from now on, and find the queue full.
    pub fn set_when_full(&mut self, when_full: WhenFull) {
        self.when_full = when_full;
    }

    /// Hand out what is free after a change.
    fn fill(&mut self) {
        if self.ledger.has_room() {
            // The one lane that may have had all the slots, and so was not in line.
            let wants = |(key, lane): (_, &Lane)| lane.wants_slot().then_some(LaneId(key));
            let idle: Vec<LaneId> = self.lanes.iter().filter_map(wants).collect();
            for id in idle {
                let lane = self.lane_mut(id);
                if lane.holding > 0 && lane.reserved.is_none() {
                    self.stand_in_line(id);
                }
            }
        }
        self.grant();
    }
}

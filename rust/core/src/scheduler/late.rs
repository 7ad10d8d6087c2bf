//! Steps that run past their time limit.

use std::collections::TryReserveError;

use super::Scheduler;
use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};

impl Scheduler {
    /// Take the memory for one more running step of this lane, and for a deadline of this worker.
    pub fn make_room(&mut self, id: LaneId, worker: u32) -> Result<(), TryReserveError> {
        self.ledger.running.reserve_one()?;
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return Ok(());
        };
        lane.cancelled_ns.try_reserve(1 + lane.running as usize)?;
        match lane.has_timeouts() {
            true => lane.deadlines.reserve(worker),
            false => Ok(()),
        }
    }

    /// Arm the deadline of a running step that has suspended. Returns whether it comes before the
    /// next look at the lane's deadlines, which is then due at that time.
    ///
    /// Deadlines are numbers in the order of time, and no matter which: they are compared with
    /// each other and with what [`Scheduler::take_overdue`] is given.
    pub fn arm(&mut self, slot_id: SlotId, worker: u32, deadline: u64) -> bool {
        let Some(slot) = self.ledger.get_mut(slot_id) else {
            return false;
        };
        let Some(lane) = self.lanes.get_mut(slot.lane.0) else {
            return false;
        };
        fault!(LockedArm);
        slot.armed = Some(worker);
        // Where the rule is off, a deadline that has outlived its step stays.
        let arms = faults::holds(Rule::Generation) || !lane.deadlines.is_armed(worker);
        arms && lane.deadlines.arm(worker, deadline)
    }

    /// The workers of this lane that still run a step past its limit, earliest deadline first and
    /// `most` at once; each is named once. And when to look again, if any deadline is left.
    pub fn take_overdue(&mut self, id: LaneId, now: u64, most: usize) -> (Vec<u32>, Option<u64>) {
        let lane = self.lanes.get_mut(id.0);
        lane.map_or_else(Default::default, |lane| {
            lane.deadlines.take_overdue(now, most)
        })
    }
}

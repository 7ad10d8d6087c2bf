//! Steps that run past their time limit.

use super::Scheduler;
use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};

impl Scheduler {
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

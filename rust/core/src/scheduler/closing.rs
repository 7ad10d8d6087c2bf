//! The end of a lane.

use super::Scheduler;
use crate::faults::fault;
use crate::ids::LaneId;
use crate::outcome::{Cause, Outcome};
use crate::tally::Tally;

impl Scheduler {
    /// Start nothing more of this lane. Running steps go on until they are settled.
    pub fn stop(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        lane.stopped = true;
        self.ready -= lane.ready.clear() as u64;
        lane.ready_slotless.clear();
        self.ready -= Self::give_up_attempts(lane);
        self.stand_back(id);
    }

    /// Forget the lane, and return what its steps have come to. Steps that still run (their worker
    /// was torn away by something fatal) are settled as cancelled first, so that no slot is lost.
    pub fn close(&mut self, id: LaneId, cause: Cause, now_ns: u64) -> Option<Tally> {
        self.stop(id);
        let lane = self.lanes.get(id.0)?;
        if lane.running > 0 {
            // One by one: there may be no memory for a list of them.
            let mut from = 0;
            while let Some(slot) = self.ledger.next_of(id, from) {
                from = slot.0.index() + 1;
                self.settle(slot, Outcome::Cancelled, now_ns);
            }
        }
        fault!(LockedClose);
        let mut lane = self.lanes.remove(id.0).expect("it was there above");
        self.leave_share(lane.share);
        self.trying -= u32::from(lane.again.is_some());
        self.leave_rate(lane.rate);
        let outcome = match cause {
            Cause::Ended => Outcome::Cancelled,
            Cause::TimedOut => Outcome::TimedOut,
        };
        let Tally {
            submitted,
            completed,
            failed,
            timed_out,
            ..
        } = lane.tally;
        let stopped = lane.cancelled_ns.len() as u64;
        lane.tally.skipped = submitted - completed - failed - timed_out - stopped;
        self.statistics.skipped(lane.tally.skipped, now_ns);
        for run_ns in lane.cancelled_ns {
            lane.tally.ended(outcome, run_ns);
            self.statistics.ended(outcome, run_ns, now_ns);
        }
        Some(lane.tally)
    }

    /// From now on times are another clock's. Only while no lane is open.
    pub fn change_clock(&mut self) {
        self.now_ns = 0;
        self.keeper = None;
        self.hold_is_over();
        self.statistics.change_clock();
    }
}

//! Steps that go on when their time is up: functions that run in a thread, which nobody can cancel.
//!
//! Such a step has failed from then on (`strike`): it is counted, and may decide its lane. Its slot
//! stays taken until the function has returned, and goes back as it is settled; what it came to in
//! the end does not count any more.

use super::Scheduler;
use crate::ids::SlotId;
use crate::join::Verdict;
use crate::outcome::{Outcome, StepState};

/// What has come of a step whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its number in the lane.
    pub step: u32,
    /// How long it had waited, and has run.
    pub waited_ns: u64,
    /// See above.
    pub run_ns: u64,
    /// The verdict, if this decided the lane.
    pub verdict: Option<Verdict>,
}

impl Scheduler {
    /// The time of this running step is up: it has timed out. None if it has ended, or was
    /// struck before; or if it may be tried again, and is judged as it ends: it must not run twice at a
    /// time.
    pub fn strike(&mut self, slot_id: SlotId, now_ns: u64) -> Option<Struck> {
        if !self.mark_overdue(slot_id) || self.may_try_again(slot_id) {
            return None;
        }
        let (waited_ns, started_ns) = self.times_ns(slot_id)?;
        let run_ns = now_ns.saturating_sub(started_ns);
        let slot = self.ledger.get_mut(slot_id)?;
        slot.has_timed_out = true;
        let (id, step) = (slot.lane, slot.step);
        let lane = self.lane_mut(id);
        lane.overstaying += 1;
        lane.states[step as usize] = StepState::TimedOut;
        lane.tally.ended(Outcome::TimedOut, run_ns);
        self.statistics.ended(Outcome::TimedOut, run_ns, now_ns);
        let verdict = self.count_towards_verdict(id, step, Outcome::TimedOut, now_ns);
        if verdict.is_some() {
            self.stop(id);
        }
        Some(Struck {
            step,
            waited_ns,
            run_ns,
            verdict,
        })
    }

    /// The time of this running step is up. Whether it is so from now on.
    fn mark_overdue(&mut self, slot_id: SlotId) -> bool {
        let slot = self.ledger.get_mut(slot_id);
        slot.is_some_and(|slot| !std::mem::replace(&mut slot.is_overdue, true))
    }

    fn may_try_again(&self, slot: SlotId) -> bool {
        let slot = self.ledger.get(slot);
        slot.is_some_and(|slot| {
            let lane = self.lanes.get(slot.lane.0);
            let again = lane.and_then(|lane| lane.again.as_ref());
            again.is_some_and(|again| again.of(slot.step).is_some())
        })
    }

    /// Whether the time of this running step is up.
    pub fn is_overdue(&self, slot: SlotId) -> bool {
        self.ledger.get(slot).is_some_and(|slot| slot.is_overdue)
    }

    /// Whether this running step has timed out already, and only holds its slot.
    pub fn has_timed_out(&self, slot: SlotId) -> bool {
        let slot = self.ledger.get(slot);
        slot.is_some_and(|slot| slot.has_timed_out)
    }
}

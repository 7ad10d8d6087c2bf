//! Attempts: a step that has failed gives its slot back, and waits to be tried again.
//!
//! It is a waiting step then, as one that has not started, with a time before which it does not
//! start. A worker of its lane sleeps until the earliest of those times (`wants_sleeper`, in
//! `times`); a step whose time has come goes before those of its lane that have not been tried. Its
//! failure does not count: the lane is decided by what its last attempt comes to. Where the lane is
//! stopped, the step is stopped with it, as one that had started.

use super::Scheduler;
use crate::budget::SharedBudget;
use crate::ids::{LaneId, SlotId};
use crate::lane::Lane;
use crate::outcome::StepState;
use crate::slot::Source;

/// What becomes of a step after a failed attempt that is not its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is tried again, not before this time.
    At {
        /// The time.
        at_ns: u64,
    },
    /// The budget is used up: the step is to be settled, as after its last attempt.
    Refused,
}

impl Scheduler {
    /// An attempt has failed, or passed its limit. Where the step is to be tried again its slot goes
    /// to the longest waiter; otherwise nothing has happened, and it is to be settled. `asked_ns` is a
    /// wait that somebody has asked for.
    pub fn retry(
        &mut self,
        slot_id: SlotId,
        asked_ns: Option<u64>,
        chance: f64,
        now_ns: u64,
    ) -> Option<Attempt> {
        self.time_is(now_ns);
        let slot = self.ledger.get(slot_id)?;
        let (id, step) = (slot.lane, slot.step);
        let lane = self.lanes.get(id.0)?;
        let again = lane.again.as_ref().filter(|_| !lane.stopped)?;
        let (retry, past) = (again.of(step)?, again.attempts.get(&step)?);
        if slot.source == Source::NoSlot || retry.attempts.is_some_and(|most| past.started >= most)
        {
            return None;
        }
        let wait_ns = asked_ns.unwrap_or_else(|| retry.wait_ns(past.started, chance));
        let at_ns = now_ns.saturating_add(wait_ns);
        let ends_ns = retry
            .timeout_ns
            .map(|timeout_ns| past.first_ns.saturating_add(timeout_ns));
        if ends_ns.is_some_and(|ends_ns| at_ns >= ends_ns) {
            return None;
        }
        if !self.budget.as_ref().is_none_or(SharedBudget::spend) {
            self.lanes.get_mut(id.0)?.tally.refused += 1;
            self.statistics.refused(now_ns);
            return Some(Attempt::Refused);
        }
        self.stop_wanting(slot_id);
        let slot = self.ledger.running.remove(slot_id.0)?;
        let lane = self.lanes.get_mut(id.0)?;
        lane.running -= 1;
        lane.holding -= u32::from(slot.source.is_held());
        lane.away -= u32::from(slot.source == Source::Away);
        if let Some(worker) = slot.armed {
            lane.deadlines.disarm(worker);
        }
        lane.states[step as usize] = StepState::Waiting;
        let run_ns = now_ns.saturating_sub(slot.started_ns);
        lane.tally.retried(run_ns);
        self.statistics.retried(run_ns, now_ns);
        let again = lane.again.as_mut()?;
        again.attempts.entry(step).or_default().failed_ns = Some(now_ns);
        again.wait(step, at_ns);
        self.ready += 1;
        self.release(slot_id, slot);
        self.keep_time(Some(id));
        Some(Attempt::At { at_ns })
    }

    /// Which attempt at this step runs, or ran last, counted from 1.
    pub fn attempt(&self, id: LaneId, step: u32) -> u32 {
        let again = self.lanes.get(id.0).and_then(|lane| lane.again.as_ref());
        let past = again.and_then(|again| again.attempts.get(&step));
        past.map_or(1, |past| past.started)
    }

    /// How long this attempt may run, and whether that is what is left for all attempts together.
    pub fn attempt_limit_ns(&self, slot_id: SlotId) -> Option<(u64, bool)> {
        let slot = self.ledger.get(slot_id)?;
        let lane = self.lanes.get(slot.lane.0)?;
        let own = lane.step_timeout_ns(slot.step);
        let again = lane.again.as_ref();
        let left_ns = again.and_then(|again| {
            let timeout_ns = again.of(slot.step)?.timeout_ns?;
            let first_ns = again.attempts.get(&slot.step)?.first_ns;
            Some(
                first_ns
                    .saturating_add(timeout_ns)
                    .saturating_sub(slot.started_ns),
            )
        });
        match left_ns.filter(|&left_ns| own.is_none_or(|own| left_ns < own)) {
            Some(left_ns) => Some((left_ns, true)),
            None => own.map(|own| (own, false)),
        }
    }

    /// The limit for all attempts at a step together.
    pub fn retry_timeout_ns(&self, id: LaneId, step: u32) -> Option<u64> {
        let again = self.lanes.get(id.0)?.again.as_ref()?;
        again.of(step)?.timeout_ns
    }

    /// Nothing of the lane starts any more: steps that wait for another attempt were stopped.
    pub(super) fn give_up_attempts(lane: &mut Lane) -> u64 {
        let Some(again) = &mut lane.again else {
            return 0;
        };
        let stopped = again.clear();
        for &step in &stopped {
            lane.states[step as usize] = StepState::Cancelled;
            lane.cancelled_ns.push(0);
        }
        stopped.len() as u64
    }
}

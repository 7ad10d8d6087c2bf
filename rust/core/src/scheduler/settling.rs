//! The end of a step: its state, its count, its lane's verdict, and the way of its slot.

use super::{Next, Scheduler};
use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};
use crate::join::Verdict;
use crate::outcome::{Outcome, StepState};
use crate::slot::Source;

impl Scheduler {
    /// A step has ended. Its slot goes to the longest waiter; the verdict is returned if this
    /// step decided its lane, and then nothing of the lane starts any more.
    pub fn settle(&mut self, slot: SlotId, outcome: Outcome, now_ns: u64) -> Option<Verdict> {
        if self.has_times() {
            self.time_is(now_ns);
        }
        self.stop_wanting(slot);
        let slot = self.ledger.running.remove(slot.0).map(|s| (slot, s));
        let (slot_id, slot) = slot.expect("a step is settled once");
        let id = slot.lane;
        let counted = slot.source != Source::NoSlot;
        let lane = self.lanes.get_mut(id.0).expect("a running step has a lane");
        lane.running -= 1;
        lane.holding -= u32::from(slot.source.is_held());
        lane.away -= u32::from(slot.source == Source::Away);
        if let Some(worker) = slot.armed.filter(|_| faults::holds(Rule::Generation)) {
            lane.deadlines.disarm(worker);
        }
        if slot.has_timed_out {
            lane.overstaying -= 1;
            self.release(slot_id, slot);
            self.keep_time(None);
            return None;
        }
        fault!(LockedSettle);
        let before = std::mem::replace(&mut lane.states[slot.step as usize], outcome.state());
        debug_assert_eq!(before, StepState::Running);
        let run_ns = now_ns.saturating_sub(slot.started_ns);
        match outcome {
            _ if !counted => {}
            // Counted when the lane is closed and the cause is known.
            Outcome::Cancelled => lane.cancelled_ns.push(run_ns),
            _ => {
                lane.tally.ended(outcome, run_ns);
                self.statistics.ended(outcome, run_ns, now_ns);
            }
        }
        let verdict = self.count_towards_verdict(id, slot.step, outcome, now_ns);
        if verdict.is_some() || outcome == Outcome::Cancelled {
            self.stop(id);
        }
        self.release(slot_id, slot);
        self.keep_time(None);
        verdict
    }

    /// [`Scheduler::settle`], and then [`Scheduler::next`] for the same lane.
    pub fn settle_and_next(
        &mut self,
        slot: SlotId,
        outcome: Outcome,
        now_ns: u64,
    ) -> (Option<Verdict>, Next) {
        let passed = match outcome {
            Outcome::Succeeded => self.pass_on(slot, now_ns),
            _ => None,
        };
        if let Some(next) = passed {
            return (None, next);
        }
        let lane = self.ledger.get(slot).map(|slot| slot.lane);
        let verdict = self.settle(slot, outcome, now_ns);
        let next = lane.map_or(Next::Leave, |lane| self.next(lane, now_ns));
        (verdict, next)
    }

    /// The short way for both, where no lane waits in line and no verdict is near: the slot stays
    /// where it is, with the lane's next step in it. None, without any effect, anywhere else.
    fn pass_on(&mut self, id: SlotId, now_ns: u64) -> Option<Next> {
        let slot = self.ledger.get(id)?;
        let lane = self.lanes.get(slot.lane.0)?;
        if self.is_wanted(lane.share) {
            return None;
        }
        let lane = self.lanes.get_mut(slot.lane.0)?;
        let stays = slot.source == Source::Pool
            && !slot.is_overdue
            && slot.loan.is_none()
            && self.line.is_empty()
            && self.returning.is_empty()
            && self.ledger.may_stay()
            && lane.plain
            && lane.reserved.is_none()
            && !lane.stopped
            && !lane.join.is_near()
            && faults::holds(Rule::Returned)
            && faults::holds(Rule::Generation);
        if !stays || lane.ready.is_empty() {
            return None;
        }
        fault!(LockedSettle);
        let step = lane.ready.pop()?;
        let (key, slot) = self.ledger.running.renew(id.0)?;
        if let Some(worker) = slot.armed.take() {
            lane.deadlines.disarm(worker);
        }
        lane.states[slot.step as usize] = StepState::Succeeded;
        lane.states[step as usize] = StepState::Running;
        let verdict = lane.join.succeeded();
        debug_assert_eq!(verdict, None);
        let run_ns = now_ns.saturating_sub(slot.started_ns);
        let wait_ns = now_ns.saturating_sub(lane.submitted_ns(step));
        lane.tally.ended(Outcome::Succeeded, run_ns);
        lane.tally.started(wait_ns);
        let figures = self.statistics.at(now_ns);
        figures.ended(Outcome::Succeeded, run_ns);
        figures.started(wait_ns);
        self.ready -= 1;
        slot.step = step;
        slot.started_ns = now_ns;
        let slot = SlotId(key);
        Some(Next::Start { step, slot })
    }

    /// Count the outcome in the join policy, and make the steps ready that waited for this one
    /// alone. The verdict is returned if this step decided its lane.
    pub(super) fn count_towards_verdict(
        &mut self,
        id: LaneId,
        step: u32,
        outcome: Outcome,
        now_ns: u64,
    ) -> Option<Verdict> {
        let lane = self.lanes.get_mut(id.0)?;
        let good = match outcome {
            Outcome::Cancelled => return None,
            Outcome::Succeeded => true,
            Outcome::Failed | Outcome::TimedOut => lane.tolerates(step),
        };
        if !good {
            return lane.join.failed();
        }
        if let Some(mut graph) = lane.graph.take() {
            if !lane.stopped {
                let before = lane.ready.len();
                graph.settle(step, |ready| {
                    lane.ready_at_ns[ready as usize] = now_ns;
                    Self::push_ready(lane, ready);
                });
                self.ready += (lane.ready.len() - before) as u64;
            }
            lane.graph = Some(graph);
        }
        lane.join.succeeded()
    }
}

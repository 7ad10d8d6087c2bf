//! A fed lane: its steps come in one by one, while it is open.
//!
//! Such a lane has places instead of a list of steps: a step is a place, and a place is used again
//! when its step has ended. It opens without a ready step. A worker that finds none waits until
//! one comes in, or until the feed ends; then the lane is like any other.

use super::{Next, Scheduler};
use crate::ids::LaneId;
use crate::lane::Lane;
use crate::outcome::StepState;

impl Scheduler {
    /// A step comes in at this place, where none waits or runs. It waits for a slot from now on,
    /// unless the lane was stopped. Whoever feeds asks with [`Scheduler::request`] whether a worker
    /// is to come for it.
    pub fn feed(&mut self, id: LaneId, place: u32, now_ns: u64) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        let at = place as usize;
        let is_fit = lane.is_fed && !lane.stopped && at < lane.states.len();
        if !is_fit {
            return;
        }
        debug_assert_ne!(lane.states[at], StepState::Running);
        lane.states[at] = StepState::Waiting;
        lane.ready_at_ns[at] = now_ns;
        if let Some(again) = &mut lane.again {
            // The attempts at the step before it, of which whoever feeds may have wanted the number.
            again.attempts.remove(&place);
        }
        Self::push_ready(lane, place);
        if lane.takes_slot(place) {
            lane.tally.submitted += 1;
            self.ready += 1;
            self.statistics.submitted(1, now_ns);
        }
    }

    /// No more steps come in: a worker that finds none leaves.
    pub fn end_feed(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(id.0) {
            lane.is_fed = false;
        }
    }

    /// The answer to a worker for which the lane has no step that may start.
    pub(super) fn when_idle(lane: &Lane) -> Next {
        match lane.is_fed && !lane.stopped && lane.startable() == 0 {
            true => Next::Wait,
            false => Next::Leave,
        }
    }

    /// Whether nothing of the lane is left to start, nor may come in.
    pub fn is_exhausted(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id.0);
        self.ready(id) == 0 && lane.is_none_or(|lane| lane.stopped || !lane.is_fed)
    }
}

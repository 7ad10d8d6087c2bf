//! The start of a step: its state, its count, and its entry in the ledger.

use super::{Next, Scheduler};
use crate::ids::{LaneId, SlotId};
use crate::loan::Lent;
use crate::outcome::StepState;
use crate::retry::Attempts;
use crate::slot::{Slot, Source};

impl Scheduler {
    pub(super) fn start(&mut self, id: LaneId, step: u32, source: Source, now_ns: u64) -> Next {
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        lane.running += 1;
        lane.states[step as usize] = StepState::Running;
        if source != Source::NoSlot {
            lane.holding += 1;
            self.ready -= 1;
            let wait_ns = now_ns.saturating_sub(lane.submitted_ns(step));
            if let Some(again) = &mut lane.again {
                let past = again.attempts.entry(step).or_insert(Attempts {
                    first_ns: now_ns,
                    ..Attempts::default()
                });
                if let Some(budget) = self.budget.as_ref().filter(|_| past.started == 0) {
                    budget.earn();
                }
                past.started += 1;
            }
            lane.tally.started(wait_ns);
            self.statistics.started(wait_ns, now_ns);
        }
        // It took what it stood in line for, so a later grant always finds a step to start.
        debug_assert!(source == Source::NoSlot || !lane.tickets.waits());
        let slot = SlotId(self.ledger.running.insert(Slot {
            lane: id,
            step,
            started_ns: now_ns,
            source,
            armed: None,
            is_overdue: false,
            has_timed_out: false,
            back: None,
            loan: None,
        }));
        if let Source::Loan(lender) = source {
            self.set_lent(lender, Lent::Running(slot));
        }
        Next::Start { step, slot }
    }
}

//! A waiting step lends its slot to its own steps.

use std::sync::Arc;

use super::Scheduler;
use crate::ids::{LaneId, SlotId};
use crate::loan::{Lenders, Lent};
use crate::slot::Source;

impl Scheduler {
    /// The steps that can lend their slot to a lane of this step: one that has none itself passes
    /// the question on to the step that waits for it.
    pub(super) fn lenders(&mut self, parent: Option<SlotId>) -> Option<Arc<Lenders>> {
        let nearest = parent?;
        let slot = self.ledger.get(nearest)?;
        let (lane, has_slot) = (slot.lane, slot.source != Source::NoSlot);
        self.lender(lane);
        let above = self.lane_mut(lane).lenders.clone();
        if has_slot {
            Some(Arc::new(Lenders { nearest, above }))
        } else {
            above
        }
    }

    /// The nearest step that waits for this lane and still runs.
    fn lender(&mut self, id: LaneId) -> Option<SlotId> {
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        loop {
            let nearest = lane.lenders.as_ref()?.nearest;
            if self.ledger.get(nearest).is_some() {
                return Some(nearest);
            }
            lane.lenders = lane.lenders.take().and_then(|ended| ended.above.clone());
        }
    }

    /// The lender's slot for this lane, if nobody has it.
    pub(super) fn borrow(&mut self, id: LaneId) -> Option<Source> {
        let lender = self.lender(id)?;
        let loan = self.ledger.get_mut(lender)?.loan.get_or_insert_default();
        (loan.lent == Lent::Nobody).then(|| {
            loan.lent = Lent::Reserved(id);
            Source::Loan(lender)
        })
    }

    pub(super) fn ask_for_loan(&mut self, id: LaneId) {
        let lender = self.lender(id).and_then(|l| self.ledger.get_mut(l));
        let loan = lender.map(|slot| slot.loan.get_or_insert_default());
        self.lane_mut(id).place.loan = loan.map(|loan| loan.line.join(id));
    }

    /// The lender ends: the borrower keeps the slot, and owes it where the lender owed it.
    pub(super) fn hand_over(&mut self, lender: SlotId, source: Source, lent: Lent) {
        match lent {
            Lent::Nobody => return,
            Lent::Running(child) => {
                self.ledger.get_mut(child).expect("it has the slot").source = source;
            }
            Lent::Reserved(lane) => {
                let reserved = &mut self.lane_mut(lane).reserved;
                let mine = reserved.iter_mut().find(|s| **s == Source::Loan(lender));
                *mine.expect("it has the slot") = source;
            }
        }
        if let Source::Loan(above) = source {
            self.set_lent(above, lent);
        }
    }

    pub(super) fn set_lent(&mut self, lender: SlotId, lent: Lent) {
        if let Some(slot) = self.ledger.get_mut(lender) {
            slot.loan.get_or_insert_default().lent = lent;
        }
    }
}

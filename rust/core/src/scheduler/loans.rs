//! Loans: a step that waits for steps of its own lends them its slot.
//!
//! A step may open a lane, as its parent, and wait for it. It does no work meanwhile, and if it
//! kept its slot the lane's steps might wait for that very slot, for ever. So the parent's slot
//! serves the lane's steps, one at a time. It counts once in the pool, for the lender, however deep
//! steps wait for steps.
//!
//! # The lender
//!
//! A lane's lender is the nearest step outwards from it that has a slot and still runs. A parent
//! without a slot passes the question on to the step that waits for it. `Lenders` is that chain,
//! shared by all lanes below; a lane drops the links that have ended when it comes upon them.
//!
//! # A loan
//!
//! A lane that asks for a slot is given its lender's if that lies idle, and one of the pool's
//! otherwise. If there is none it stands in both lines. The borrower's slot has the lender as its
//! source, so the borrower's end puts it back there, and admission hands it to the first lane in
//! the lender's line. A borrower that waits for steps of its own lends the same slot on. Only the
//! lender's own end puts the slot back where the lender had it from.
//!
//! # The end of the lender
//!
//! A lender may end before its borrower: it was stopped, or it did not wait for what it started.
//! The borrower then keeps the slot, and owes it where the lender owed it: to the pool, or to the
//! step that lent it to the lender (`hand_over`). The lanes in the lender's line ask the next
//! lender outwards, in the order in which they stand: the first is given its slot if that lies
//! idle, and the others stand at the end of its line and keep their places in the pool's
//! (`release`, in `admission`). So no slot is lost or counted twice, and no lane waits for the slot
//! of a step that has ended.

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

    /// The lender's slot for this lane, if it lies idle and anything may start.
    pub(super) fn borrow(&mut self, id: LaneId) -> Option<Source> {
        if self.ledger.paused {
            return None;
        }
        let lender = self.lender(id)?;
        let loan = self.ledger.get_mut(lender)?.loan.get_or_insert_default();
        (loan.lent == Lent::Nobody).then(|| {
            loan.lent = Lent::Reserved(id);
            Source::Loan(lender)
        })
    }

    /// Let the lane stand in its lender's line, if it has a lender.
    pub(super) fn ask_for_loan(&mut self, id: LaneId) {
        let lender = self.lender(id).and_then(|l| self.ledger.get_mut(l));
        let loan = lender.map(|slot| slot.loan.get_or_insert_default());
        self.lane_mut(id).tickets.loan = loan.map(|loan| loan.line.join(id));
    }

    /// The lender ends. The borrower keeps the slot, and owes it where the lender owed it.
    pub(super) fn hand_over(&mut self, lender: SlotId, source: Source, lent: Lent) {
        match lent {
            Lent::Nobody => return,
            Lent::Running(child) => {
                self.ledger.get_mut(child).expect("it has the slot").source = source;
            }
            Lent::Reserved(lane) => {
                let before = self.lane_mut(lane).reserved.replace(source);
                debug_assert_eq!(before, Some(Source::Loan(lender)));
            }
        }
        if let Source::Loan(above) = source {
            self.set_lent(above, lent);
        }
    }

    /// The lender's slot lies idle: it goes to the longest waiting lane in the lender's line.
    pub(super) fn lend(&mut self, lender: SlotId) {
        self.set_lent(lender, Lent::Nobody);
        if self.ledger.paused {
            return;
        }
        let slot = self.ledger.get_mut(lender);
        let Some(id) = slot.and_then(|s| s.loan.as_mut()?.line.pop()) else {
            return;
        };
        self.lane_mut(id).tickets.loan = None;
        self.set_lent(lender, Lent::Reserved(id));
        self.reserve(id, Source::Loan(lender));
    }

    /// Note where the lender's slot is; a lender that has ended needs no note.
    pub(super) fn set_lent(&mut self, lender: SlotId, lent: Lent) {
        if let Some(slot) = self.ledger.get_mut(lender) {
            slot.loan.get_or_insert_default().lent = lent;
        }
    }
}

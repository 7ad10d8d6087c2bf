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
//! # Shares
//!
//! The lender has claims of its own lane's share and of those further out, and they count for the
//! borrower too. Where the borrower's lane is in the same share, a loan needs no others. Where
//! shares were opened between, it needs a claim of each of them: of all from the borrower's lane
//! outwards, before the lender's (`claims_end`). So a lane that comes through its gates (see
//! `shares`) asks for the loan, and stands in the lender's line, once it has those claims
//! (`pass_gates`). One that still waits before such a gate is not in that line, and in nobody's way
//! there. It takes the loan with these claims, and gives back what it has claimed further out.
//!
//! While a slot that may be lent lies idle, nobody stands in its line who may start: in a pool that
//! is paused or held, or whose rate is closed, nobody may, and otherwise it is for the lane's rate.
//!
//! # The end of the lender
//!
//! A lender may end before its borrower: it was stopped, or it did not wait for what it started.
//! The borrower then keeps the slot, and owes it where the lender owed it: to the pool, or to the
//! step that lent it to the lender (`hand_over`). The claims of both stay with it, and are just
//! those that a slot from there needs. The lanes in the lender's line ask the next lender outwards,
//! in the order in which they stand: the first is given its slot if that lies idle, and the others
//! stand at the end of its line and keep their places in the other lines (`release`, in
//! `admission`). So no slot is lost or counted twice, and no lane waits for the slot of a step that
//! has ended.

use std::sync::Arc;

use super::Scheduler;
use crate::ids::{LaneId, SlotId};
use crate::loan::{Lenders, Lent};
use crate::slot::{Slot, Source};

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

    /// The nearest step that waits for this lane and has a slot.
    pub(super) fn lender(&mut self, id: LaneId) -> Option<SlotId> {
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        while self.ledger.get(lane.lenders.as_ref()?.nearest).is_none() {
            lane.lenders = lane.lenders.take().and_then(|ended| ended.above.clone());
        }
        self.first_with_slot(self.lanes.get(id.0)?.lenders.as_ref())
    }

    /// The first of these steps that has a slot: others have ended, or given it back for a while.
    pub(super) fn first_with_slot(&self, lenders: Option<&Arc<Lenders>>) -> Option<SlotId> {
        let mut chain = std::iter::successors(lenders, |lenders| lenders.above.as_ref());
        let has_slot = |slot: SlotId| {
            self.ledger
                .get(slot)
                .is_some_and(|slot| slot.source.is_held())
        };
        chain
            .find(|lenders| has_slot(lenders.nearest))
            .map(|lenders| lenders.nearest)
    }

    /// Whether this lender's slot can be lent without passing anybody by, to whoever is let in.
    pub(super) fn can_lend(&self, lender: SlotId) -> bool {
        let slot = self.ledger.get(lender);
        slot.is_some_and(|slot| slot.lies_idle() && self.first_in(slot).is_none())
    }

    /// The lane has the claims that go with this lender's slot: it is given that if it lies idle,
    /// and stands in line for it otherwise. Whether it was given it is returned.
    pub(super) fn ask_for_loan(&mut self, id: LaneId, lender: SlotId) -> bool {
        if self.can_lend(lender) && self.lets_in(id) {
            self.set_lent(lender, Lent::Reserved(id));
            self.reserve(id, Source::Loan(lender));
            return true;
        }
        let slot = self.ledger.get_mut(lender);
        let loan = slot.map(|slot| slot.loan.get_or_insert_default());
        if let Some(ticket) = loan.map(|loan| loan.line.join(id)) {
            self.lane_mut(id).tickets.loan = Some((lender, ticket));
            self.count_asking(id, true);
        }
        false
    }

    /// The lane stood in the line of a lender that has ended: it asks the next one outwards. One
    /// that waits before a gate of that one's loan asks when it has passed it.
    pub(super) fn ask_next_lender(&mut self, id: LaneId) {
        let Some(lender) = self.lender(id) else {
            return;
        };
        let lane = self.lane_mut(id);
        let (share, gate) = (lane.share, lane.tickets.share.map(|(gate, _)| gate));
        let end = self.claims_end(Source::Loan(lender));
        if !self.gates(share, end).any(|(at, _)| Some(at) == gate) {
            self.ask_for_loan(id, lender);
        }
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
        let slot = self.ledger.get(lender);
        let Some(id) = slot.and_then(|slot| self.first_in(slot)) else {
            return;
        };
        self.set_lent(lender, Lent::Reserved(id));
        self.reserve(id, Source::Loan(lender));
    }

    /// The longest waiting lane in a lender's line that is let in.
    fn first_in(&self, lender: &Slot) -> Option<LaneId> {
        let mut line = lender.loan.as_ref()?.line.iter().copied();
        line.find(|&id| self.lets_in(id))
    }

    /// Note where the lender's slot is; a lender that has ended needs no note.
    pub(super) fn set_lent(&mut self, lender: SlotId, lent: Lent) {
        if let Some(slot) = self.ledger.get_mut(lender) {
            slot.loan.get_or_insert_default().lent = lent;
        }
    }
}

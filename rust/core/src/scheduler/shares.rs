//! Shares: limits inside the pool's, each for a lane and everything that its steps open.
//!
//! No more steps of a share are at work at once than its limit: steps that hold a slot, in its
//! lanes and in those below. A lent slot counts as any other. A step that lends its slot to one
//! below does not count besides that one, as it waits.
//!
//! A share stands before the slots like a gate before a hall. A lane below it needs a claim of the
//! share for each slot that it takes. Shares nest: a lane then passes one gate after another, from
//! its own outwards. The pool is behind the last one. The slot of a lender is behind those that the
//! lender's own lane is not in (`claims_end`): it brings the claims of the others with it.
//!
//! - A lane that finds every gate open takes its claims and a slot at once.
//! - Otherwise it goes as far as it can, stands in line before the first gate that is full, and
//!   keeps the claims that it has taken. So nobody who comes later gets past it, and it never
//!   moves back. It is not in the way either of others that want one of the pool's slots: where it
//!   waits further on there is no room for anybody who comes through the same gates. (A lender's
//!   slot may lie idle meanwhile, for which a lane before such a gate waits. The claim that it
//!   needs is then with a lane that came before it, and waits for the pool or a nearer lender.)
//! - The claims go with the slot, as its `Source` says, and come back with it. The lane at the
//!   front of the gate's line then takes the claim and goes on.
//!
//! Who is lent a slot, or waits no more, gives the claims back that it took as it waited and does
//! not need.
//!
//! A lane without a share has no gate before the pool, and each loop here ends before it begins.
//! Where a lender is in the same share, neither has the loan.

use super::Scheduler;
use crate::ids::{LaneId, SlotId};
use crate::share::{Share, ShareId};
use crate::slot::Source;

impl Scheduler {
    /// The share that lanes of this step take their slots within.
    pub(super) fn share_of(&self, parent: Option<SlotId>) -> Option<ShareId> {
        let lane = self.ledger.get(parent?)?.lane;
        self.lanes.get(lane.0)?.share
    }

    /// The share for a lane below this one: what it asks for itself, inside what it is in.
    pub(super) fn make_share(
        &mut self,
        own: Option<u32>,
        above: Option<ShareId>,
    ) -> Option<ShareId> {
        let share = match own {
            Some(limit) => {
                self.use_share(above);
                Some(ShareId(self.shares.insert(Share::new(limit, above))))
            }
            None => above,
        };
        self.use_share(share);
        share
    }

    fn use_share(&mut self, share: Option<ShareId>) {
        if let Some(share) = share.and_then(|at| self.shares.get_mut(at.0)) {
            share.parts += 1;
        }
    }

    /// A lane of this share has closed. What has no part any more is removed.
    pub(super) fn leave_share(&mut self, mut share: Option<ShareId>) {
        while let Some(at) = share {
            let Some(left) = self.shares.get_mut(at.0) else {
                return;
            };
            left.parts -= 1;
            if left.parts > 0 {
                return;
            }
            share = left.above;
            self.shares.remove(at.0);
        }
    }

    /// Where the claims end that go with a slot of this source: before this share.
    pub(super) fn claims_end(&self, source: Source) -> Option<ShareId> {
        match source {
            Source::Loan(lender) => self.share_of(Some(lender)),
            Source::Pool | Source::NoSlot | Source::Away => None,
        }
    }

    /// The gates from this share outwards, before `end`.
    pub(super) fn gates(
        &self,
        first: Option<ShareId>,
        end: Option<ShareId>,
    ) -> impl Iterator<Item = (ShareId, &Share)> {
        let gate = move |at: Option<ShareId>| {
            let at = at.filter(|_| at != end)?;
            Some((at, self.shares.get(at.0)?))
        };
        std::iter::successors(gate(first), move |(_, share)| gate(share.above))
    }

    /// Whether all these gates have room.
    pub(super) fn has_room(&self, first: Option<ShareId>, end: Option<ShareId>) -> bool {
        self.gates(first, end).all(|(_, share)| share.has_room())
    }

    /// Whether anybody waits for a claim of the share, or of one that it is a part of.
    pub(super) fn is_wanted(&self, share: Option<ShareId>) -> bool {
        let mut gates = self.gates(share, None);
        gates.any(|(_, share)| !share.line.is_empty())
    }

    fn for_each_gate(
        &mut self,
        first: Option<ShareId>,
        end: Option<ShareId>,
        mut change: impl FnMut(&mut Share),
    ) {
        let mut next = first;
        while let Some(at) = next.filter(|_| next != end) {
            let share = self
                .shares
                .get_mut(at.0)
                .expect("a share is kept for its parts");
            change(share);
            next = share.above;
        }
    }

    /// Take a claim of each of these gates, where all have room.
    pub(super) fn claim(&mut self, first: Option<ShareId>, end: Option<ShareId>) {
        self.for_each_gate(first, end, |share| share.claimed += 1);
    }

    /// Give back the claims of these gates. Who waits for one goes on.
    pub(super) fn give_claims_back(&mut self, first: Option<ShareId>, end: Option<ShareId>) {
        self.for_each_gate(first, end, |share| share.claimed -= 1);
        let mut next = first;
        while let Some(at) = next.filter(|_| next != end) {
            while let Some(id) = self.shares.get_mut(at.0).and_then(Share::serve) {
                self.lane_mut(id).tickets.share = None;
                self.pass_gates(id, self.above(at));
            }
            next = self.above(at);
        }
    }

    fn above(&self, share: ShareId) -> Option<ShareId> {
        self.shares.get(share.0)?.above
    }

    /// Let the lane go on from this gate, as far as it can, and wait there: before the first share
    /// that is full, or for one of the pool's slots. On its way it asks its lender, once it has the
    /// claims that go with a loan.
    pub(super) fn pass_gates(&mut self, id: LaneId, mut share: Option<ShareId>) {
        let lender = self.lender(id);
        let lender = lender.map(|lender| (lender, self.claims_end(Source::Loan(lender))));
        loop {
            if let Some((lender, _)) = lender.filter(|&(_, end)| end == share) {
                if self.ask_for_loan(id, lender) {
                    return;
                }
            }
            let Some(at) = share else {
                return self.wait_for_pool(id);
            };
            let gate = self
                .shares
                .get_mut(at.0)
                .expect("a share is kept for its parts");
            if !gate.has_room() {
                let ticket = gate.line.join(id);
                self.lane_mut(id).tickets.share = Some((at, ticket));
                return;
            }
            gate.claimed += 1;
            share = gate.above;
        }
    }
}

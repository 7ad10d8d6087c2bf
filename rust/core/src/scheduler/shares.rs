//! Shares: limits inside the pool's, each for a lane and everything that its steps open.
//!
//! A share stands before the pool's slots like a gate before a hall. A lane below it needs a claim
//! of the share for each slot that it takes of the pool. Shares nest: a lane then passes one gate
//! after another, from its own outwards, and the pool is the last.
//!
//! - A lane that finds every gate open takes its claims and a slot at once.
//! - Otherwise it goes as far as it can, stands in line before the first gate that is full, and
//!   keeps the claims that it has taken. So nobody who comes later gets past it, and it never
//!   moves back. It is not in the way either: where it waits further on there is no room for
//!   anybody who comes through the same gates.
//! - The claims go with the slot, in its `Source`, and come back with it. The lane at the front
//!   of the gate's line then takes the claim and goes on.
//!
//! A lent slot needs no claim, as its lender has one. Who is lent a slot, or waits no more, gives
//! the claims back that it took as it waited.
//!
//! A lane without a share has no gate before the pool, and each loop here ends before it begins.

use super::Scheduler;
use crate::ids::{LaneId, SlotId};
use crate::share::{Share, ShareId};

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
            share.users += 1;
        }
    }

    /// A lane of this share has closed. What nobody uses any more is removed.
    pub(super) fn leave_share(&mut self, mut share: Option<ShareId>) {
        while let Some(at) = share {
            let Some(used) = self.shares.get_mut(at.0) else {
                return;
            };
            used.users -= 1;
            if used.users > 0 {
                return;
            }
            share = used.above;
            self.shares.remove(at.0);
        }
    }

    /// Whether the share, and all that it is a part of, have room.
    pub(super) fn has_room(&self, mut share: Option<ShareId>) -> bool {
        while let Some(at) = share.and_then(|at| self.shares.get(at.0)) {
            if !at.has_room() {
                return false;
            }
            share = at.above;
        }
        true
    }

    /// Whether anybody waits for a claim of the share, or of one that it is a part of.
    pub(super) fn is_wanted(&self, mut share: Option<ShareId>) -> bool {
        while let Some(at) = share.and_then(|at| self.shares.get(at.0)) {
            if !at.line.is_empty() {
                return true;
            }
            share = at.above;
        }
        false
    }

    /// Claim one of each, where all have room.
    pub(super) fn claim(&mut self, mut share: Option<ShareId>) {
        while let Some(at) = share.and_then(|at| self.shares.get_mut(at.0)) {
            at.claimed += 1;
            share = at.above;
        }
    }

    /// Give back the claims from this share outwards, before `until`. Who waits for one goes on.
    pub(super) fn give_claims_back(&mut self, first: Option<ShareId>, until: Option<ShareId>) {
        let mut next = first;
        while let Some(share) = next.filter(|_| next != until) {
            let Some(share) = self.shares.get_mut(share.0) else {
                break;
            };
            share.claimed -= 1;
            next = share.above;
        }
        let mut next = first;
        while let Some(at) = next.filter(|_| next != until) {
            while let Some(id) = self.shares.get_mut(at.0).and_then(Share::serve) {
                self.lane_mut(id).tickets.share = None;
                let above = self.shares.get(at.0).and_then(|share| share.above);
                self.pass_gates(id, above);
            }
            next = self.shares.get(at.0).and_then(|share| share.above);
        }
    }

    /// Let the lane go on from this gate, as far as it can, and wait there: before the first share
    /// that is full, or for one of the pool's slots.
    pub(super) fn pass_gates(&mut self, id: LaneId, mut share: Option<ShareId>) {
        while let Some(at) = share {
            let Some(gate) = self.shares.get_mut(at.0) else {
                break;
            };
            if !gate.has_room() {
                let ticket = gate.line.join(id);
                self.lane_mut(id).tickets.share = Some((at, ticket));
                self.take_place(id);
                return;
            }
            gate.claimed += 1;
            share = gate.above;
        }
        self.wait_for_pool(id);
    }
}

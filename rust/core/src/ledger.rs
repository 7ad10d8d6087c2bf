//! The pool's slots in numbers, and the entries of all running steps.

use crate::closed::Closed;
use crate::ids::{LaneId, SlotId};
use crate::slab::Slab;
use crate::slot::{Holder, Slot, Source};

/// The pool's slots, and the running steps.
///
/// Invariant: while there is room, no lane waits for it; the scheduler grants at once.
/// After the limit was lowered `in_use` may be above it until enough steps have ended.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub limit: u32,
    /// Pool slots running or reserved. A lent slot counts once, for its lender.
    pub in_use: u32,
    pub closed: Closed,
    /// Every running step, those on a lent slot or without one included.
    pub running: Slab<Slot>,
}

impl Ledger {
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            in_use: 0,
            closed: Closed::default(),
            running: Slab::default(),
        }
    }

    /// Whether one of the pool's slots may be taken.
    pub fn has_room(&self) -> bool {
        self.has_free() && self.closed.lets_start()
    }

    /// Whether one of the pool's slots is free, for whoever may take it.
    pub fn has_free(&self) -> bool {
        self.in_use < self.limit
    }

    /// Whether a slot that has been in use may stay so, for another step.
    pub fn may_stay(&self) -> bool {
        self.in_use <= self.limit && self.closed.is_nothing()
    }

    pub fn get(&self, slot: SlotId) -> Option<&Slot> {
        self.running.get(slot.0)
    }

    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut Slot> {
        self.running.get_mut(slot.0)
    }

    /// The first running step of this lane, from this place of the slab on.
    pub fn next_of(&self, lane: LaneId, from: usize) -> Option<SlotId> {
        let mut running = self.running.iter_from(from);
        let found = running.find(|(_, slot)| slot.lane == lane);
        found.map(|(key, _)| SlotId(key))
    }

    pub fn count(&self, which: impl Fn(&Slot) -> bool) -> usize {
        let chosen = |(_, slot): &(_, &Slot)| which(slot);
        self.running.iter().filter(chosen).count()
    }

    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        self.running.iter().map(|(_, slot)| Holder {
            lane: slot.lane,
            step: slot.step,
            started_ns: slot.started_ns,
            is_away: slot.source == Source::Away,
        })
    }
}

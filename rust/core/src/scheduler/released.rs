//! A step that does without its slot for a while.
//!
//! It gives the slot back in the middle of its work, as at its end: to the longest waiter, or to the
//! step that has borrowed it, and those that wait to borrow it ask the next lender. Meanwhile it has
//! none to lend. Against its lane's own limit it counts on.
//!
//! Later it wants a slot again. It stands in the lines for one like any lane, by a lane of its own that has no
//! work (`Lane::returns`), so that it passes nobody by. But it starts nothing: no rate counts it, and
//! where a pause, a hold or a rate keeps the lanes before it from a free slot it takes that. So its lane
//! stands in a part of the pool's line for itself, `Scheduler::returning`. As it is granted a slot the step has it, in the same moment (`come_back`),
//! and lanes below the step that wait ask it as their lender again.
//!
//! It need not wait there: a step that goes on all the same has a slot as soon as one is granted. Its
//! end takes it out of line.

use super::Scheduler;
use crate::ids::{LaneId, SlotId};
use crate::lane::Lane;
use crate::loan::Lent;
use crate::slot::{Slot, Source};
use crate::spec::LaneSpec;

/// What a step was that was to give its slot back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It has given the slot back. Could one more worker of this lane start a step? As
    /// [`Scheduler::request`] says.
    Back(LaneId),
    /// It takes none, as it only waits for steps of its own.
    HasNone,
    /// It has given it back before.
    Away,
    /// It has ended.
    Ended,
}

impl Scheduler {
    /// A running step gives its slot back, until it asks for one with [`Scheduler::want_back`].
    pub fn give_up(&mut self, slot_id: SlotId, now_ns: u64) -> Given {
        match self.ledger.get(slot_id).map(|slot| slot.source) {
            None => return Given::Ended,
            Some(Source::NoSlot) => return Given::HasNone,
            Some(Source::Away) => return Given::Away,
            Some(Source::Pool | Source::Loan(_)) => {}
        }
        if self.has_times() {
            self.time_is(now_ns);
        }
        let slot = self.ledger.get_mut(slot_id).expect("it was there above");
        let id = slot.lane;
        let away = Slot {
            source: Source::Away,
            armed: slot.armed.take(),
            loan: None,
            ..*slot
        };
        let before = std::mem::replace(slot, away);
        let lane = self.lane_mut(id);
        lane.holding -= 1;
        lane.away += 1;
        self.release(slot_id, before);
        self.keep_time(None);
        Given::Back(id)
    }

    /// The step wants a slot again. None: it has one. Otherwise it stands in line, and will have one as
    /// this lane is among those that [`Scheduler::take_wakes`] returns.
    pub fn want_back(&mut self, slot_id: SlotId, now_ns: u64) -> Option<LaneId> {
        let slot = self.ledger.get(slot_id)?;
        if slot.source != Source::Away || slot.back.is_some() {
            return slot.back;
        }
        let spec = LaneSpec {
            parent: Some(slot_id),
            is_fed: true,
            ..LaneSpec::new(1)
        };
        let id = self.open(spec, now_ns).ok()?;
        let lane = self.lane_mut(id);
        (lane.returns, lane.plain) = (Some(slot_id), false);
        lane.ready.push(0);
        self.ready += 1;
        self.ledger.get_mut(slot_id)?.back = Some(id);
        match self.acquire(id) {
            Some(source) => {
                self.lane_mut(id).reserved = Some(source);
                self.come_back(id);
                self.forget_returned();
            }
            None => self.stand_in_line(id),
        }
        self.keep_time(None);
        self.ledger.get(slot_id)?.back
    }

    /// The lane that stands in line for this step, if one does.
    pub fn stands_for(&self, slot_id: SlotId) -> Option<LaneId> {
        self.ledger.get(slot_id)?.back
    }

    /// A lane was granted a slot: if it stood in line for a step that wants one again, that has it.
    pub(super) fn come_back(&mut self, id: LaneId) {
        let lane = self.lane_mut(id);
        let Some(slot_id) = lane.returns.take() else {
            return;
        };
        let source = lane.reserved.take().expect("it was granted");
        lane.stopped = true;
        self.ready -= lane.ready.clear() as u64;
        self.returned.push(id);
        let slot = self
            .ledger
            .get_mut(slot_id)
            .expect("its end takes it out of line");
        (slot.source, slot.back) = (source, None);
        let own = slot.lane;
        let own = self.lane_mut(own);
        own.away -= 1;
        own.holding += 1;
        if let Source::Loan(lender) = source {
            self.set_lent(lender, Lent::Running(slot_id));
        }
        self.ask_again();
    }

    /// A step has its slot again: lanes that wait below it ask it, if it is their nearest lender.
    fn ask_again(&mut self) {
        let waits = |(key, lane): (_, &Lane)| {
            let has_claims = lane.tickets.waits() && lane.tickets.before.is_none();
            (has_claims && lane.lenders.is_some()).then_some(LaneId(key))
        };
        let waiting: Vec<LaneId> = self.lanes.iter().filter_map(waits).collect();
        for id in waiting {
            let lender = self.lender(id);
            let tickets = &mut self.lane_mut(id).tickets;
            let asks = tickets.loan.map(|(asked, _)| asked);
            if !tickets.waits() || lender.is_none() || asks == lender {
                continue;
            }
            if let Some((asked, ticket)) = tickets.loan.take() {
                let asked = self.ledger.get_mut(asked);
                if let Some(loan) = asked.and_then(|slot| slot.loan.as_mut()) {
                    loan.line.leave(ticket);
                }
                self.count_asking(id, false);
            }
            self.ask_next_lender(id);
        }
    }

    /// A step is at its end that may want its slot again.
    pub(super) fn stop_wanting(&mut self, slot: SlotId) {
        let Some(id) = self.ledger.get(slot).and_then(|slot| slot.back) else {
            return;
        };
        let lane = self.lane_mut(id);
        let share = lane.share;
        self.ready -= lane.ready.clear() as u64;
        self.leave_line(id, share);
        self.returned.push(id);
        self.forget_returned();
    }

    /// Lanes of steps that have their slot again are at their end.
    pub(super) fn forget_returned(&mut self) {
        while let Some(id) = self.returned.pop() {
            if let Some(lane) = self.lanes.remove(id.0) {
                self.leave_share(lane.share);
            }
        }
    }
}

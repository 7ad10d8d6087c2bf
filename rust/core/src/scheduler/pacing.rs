//! Rates: the pool's and those of lanes, and the parts of the line for these.
//!
//! # A rate
//!
//! What counts is the start of a step, at its very time (`start_in_time`). Lanes that were granted a
//! slot, and come for it, are reckoned with as starts that are still to be (`granted`): there are
//! never more of them than the rate lets start. A rate may be shared with other pools. One of those
//! may start a step in between, and then the lane came too early: it gives its slot back and stands
//! first of all lanes of its rate (`came_too_early`).
//!
//! # The line
//!
//! Lanes with a rate of their own stand in a part of the pool's line that is for their rate. The parts are one
//! line all the same: a free slot goes to the lane that has stood longest of those whose rate is open
//! (`first_in_line`). So a grant looks at one lane for each rate, however many lanes wait.
//!
//! A lane that is in a share, and whose rate is closed, stands before the gates instead
//! (`Paced::before`): it has no claims, which others of that share could use.

use super::Scheduler;
use crate::closed::Reason;
use crate::ids::LaneId;
use crate::paced::{Paced, PacedId};
use crate::rate::SharedRate;
use crate::slot::Source;

impl Scheduler {
    /// The rate of a lane that is being opened, as this scheduler knows it. The pool's own is none.
    pub(super) fn pace(&mut self, rate: Option<SharedRate>) -> Option<PacedId> {
        let rate = rate.filter(|rate| !self.rate.as_ref().is_some_and(|own| own.is(rate)))?;
        let key = self.known(&rate);
        let key = key.unwrap_or_else(|| PacedId(self.paced.insert(Paced::new(rate))));
        self.paced.get_mut(key.0)?.lanes += 1;
        Some(key)
    }

    fn known(&self, rate: &SharedRate) -> Option<PacedId> {
        let mut paced = self.paced.iter();
        let found = paced.find(|(_, paced)| paced.rate.is(rate));
        found.map(|(key, _)| PacedId(key))
    }

    /// A lane of this rate has closed.
    pub(super) fn leave_rate(&mut self, rate: Option<PacedId>) {
        let Some(key) = rate else { return };
        let paced = self.paced.get_mut(key.0).expect("it is kept for its lanes");
        paced.lanes -= 1;
        if paced.lanes == 0 {
            self.paced.remove(key.0);
        }
        self.keep_time(None);
        let waits = self.paced.iter().any(|(_, paced)| !paced.is_idle());
        self.ledger.closed.set(Reason::Paced, waits);
    }

    /// Whether the pool's rate lets one more lane be granted a slot.
    #[inline]
    pub(super) fn rate_is_open(&self) -> bool {
        match &self.rate {
            None => true,
            Some(rate) => self.has_come(rate.lock().opens_ns(self.granted)),
        }
    }

    /// Whether the lane's own rate does.
    #[inline]
    pub(super) fn admits(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id.0);
        match lane.and_then(|lane| lane.rate) {
            None => true,
            Some(rate) => {
                let paced = self.paced.get(rate.0);
                paced.is_none_or(|paced| self.has_come(paced.opens_ns()))
            }
        }
    }

    /// Whether a lane with this rate could be granted a slot.
    pub(super) fn rate_admits(&self, rate: Option<&SharedRate>) -> bool {
        let Some(rate) = rate else { return true };
        let paced = self.known(rate).and_then(|key| self.paced.get(key.0));
        let opens_ns = match paced {
            Some(paced) => paced.opens_ns(),
            None => rate.lock().opens_ns(0),
        };
        self.has_come(opens_ns)
    }

    /// The lane was granted a slot, or has it no longer as one that was only granted.
    pub(super) fn count_granted(&mut self, id: LaneId, granted: bool) {
        let lane = self.lanes.get(id.0).expect("the lane is open");
        if lane.returns.is_some() {
            return;
        }
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        let counts = [
            Some(&mut self.granted),
            paced.map(|paced| &mut paced.granted),
        ];
        for count in counts.into_iter().flatten() {
            *count = if granted { *count + 1 } else { *count - 1 };
        }
    }

    /// A lane has a slot, and a step for it. Whether its rates let it start now; if so it has.
    pub(super) fn start_in_time(&mut self, id: LaneId, now_ns: u64) -> bool {
        let lane = self.lanes.get(id.0).expect("the lane is open");
        let paced = lane.rate.and_then(|rate| self.paced.get(rate.0));
        let own = paced.map(|paced| &paced.rate);
        let is_open = |rate: &SharedRate| self.has_come(rate.lock().opens_ns(0));
        if !self.rate.as_ref().is_none_or(is_open) {
            return false;
        }
        own.is_none_or(|rate| rate.lock().start(now_ns))
            && (self.rate.as_ref()).is_none_or(|rate| rate.lock().start(now_ns))
    }

    /// Another pool has started a step in between. Where it is the pool's rate that is closed,
    /// nobody else could use the slot: the lane keeps it. Otherwise the slot goes to others.
    pub(super) fn came_too_early(&mut self, id: LaneId, source: Source) {
        let lane = self.lanes.get(id.0).expect("the lane is open");
        let paced = lane.rate.and_then(|rate| self.paced.get(rate.0));
        if paced.is_none_or(|paced| self.has_come(paced.rate.lock().opens_ns(0))) {
            self.lane_mut(id).reserved = Some(source);
            self.count_granted(id, true);
            return;
        }
        let lane = self.lane_mut(id);
        let (share, stood) = (lane.share, lane.stood);
        self.give_back(share, source);
        self.stand_in_line(id);
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        if let (Some(ticket), Some(paced)) = (lane.tickets.pool, paced) {
            paced.line.leave(ticket);
            lane.tickets.pool = Some(paced.line.join_first(id));
            lane.stood = stood;
        }
    }

    /// The lane waits for its rate without any claim.
    pub(super) fn wait_before_gates(&mut self, id: LaneId) {
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        lane.tickets.before = paced.map(|paced| paced.before.join(id));
    }

    /// Lanes that waited for their rate before the gates go on, if it is open.
    pub(super) fn let_through(&mut self) {
        let waits = |paced: &Paced| !paced.before.is_empty() && self.has_come(paced.opens_ns());
        let paced = self.paced.iter().filter(|(_, paced)| waits(paced));
        let open: Vec<PacedId> = paced.map(|(key, _)| PacedId(key)).collect();
        if open.is_empty() {
            return;
        }
        for key in open {
            let lanes: Vec<LaneId> = match self.paced.get_mut(key.0) {
                Some(paced) => std::iter::from_fn(|| paced.before.pop()).collect(),
                None => Vec::new(),
            };
            for id in lanes {
                self.lane_mut(id).tickets.before = None;
                self.stand_in_line(id);
            }
        }
        self.grant();
    }

    /// Lanes that stand in line with claims, for a rate that has closed, step back before the gates.
    pub(super) fn step_back(&mut self) {
        let closed = |paced: &Paced| paced.with_claims > 0 && !self.has_come(paced.opens_ns());
        let first = self.paced.iter().find(|(_, paced)| closed(paced));
        let lanes: Option<Vec<LaneId>> =
            first.map(|(_, paced)| paced.line.iter().copied().collect());
        let Some(lanes) = lanes else { return };
        for id in lanes {
            let share = self.lane_mut(id).share;
            if share.is_some() {
                self.leave_line(id, share);
                self.wait_before_gates(id);
            }
        }
        self.step_back();
    }
}

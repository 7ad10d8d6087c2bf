//! Times: what may not start before one, and who sleeps until it has come.
//!
//! Two things may keep a step from starting that has a free slot: a *rate*, the pool's or its lane's,
//! and a *hold*, which is a pause with an end. Neither is a limiter before or behind the slots. A
//! lane is granted a slot only when its rates are open, so no slot is with a lane that waits for a
//! time, and none lies idle while a step of another lane may start.
//!
//! # The keeper
//!
//! A time that is to come has to be slept for, and only a worker can, to where the answer `WaitUntil`
//! sends it. One is enough for all: a worker of the lane that is first in line for what opens first,
//! the keeper. It asks for a step as the time has come, and all are served. After each operation
//! the keeper is found anew (`keep_time`), so that its lane may go away at any time. Where it is
//! another one then, or an earlier time, its lane is woken, and the worker that comes told to sleep.
//!
//! A rate opens not only with time, but also as a lane gives up the slot that it was granted. So
//! before and after each operation whoever may start is granted a slot (`serve_all`).

use super::{Next, Scheduler};
use crate::closed::Reason;
use crate::ids::LaneId;
use crate::lane::Lane;
use crate::paced::Paced;

impl Scheduler {
    /// Start nothing that takes a slot before this time, and not before that of an earlier call.
    pub fn hold(&mut self, until_ns: u64, now_ns: u64) {
        self.time_is(now_ns);
        if until_ns > self.now_ns {
            self.held_until_ns = self.held_until_ns.max(Some(until_ns));
            self.ledger.closed.set(Reason::Held, true);
        }
        self.keep_time(None);
    }

    /// Until when nothing starts.
    pub fn held_until_ns(&self) -> Option<u64> {
        self.held_until_ns
    }

    /// A worker that was told to wait until this time does not sleep any more.
    pub fn woke(&mut self, id: LaneId, at_ns: u64) {
        if let Some(lane) = self.lanes.get_mut(id.0) {
            lane.asleep_ns = lane.asleep_ns.filter(|&asleep_ns| asleep_ns != at_ns);
        }
    }

    /// Whether any time can keep anything from starting.
    #[inline]
    pub(super) fn has_times(&self) -> bool {
        self.rate.is_some()
            || self.held_until_ns.is_some()
            || self.trying > 0
            || self.paced.len() > 0
    }

    /// Whether a lane may be given a slot now, if there is one. A step that wants its slot again starts
    /// nothing.
    pub(super) fn lets_in(&self, id: LaneId) -> bool {
        let lane = self.lanes.get(id.0);
        let returns = lane.is_some_and(|lane| lane.returns.is_some());
        returns || self.lets_start() && self.admits(id)
    }

    /// Whether the pool lets anything start now, if there is a slot.
    pub(super) fn lets_start(&self) -> bool {
        self.ledger.closed.lets_start() && self.rate_is_open()
    }

    pub(super) fn has_come(&self, opens_ns: Option<u64>) -> bool {
        opens_ns.is_some_and(|opens_ns| opens_ns <= self.now_ns)
    }

    /// The lane that has stood longest in the pool's line, of those that are let in.
    pub(super) fn first_in_line(&self) -> Option<LaneId> {
        let back = self.returning.first().copied();
        if !self.lets_start() {
            return back;
        }
        let open = |paced: &&Paced| self.has_come(paced.opens_ns());
        let paced = self.paced.iter().map(|(_, paced)| paced).filter(open);
        let first = self.longest_standing(paced);
        let stood = |id: &LaneId| self.lanes.get(id.0).map(|lane| lane.stood);
        first.into_iter().chain(back).min_by_key(stood)
    }

    fn longest_standing<'a>(&'a self, paced: impl Iterator<Item = &'a Paced>) -> Option<LaneId> {
        let firsts = paced.filter_map(|paced| paced.line.first());
        let stood = |id: &&LaneId| self.lanes.get(id.0).map(|lane| lane.stood);
        self.line
            .first()
            .into_iter()
            .chain(firsts)
            .min_by_key(stood)
            .copied()
    }

    /// It is this time now. What has opened meanwhile goes to those that wait for it.
    pub(super) fn time_is(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        if self.has_come(self.held_until_ns) {
            self.hold_is_over();
            self.open_again();
        }
        self.serve_all();
    }

    /// Whoever waits and may start is granted a slot.
    fn serve_all(&mut self) {
        if self.asking > 0 {
            self.lend_idle();
        }
        self.grant();
        self.let_through();
    }

    /// Attempts of this lane whose time has come may start.
    pub(super) fn attempts_come(&mut self, id: LaneId) {
        let lane = self.lanes.get_mut(id.0);
        if let Some(again) = lane.and_then(|lane| lane.again.as_mut()) {
            again.time_is(self.now_ns);
        }
    }

    /// Find out who has to sleep until when, and wake that one. `asking` is the lane of a worker
    /// that will hear it anyway.
    pub(super) fn keep_time(&mut self, asking: Option<LaneId>) {
        if !self.has_times() {
            self.keeper = None;
            return;
        }
        self.serve_all();
        self.step_back();
        let waits = self.paced.iter().any(|(_, paced)| !paced.is_idle());
        self.ledger.closed.set(Reason::Paced, waits);
        let keeper = self.next_opening();
        let before = std::mem::replace(&mut self.keeper, keeper);
        let Some((id, _)) = keeper.filter(|_| keeper != before) else {
            return;
        };
        if Some(id) != asking && self.wants_sleeper(id).is_some() {
            self.wakes.push(id);
        }
    }

    /// The next time at which somebody may start who waits, and who has to know.
    fn next_opening(&self) -> Option<(LaneId, u64)> {
        if self.ledger.closed.is(Reason::Paused) {
            return None;
        }
        let all = self.paced.iter().map(|(_, paced)| paced);
        let of_all = |at_ns| Some((self.longest_waiting()?, at_ns));
        if let Some(at_ns) = self.held_until_ns {
            return of_all(at_ns);
        }
        if let Some(rate) = &self.rate {
            let opens_ns = rate.lock().opens_ns(self.granted);
            if !self.has_come(opens_ns) {
                return of_all(opens_ns?);
            }
        }
        let closed = |paced: &Paced| {
            let first = paced.line.first().or(paced.before.first()).copied();
            let asks = || self.asking(paced.asking, |lane| self.is_of(lane, paced));
            let first = first.or_else(asks)?;
            let opens_ns = paced.opens_ns()?;
            (opens_ns > self.now_ns).then_some((first, opens_ns))
        };
        all.filter_map(closed).min_by_key(|&(_, at_ns)| at_ns)
    }

    fn longest_waiting(&self) -> Option<LaneId> {
        let all = || self.paced.iter().map(|(_, paced)| paced);
        let before = || all().find_map(|paced| paced.before.first()).copied();
        let asks = || self.asking(self.asking, |lane| lane.returns.is_none());
        self.longest_standing(all()).or_else(before).or_else(asks)
    }

    /// One of so many lanes of a kind that wait for a lender's slot, and may stand nowhere else but
    /// before a gate.
    fn asking(&self, many: u32, kind: impl Fn(&Lane) -> bool) -> Option<LaneId> {
        let mut lanes = self.lanes.iter().filter(|_| many > 0);
        let found = lanes.find(|(_, lane)| lane.tickets.loan.is_some() && kind(lane));
        found.map(|(key, _)| LaneId(key))
    }

    fn is_of(&self, lane: &Lane, paced: &Paced) -> bool {
        let own = lane.rate.and_then(|rate| self.paced.get(rate.0));
        own.is_some_and(|own| std::ptr::eq(own, paced))
    }

    /// The lane waits for a lender's slot from now on, or not any more.
    pub(super) fn count_asking(&mut self, id: LaneId, asks: bool) {
        let lane = self.lanes.get(id.0).expect("a lane in line is open");
        let paced = lane.rate.and_then(|rate| self.paced.get_mut(rate.0));
        let counts = [Some(&mut self.asking), paced.map(|paced| &mut paced.asking)];
        for count in counts.into_iter().flatten() {
            *count = if asks { *count + 1 } else { *count - 1 };
        }
    }

    /// The time that a worker of this lane has to sleep until, if none does.
    pub(super) fn wants_sleeper(&self, id: LaneId) -> Option<u64> {
        let lane = self.lanes.get(id.0)?;
        let keeps = self.keeper.filter(|&(keeper, _)| keeper == id);
        let opening = lane.reserved.and_then(|_| self.opens_for_granted());
        let again = lane.again.as_ref().and_then(|again| again.next_ns());
        let times = [keeps.map(|(_, at_ns)| at_ns), opening, again];
        let at_ns = times.into_iter().flatten().min()?;
        let promised = lane.asleep_ns.is_some_and(|asleep_ns| asleep_ns <= at_ns);
        (!promised).then_some(at_ns)
    }

    /// When a lane may start that was granted a slot, if not now.
    fn opens_for_granted(&self) -> Option<u64> {
        if self.ledger.closed.is(Reason::Paused) {
            return None;
        }
        let rate = self.rate.as_ref();
        let opens_ns = || rate.and_then(|rate| rate.lock().opens_ns(0));
        let at_ns = self.held_until_ns.or_else(opens_ns)?;
        (at_ns > self.now_ns).then_some(at_ns)
    }

    /// The answer to a worker for which there is nothing to start: to sleep, if nobody does.
    pub(super) fn or_sleep(&mut self, id: LaneId, next: Next) -> Next {
        if matches!(next, Next::Start { .. }) {
            return next;
        }
        let Some(at_ns) = self.wants_sleeper(id) else {
            return next;
        };
        self.lane_mut(id).asleep_ns = Some(at_ns);
        Next::WaitUntil { at_ns }
    }
}

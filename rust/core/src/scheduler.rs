//! The one type that a binding needs: it joins lanes, ledger, deadlines, join and statistics.
//!
//! Here a lane is opened, its workers ask for steps, and it is stopped and closed. The child
//! modules hold the rest of `impl Scheduler`: `admission` decides which lane gets a slot, `shares`
//! keeps lanes within a part of the pool, `loans` lets a waiting step lend its slot, `settling`
//! takes in a step's end, `feeding` takes in steps that come later, `settings` changes limits or
//! pauses, and `views` shows figures.

use std::collections::TryReserveError;

use crate::faults::{self, Rule, fault};
use crate::ids::{LaneId, SlotId};
use crate::lane::{Lane, Tickets};
use crate::ledger::Ledger;
use crate::line::Line;
use crate::loan::Lent;
use crate::outcome::{Cause, Outcome, StepState};
use crate::ready::ReadyQueue;
use crate::share::Share;
use crate::slab::Slab;
use crate::slot::{Slot, Source};
use crate::spec::{LaneSpec, Room, WhenFull};
use crate::statistics::Statistics;
use crate::tally::Tally;

mod admission;
mod feeding;
mod loans;
mod settings;
mod settling;
mod shares;
mod views;

/// The answer to a worker that asks what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run this step.
    Start {
        /// Its number in the lane.
        step: u32,
        /// Its entry in the ledger, to settle it with.
        slot: SlotId,
    },
    /// Wait until the lane is woken: it stands in line for a slot, or the pool is paused.
    Wait,
    /// Leave: the other workers, if any, do the rest.
    Leave,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overfull {
    /// How many places the queue has.
    pub queue_size: u32,
}

/// Many lanes of steps under one limit.
///
/// A freed slot goes to the longest waiting lane. A lane that was served stands at the end of the
/// line when it wants more, so that no lane waits for another lane's backlog.
///
/// ```
/// use hocket_core::{LaneSpec, Next, Outcome, Scheduler};
/// let mut scheduler = Scheduler::new(1);
/// let lane = scheduler.open(LaneSpec::new(2), 0).unwrap();
/// let Next::Start { step, slot } = scheduler.next(lane, 0) else { panic!() };
/// assert_eq!(step, 0);
/// assert_eq!(scheduler.next(lane, 0), Next::Wait);
/// scheduler.settle(slot, Outcome::Succeeded, 7);
/// assert_eq!(scheduler.take_wakes(), [lane]);
/// ```
#[derive(Debug)]
pub struct Scheduler {
    ledger: Ledger,
    lanes: Slab<Lane>,
    shares: Slab<Share>,
    /// The pool's line: lanes that wait for one of the pool's slots.
    line: Line<LaneId>,
    /// Bounded lanes with all their claims, for which the bounded queue has no place.
    outside: Line<LaneId>,
    queue_size: Option<u32>,
    when_full: WhenFull,
    /// Places of the bounded queue that are taken: bounded lanes in the pool's line.
    queued: u32,
    /// Ready steps that take a slot and have not started, of all lanes: the sum of `Lane.ready`.
    ready: u64,
    statistics: Statistics,
    /// Lanes that were granted a slot and have not been woken for it.
    wakes: Vec<LaneId>,
}

impl Scheduler {
    /// An empty scheduler that runs at most `limit` steps at once.
    pub fn new(limit: u32) -> Self {
        Self {
            ledger: Ledger::new(limit),
            lanes: Slab::default(),
            shares: Slab::default(),
            line: Line::default(),
            outside: Line::default(),
            queue_size: None,
            when_full: WhenFull::Refuse,
            queued: 0,
            ready: 0,
            statistics: Statistics::default(),
            wakes: Vec::new(),
        }
    }

    /// Bound the queue of lanes that are opened as `bounded`.
    pub fn with_queue(mut self, queue_size: Option<u32>, when_full: WhenFull) -> Self {
        self.queue_size = queue_size;
        self.when_full = when_full;
        self
    }

    /// Take in a lane. Refused, without any effect, when it would have to wait in a full queue.
    /// A bounded lane is given its slot here and now, or its place in line: so it can be refused
    /// only here, and nobody who comes later gets before it.
    pub fn open(&mut self, spec: LaneSpec, now_ns: u64) -> Result<LaneId, Overfull> {
        let lenders = self.lenders(spec.parent);
        let lender = lenders.as_ref().map(|lenders| lenders.nearest);
        let above = self.share_of(spec.parent);
        let full = spec.bounded && self.queue_is_full() && self.offer(lender, above).is_none();
        if full && self.when_full == WhenFull::Refuse {
            return Err(Overfull {
                queue_size: self.queue_size.unwrap_or(u32::MAX),
            });
        }
        let Room {
            mut states,
            mut ready_at_ns,
            ready,
            ready_slotless,
        } = spec.room;
        states.resize(spec.steps as usize, StepState::Waiting);
        if spec.graph.is_some() || spec.is_fed {
            ready_at_ns.resize(spec.steps as usize, now_ns);
        }
        let mut lane = Lane {
            states,
            ready,
            ready_slotless,
            slotless: spec.slotless,
            tolerated: spec.tolerated,
            ready_at_ns,
            opened_ns: now_ns,
            join: spec.join,
            limit: spec.limit,
            timeout_ns: spec.timeout_ns,
            timeouts_ns: spec.timeouts_ns,
            deadlines: Default::default(),
            reserved: None,
            holding: 0,
            running: 0,
            stopped: false,
            is_fed: spec.is_fed,
            cancelled_ns: Vec::new(),
            tally: Tally::default(),
            lenders,
            share: self.make_share(spec.share, above),
            bounded: spec.bounded,
            tickets: Tickets::default(),
            graph: None,
        };
        let steps = if spec.is_fed { 0 } else { spec.steps };
        let slotted = (0..steps).filter(|&s| lane.takes_slot(s)).count();
        lane.tally.submitted = slotted as u64;
        self.statistics.submitted(slotted as u64, now_ns);
        match spec.graph {
            None if spec.is_fed => {}
            None if lane.slotless.is_empty() => lane.ready = ReadyQueue::from(0..steps),
            None => (0..steps).for_each(|step| Self::push_ready(&mut lane, step)),
            Some(graph) => {
                graph
                    .roots()
                    .for_each(|step| Self::push_ready(&mut lane, step));
                lane.graph = Some(graph);
            }
        }
        fault!(LockedOpen);
        // A group without steps, or one that cannot succeed, is decided before it starts.
        lane.stopped = lane.join.verdict().is_some();
        if lane.stopped {
            lane.ready.clear();
            lane.ready_slotless.clear();
        }
        self.ready += lane.ready.len() as u64;
        let comes_in_turn = lane.bounded && lane.wants_slot();
        let id = LaneId(self.lanes.insert(lane));
        if comes_in_turn && !self.acquire_for_later(id) {
            self.stand_in_line(id);
        }
        Ok(id)
    }

    /// Take the memory for one more running step of this lane, and for a deadline of this worker.
    pub fn make_room(&mut self, id: LaneId, worker: u32) -> Result<(), TryReserveError> {
        self.ledger.running.reserve_one()?;
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return Ok(());
        };
        lane.cancelled_ns.try_reserve(1 + lane.running as usize)?;
        match lane.has_timeouts() {
            true => lane.deadlines.reserve(worker),
            false => Ok(()),
        }
    }

    /// A worker of this lane asks what to do.
    pub fn next(&mut self, id: LaneId, now_ns: u64) -> Next {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return Next::Leave;
        };
        if let Some(step) = lane.ready_slotless.pop() {
            return self.start(id, step, Source::NoSlot, now_ns);
        }
        if self.ledger.paused && lane.reserved.is_some() {
            return Next::Wait;
        }
        let source = match lane.reserved.take() {
            Some(source) => source,
            None if !lane.wants_slot() => return Self::when_idle(lane),
            None => match self.acquire(id) {
                Some(source) => source,
                None => {
                    self.stand_in_line(id);
                    return Next::Wait;
                }
            },
        };
        fault!(LockedNext);
        let lane = self.lane_mut(id);
        match lane.ready.pop() {
            Some(step) => self.start(id, step, source, now_ns),
            None => {
                let share = lane.share;
                self.give_back(share, source);
                Next::Leave
            }
        }
    }

    /// A step has suspended: could one more worker of its lane start a step? If so the slot is
    /// reserved for it; if not, the lane stands in line and is woken in its turn.
    pub fn request(&mut self, id: LaneId) -> bool {
        let Some(lane) = self.lanes.get(id.0) else {
            return false;
        };
        if !lane.ready_slotless.is_empty() {
            return true;
        }
        if lane.reserved.is_some() {
            return !self.ledger.paused;
        }
        if !lane.wants_slot() {
            return false;
        }
        fault!(LockedRequest);
        if self.acquire_for_later(id) {
            return true;
        }
        // A lane that has all the slots itself need not stand in line: whenever one of them
        // becomes free, the worker that freed it asks for the next step.
        let own = self.lane_mut(id).holding;
        if own == 0 || own < self.ledger.in_use {
            self.stand_in_line(id);
        }
        false
    }

    /// Start nothing more of this lane. Running steps go on until they are settled.
    pub fn stop(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return;
        };
        lane.stopped = true;
        self.ready -= lane.ready.clear() as u64;
        lane.ready_slotless.clear();
        self.stand_back(id);
    }

    /// Forget the lane, and return what its steps have come to. Steps that still run (their worker
    /// was torn away by something fatal) are settled as cancelled first, so that no slot is lost.
    pub fn close(&mut self, id: LaneId, cause: Cause, now_ns: u64) -> Option<Tally> {
        self.stop(id);
        let lane = self.lanes.get(id.0)?;
        if lane.running > 0 {
            // One by one: there may be no memory for a list of them.
            let mut from = 0;
            while let Some(slot) = self.ledger.next_of(id, from) {
                from = slot.0.index() + 1;
                self.settle(slot, Outcome::Cancelled, now_ns);
            }
        }
        fault!(LockedClose);
        let mut lane = self.lanes.remove(id.0).expect("it was there above");
        self.leave_share(lane.share);
        let outcome = match cause {
            Cause::Ended => Outcome::Cancelled,
            Cause::TimedOut => Outcome::TimedOut,
        };
        lane.tally.skipped = lane.tally.submitted - lane.tally.wait.count;
        self.statistics.skipped(lane.tally.skipped, now_ns);
        for run_ns in lane.cancelled_ns {
            lane.tally.ended(outcome, run_ns);
            self.statistics.ended(outcome, run_ns, now_ns);
        }
        Some(lane.tally)
    }

    /// From now on times are another clock's. Only while no lane is open.
    pub fn change_clock(&mut self) {
        self.statistics.change_clock();
    }

    /// Arm the deadline of a running step that has suspended. Returns whether it comes before the
    /// next look at the lane's deadlines, which is then due at that time.
    ///
    /// Deadlines are numbers in the order of time, and no matter which: they are compared with
    /// each other and with what [`Scheduler::take_overdue`] is given.
    pub fn arm(&mut self, slot_id: SlotId, worker: u32, deadline: u64) -> bool {
        let Some(slot) = self.ledger.get_mut(slot_id) else {
            return false;
        };
        let Some(lane) = self.lanes.get_mut(slot.lane.0) else {
            return false;
        };
        fault!(LockedArm);
        slot.armed = Some(worker);
        // Where the rule is off, a deadline that has outlived its step stays.
        let arms = faults::holds(Rule::Generation) || !lane.deadlines.is_armed(worker);
        arms && lane.deadlines.arm(worker, deadline)
    }

    /// The workers of this lane that still run a step past its limit, earliest deadline first and
    /// `most` at once; each is named once. And when to look again, if any deadline is left.
    pub fn take_overdue(&mut self, id: LaneId, now: u64, most: usize) -> (Vec<u32>, Option<u64>) {
        let lane = self.lanes.get_mut(id.0);
        lane.map_or_else(Default::default, |lane| {
            lane.deadlines.take_overdue(now, most)
        })
    }

    fn lane_mut(&mut self, id: LaneId) -> &mut Lane {
        self.lanes.get_mut(id.0).expect("the lane is open")
    }

    fn push_ready(lane: &mut Lane, step: u32) {
        if lane.takes_slot(step) {
            lane.ready.push(step);
        } else {
            lane.ready_slotless.push(step);
        }
    }

    fn start(&mut self, id: LaneId, step: u32, source: Source, now_ns: u64) -> Next {
        let lane = self.lanes.get_mut(id.0).expect("the lane is open");
        lane.running += 1;
        lane.states[step as usize] = StepState::Running;
        if source != Source::NoSlot {
            lane.holding += 1;
            self.ready -= 1;
            let wait_ns = now_ns.saturating_sub(lane.submitted_ns(step));
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
            loan: None,
        }));
        if let Source::Loan(lender) = source {
            self.set_lent(lender, Lent::Running(slot));
        }
        Next::Start { step, slot }
    }
}

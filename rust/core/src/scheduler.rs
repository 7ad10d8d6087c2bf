//! The one type that a binding needs: it joins lanes, ledger, deadlines, join and statistics.
//!
//! Here a lane is opened, and asked for steps; `closing` ends it. The child modules hold the rest:
//! `admission` decides which lane gets a slot, `shares` keeps lanes within a part of the pool, `late`
//! finds steps past their limit, `overstaying` keeps the slots of those that go on, `loans` lets a step
//! lend its slot and `released` do without it, `starting` notes a step's start and `settling` its end,
//! `retrying` tries it again, `feeding` takes in steps that come later, `pacing` keeps rates, `times`
//! holds and the time, `settings` changes limits or pauses, and `views` shows figures.

use crate::budget::SharedBudget;
use crate::faults::fault;
use crate::ids::{LaneId, SlotId};
use crate::lane::{Lane, Tickets};
use crate::ledger::Ledger;
use crate::line::Line;
use crate::outcome::StepState;
use crate::paced::Paced;
use crate::rate::SharedRate;
use crate::ready::ReadyQueue;
use crate::retry::Again;
use crate::share::Share;
use crate::slab::Slab;
use crate::slot::Source;
use crate::spec::{LaneSpec, Room, WhenFull};
use crate::statistics::Statistics;
use crate::tally::Tally;

mod admission;
mod closing;
mod feeding;
mod late;
mod loans;
pub(crate) mod overstaying;
mod pacing;
mod released;
mod retrying;
mod settings;
mod settling;
mod shares;
mod starting;
mod times;
mod views;

pub use released::Given;
pub use retrying::Attempt;

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
    /// The same, and ask again at this time, if nobody has woken it before. [`Scheduler::woke`] is
    /// to be told that the worker does not sleep any more.
    WaitUntil {
        /// The time.
        at_ns: u64,
    },
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
    /// The part of the pool's line for steps that want their slot again.
    returning: Line<LaneId>,
    /// Lanes of steps that have it again, to be forgotten.
    returned: Vec<LaneId>,
    /// Bounded lanes with all their claims, for which the bounded queue has no place.
    outside: Line<LaneId>,
    /// The rate at which steps start, whatever lane they are of.
    rate: Option<SharedRate>,
    /// What there is for further attempts at steps, of whatever lanes.
    budget: Option<SharedBudget>,
    /// The rates of lanes, with the parts of the pool's line for those.
    paced: Slab<Paced>,
    /// Open lanes with steps that may be tried again.
    trying: u32,
    /// How many lanes wait for a lender's slot.
    asking: u32,
    /// Lanes that were granted a slot and have not started a step with it.
    granted: u32,
    /// Nothing starts before this time.
    held_until_ns: Option<u64>,
    /// The lane whose worker sleeps for all that wait, and until when: something may start then.
    keeper: Option<(LaneId, u64)>,
    /// The latest time that was told.
    now_ns: u64,
    /// How often a lane came to stand in the pool's line.
    stood: u64,
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
            returning: Line::default(),
            returned: Vec::new(),
            outside: Line::default(),
            rate: None,
            budget: None,
            paced: Slab::default(),
            trying: 0,
            asking: 0,
            granted: 0,
            held_until_ns: None,
            keeper: None,
            now_ns: 0,
            stood: 0,
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

    /// Let steps start at this rate, of whatever lanes.
    pub fn with_rate(mut self, rate: Option<SharedRate>) -> Self {
        self.rate = rate;
        self
    }

    /// Let steps be tried again as far as this budget goes.
    pub fn with_budget(mut self, budget: Option<SharedBudget>) -> Self {
        self.budget = budget;
        self
    }

    /// Take in a lane. Refused, without any effect, when it would have to wait in a full queue.
    /// A bounded lane is given its slot here and now, or its place in line: so it can be refused
    /// only here, and nobody who comes later gets before it.
    pub fn open(&mut self, spec: LaneSpec, now_ns: u64) -> Result<LaneId, Overfull> {
        if self.has_times() || spec.rate.is_some() {
            self.time_is(now_ns);
        }
        let lenders = self.lenders(spec.parent);
        let lender = self.first_with_slot(lenders.as_ref());
        let above = self.share_of(spec.parent);
        let may_start = || {
            self.lets_start()
                && self.rate_admits(spec.rate.as_ref())
                && self.offer(lender, above).is_some()
        };
        let full = spec.bounded && self.queue_is_full() && !may_start();
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
        let rate = self.pace(spec.rate);
        let tries = spec.retry.is_some() || !spec.retries.is_empty();
        self.trying += u32::from(tries);
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
            away: 0,
            running: 0,
            overstaying: 0,
            stopped: false,
            is_fed: spec.is_fed,
            cancelled_ns: Vec::new(),
            tally: Tally::default(),
            plain: lenders.is_none() && self.rate.is_none() && rate.is_none() && !tries,
            again: tries.then(|| Box::new(Again::new(spec.retry, spec.retries))),
            lenders,
            share: self.make_share(spec.share, above),
            bounded: spec.bounded && rate.is_none(),
            rate,
            tickets: Tickets::default(),
            returns: None,
            stood: 0,
            asleep_ns: None,
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
        lane.plain &= lane.graph.is_none() && lane.slotless.is_empty();
        // A group without steps, or one that cannot succeed, is decided before it starts.
        lane.stopped = lane.join.verdict().is_some();
        if lane.stopped {
            lane.ready.clear();
            lane.ready_slotless.clear();
        }
        self.ready += lane.ready.len() as u64;
        let comes_in_turn = spec.bounded && lane.wants_slot();
        let id = LaneId(self.lanes.insert(lane));
        if comes_in_turn && !self.acquire_for_later(id) {
            self.stand_in_line(id);
        }
        self.keep_time(Some(id));
        Ok(id)
    }

    /// A worker of this lane asks what to do.
    pub fn next(&mut self, id: LaneId, now_ns: u64) -> Next {
        if !self.has_times() {
            return self.find_next(id, now_ns);
        }
        self.time_is(now_ns);
        self.attempts_come(id);
        let next = self.find_next(id, now_ns);
        self.keep_time(Some(id));
        self.or_sleep(id, next)
    }

    fn find_next(&mut self, id: LaneId, now_ns: u64) -> Next {
        let Some(lane) = self.lanes.get_mut(id.0) else {
            return Next::Leave;
        };
        if let Some(step) = lane.ready_slotless.pop() {
            return self.start(id, step, Source::NoSlot, now_ns);
        }
        if !self.ledger.closed.lets_start() && lane.reserved.is_some() {
            return Next::Wait;
        }
        let source = match lane.reserved.take() {
            Some(source) => {
                self.count_granted(id, false);
                source
            }
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
        if !lane.plain && lane.startable() > 0 && !self.start_in_time(id, now_ns) {
            self.came_too_early(id, source);
            return Next::Wait;
        }
        let lane = self.lane_mut(id);
        match lane.take_ready() {
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
        if self.trying > 0 {
            self.attempts_come(id);
        }
        let wanted = self.find_room(id);
        if !self.has_times() {
            return wanted;
        }
        self.keep_time(Some(id));
        wanted || self.wants_sleeper(id).is_some()
    }

    fn find_room(&mut self, id: LaneId) -> bool {
        let Some(lane) = self.lanes.get(id.0) else {
            return false;
        };
        if !lane.ready_slotless.is_empty() {
            return true;
        }
        if lane.reserved.is_some() {
            return self.ledger.closed.lets_start();
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
        // For a time that is to come somebody has to.
        let lane = self.lane_mut(id);
        let (own, plain) = (lane.holding, lane.plain);
        if own == 0 || own < self.ledger.in_use || !plain || self.held_until_ns.is_some() {
            self.stand_in_line(id);
        }
        false
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
}

//! The documented rules of the scheduler, written down naively: plain vectors, nothing counted
//! that can be looked up, every question answered by searching.

pub mod history;
pub mod rate;
pub mod retry;

use std::collections::HashMap;

use history::{Event, History};
use hocket_core::{Attempt, Cause, Outcome, Retry, StepState, Verdict, WhenFull};
use rate::NaiveRate;
use retry::Attempts;

/// What a lane is to do; the plain counterpart of `LaneSpec`.
#[derive(Clone, Debug)]
pub struct Spec {
    pub steps: u32,
    pub need: Option<u32>,
    pub give_up: Option<u32>,
    pub limit: u32,
    pub timeout_ns: Option<u64>,
    pub timeouts_ns: Vec<Option<u64>>,
    pub dependencies: Option<Vec<Vec<u32>>>,
    pub slotless: Vec<bool>,
    pub tolerated: Vec<bool>,
    pub bounded: bool,
    /// The most pool slots that it and everything below it may take.
    pub share: Option<u32>,
    /// The number of the rate at which its steps start.
    pub rate: Option<usize>,
    /// Whether its steps come in one by one, at so many places.
    pub is_fed: bool,
    /// How often its steps are tried, and single ones instead.
    pub retry: Option<Retry>,
    pub retries: Vec<Option<Retry>>,
    /// The run that waits for this lane.
    pub parent: Option<usize>,
}

/// Where a slot came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Pool,
    Lender(usize),
    Nowhere,
    /// The slot was given back for a while.
    Away,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Start { step: u32, run: usize },
    Wait,
    Leave,
}

#[derive(Debug)]
pub struct Lane {
    pub spec: Spec,
    pub states: Vec<StepState>,
    /// Ready steps, with and without a slot, in the order they became ready.
    pub ready: Vec<u32>,
    pub ready_at_ns: Vec<u64>,
    pub attempts: Attempts,
    /// Whether more steps may come in.
    pub feeds: bool,
    /// The places at which a step has come in, and what became of steps that were there before.
    pub submitted: Vec<bool>,
    pub before: Vec<StepState>,
    pub reserved: Option<From>,
    /// The run that waits with it for its slot: it is no lane of work.
    pub returns: Option<usize>,
    /// The share it takes slots within.
    pub share: Option<usize>,
    succeeded: u32,
    failed: u32,
    pub verdict: Option<Verdict>,
    /// The runs that wait for this lane, from the nearest outwards.
    pub lenders: Vec<usize>,
    pub lenders_at_first: usize,
    pub stopped: bool,
    pub closed: Option<Cause>,
    /// How long the steps ran that were cancelled.
    pub cancelled_ns: Vec<u64>,
    /// Deadline, worker.
    pub armed: Vec<(u64, u32)>,
    /// When it came to stand in the pool's line or was given a slot at once.
    pub stood: usize,
}

impl Lane {
    fn new(spec: Spec, share: Option<usize>, lenders: Vec<usize>, now_ns: u64) -> Self {
        let steps = spec.steps as usize;
        let has_to_wait = |s: &u32| match &spec.dependencies {
            Some(lists) => !lists[*s as usize].is_empty(),
            None => false,
        };
        Self {
            states: vec![StepState::Waiting; steps],
            ready: (0..spec.steps)
                .filter(|s| !spec.is_fed && !has_to_wait(s))
                .collect(),
            ready_at_ns: vec![now_ns; steps],
            attempts: Attempts::new(spec.steps),
            feeds: spec.is_fed,
            submitted: vec![!spec.is_fed; steps],
            before: vec![],
            reserved: None,
            returns: None,
            share,
            succeeded: 0,
            failed: 0,
            verdict: None,
            lenders_at_first: lenders.len(),
            lenders,
            stopped: false,
            closed: None,
            cancelled_ns: vec![],
            armed: vec![],
            stood: 0,
            spec,
        }
    }
}

/// A running step. Its number is never used again, and is its worker's number as well.
#[derive(Debug)]
pub struct Run {
    pub number: usize,
    pub lane: usize,
    pub step: u32,
    pub started_ns: u64,
    pub from: From,
}

/// A limit inside the pool's, or inside another share's.
#[derive(Debug)]
pub struct Share {
    pub limit: u32,
    pub above: Option<usize>,
    /// Lanes that wait because it is full.
    pub line: Vec<usize>,
}

#[derive(Debug)]
pub struct Reference {
    pub limit: u32,
    pub paused: bool,
    pub queue_size: Option<usize>,
    pub when_full: WhenFull,
    /// Every lane there ever was.
    pub lanes: Vec<Lane>,
    /// Every share there ever was.
    pub shares: Vec<Share>,
    pub running: Vec<Run>,
    pub runs: usize,
    /// Lanes that stand in the pool's line, those of one rate in their order.
    pub line: Vec<usize>,
    /// Lanes in a share that wait for their rate, before the gates.
    pub before: Vec<usize>,
    pub rates: Vec<NaiveRate>,
    /// The number of the pool's rate.
    pub rate: Option<usize>,
    /// What each step earns of a retry, how many are saved up at most, and how many there are: in
    /// hundredths.
    pub budget: Option<[u64; 3]>,
    pub held_until_ns: Option<u64>,
    /// The latest time that was told.
    pub now_ns: u64,
    pub stood: usize,
    /// The open lanes and the running steps, in the order in which the scheduler goes through them.
    pub open_order: Vec<usize>,
    pub lane_order: Vec<usize>,
    pub running_order: Vec<usize>,
    /// Lanes that wait for a place in the full queue.
    pub outside: Vec<usize>,
    /// All that wait.
    pub since: Vec<usize>,
    /// Those that have the claims that a loan needs, in the order in which they came to have them:
    /// the order in which a lender serves.
    pub asking: Vec<usize>,
    /// Whom each of them asked.
    pub asked: HashMap<usize, usize>,
    pub wakes: Vec<usize>,
    /// Of the steps that take a slot.
    pub history: History,
}

impl Lane {
    pub fn takes_slot(&self, step: u32) -> bool {
        !self.spec.slotless.get(step as usize).unwrap_or(&false)
    }

    pub fn timeout_ns(&self, step: u32) -> Option<u64> {
        match self.spec.timeouts_ns.get(step as usize) {
            Some(&own) => own,
            None => self.spec.timeout_ns,
        }
    }

    pub fn retry(&self, step: u32) -> Option<&Retry> {
        let own = self.spec.retries.get(step as usize);
        own.unwrap_or(&self.spec.retry).as_ref()
    }

    pub fn tries(&self) -> bool {
        self.spec.retry.is_some() || !self.spec.retries.is_empty()
    }

    /// Whether there is a step, and the statistics know of it.
    fn counts(&self, step: u32) -> bool {
        self.takes_slot(step) && self.submitted[step as usize]
    }

    /// Places where no step waits or runs.
    pub fn free_places(&self) -> Vec<u32> {
        let is_free = |&place: &u32| match self.states[place as usize] {
            StepState::Running => false,
            StepState::Waiting => !self.submitted[place as usize],
            _ => true,
        };
        (0..self.spec.steps).filter(is_free).collect()
    }

    /// How long the attempt that started then may run, and whether that is what is left for all.
    pub fn attempt_limit_ns(&self, step: u32, started_ns: u64) -> Option<(u64, bool)> {
        let own = self.timeout_ns(step).map(|own| (own, false));
        let retry = self.retry(step).filter(|_| self.takes_slot(step));
        let left = retry.and_then(|retry| self.attempts.left_ns(retry, step, started_ns));
        own.into_iter().chain(left.map(|left| (left, true))).min()
    }

    /// All that are ready, attempts that wait for their time included.
    pub fn ready_or_tried(&self) -> usize {
        self.ready.len() + self.attempts.len()
    }

    /// Steps that could start now, if there were slots.
    pub fn startable(&self) -> usize {
        self.ready_for_slots() + self.attempts.due.len()
    }

    pub fn ready_for_slots(&self) -> usize {
        self.ready.iter().filter(|&&s| self.takes_slot(s)).count()
    }

    fn take_ready(&mut self, with_slot: bool) -> Option<u32> {
        if with_slot && !self.attempts.due.is_empty() {
            return Some(self.attempts.due.remove(0));
        }
        let at = (self.ready.iter()).position(|&s| self.takes_slot(s) == with_slot)?;
        Some(self.ready.remove(at))
    }

    fn decide(&mut self) -> Option<Verdict> {
        if self.verdict.is_none() {
            if self.spec.need.is_some_and(|need| self.succeeded >= need) {
                self.verdict = Some(Verdict::Success);
            } else if (self.spec.give_up).is_some_and(|give_up| self.failed >= give_up) {
                self.verdict = Some(Verdict::Failure);
            }
            return self.verdict;
        }
        None
    }
}

impl Reference {
    pub fn new(limit: u32, queue_size: Option<usize>, when_full: WhenFull) -> Self {
        Self {
            limit,
            paused: false,
            queue_size,
            when_full,
            lanes: vec![],
            shares: vec![],
            running: vec![],
            runs: 0,
            line: vec![],
            before: vec![],
            rates: vec![],
            rate: None,
            budget: None,
            held_until_ns: None,
            now_ns: 0,
            stood: 0,
            open_order: vec![],
            lane_order: vec![],
            running_order: vec![],
            outside: vec![],
            since: vec![],
            asking: vec![],
            asked: HashMap::new(),
            wakes: vec![],
            history: History::default(),
        }
    }

    pub fn run(&self, number: usize) -> Option<&Run> {
        self.running.iter().find(|run| run.number == number)
    }

    /// Every slot that is running a step or is reserved for one.
    pub fn taken(&self) -> impl Iterator<Item = From> + '_ {
        let reserved = self.lanes.iter().flat_map(|lane| &lane.reserved);
        self.running
            .iter()
            .map(|run| run.from)
            .chain(reserved.copied())
    }

    pub fn in_use(&self) -> u32 {
        let pools = |from: &From| *from == From::Pool;
        self.taken().filter(pools).count() as u32
    }

    pub fn queue_length(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| (lane.ready_for_slots() + lane.attempts.len()) as u64)
            .sum()
    }

    /// How many steps that take a slot are in this state, in lanes closed for this cause or open.
    pub fn count(&self, state: StepState, closed: Option<Cause>) -> u64 {
        let lanes = self.lanes.iter().filter(|lane| lane.closed == closed);
        let count = |lane: &Lane| {
            let is_so = |s: &u32| lane.counts(*s) && lane.states[*s as usize] == state;
            let before = lane.before.iter().filter(|&&before| before == state);
            (0..lane.spec.steps).filter(is_so).count() + before.count()
        };
        lanes.map(count).sum::<usize>() as u64
    }

    pub fn open(&mut self, spec: Spec, now_ns: u64) -> Option<usize> {
        self.time_is(now_ns);
        let lenders = self.lenders(spec.parent);
        let above =
            (spec.parent.and_then(|run| self.run(run))).and_then(|run| self.lanes[run.lane].share);
        let refuses = self.when_full == WhenFull::Refuse && self.queue_is_full();
        let running = lenders.iter().copied();
        let lender = running.into_iter().find(|&run| self.has_slot_to_lend(run));
        let has_slot = self.grants()
            && self.is_open_rate(spec.rate)
            && self.free_slot(lender, above).is_some();
        if spec.bounded && refuses && !has_slot {
            return None;
        }
        let share = match spec.share {
            Some(limit) => {
                self.shares.push(Share {
                    limit,
                    above,
                    line: vec![],
                });
                Some(self.shares.len() - 1)
            }
            None => above,
        };
        let mut lane = Lane::new(spec, share, lenders, now_ns);
        if lane.decide().is_some() {
            lane.stopped = true;
            lane.ready.clear();
        }
        let id = self.lanes.len();
        let slotted = (0..lane.spec.steps).filter(|&s| lane.counts(s)).count();
        let submitted = Event::Submitted(slotted as u64);
        self.history.note(id, submitted, now_ns);
        self.lanes.push(lane);
        // A bounded lane takes its turn as it is opened.
        if self.lanes[id].spec.bounded && self.wants_slot(id) && !self.take_slot(id) {
            self.stand(id);
        }
        self.step_back();
        Some(id)
    }

    pub fn feed(&mut self, id: usize, place: u32, now_ns: u64) {
        let lane = &mut self.lanes[id];
        if lane.closed.is_some() || lane.stopped || !lane.feeds {
            return;
        }
        let at = place as usize;
        if lane.counts(place) {
            lane.before.push(lane.states[at]);
        }
        lane.submitted[at] = true;
        lane.states[at] = StepState::Waiting;
        lane.ready_at_ns[at] = now_ns;
        lane.attempts.past[at] = Default::default();
        lane.ready.push(place);
        if lane.takes_slot(place) {
            self.history.note(id, Event::Submitted(1), now_ns);
        }
    }

    pub fn next(&mut self, id: usize, now_ns: u64) -> Next {
        self.time_is(now_ns);
        self.lanes[id].attempts.come(now_ns);
        let next = self.find_next(id, now_ns);
        self.step_back();
        next
    }

    fn find_next(&mut self, id: usize, now_ns: u64) -> Next {
        if self.lanes[id].closed.is_some() {
            return Next::Leave;
        }
        if let Some(step) = self.lanes[id].take_ready(false) {
            return self.start(id, step, From::Nowhere, now_ns);
        }
        if self.lanes[id].reserved.is_none() {
            if !self.wants_slot(id) {
                let lane = &self.lanes[id];
                let may_come = lane.feeds && !lane.stopped && lane.startable() == 0;
                return if may_come { Next::Wait } else { Next::Leave };
            }
            if !self.take_slot(id) {
                self.stand(id);
            }
        }
        if !self.lets_start() || self.lanes[id].reserved.is_none() {
            return Next::Wait;
        }
        let own = self.lanes[id]
            .spec
            .rate
            .filter(|&own| Some(own) != self.rate);
        if own.is_some_and(|rate| !self.rates[rate].admits(now_ns, 0)) {
            let from = self.lanes[id].reserved.take().unwrap();
            self.give_back(from, self.lanes[id].share);
            let stood = self.lanes[id].stood;
            self.stand(id);
            if let Some(at) = self.line.iter().position(|&other| other == id) {
                self.line.remove(at);
                let first = self
                    .line
                    .iter()
                    .position(|&other| self.own_rate(other) == own);
                self.line.insert(first.unwrap_or(self.line.len()), id);
                self.lanes[id].stood = stood;
            }
            return Next::Wait;
        }
        if self
            .rate
            .is_some_and(|rate| !self.rates[rate].admits(now_ns, 0))
        {
            return Next::Wait;
        }
        for rate in own.into_iter().chain(self.rate) {
            self.rates[rate].start(now_ns);
        }
        let from = self.lanes[id].reserved.take().unwrap();
        let step = self.lanes[id].take_ready(true);
        let step = step.expect("a slot is only ever reserved for a ready step");
        self.start(id, step, from, now_ns)
    }

    pub fn request(&mut self, id: usize) -> bool {
        let wanted = self.find_room(id);
        self.step_back();
        wanted
    }

    fn find_room(&mut self, id: usize) -> bool {
        let now_ns = self.now_ns;
        let lane = &mut self.lanes[id];
        lane.attempts.come(now_ns);
        if lane.closed.is_some() {
            return false;
        }
        if lane.ready.len() > lane.ready_for_slots() {
            return true;
        }
        if lane.reserved.is_some() {
            return !self.is_shut();
        }
        if !self.wants_slot(id) {
            return false;
        }
        let taken = self.take_slot(id);
        // A lane that has every slot there is asks again as it frees one.
        let held = self.held(id) - self.away(id);
        let has_all = held > 0 && held >= self.in_use();
        let is_timed = self.rate.is_some() || self.lanes[id].spec.rate.is_some();
        let is_plain = !is_timed
            && !self.lanes[id].tries()
            && self.lanes[id].lenders_at_first == 0
            && self.lanes[id].spec.dependencies.is_none()
            && self.lanes[id].spec.slotless.is_empty();
        if !taken && (!has_all || !is_plain || self.held_until_ns.is_some()) {
            self.stand(id);
        }
        taken
    }

    pub fn settle(&mut self, number: usize, outcome: Outcome, now_ns: u64) -> Option<Verdict> {
        self.time_is(now_ns);
        self.end(number, Some(outcome), now_ns)
    }

    /// An attempt has failed. When it is tried again, if it is.
    pub fn try_again(
        &mut self,
        number: usize,
        asked_ns: Option<u64>,
        chance: f64,
        now_ns: u64,
    ) -> Option<Attempt> {
        self.time_is(now_ns);
        let run = self.run(number).expect("it was picked among them");
        let (lane, step, from) = (&self.lanes[run.lane], run.step, run.from);
        let (id, attempts) = (run.lane, &lane.attempts);
        let may = !lane.stopped && from != From::Nowhere;
        let retry = lane.retry(step).filter(|_| may)?;
        let at_ns = attempts.again_ns(retry, step, asked_ns, chance, now_ns)?;
        if let Some([_, _, left]) = &mut self.budget {
            if *left < 100 {
                self.history.note(id, Event::Refused, now_ns);
                return Some(Attempt::Refused);
            }
            *left -= 100;
        }
        self.lanes[id].attempts.waiting.push((at_ns, step));
        self.end(number, None, now_ns);
        Some(Attempt::At { at_ns })
    }

    /// A run has ended, with this outcome or to be tried again.
    fn end(&mut self, number: usize, outcome: Option<Outcome>, now_ns: u64) -> Option<Verdict> {
        self.forget_return(number);
        let (asking, others) =
            (self.asking.iter()).partition(|&&id| self.lender(id) == Some(number));
        let asking: Vec<usize> = asking;
        self.asking = others;
        let at = self.running.iter().position(|run| run.number == number);
        let run = self.running.remove(at.expect("it runs"));
        // Whoever has borrowed this step's slot keeps it, and owes it where this step owed it.
        let reserved = self.lanes.iter_mut().flat_map(|lane| &mut lane.reserved);
        let mut taken = (self.running.iter_mut().map(|run| &mut run.from)).chain(reserved);
        let borrower = taken.find(|from| **from == From::Lender(number));
        let lent = borrower.map(|from| *from = run.from).is_some();
        (self.lanes[run.lane].armed).retain(|&(_, worker)| worker != number as u32);
        let verdict = match outcome {
            Some(outcome) => self.count_outcome(&run, outcome, now_ns),
            None => {
                let event = Event::Retried(now_ns - run.started_ns);
                self.history.note(run.lane, event, now_ns);
                let lane = &mut self.lanes[run.lane];
                lane.states[run.step as usize] = StepState::Waiting;
                lane.ready_at_ns[run.step as usize] = now_ns;
                None
            }
        };
        if !lent {
            self.give_back(run.from, self.lanes[run.lane].share);
        }
        self.ask_outwards(asking);
        self.step_back();
        verdict
    }

    /// These lanes waited for a slot that cannot be lent any more.
    fn ask_outwards(&mut self, asking: Vec<usize>) {
        for id in asking {
            let waits = self.since.contains(&id) && !self.asking.contains(&id);
            let claims = self.claims(id);
            if waits && self.loan_gates(id).iter().all(|g| claims.contains(g)) {
                self.ask(id);
            }
        }
    }

    /// A run gives its slot back for a while, if it has one.
    pub fn give_up(&mut self, number: usize, now_ns: u64) -> bool {
        let run = self.run(number).expect("it was picked among them");
        if matches!(run.from, From::Nowhere | From::Away) {
            return false;
        }
        self.time_is(now_ns);
        let run = self.run(number).expect("it runs on");
        let (id, from) = (run.lane, run.from);
        let (asking, others) =
            (self.asking.iter()).partition(|&&id| self.lender(id) == Some(number));
        let asking: Vec<usize> = asking;
        self.asking = others;
        self.set_from(number, From::Away);
        let reserved = self.lanes.iter_mut().flat_map(|lane| &mut lane.reserved);
        let mut taken = (self.running.iter_mut().map(|run| &mut run.from)).chain(reserved);
        let borrower = taken.find(|taken| **taken == From::Lender(number));
        if borrower.map(|taken| *taken = from).is_none() {
            self.give_back(from, self.lanes[id].share);
        }
        self.ask_outwards(asking);
        self.step_back();
        true
    }

    /// Whether the run stands in line now to have a slot again; otherwise it has one, or stood before.
    pub fn want_back(&mut self, number: usize, now_ns: u64) -> bool {
        let run = self.run(number).expect("it was picked among them");
        let (above, from) = (run.lane, run.from);
        if from != From::Away || self.return_of(number).is_some() {
            return false;
        }
        self.time_is(now_ns);
        self.step_back();
        self.history
            .note(self.lanes.len(), Event::Submitted(0), now_ns);
        let share = self.lanes[above].share;
        if let Some(from) = self.free_slot(self.lender(above), share) {
            self.set_from(number, from);
            self.ask_again();
            self.step_back();
            return false;
        }
        let mut lenders = vec![number];
        lenders.extend(&self.lanes[above].lenders);
        let spec = Spec {
            steps: 1,
            limit: 1,
            is_fed: true,
            need: None,
            give_up: None,
            timeout_ns: None,
            timeouts_ns: vec![],
            dependencies: None,
            slotless: vec![],
            tolerated: vec![],
            bounded: false,
            share: None,
            rate: None,
            retry: None,
            retries: vec![],
            parent: None,
        };
        self.lanes.push(Lane {
            ready: vec![0],
            feeds: false,
            returns: Some(number),
            ..Lane::new(spec, share, lenders, now_ns)
        });
        self.stand(self.lanes.len() - 1);
        self.step_back();
        self.return_of(number).is_some()
    }

    /// The lane with which this run stands in line for its slot.
    fn return_of(&self, number: usize) -> Option<usize> {
        (self.lanes.iter()).position(|lane| lane.returns == Some(number))
    }

    pub fn returning(&self) -> usize {
        self.lanes
            .iter()
            .filter(|lane| lane.returns.is_some())
            .count()
    }

    fn set_from(&mut self, number: usize, from: From) {
        let run = self.running.iter_mut().find(|run| run.number == number);
        run.expect("it runs").from = from;
    }

    fn forget_return(&mut self, number: usize) {
        if let Some(id) = self.return_of(number) {
            self.stop(id);
            self.lanes[id].returns = None;
            self.lanes[id].closed = Some(Cause::Ended);
        }
    }

    /// The run has its slot again: lanes that wait below it ask it.
    fn come_back(&mut self, id: usize, number: usize) {
        let lane = &mut self.lanes[id];
        lane.returns = None;
        lane.closed = Some(Cause::Ended);
        lane.ready.clear();
        let from = lane.reserved.take().expect("it was granted");
        self.set_from(number, from);
        self.ask_again();
    }

    fn ask_again(&mut self) {
        let order = self.lane_order.clone();
        for id in order {
            let asked = self.asking.contains(&id).then(|| self.asked[&id]);
            if self.since.contains(&id) && self.lender(id).is_some() && asked != self.lender(id) {
                self.asking.retain(|&other| other != id);
                self.ask_outwards(vec![id]);
            }
        }
    }

    fn count_outcome(&mut self, run: &Run, outcome: Outcome, now_ns: u64) -> Option<Verdict> {
        let lane = &mut self.lanes[run.lane];
        let run_ns = now_ns - run.started_ns;
        match outcome {
            _ if run.from == From::Nowhere => {}
            Outcome::Cancelled => lane.cancelled_ns.push(run_ns),
            _ => {
                let ended = Event::Ended(outcome, run_ns);
                self.history.note(run.lane, ended, now_ns);
            }
        }
        lane.states[run.step as usize] = match outcome {
            Outcome::Succeeded => StepState::Succeeded,
            Outcome::Failed => StepState::Failed,
            Outcome::TimedOut => StepState::TimedOut,
            Outcome::Cancelled => StepState::Cancelled,
        };
        let tolerated = *lane.spec.tolerated.get(run.step as usize).unwrap_or(&false);
        let mut verdict = None;
        if outcome == Outcome::Succeeded || (outcome != Outcome::Cancelled && tolerated) {
            if !lane.stopped {
                self.make_ready(run.lane, run.step, now_ns);
            }
            self.lanes[run.lane].succeeded += 1;
            verdict = self.lanes[run.lane].decide();
        } else if outcome != Outcome::Cancelled {
            lane.failed += 1;
            verdict = lane.decide();
        }
        if verdict.is_some() || outcome == Outcome::Cancelled {
            self.stop(run.lane);
        }
        verdict
    }

    pub fn stop(&mut self, id: usize) {
        let lane = &mut self.lanes[id];
        if lane.closed.is_some() {
            return;
        }
        lane.stopped = true;
        lane.ready.clear();
        for step in lane.attempts.give_up() {
            lane.states[step as usize] = StepState::Cancelled;
            lane.cancelled_ns.push(0);
        }
        self.stand_back(id);
    }

    pub fn stand_back(&mut self, id: usize) {
        if self.lanes[id].closed.is_some() {
            return;
        }
        let reserved = self.lanes[id].reserved.take();
        self.leave(id);
        let share = self.lanes[id].share;
        (reserved.into_iter()).for_each(|from| self.give_back(from, share));
        self.step_back();
    }

    /// `torn` are the lane's running steps, in the order in which they are to be settled.
    pub fn close(&mut self, id: usize, cause: Cause, torn: &[usize], now_ns: u64) {
        if self.lanes[id].closed.is_some() {
            return;
        }
        self.stop(id);
        for &number in torn {
            self.settle(number, Outcome::Cancelled, now_ns);
        }
        self.lanes[id].closed = Some(cause);
        let outcome = match cause {
            Cause::Ended => Outcome::Cancelled,
            Cause::TimedOut => Outcome::TimedOut,
        };
        let lane = &self.lanes[id];
        for &run_ns in &lane.cancelled_ns {
            let ended = Event::Ended(outcome, run_ns);
            self.history.note(id, ended, now_ns);
        }
        let waits = |s: &u32| lane.counts(*s) && lane.states[*s as usize] == StepState::Waiting;
        let skipped = (0..lane.spec.steps).filter(waits).count();
        self.history
            .note(id, Event::Skipped(skipped as u64), now_ns);
    }

    /// `open` are the open lanes, in the order in which those that have a slot and want one more
    /// are to stand in line.
    pub fn resize(&mut self, limit: u32, open: &[usize]) {
        self.limit = limit;
        self.fill(open);
        self.step_back();
    }

    /// `running` are the running steps, in the order in which those that can lend their slot do.
    pub fn resume(&mut self, open: &[usize], running: &[usize]) {
        if !self.is_shut() {
            return;
        }
        self.paused = false;
        self.held_until_ns = None;
        self.open_again(open, running);
        self.step_back();
    }

    fn open_again(&mut self, open: &[usize], running: &[usize]) {
        let granted = open.iter().filter(|&&id| self.lanes[id].reserved.is_some());
        self.wakes.extend(granted);
        self.lend_idle(running);
        self.fill(open);
    }

    fn lend_idle(&mut self, running: &[usize]) {
        for &number in running {
            if !self.lends(number) {
                self.lend(number);
            }
        }
    }

    pub fn pause(&mut self) {
        self.paused = true;
        self.step_back();
    }

    pub fn hold(&mut self, until_ns: u64, now_ns: u64) {
        self.time_is(now_ns);
        if until_ns > self.now_ns {
            self.held_until_ns = self.held_until_ns.max(Some(until_ns));
        }
        self.step_back();
    }

    /// What has opened meanwhile goes to those that wait for it.
    fn time_is(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if self.rates.is_empty() && self.held_until_ns.is_none() {
            return;
        }
        let (open, running) = (self.open_order.clone(), self.running_order.clone());
        if self.held_until_ns.is_some_and(|at| at <= now_ns) {
            self.held_until_ns = None;
            self.open_again(&open, &running);
        }
        self.serve_all();
    }

    /// Whoever waits and may start is granted a slot.
    fn serve_all(&mut self) {
        let running = self.running_order.clone();
        self.lend_idle(&running);
        self.serve();
        self.let_through();
    }

    /// Lanes whose rate is open need not wait before the gates.
    fn let_through(&mut self) {
        let open = |&id: &usize| self.is_open_rate(self.lanes[id].spec.rate);
        let (through, before) = self.before.iter().partition(|id| open(id));
        self.before = before;
        let through: Vec<usize> = through;
        for id in through {
            self.since.retain(|&other| other != id);
            self.stand(id);
        }
        self.serve();
    }

    /// Lanes whose rate is closed keep no claims that others could use.
    fn step_back(&mut self) {
        if self.rates.is_empty() {
            return;
        }
        self.serve_all();
        let has_claims = |&id: &usize| self.lanes[id].share.is_some();
        let closed = |&id: &usize| !self.is_open_rate(self.own_rate(id));
        let line = self.line.iter().copied();
        let back: Vec<usize> = line.filter(has_claims).filter(closed).collect();
        for &id in &back {
            self.leave(id);
            self.since.push(id);
            self.before.push(id);
        }
        if !back.is_empty() {
            self.step_back();
        }
    }

    pub fn own_rate(&self, id: usize) -> Option<usize> {
        self.lanes[id]
            .spec
            .rate
            .filter(|&own| Some(own) != self.rate)
    }

    /// Lanes that were granted a slot and have not started a step with it; of one rate, or all.
    fn granted(&self, rate: usize) -> usize {
        let granted = |lane: &Lane| lane.reserved.is_some() && lane.returns.is_none();
        let lanes = (0..self.lanes.len()).filter(|&id| granted(&self.lanes[id]));
        lanes
            .filter(|&id| self.rate == Some(rate) || self.own_rate(id) == Some(rate))
            .count()
    }

    pub fn is_open_rate(&self, rate: Option<usize>) -> bool {
        rate.is_none_or(|rate| self.rates[rate].admits(self.now_ns, self.granted(rate)))
    }

    fn is_shut(&self) -> bool {
        self.paused || self.held_until_ns.is_some()
    }

    pub fn lets_start(&self) -> bool {
        !self.is_shut()
    }

    /// Whether anything may be granted a slot now.
    pub fn grants(&self) -> bool {
        self.lets_start() && self.is_open_rate(self.rate)
    }

    pub fn set_queue_size(&mut self, size: Option<usize>) {
        self.queue_size = size;
        self.admit();
        self.step_back();
    }

    fn fill(&mut self, open: &[usize]) {
        if self.has_slot() && self.lets_start() {
            for &id in open {
                let offered = self.lanes[id].reserved.is_some();
                if self.wants_slot(id) && self.held(id) > self.away(id) && !offered {
                    self.stand(id);
                }
            }
        }
        self.serve();
    }

    /// The lane, and the deadline if it has one.
    pub fn arm(&mut self, number: usize) -> (usize, Option<u64>) {
        let run = self.run(number).expect("it was picked among them");
        let (id, step, started_ns) = (run.lane, run.step, run.started_ns);
        let lane = &mut self.lanes[id];
        let Some((timeout_ns, _)) = lane.attempt_limit_ns(step, started_ns) else {
            return (id, None);
        };
        let deadline_ns = started_ns + timeout_ns;
        lane.armed.retain(|&(_, worker)| worker != number as u32);
        lane.armed.push((deadline_ns, number as u32));
        (id, Some(deadline_ns))
    }

    pub fn earliest_deadline(&self, id: usize) -> Option<u64> {
        let deadlines = self.lanes[id].armed.iter();
        deadlines.map(|&(deadline_ns, _)| deadline_ns).min()
    }

    pub fn overdue(&mut self, id: usize, now_ns: u64) -> Vec<u32> {
        let lane = &mut self.lanes[id];
        lane.armed.sort_unstable();
        let due = lane.armed.partition_point(|&(at, _)| at <= now_ns);
        lane.armed.drain(..due).map(|(_, worker)| worker).collect()
    }

    fn start(&mut self, id: usize, step: u32, from: From, now_ns: u64) -> Next {
        let lane = &mut self.lanes[id];
        lane.states[step as usize] = StepState::Running;
        if from != From::Nowhere {
            let wait_ns = now_ns - lane.ready_at_ns[step as usize];
            if let Some([share, most, left]) = &mut self.budget
                && lane.tries()
                && lane.attempts.past[step as usize].started == 0
            {
                *left = (*left + *share).min(*most);
            }
            lane.attempts.started(step, now_ns);
            self.history.note(id, Event::Started { wait_ns }, now_ns);
        }
        let run = Run {
            number: self.runs,
            lane: id,
            step,
            started_ns: now_ns,
            from,
        };
        self.runs += 1;
        self.running.push(run);
        Next::Start {
            step,
            run: self.runs - 1,
        }
    }

    /// Steps all of whose dependencies have now come out well are ready.
    fn make_ready(&mut self, id: usize, ended: u32, now_ns: u64) {
        let lane = &mut self.lanes[id];
        let Some(dependencies) = &lane.spec.dependencies else {
            return;
        };
        let good = |s: &u32| match lane.states[*s as usize] {
            StepState::Succeeded => true,
            StepState::Failed | StepState::TimedOut => {
                *lane.spec.tolerated.get(*s as usize).unwrap_or(&false)
            }
            _ => false,
        };
        for step in 0..lane.spec.steps {
            let list = &dependencies[step as usize];
            if list.contains(&ended) && list.iter().all(good) {
                lane.ready_at_ns[step as usize] = now_ns;
                lane.ready.push(step);
            }
        }
    }

    /// Slots of any kind that are running or reserved for this lane.
    fn held(&self, id: usize) -> u32 {
        let holding = |run: &&Run| run.lane == id && run.from != From::Nowhere;
        let running = self.running.iter().filter(holding).count();
        running as u32 + u32::from(self.lanes[id].reserved.is_some())
    }

    fn away(&self, id: usize) -> u32 {
        let away = |run: &&Run| run.lane == id && run.from == From::Away;
        self.running.iter().filter(away).count() as u32
    }

    fn wants_slot(&self, id: usize) -> bool {
        let lane = &self.lanes[id];
        let more = lane.startable() > usize::from(lane.reserved.is_some());
        !lane.stopped && more && self.held(id) < lane.spec.limit
    }

    /// Whether the run's slot is lent to somebody.
    pub fn lends(&self, number: usize) -> bool {
        self.taken().any(|from| from == From::Lender(number))
    }

    /// The runs whose slots a lane of this run may borrow: all that wait for it and have one.
    fn lenders(&self, parent: Option<usize>) -> Vec<usize> {
        let Some(run) = parent.and_then(|parent| self.run(parent)) else {
            return vec![];
        };
        let own = (run.from != From::Nowhere).then_some(run.number);
        own.into_iter()
            .chain(self.lanes[run.lane].lenders.iter().copied())
            .collect()
    }

    /// The nearest of a lane's lenders that still runs.
    pub fn lender(&self, id: usize) -> Option<usize> {
        let lenders = self.lanes[id].lenders.iter().copied();
        lenders.into_iter().find(|&run| self.has_slot_to_lend(run))
    }

    fn has_slot_to_lend(&self, run: usize) -> bool {
        self.run(run).is_some_and(|run| run.from != From::Away)
    }

    fn has_slot(&self) -> bool {
        self.in_use() < self.limit
    }

    /// Whether the lane may be given a slot, if there is one.
    pub fn lets_in(&self, id: usize) -> bool {
        let lane = &self.lanes[id];
        lane.returns.is_some() || self.grants() && self.is_open_rate(self.own_rate(id))
    }

    /// The lender's slot, if it lies idle and nobody waits for it.
    fn idle_loan(&self, lender: Option<usize>) -> Option<From> {
        let lender = lender.filter(|&lender| !self.lends(lender));
        let wanted = |lender: &usize| {
            self.asking
                .iter()
                .any(|&id| self.lender(id) == Some(*lender) && self.lets_in(id))
        };
        lender.filter(|lender| !wanted(lender)).map(From::Lender)
    }

    fn free_slot(&self, lender: Option<usize>, share: Option<usize>) -> Option<From> {
        let has_room = |gates: Vec<usize>| gates.iter().all(|&gate| self.has_room(gate));
        let loan = self.idle_loan(lender);
        let loan = loan.filter(|_| has_room(self.gates_below(lender, share)));
        let free = self.has_slot() && has_room(self.chain(share));
        loan.or_else(|| free.then_some(From::Pool))
    }

    /// Whether the lane was given a slot.
    fn take_slot(&mut self, id: usize) -> bool {
        if self.since.contains(&id) || !self.lets_in(id) {
            return false;
        }
        let from = self.free_slot(self.lender(id), self.lanes[id].share);
        self.lanes[id].reserved = from;
        if from.is_some() {
            self.stood += 1;
            self.lanes[id].stood = self.stood;
            self.leave(id);
        }
        from.is_some()
    }

    /// The share and all that it is a part of, from the innermost outwards.
    pub fn chain(&self, share: Option<usize>) -> Vec<usize> {
        std::iter::successors(share, |&s| self.shares[s].above).collect()
    }

    /// The shares from this one outwards that the lender is not in itself.
    fn gates_below(&self, lender: Option<usize>, share: Option<usize>) -> Vec<usize> {
        let lender = lender.and_then(|lender| self.run(lender));
        let own = self.chain(lender.and_then(|run| self.lanes[run.lane].share));
        let mut gates = self.chain(share);
        gates.retain(|gate| !own.contains(gate));
        gates
    }

    pub fn loan_gates(&self, id: usize) -> Vec<usize> {
        self.gates_below(self.lender(id), self.lanes[id].share)
    }

    /// Steps in or below the share that hold a slot, reserved ones included. One that lends its
    /// slot does not count besides the one that it is lent to.
    pub fn at_work_in(&self, share: usize) -> usize {
        let within = |id: usize| self.chain(self.lanes[id].share).contains(&share);
        let works =
            |run: &&Run| !matches!(run.from, From::Nowhere | From::Away) && !self.lends(run.number);
        let running = self.running.iter().filter(works);
        let reserved = (0..self.lanes.len()).filter(|&id| self.lanes[id].reserved.is_some());
        running.filter(|run| within(run.lane)).count() + reserved.filter(|&id| within(id)).count()
    }

    /// The shares that a waiting lane has claimed: all that it has come past.
    fn claims(&self, id: usize) -> Vec<usize> {
        let chain = self.chain(self.lanes[id].share);
        if self.line.contains(&id) || self.outside.contains(&id) {
            return chain;
        }
        let waits_there = |&share: &usize| self.shares[share].line.contains(&id);
        let stands = chain.iter().position(waits_there);
        chain[..stands.unwrap_or(0)].to_vec()
    }

    pub fn is_open(&self, share: usize) -> bool {
        let lanes = self.since.iter();
        let waiting = lanes.filter(|&&id| self.claims(id).contains(&share));
        self.at_work_in(share) + waiting.count() < self.shares[share].limit as usize
    }

    fn has_room(&self, share: usize) -> bool {
        self.is_open(share) && self.shares[share].line.is_empty()
    }

    fn queued(&self) -> usize {
        let lanes = self.line.iter();
        lanes.filter(|&&id| self.takes_place(id)).count()
    }

    fn takes_place(&self, id: usize) -> bool {
        self.lanes[id].spec.bounded && self.own_rate(id).is_none()
    }

    fn queue_is_full(&self) -> bool {
        self.queue_size.is_some_and(|size| self.queued() >= size)
    }

    /// For a place in a queue that has none one would wait for ever.
    fn queue_has_place(&self) -> bool {
        self.queued() == 0 || !self.queue_is_full()
    }

    fn stand(&mut self, id: usize) {
        if !self.since.contains(&id) {
            self.since.push(id);
            if self.lanes[id].share.is_some() && !self.is_open_rate(self.own_rate(id)) {
                return self.before.push(id);
            }
            self.pass_gates(id, &self.chain(self.lanes[id].share));
        }
    }

    /// Let the lane, which has the claims before these gates, go on.
    fn pass_gates(&mut self, id: usize, gates: &[usize]) {
        let before_loan = gates.iter().any(|gate| self.loan_gates(id).contains(gate));
        if !before_loan && !self.asking.contains(&id) && self.ask(id) {
            return;
        }
        match gates {
            [] if self.takes_place(id) && !self.queue_has_place() => self.outside.push(id),
            [] => self.join_line(id),
            [gate, ..] if !self.has_room(*gate) => self.shares[*gate].line.push(id),
            [_, further @ ..] => self.pass_gates(id, further),
        }
    }

    /// Whether the lane, which has the claims that a loan needs, was given its lender's slot.
    fn ask(&mut self, id: usize) -> bool {
        let lender = self.lender(id);
        let loan = self.idle_loan(lender).filter(|_| self.lets_in(id));
        match loan {
            Some(from) => self.reserve(id, from),
            None => {
                if let Some(lender) = lender {
                    self.asking.push(id);
                    self.asked.insert(id, lender);
                }
            }
        }
        loan.is_some()
    }

    fn leave(&mut self, id: usize) {
        let mut freed = self.claims(id);
        let kept = match self.lanes[id].reserved {
            Some(From::Lender(_)) => self.loan_gates(id),
            Some(From::Pool) => freed.clone(),
            _ => vec![],
        };
        freed.retain(|gate| !kept.contains(gate));
        self.since.retain(|&other| other != id);
        self.asking.retain(|&other| other != id);
        self.line.retain(|&other| other != id);
        self.before.retain(|&other| other != id);
        self.outside.retain(|&other| other != id);
        for share in &mut self.shares {
            share.line.retain(|&other| other != id);
        }
        self.admit();
        if !freed.is_empty() {
            self.open_gates(&freed);
            self.serve();
        }
    }

    fn admit(&mut self) {
        while !self.outside.is_empty() && self.queue_has_place() {
            let admitted = self.outside.remove(0);
            self.join_line(admitted);
        }
    }

    fn join_line(&mut self, id: usize) {
        self.stood += 1;
        self.lanes[id].stood = self.stood;
        self.line.push(id);
    }

    /// Claims of these shares have come back.
    fn open_gates(&mut self, gates: &[usize]) {
        for &gate in gates {
            while self.is_open(gate) && !self.shares[gate].line.is_empty() {
                let id = self.shares[gate].line.remove(0);
                self.pass_gates(id, &self.chain(self.shares[gate].above));
            }
        }
    }

    /// The slot of a lane in this share comes back.
    fn give_back(&mut self, from: From, share: Option<usize>) {
        if !matches!(from, From::Nowhere | From::Away) {
            self.open_gates(&self.chain(share));
        }
        match from {
            From::Nowhere | From::Away => {}
            From::Pool => self.serve(),
            From::Lender(lender) => {
                self.lend(lender);
                self.serve();
            }
        }
    }

    fn lend(&mut self, lender: usize) {
        let waits = |id: &&usize| self.lender(**id) == Some(lender) && self.lets_in(**id);
        let first = self.asking.iter().find(waits).copied();
        if let Some(id) = first.filter(|_| !self.lends(lender)) {
            self.reserve(id, From::Lender(lender));
        }
    }

    fn serve(&mut self) {
        while self.has_slot() {
            // Of each rate the first one stands for all.
            let mut firsts: Vec<usize> = vec![];
            for &id in &self.line {
                if firsts
                    .iter()
                    .all(|&first| self.part(first) != self.part(id))
                {
                    firsts.push(id);
                }
            }
            firsts.retain(|&id| self.lets_in(id));
            let Some(&id) = firsts.iter().min_by_key(|&&id| self.lanes[id].stood) else {
                return;
            };
            self.reserve(id, From::Pool);
        }
    }

    fn reserve(&mut self, id: usize, from: From) {
        self.lanes[id].reserved = Some(from);
        self.wakes.push(id);
        self.leave(id);
        if let Some(number) = self.lanes[id].returns {
            self.come_back(id, number);
        }
    }

    /// Which part of the pool's line it stands in.
    fn part(&self, id: usize) -> (Option<usize>, bool) {
        (self.own_rate(id), self.lanes[id].returns.is_some())
    }
}

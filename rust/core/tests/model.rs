//! The whole scheduler against the naive reference, under random operations: every answer and
//! every figure agrees after every operation, and the invariants hold.

mod reference;

use hocket_core::{
    Attempt, Cause, Given, Graph, Holder, Join, LaneId, LaneSpec, Next, Outcome, Rate, Retry,
    Scheduler, SharedBudget, SharedRate, SlotId, Statistics, StepState, WhenFull,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use reference::history::{Event, History, SECOND};
use reference::rate::NaiveRate;
use reference::{From, Reference, Share, Spec};

/// An operation; lanes and running steps are picked by an index modulo their number.
#[derive(Clone, Debug)]
enum Op {
    Open(Box<Spec>),
    Next(usize),
    Request(usize),
    Settle(usize, Outcome),
    SettleAndNext(usize, Outcome),
    Stop(usize),
    StandBack(usize),
    Close(usize, Cause),
    Arm(usize),
    TakeOverdue(usize),
    Resize(u32),
    Pause,
    Resume,
    SetQueueSize(Option<u32>),
    SetWhenFull(WhenFull),
    /// A step comes in, where a lane has a place for it.
    Feed(usize, usize),
    EndFeed(usize),
    /// An attempt fails, with a wait that was asked for, and by this chance.
    TryAgain(usize, Option<u64>, f64),
    /// Nothing starts for so long.
    Hold(u64),
    /// A worker that sleeps gets up, as its time has come or a little later.
    WakeUp(usize),
    /// A step gives its slot back for a while, and wants one again.
    GiveUp(usize),
    WantBack(usize),
    /// Another pool starts a step at this rate, if that is open.
    Elsewhere(usize),
}

#[derive(Debug)]
struct Pair {
    real: Scheduler,
    naive: Reference,
    /// By the reference's number of the lane.
    lanes: Vec<LaneId>,
    /// By the reference's number of the run.
    slots: Vec<SlotId>,
    open: Vec<usize>,
    rates: Vec<SharedRate>,
    /// Lanes and until when a worker of theirs sleeps.
    asleep: Vec<(usize, u64)>,
    /// Lanes of which a worker is going to ask, whatever happens.
    coming: Vec<usize>,
    /// By lane, when its deadlines are looked at next.
    looks_ns: Vec<Option<u64>>,
    in_use_before: u32,
    now_ns: u64,
}

impl Pair {
    fn new(limit: u32, queue_size: Option<u32>, when_full: WhenFull) -> Self {
        Self {
            real: Scheduler::new(limit).with_queue(queue_size, when_full),
            naive: Reference::new(limit, queue_size.map(|size| size as usize), when_full),
            lanes: vec![],
            slots: vec![],
            open: vec![],
            rates: vec![],
            asleep: vec![],
            coming: vec![],
            looks_ns: vec![],
            in_use_before: 0,
            now_ns: 1_000,
        }
    }

    /// With these rates, of which the first one may be the pool's.
    fn with_rates(mut self, rates: &[NaiveRate], pools: bool) -> Self {
        let shared =
            |rate: &NaiveRate| SharedRate::new(Rate::new(rate.limit, rate.per_ns, rate.burst));
        self.naive.rates = rates.to_vec();
        self.rates = rates.iter().map(shared).collect();
        let own = self.rates.first().filter(|_| pools).cloned();
        self.naive.rate = own.is_some().then_some(0);
        self.real = self.real.with_rate(own);
        self
    }

    /// With so many hundredths of a retry for each step, and so many retries saved up at most.
    fn with_budget(mut self, budget: Option<(u64, u32)>) -> Self {
        let shared = |(share, burst)| SharedBudget::new(share as f64 / 100.0, burst);
        self.real = self.real.with_budget(budget.map(shared));
        self.naive.budget = budget.map(|(share, burst)| {
            let most = 100 * u64::from(burst);
            [share, most, most]
        });
        self
    }

    fn run(&mut self, ops: Vec<(u64, Op)>, pace: u64) -> TestCaseResult {
        println!("operations {}", ops.len());
        for (pause_ns, op) in ops {
            self.now_ns += pause_ns * pace;
            self.apply(op)?;
        }
        self.finish()
    }

    fn apply(&mut self, op: Op) -> TestCaseResult {
        self.order();
        match op {
            Op::Open(spec) => self.open(*spec)?,
            Op::Next(pick) => {
                if let Some(id) = self.pick_lane(pick) {
                    self.next(id)?;
                }
            }
            Op::Request(pick) => {
                if let Some(id) = self.pick_lane(pick) {
                    self.request(id)?;
                }
            }
            Op::Settle(pick, outcome) => {
                if let Some(run) = self.pick_run(pick) {
                    self.settle(run, outcome)?;
                }
            }
            Op::SettleAndNext(pick, outcome) => {
                if let Some(run) = self.pick_run(pick) {
                    self.settle_and_next(run, outcome)?;
                }
            }
            Op::Feed(pick, place) => {
                if let Some(id) = self.pick_fed(pick) {
                    self.feed(id, place)?;
                }
            }
            Op::EndFeed(pick) => {
                if let Some(id) = self.pick_fed(pick) {
                    self.real.end_feed(self.lanes[id]);
                    self.naive.lanes[id].feeds = false;
                }
            }
            Op::TryAgain(pick, asked_ns, chance) => {
                if let Some(run) = self.pick_run(pick)
                    && !self.try_again(run, asked_ns, chance)?
                {
                    self.settle(run, Outcome::Failed)?;
                }
            }
            Op::Stop(pick) => {
                if let Some(id) = self.pick_lane(pick) {
                    self.real.stop(self.lanes[id]);
                    self.naive.stop(id);
                }
            }
            Op::StandBack(pick) => {
                if let Some(id) = self.pick_lane(pick) {
                    self.real.stand_back(self.lanes[id]);
                    self.naive.stand_back(id);
                }
            }
            Op::Close(pick, cause) => {
                if let Some(id) = self.pick_lane(pick) {
                    self.close(id, cause)?;
                }
            }
            Op::Arm(pick) => {
                if let Some(run) = self.pick_run(pick) {
                    let (id, deadline_ns) = self.naive.arm(run);
                    if let Some(deadline_ns) = deadline_ns
                        && self.real.arm(self.slots[run], run as u32, deadline_ns)
                    {
                        self.looks_ns[id] = Some(deadline_ns);
                    }
                }
            }
            Op::TakeOverdue(pick) => {
                if let Some(id) = self.pick_lane(pick) {
                    let (overdue, look_ns) =
                        self.real
                            .take_overdue(self.lanes[id], self.now_ns, usize::MAX);
                    prop_assert_eq!(overdue, self.naive.overdue(id, self.now_ns));
                    self.looks_ns[id] = look_ns;
                }
            }
            Op::Resize(limit) => {
                self.real.resize(limit);
                let open = self.open_in_order();
                self.naive.resize(limit, &open);
            }
            Op::Pause => {
                self.real.pause();
                self.naive.pause();
            }
            Op::Resume => {
                let running = self.naive.running_order.clone();
                self.real.resume();
                let open = self.open_in_order();
                self.naive.resume(&open, &running);
            }
            Op::SetQueueSize(size) => {
                self.real.set_queue_size(size);
                self.naive.set_queue_size(size.map(|size| size as usize));
            }
            Op::SetWhenFull(when_full) => {
                self.real.set_when_full(when_full);
                self.naive.when_full = when_full;
            }
            Op::Hold(ns) => {
                self.real.hold(self.now_ns + ns, self.now_ns);
                self.naive.hold(self.now_ns + ns, self.now_ns);
            }
            Op::WakeUp(pick) => {
                let due: Vec<usize> = self.due();
                if !due.is_empty() {
                    self.wake_up(due[pick % due.len()]);
                }
            }
            Op::GiveUp(pick) => {
                if let Some(run) = self.pick_run(pick) {
                    self.give_up(run)?;
                }
            }
            Op::WantBack(pick) => {
                let away = self
                    .naive
                    .running
                    .iter()
                    .filter(|run| run.from == From::Away);
                let away: Vec<usize> = away.map(|run| run.number).collect();
                if let Some(at) = pick.checked_rem(away.len()) {
                    self.want_back(away[at])?;
                }
            }
            Op::Elsewhere(pick) => {
                if let Some(rate) = pick.checked_rem(self.rates.len()) {
                    // Tell both the time: of an earlier one they need not know what is later.
                    self.real.hold(self.now_ns, self.now_ns);
                    self.naive.hold(self.now_ns, self.now_ns);
                    let started = self.rates[rate].lock().start(self.now_ns);
                    prop_assert_eq!(started, self.naive.rates[rate].admits(self.now_ns, 0));
                    if started {
                        self.naive.rates[rate].start(self.now_ns);
                    }
                }
            }
        }
        self.agree()
    }

    /// Tell the reference in which order the scheduler goes through lanes and running steps.
    fn order(&mut self) {
        self.naive.open_order = self.open_in_order();
        let waits = |id: &usize| self.naive.lanes[*id].closed.is_none();
        let mut all: Vec<usize> = (0..self.lanes.len()).filter(waits).collect();
        all.sort_unstable_by_key(|&id| self.lanes[id]);
        self.naive.lane_order = all;
        let running = self.real.holders().map(|holder| self.run_of(holder));
        self.naive.running_order = running.collect();
    }

    /// The lanes whose sleepers' time has come.
    fn due(&self) -> Vec<usize> {
        let due = self
            .asleep
            .iter()
            .filter(|(_, at_ns)| *at_ns <= self.now_ns);
        due.map(|&(id, _)| id).collect()
    }

    /// A worker of this lane that sleeps, if there is one, is going to ask.
    fn wake_up(&mut self, id: usize) {
        let (woken, rest) = self.asleep.iter().partition(|(other, _)| *other == id);
        self.asleep = rest;
        let woken: Vec<(usize, u64)> = woken;
        for (_, at_ns) in woken {
            self.real.woke(self.lanes[id], at_ns);
        }
        self.coming.push(id);
    }

    fn open(&mut self, mut spec: Spec) -> TestCaseResult {
        spec.rate = spec
            .rate
            .and_then(|pick| pick.checked_rem(self.rates.len()));
        spec.parent = spec.parent.and_then(|pick| self.pick_run(pick));
        let real = LaneSpec {
            join: Join::new(spec.need, spec.give_up),
            limit: spec.limit,
            timeout_ns: spec.timeout_ns,
            timeouts_ns: spec.timeouts_ns.clone(),
            graph: (spec.dependencies.as_ref()).map(|lists| Graph::new(lists).unwrap()),
            slotless: spec.slotless.clone(),
            tolerated: spec.tolerated.clone(),
            share: spec.share,
            parent: spec.parent.map(|run| self.slots[run]),
            rate: spec.rate.map(|rate| self.rates[rate].clone()),
            bounded: spec.bounded,
            is_fed: spec.is_fed,
            retry: spec.retry,
            retries: spec.retries.clone(),
            ..LaneSpec::new(spec.steps)
        };
        let real = self.real.open(real, self.now_ns);
        let naive = self.naive.open(spec, self.now_ns);
        prop_assert_eq!(real.is_ok(), naive.is_some());
        match (real, naive) {
            (Ok(lane), Some(id)) => {
                self.lanes.push(lane);
                self.open.push(id);
                self.coming.push(id);
                self.looks_ns.push(None);
            }
            (Err(overfull), _) => {
                prop_assert_eq!(Some(overfull.queue_size as usize), self.naive.queue_size);
            }
            _ => unreachable!(),
        }
        Ok(())
    }

    fn request(&mut self, id: usize) -> TestCaseResult {
        let wanted = self.real.request(self.lanes[id]);
        // Where a worker is wanted only to sleep, the reference does not say so.
        let naive = self.naive.request(id);
        prop_assert!(wanted || !naive);
        let keeps = self
            .real
            .keeper()
            .is_some_and(|(lane, _)| lane == self.lanes[id]);
        let lane = &self.naive.lanes[id];
        let is_tried = !lane.attempts.waiting.is_empty();
        let sleeps = keeps || is_tried || lane.reserved.is_some();
        prop_assert!(naive || !wanted || sleeps);
        self.coming.retain(|&other| other != id);
        self.coming.extend(wanted.then_some(id));
        Ok(())
    }

    fn feed(&mut self, id: usize, place: usize) -> TestCaseResult {
        let free = self.naive.lanes[id].free_places();
        if let Some(at) = place.checked_rem(free.len()) {
            self.real.feed(self.lanes[id], free[at], self.now_ns);
            self.naive.feed(id, free[at], self.now_ns);
            self.request(id)?;
        }
        Ok(())
    }

    fn give_up(&mut self, run: usize) -> TestCaseResult {
        let id = self.naive.run(run).unwrap().lane;
        let from = self.naive.run(run).unwrap().from;
        let real = self.real.give_up(self.slots[run], self.now_ns);
        let naive = self.naive.give_up(run, self.now_ns);
        prop_assert_eq!(real == Given::Back(self.lanes[id]), naive);
        prop_assert_eq!(real == Given::Away, from == From::Away);
        prop_assert_eq!(real == Given::HasNone, from == From::Nowhere);
        if naive {
            self.request(id)?;
        }
        Ok(())
    }

    fn want_back(&mut self, run: usize) -> TestCaseResult {
        let before = self.naive.returning();
        let real = self.real.want_back(self.slots[run], self.now_ns);
        let stands = self.naive.want_back(run, self.now_ns);
        if let (true, Some(lane)) = (self.naive.lanes.len() > self.lanes.len(), real) {
            self.lanes.push(lane);
            self.looks_ns.push(None);
        }
        prop_assert_eq!(self.lanes.len(), self.naive.lanes.len());
        prop_assert_eq!(
            real.is_some(),
            self.naive.run(run).unwrap().from == From::Away
        );
        prop_assert_eq!(self.naive.returning(), before + usize::from(stands));
        Ok(())
    }

    /// Whether a step was started.
    fn next(&mut self, id: usize) -> Result<bool, TestCaseError> {
        let real = self.real.next(self.lanes[id], self.now_ns);
        self.same_next(id, real)
    }

    fn same_next(&mut self, id: usize, real: Next) -> Result<bool, TestCaseError> {
        let naive = self.naive.next(id, self.now_ns);
        self.coming.retain(|&other| other != id);
        if let Next::Start { .. } = real {
            // It comes again as its step suspends or ends.
            self.coming.push(id);
        }
        if let (true, reference::Next::Start { run, .. }) = (self.naive.paused, naive) {
            let from = self.naive.run(run).unwrap().from;
            prop_assert_eq!(from, From::Nowhere, "nothing starts while paused");
        }
        match (real, naive) {
            (Next::Start { step, slot }, reference::Next::Start { step: expected, .. }) => {
                prop_assert_eq!(step, expected);
                self.slots.push(slot);
            }
            (Next::Wait, reference::Next::Wait) | (Next::Leave, reference::Next::Leave) => {}
            (Next::WaitUntil { at_ns }, reference::Next::Wait) => {
                prop_assert!(at_ns > self.now_ns, "nobody sleeps until now");
                self.asleep.push((id, at_ns));
            }
            (Next::WaitUntil { at_ns }, reference::Next::Leave) => {
                let next_ns = self.naive.lanes[id].attempts.next_ns();
                let why = "nobody stays but for an attempt or as the keeper";
                let keeps = self.real.keeper() == Some((self.lanes[id], at_ns));
                prop_assert!(keeps || next_ns == Some(at_ns), "{}", why);
                prop_assert!(at_ns > self.now_ns, "nobody sleeps until now");
                self.asleep.push((id, at_ns));
            }
            _ => prop_assert!(false, "{:?} is not {:?}", real, naive),
        }
        Ok(matches!(real, Next::Start { .. }))
    }

    fn settle(&mut self, run: usize, outcome: Outcome) -> TestCaseResult {
        let real = self.real.settle(self.slots[run], outcome, self.now_ns);
        self.coming.push(self.naive.run(run).unwrap().lane);
        prop_assert_eq!(real, self.naive.settle(run, outcome, self.now_ns));
        Ok(())
    }

    /// Whether the step is to be tried again; if not, nothing has happened.
    fn try_again(
        &mut self,
        run: usize,
        asked_ns: Option<u64>,
        chance: f64,
    ) -> Result<bool, TestCaseError> {
        let id = self.naive.run(run).unwrap().lane;
        let real = (self.real).retry(self.slots[run], asked_ns, chance, self.now_ns);
        let naive = self.naive.try_again(run, asked_ns, chance, self.now_ns);
        prop_assert_eq!(real, naive);
        let again = matches!(real, Some(Attempt::At { .. }));
        self.coming.extend(again.then_some(id));
        Ok(again)
    }

    fn settle_and_next(&mut self, run: usize, outcome: Outcome) -> TestCaseResult {
        let running = self.naive.running.iter().find(|r| r.number == run);
        let id = running.expect("it was picked among them").lane;
        let (verdict, next) = self
            .real
            .settle_and_next(self.slots[run], outcome, self.now_ns);
        prop_assert_eq!(verdict, self.naive.settle(run, outcome, self.now_ns));
        self.same_next(id, next)?;
        Ok(())
    }

    fn close(&mut self, id: usize, cause: Cause) -> TestCaseResult {
        let lane = self.lanes[id];
        let mine = self.real.holders().filter(|holder| holder.lane == lane);
        let torn: Vec<usize> = mine.map(|holder| self.run_of(holder)).collect();
        let tally = self.real.close(lane, cause, self.now_ns);
        self.naive.close(id, cause, &torn, self.now_ns);
        prop_assert_eq!(tally.is_some(), self.open.contains(&id));
        if let Some(tally) = tally {
            prop_assert_eq!(tally, self.naive.history.lane(id).tally);
            let ended = tally.completed + tally.failed + tally.timed_out;
            prop_assert_eq!(tally.run.count, ended + tally.retried);
            // A step that was stopped between two attempts has not started once more.
            let started = tally.wait.count + self.naive.lanes[id].attempts.given_up;
            prop_assert_eq!(started, ended + tally.cancelled + tally.retried);
            prop_assert_eq!(tally.submitted, ended + tally.cancelled + tally.skipped);
        }
        self.open.retain(|&other| other != id);
        self.coming.retain(|&other| other != id);
        self.asleep.retain(|(other, _)| *other != id);
        Ok(())
    }

    fn run_of(&self, holder: Holder) -> usize {
        let same =
            |run: &&reference::Run| self.lanes[run.lane] == holder.lane && run.step == holder.step;
        self.naive.running.iter().find(same).unwrap().number
    }

    /// The open lanes in the order in which the scheduler goes through them.
    fn open_in_order(&self) -> Vec<usize> {
        let mut open = self.open.clone();
        open.sort_unstable_by_key(|&id| self.lanes[id]);
        open
    }

    /// An open lane, or now and then the one that was opened first, open or not.
    fn pick_lane(&self, pick: usize) -> Option<usize> {
        let open = self.open.get(pick % (self.open.len() + 1)).copied();
        open.or((!self.lanes.is_empty()).then_some(0))
    }

    fn pick_fed(&self, pick: usize) -> Option<usize> {
        let is_fed = |id: &usize| self.naive.lanes[*id].spec.is_fed;
        let fed: Vec<usize> = self.open.iter().copied().filter(is_fed).collect();
        pick.checked_rem(fed.len()).map(|at| fed[at])
    }

    fn pick_run(&self, pick: usize) -> Option<usize> {
        let running = &self.naive.running;
        (!running.is_empty()).then(|| running[pick % running.len()].number)
    }

    /// Every figure agrees, and the invariants hold.
    fn agree(&mut self) -> TestCaseResult {
        let (real, naive) = (&mut self.real, &mut self.naive);
        let expected = std::mem::take(&mut naive.wakes);
        let mut expected: Vec<LaneId> = expected.into_iter().map(|id| self.lanes[id]).collect();
        // Who is woken by one operation is promised, and not in which order. Besides them the lane
        // may be woken that is to sleep for all.
        let mut wakes = real.take_wakes();
        let woken: Vec<usize> = wakes
            .iter()
            .map(|lane| self.lanes.iter().position(|other| other == lane).unwrap())
            .collect();
        wakes.sort_unstable();
        expected.sort_unstable();
        if !self.rates.is_empty() || naive.held_until_ns.is_some() {
            wakes.dedup();
            expected.dedup();
            let waits = |lane: &LaneId| {
                let waits = naive.since.iter().any(|&id| self.lanes[id] == *lane);
                expected.contains(lane) || waits
            };
            wakes.retain(|lane| !waits(lane) || expected.contains(lane));
        }
        prop_assert_eq!(wakes, expected);
        for id in woken {
            if self.open.contains(&id) {
                self.wake_up(id);
            }
        }
        let (real, naive) = (&mut self.real, &mut self.naive);
        prop_assert_eq!(real.limit(), naive.limit);
        prop_assert_eq!(real.is_paused(), naive.paused);
        prop_assert_eq!(real.when_full(), naive.when_full);
        let queue_size = real.queue_size().map(|size| size as usize);
        prop_assert_eq!(queue_size, naive.queue_size);
        prop_assert_eq!(real.in_use(), naive.in_use());
        prop_assert_eq!(real.queue_length(), naive.queue_length());
        prop_assert_eq!(real.lanes(), self.open.len() + naive.returning());

        let mut holders: Vec<Holder> = real.holders().collect();
        let expected = naive.running.iter().map(|run| Holder {
            lane: self.lanes[run.lane],
            step: run.step,
            started_ns: run.started_ns,
            is_away: run.from == From::Away,
        });
        let mut expected: Vec<Holder> = expected.collect();
        holders.sort_unstable_by_key(|h| (h.lane, h.step));
        expected.sort_unstable_by_key(|h| (h.lane, h.step));
        prop_assert_eq!(holders, expected);
        for run in &naive.running {
            prop_assert_eq!(
                real.started_ns(self.slots[run.number]),
                Some(run.started_ns)
            );
            let lane = &naive.lanes[run.lane];
            prop_assert_eq!(
                real.attempt_limit_ns(self.slots[run.number]),
                lane.attempt_limit_ns(run.step, run.started_ns)
            );
        }
        for &id in &self.open {
            let (lane, expected) = (self.lanes[id], &naive.lanes[id]);
            prop_assert_eq!(real.states(lane), &expected.states[..]);
            prop_assert_eq!(real.ready(lane), expected.ready_or_tried());
            prop_assert_eq!(real.verdict(lane), expected.verdict);
            let is_over = expected.stopped || !expected.feeds;
            let is_exhausted = is_over && expected.ready_or_tried() == 0;
            prop_assert_eq!(real.is_exhausted(lane), is_exhausted);
            if let Some(due_ns) = naive.earliest_deadline(id) {
                let in_time = self.looks_ns[id].is_some_and(|look_ns| look_ns <= due_ns);
                prop_assert!(in_time, "slept through a deadline");
            }
            for step in 0..expected.spec.steps {
                let submitted_ns = expected.ready_at_ns[step as usize];
                prop_assert_eq!(real.submitted_ns(lane, step), submitted_ns);
                prop_assert_eq!(real.step_timeout_ns(lane, step), expected.timeout_ns(step));
                let started = expected.attempts.past[step as usize].started;
                let tried = if expected.tries() { started.max(1) } else { 1 };
                prop_assert_eq!(real.attempt(lane, step), tried);
            }
        }
        self.agree_on_statistics()?;
        self.invariants()
    }

    fn agree_on_statistics(&self) -> TestCaseResult {
        use StepState::*;
        let (real, naive) = (self.real.statistics().tally, &self.naive);
        let [open, ended, late] = [None, Some(Cause::Ended), Some(Cause::TimedOut)];
        let count = |state| {
            [open, ended, late]
                .map(|c| naive.count(state, c))
                .iter()
                .sum()
        };
        let completed: u64 = count(Succeeded);
        let failed: u64 = count(Failed);
        prop_assert_eq!(real.completed, completed);
        prop_assert_eq!(real.failed, failed);
        let timed_out: u64 = count(TimedOut);
        prop_assert_eq!(real.timed_out, timed_out + naive.count(Cancelled, late));
        prop_assert_eq!(real.cancelled, naive.count(Cancelled, ended));
        let skipped = naive.count(Waiting, ended) + naive.count(Waiting, late);
        prop_assert_eq!(real.skipped, skipped);
        // They take their time to be summed up, so not after every operation.
        if self.now_ns % 4 == 0 {
            self.agree_on_tallies_and_windows()?;
        }
        // A step that started and was not cancelled has a running time, whatever ended it.
        let ended = completed + failed + real.timed_out;
        prop_assert_eq!(real.run.count, ended + real.retried);
        // Every step that was submitted is somewhere, exactly once.
        let settled = completed + failed + real.timed_out + real.cancelled + skipped;
        let unsettled: u64 = [Waiting, Running, Cancelled]
            .map(|s| naive.count(s, open))
            .iter()
            .sum();
        prop_assert_eq!(real.submitted, settled + unsettled);
        Ok(())
    }

    fn agree_on_tallies_and_windows(&self) -> TestCaseResult {
        let naive = &self.naive;
        naive.history.all().agrees(self.real.statistics())?;
        let window_ns = [1, SECOND, 3 * SECOND, 600 * SECOND][naive.runs % 4];
        let last = self.real.window(window_ns, self.now_ns);
        naive.history.window(window_ns, self.now_ns).agrees(last)?;
        for (id, &lane) in self.lanes.iter().enumerate() {
            let tally = self.real.tally(lane);
            let returns = naive.lanes[id].returns.is_some();
            prop_assert_eq!(tally.is_some(), self.open.contains(&id) || returns);
            if let Some(tally) = tally {
                prop_assert_eq!(tally, naive.history.lane(id).tally);
            }
        }
        Ok(())
    }

    fn invariants(&mut self) -> TestCaseResult {
        let (real, naive) = (&self.real, &self.naive);
        if real.in_use() > real.limit() {
            prop_assert!(
                real.in_use() <= self.in_use_before,
                "nothing starts above the limit"
            );
        }
        let full = |share: &usize| naive.at_work_in(*share) == naive.shares[*share].limit as usize;
        let opens = |id: &&usize| naive.lets_in(**id);
        if real.in_use() < real.limit() {
            for &id in naive.since.iter().filter(opens) {
                let gates = naive.chain(naive.lanes[id].share);
                // What waits for a time may have the claims that it needs.
                let claimed = |gate: &usize| !naive.grants() && !naive.is_open(*gate);
                let is_full = gates.iter().any(|gate| full(gate) || claimed(gate));
                prop_assert!(
                    is_full,
                    "nobody waits while a slot and its shares have room"
                );
            }
        }
        for &id in naive.since.iter().filter(opens) {
            if (naive.lender(id)).is_some_and(|lender| !naive.lends(lender)) {
                let is_full = |&gate: &usize| !naive.is_open(gate);
                prop_assert!(
                    naive.loan_gates(id).iter().any(is_full),
                    "nobody waits while a lender's slot and the shares before it have room"
                );
            }
        }
        for (share, Share { limit, .. }) in naive.shares.iter().enumerate() {
            let at_work = naive.at_work_in(share);
            prop_assert!(at_work <= *limit as usize, "a share is kept");
        }
        let none = [From::Nowhere, From::Away];
        let has_slot = naive.running.iter().filter(|run| !none.contains(&run.from));
        let works = has_slot.filter(|run| !naive.lends(run.number)).count();
        prop_assert!(
            works as u32 <= real.in_use(),
            "a slot serves one step at a time"
        );
        for lane in &naive.lanes {
            let holding = |run: &&reference::Run| std::ptr::eq(&naive.lanes[run.lane], lane);
            let slotted = |run: &&reference::Run| run.from != From::Nowhere;
            let running = naive.running.iter().filter(holding).filter(slotted).count();
            prop_assert!(running <= lane.spec.limit as usize);
        }
        self.in_use_before = real.in_use();
        self.attempts_are_slept_for()?;
        self.somebody_sleeps()
    }

    /// Where attempts of a lane wait for their time, a worker of it sleeps until the first, or comes.
    fn attempts_are_slept_for(&self) -> TestCaseResult {
        for &id in self.open.iter().filter(|id| !self.coming.contains(id)) {
            if let Some(next_ns) = self.naive.lanes[id].attempts.next_ns() {
                let in_time = |&(other, at_ns): &(usize, u64)| other == id && at_ns <= next_ns;
                let sleeps = self.asleep.iter().any(in_time);
                prop_assert!(sleeps, "nobody sleeps for the attempt at {}", next_ns);
            }
        }
        Ok(())
    }

    /// Where somebody waits for a time alone, there is somebody who will ask by then.
    fn somebody_sleeps(&self) -> TestCaseResult {
        let naive = &self.naive;
        if naive.paused || !self.coming.is_empty() {
            return Ok(());
        }
        let granted = naive.lanes.iter().any(|lane| lane.reserved.is_some());
        prop_assert!(
            !granted || !self.asleep.is_empty(),
            "a slot is granted, and nobody comes"
        );
        if granted {
            return Ok(()); // and as it starts the others are looked at
        }
        let has_slot = naive.in_use() < naive.limit;
        let starts = |id: &&usize| naive.lanes[**id].returns.is_none();
        for &id in naive.since.iter().filter(|_| has_slot).filter(starts) {
            let is_full = |&share: &usize| !naive.is_open(share);
            if naive.chain(naive.lanes[id].share).iter().any(is_full) {
                continue;
            }
            let Some((_, at_ns)) = self.real.keeper() else {
                prop_assert!(false, "{} waits, and nobody keeps the time", id);
                continue;
            };
            let sleeps = self.asleep.iter().any(|&(_, asleep_ns)| asleep_ns <= at_ns);
            prop_assert!(sleeps, "{} waits, and nobody sleeps until {}", id, at_ns);
        }
        Ok(())
    }

    /// Drive what is left to its end: everything that may start does, and every slot comes back.
    fn finish(&mut self) -> TestCaseResult {
        self.apply(Op::Resume)?;
        self.apply(Op::Resize(self.real.limit().max(1)))?;
        loop {
            for id in self.open.clone() {
                self.order();
                while self.next(id)? {
                    self.agree()?;
                    self.order();
                }
                self.agree()?;
            }
            // Of those that are asked no more, some were woken by others.
            if self.coming.iter().any(|id| self.open.contains(id)) {
                continue;
            }
            if let Some(&(id, at_ns)) = self.asleep.iter().min_by_key(|(_, at_ns)| at_ns) {
                self.now_ns = self.now_ns.max(at_ns);
                self.wake_up(id);
                continue;
            }
            // The one that has run longest, or the latest: most of its lenders still run.
            let last = self.naive.running.len().saturating_sub(1);
            let pick = [0, last][usize::from(self.slots.len() % 3 > 0)];
            let Some(run) = self.pick_run(pick) else {
                break;
            };
            self.now_ns += 1;
            // For ever would be too long.
            if run % 3 == 0 && self.naive.runs < 1_000 {
                self.apply(Op::TryAgain(pick, None, 0.5))?;
                continue;
            }
            self.apply(Op::Settle(
                pick,
                [Outcome::Succeeded, Outcome::Failed][run % 2],
            ))?;
        }
        for id in self.open.clone() {
            prop_assert_eq!(
                self.real.ready(self.lanes[id]),
                0,
                "no ready step is left behind"
            );
            self.close(id, Cause::Ended)?;
            self.agree()?;
        }
        prop_assert_eq!(self.real.in_use(), 0);
        prop_assert_eq!(self.real.shares(), 0);
        prop_assert_eq!(self.real.queue_length(), 0);
        self.now_ns += 1_000_000;
        let fresh = self.real.open(LaneSpec::new(1), self.now_ns).unwrap();
        let started = matches!(self.real.next(fresh, self.now_ns), Next::Start { .. });
        prop_assert!(started, "a fresh lane runs at once");
        Ok(())
    }
}

/// Half of the time nothing, else one entry a step.
fn one_a_step<T: std::fmt::Debug + Clone + 'static>(
    entry: impl Strategy<Value = T> + 'static,
    steps: u32,
) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![3 => Just(vec![]), 1 => vec(entry, steps as usize)]
}

/// Each step may wait for any steps of a lower number, and may name one twice.
fn dag(steps: u32) -> impl Strategy<Value = Option<Vec<Vec<u32>>>> {
    let lists = vec(vec(0..6_u32, 0..3), steps as usize).prop_map(|mut lists| {
        for (step, list) in lists.iter_mut().enumerate() {
            list.retain(|&dependency| (dependency as usize) < step);
        }
        lists
    });
    prop_oneof![2 => Just(None), 1 => lists.prop_map(Some)]
}

fn group() -> impl Strategy<Value = Spec> {
    let limit = prop_oneof![Just(u32::MAX), 1..4_u32];
    let timeout = || proptest::option::of(0..60_u64);
    let threshold = || proptest::option::of(0..7_u32);
    let parent = proptest::option::weighted(0.4, any::<usize>());
    (0..=6_u32).prop_flat_map(move |steps| {
        let thresholds = (threshold(), threshold());
        let flags = (
            one_a_step(any::<bool>(), steps),
            one_a_step(any::<bool>(), steps),
        );
        let timeouts = (timeout(), one_a_step(timeout(), steps));
        (
            thresholds,
            flags,
            timeouts,
            dag(steps),
            limit.clone(),
            (parent.clone(), share(0.2)),
        )
            .prop_map(
                move |(thresholds, flags, timeouts, dependencies, limit, (parent, share))| Spec {
                    steps,
                    need: thresholds.0,
                    give_up: thresholds.1,
                    limit,
                    timeout_ns: timeouts.0,
                    timeouts_ns: timeouts.1,
                    dependencies,
                    slotless: flags.0,
                    tolerated: flags.1,
                    bounded: false,
                    share,
                    rate: None,
                    is_fed: false,
                    retry: None,
                    retries: vec![],
                    parent,
                },
            )
    })
}

/// One to three plain steps under a running one, if there is any.
fn nested() -> impl Strategy<Value = Spec> {
    let parent = proptest::option::weighted(0.9, any::<usize>());
    let bare = proptest::bool::weighted(0.15);
    (1..4_u32, bare, parent, share(0.5)).prop_map(|(steps, bare, parent, share)| Spec {
        steps,
        need: None,
        give_up: None,
        limit: u32::MAX,
        timeout_ns: None,
        timeouts_ns: vec![],
        dependencies: None,
        slotless: vec![bare; steps as usize],
        tolerated: vec![],
        bounded: false,
        share,
        rate: None,
        is_fed: false,
        retry: None,
        retries: vec![],
        parent,
    })
}

/// Steps with a narrow share, mostly, under a running one: often under the one that has run longest.
fn narrow() -> impl Strategy<Value = Spec> {
    let narrow = proptest::option::weighted(0.6, 1..3_u32);
    let parent = proptest::option::weighted(0.95, prop_oneof![Just(0), any::<usize>()]);
    (nested(), 1..7_u32, parent, narrow).prop_map(|(spec, steps, parent, share)| {
        let slotless = vec![spec.slotless[0]; steps as usize];
        Spec {
            steps,
            slotless,
            share,
            parent,
            ..spec
        }
    })
}

/// Now and then a share of the pool.
fn share(chance: f64) -> impl Strategy<Value = Option<u32>> + Clone {
    proptest::option::weighted(chance, 1..4_u32)
}

/// One plain step of a bounded lane, mostly or seldom under a running one.
fn single(nested: f64) -> impl Strategy<Value = Spec> {
    (
        proptest::option::weighted(nested, any::<usize>()),
        proptest::option::of(0..60_u64),
        share(0.1),
    )
        .prop_map(|(parent, timeout_ns, share)| Spec {
            steps: 1,
            need: None,
            give_up: None,
            limit: u32::MAX,
            timeout_ns,
            timeouts_ns: vec![],
            dependencies: None,
            slotless: vec![],
            tolerated: vec![],
            bounded: true,
            share,
            rate: None,
            is_fed: false,
            retry: None,
            retries: vec![],
            parent,
        })
}

/// What to multiply all pauses by. They are short, as time limits are, or so long that slices of the
/// statistics end; few cases are of the second kind, because they take ten times as long.
fn pace() -> impl Strategy<Value = u64> {
    prop_oneof![20 => Just(1), 1 => Just(SECOND / 10)]
}

fn event() -> impl Strategy<Value = Event> {
    let time = || prop_oneof![0..1_000_u64, any::<u32>().prop_map(u64::from), any::<u64>()];
    let outcome = prop_oneof![
        3 => Just(Outcome::Succeeded),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::TimedOut),
        1 => Just(Outcome::Cancelled),
    ];
    prop_oneof![
        1 => (1..9_u64).prop_map(Event::Submitted),
        3 => time().prop_map(|wait_ns| Event::Started { wait_ns }),
        3 => (outcome, time()).prop_map(|(outcome, run_ns)| Event::Ended(outcome, run_ns)),
        1 => time().prop_map(Event::Retried),
        1 => (1..9_u64).prop_map(Event::Skipped),
        1 => Just(Event::Refused),
    ]
}

fn record(statistics: &mut Statistics, event: Event, now_ns: u64) {
    match event {
        Event::Submitted(steps) => statistics.submitted(steps, now_ns),
        Event::Started { wait_ns } => statistics.started(wait_ns, now_ns),
        Event::Ended(outcome, run_ns) => statistics.ended(outcome, run_ns, now_ns),
        Event::Retried(run_ns) => statistics.retried(run_ns, now_ns),
        Event::Refused => statistics.refused(now_ns),
        Event::Skipped(steps) => statistics.skipped(steps, now_ns),
    }
}

/// Mostly lanes that are opened and ask, so that steps live to lend their slot.
fn narrow_op() -> impl Strategy<Value = Op> {
    let pick = any::<usize>;
    prop_oneof![
        8 => narrow().prop_map(|spec| Op::Open(Box::new(spec))),
        24 => pick().prop_map(Op::Next),
        4 => pick().prop_map(|run| Op::Settle(run, Outcome::Succeeded)),
        6 => op(narrow()),
    ]
}

fn op(spec: impl Strategy<Value = Spec> + 'static) -> impl Strategy<Value = Op> {
    let pick = any::<usize>;
    let outcome = prop_oneof![
        4 => Just(Outcome::Succeeded),
        2 => Just(Outcome::Failed),
        1 => Just(Outcome::TimedOut),
        1 => Just(Outcome::Cancelled),
    ];
    let cause = prop_oneof![Just(Cause::Ended), Just(Cause::TimedOut)];
    prop_oneof![
        4 => spec.prop_map(|spec| Op::Open(Box::new(spec))),
        8 => pick().prop_map(Op::Next),
        3 => pick().prop_map(Op::Request),
        6 => (pick(), outcome.clone()).prop_map(|(run, outcome)| Op::Settle(run, outcome)),
        4 => (pick(), outcome).prop_map(|(run, outcome)| Op::SettleAndNext(run, outcome)),
        1 => pick().prop_map(Op::Stop),
        1 => pick().prop_map(Op::StandBack),
        2 => (pick(), cause).prop_map(|(lane, cause)| Op::Close(lane, cause)),
        3 => pick().prop_map(Op::Arm),
        2 => pick().prop_map(Op::TakeOverdue),
        1 => (0..6_u32).prop_map(Op::Resize),
        1 => Just(Op::Pause),
        2 => Just(Op::Resume),
        1 => proptest::option::of(0..4_u32).prop_map(Op::SetQueueSize),
        1 => prop_oneof![Just(WhenFull::Refuse), Just(WhenFull::Wait)].prop_map(Op::SetWhenFull),
    ]
}

/// So many cases, unless PROPTEST_CASES says otherwise. PROPTEST_RNG_SEED chooses which.
fn cases(usual: u32) -> ProptestConfig {
    let chosen = ProptestConfig::default();
    ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => chosen.cases,
            None => usual,
        },
        failure_persistence: None,
        ..chosen
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn the_scheduler_agrees_with_the_naive_reference(
        limit in 0..5_u32,
        queue_size in proptest::option::of(0..4_u32),
        when_full in prop_oneof![Just(WhenFull::Refuse), Just(WhenFull::Wait)],
        pace in pace(),
        ops in vec((0..12_u64, op(prop_oneof![group(), single(0.2)])), 1..200),
    ) {
        let mut pair = Pair::new(limit, queue_size, when_full);
        pair.run(ops, pace)?;
    }

    #[test]
    fn nested_lanes_agree_with_the_naive_reference(
        limit in 1..5_u32,
        queue_size in proptest::option::of(0..3_u32),
        pace in pace(),
        ops in vec((0..12_u64, op(prop_oneof![2 => nested(), 1 => single(0.7)])), 1..200),
    ) {
        let mut pair = Pair::new(limit, queue_size, WhenFull::Wait);
        pair.run(ops, pace)?;
    }

    #[test]
    fn narrow_shares_below_lenders_agree_with_the_naive_reference(
        limit in 2..7_u32,
        ops in vec((0..12_u64, narrow_op()), 1..150),
    ) {
        let mut pair = Pair::new(limit, None, WhenFull::Wait);
        pair.run(ops, 1)?;
    }
}

/// Now and then at a rate; which one, is a number modulo how many there are.
fn paced(spec: impl Strategy<Value = Spec>) -> impl Strategy<Value = Spec> {
    let rate = proptest::option::weighted(0.6, any::<usize>());
    (spec, rate).prop_map(|(spec, rate)| Spec { rate, ..spec })
}

fn rates(most: usize) -> impl Strategy<Value = Vec<NaiveRate>> {
    let burst = prop_oneof![Just(1), Just(u32::MAX), 1..4_u32];
    let rate = (1..5_u32, 1..60_u64, burst)
        .prop_map(|(limit, per_ns, burst)| NaiveRate::new(limit, per_ns, burst.min(limit)));
    vec(rate, 1..=most)
}

fn timed_op(spec: impl Strategy<Value = Spec> + 'static) -> impl Strategy<Value = Op> {
    prop_oneof![
        16 => op(paced(spec)),
        1 => (0..40_u64).prop_map(Op::Hold),
        4 => any::<usize>().prop_map(Op::WakeUp),
        1 => any::<usize>().prop_map(Op::Elsewhere),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn rates_and_holds_agree_with_the_naive_reference(
        limit in 0..5_u32,
        queue_size in proptest::option::of(0..4_u32),
        when_full in prop_oneof![Just(WhenFull::Refuse), Just(WhenFull::Wait)],
        pools in any::<bool>(),
        rates in rates(3),
        ops in vec((0..12_u64, timed_op(prop_oneof![group(), single(0.2)])), 1..150),
    ) {
        let ops = ops.into_iter().map(|(pause_ns, op)| (pause_ns, without_share(op))).collect();
        let mut pair = Pair::new(limit, queue_size, when_full).with_rates(&rates, pools);
        pair.run(ops, 1)?;
    }

    #[test]
    fn rates_within_shares_agree_with_the_naive_reference(
        limit in 1..6_u32,
        pools in any::<bool>(),
        rates in rates(2),
        ops in vec((0..12_u64, timed_op(prop_oneof![2 => nested(), 1 => narrow(), 1 => single(0.7)])), 1..150),
    ) {
        // Of several that close at once the order is nobody's promise.
        let rates = if pools { &rates } else { &rates[..1] };
        let mut pair = Pair::new(limit, None, WhenFull::Wait).with_rates(rates, pools);
        pair.run(ops, 1)?;
    }
}

/// One plain step that waits for no other.
fn plain() -> Spec {
    Spec {
        steps: 1,
        need: None,
        give_up: None,
        limit: u32::MAX,
        timeout_ns: None,
        timeouts_ns: vec![],
        dependencies: None,
        slotless: vec![false],
        tolerated: vec![],
        bounded: false,
        share: None,
        rate: None,
        is_fed: false,
        retry: None,
        retries: vec![],
        parent: None,
    }
}

fn opened(spec: Spec) -> (u64, Op) {
    (0, Op::Open(Box::new(spec)))
}

fn within_share() -> Spec {
    Spec {
        share: Some(1),
        rate: Some(0),
        ..plain()
    }
}

fn below(parent: usize) -> Spec {
    Spec {
        bounded: true,
        slotless: vec![],
        parent: Some(parent),
        ..plain()
    }
}

// Cases that differed once.

#[test]
fn a_lane_that_gives_up_its_turn_at_a_rate_leaves_it_to_a_borrower() {
    let ops = vec![
        opened(plain()),
        opened(plain()),
        (0, Op::Next(0)),
        opened(plain()),
        (0, Op::Pause),
        (0, Op::Close(0, Cause::Ended)),
        (0, Op::Next(0)),
        (0, Op::Resume),
        opened(plain()),
        (0, Op::Close(2266919267436155068, Cause::Ended)),
        (0, Op::Next(1750506202236595360)),
        opened(below(0)),
        opened(plain()),
        (5, Op::Next(1253028920333036798)),
        opened(below(11536476325695724069)),
        (0, Op::StandBack(4876109224191481682)),
    ];
    let mut pair = Pair::new(2, None, WhenFull::Wait);
    pair = pair.with_rates(&[NaiveRate::new(2, 5, 2)], true);
    pair.run(ops, 1).unwrap();
}

#[test]
fn a_lane_within_a_share_keeps_its_turn_where_its_rate_closes_elsewhere_and_opens() {
    let ops = vec![
        opened(plain()),
        opened(within_share()),
        (0, Op::Resize(0)),
        opened(plain()),
        opened(plain()),
        (0, Op::Next(17776519195467783131)),
        (0, Op::Stop(2801570537034432264)),
        (0, Op::Close(13521419715895326447, Cause::Ended)),
        (0, Op::Request(16957538146473181250)),
        opened(plain()),
        opened(plain()),
        opened(plain()),
        (0, Op::Elsewhere(0)),
        (0, Op::Request(11742456724589224689)),
        (1, Op::Open(Box::new(plain()))),
    ];
    let mut pair = Pair::new(1, None, WhenFull::Wait);
    pair = pair.with_rates(&[NaiveRate::new(1, 1, 1)], false);
    pair.run(ops, 1).unwrap();
}

#[test]
fn of_two_lanes_within_shares_one_is_woken_as_the_other_closes() {
    let ops = vec![
        opened(Spec {
            slotless: vec![true],
            ..plain()
        }),
        opened(within_share()),
        (0, Op::Resize(0)),
        opened(within_share()),
        (0, Op::Request(6817417999937236950)),
        (0, Op::Elsewhere(0)),
        (0, Op::Request(12698583229104780083)),
        (0, Op::Next(7713110091036822953)),
        (0, Op::Arm(0)),
        opened(plain()),
        (0, Op::Close(8911079971659017403, Cause::Ended)),
    ];
    let mut pair = Pair::new(1, None, WhenFull::Wait);
    pair = pair.with_rates(&[NaiveRate::new(1, 12, 1)], false);
    pair.run(ops, 1).unwrap();
}

/// Whole bases and chances of a half, which the reference reckons with in whole numbers.
fn retry() -> impl Strategy<Value = Retry> {
    let attempts = proptest::option::weighted(0.7, 1..5_u32);
    let waits = (0..30_u64, 0..100_u64, 0..20_u64, 1..4_u32);
    let timeout = proptest::option::weighted(0.4, 0..150_u64);
    (attempts, waits, timeout).prop_map(|(attempts, waits, timeout_ns)| Retry {
        attempts,
        wait_initial_ns: waits.0,
        wait_max_ns: waits.1,
        wait_jitter_ns: waits.2,
        wait_exp_base: f64::from(waits.3),
        timeout_ns,
    })
}

/// Mostly with steps that are tried again.
fn tried(spec: impl Strategy<Value = Spec>) -> impl Strategy<Value = Spec> {
    let retries = vec(proptest::option::of(retry()), 8);
    let retries = proptest::option::weighted(0.3, retries);
    let all = proptest::option::weighted(0.8, retry());
    (spec, all, retries).prop_map(|(spec, retry, retries)| {
        let mut retries = retries.unwrap_or_default();
        retries.truncate(spec.steps as usize);
        Spec {
            retry,
            retries,
            ..spec
        }
    })
}

fn tried_op(spec: impl Strategy<Value = Spec> + 'static) -> impl Strategy<Value = Op> {
    let asked = proptest::option::weighted(0.3, 0..60_u64);
    let chance = prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
    prop_oneof![
        12 => timed_op(tried(spec)),
        4 => (any::<usize>(), asked, chance)
            .prop_map(|(run, asked_ns, chance)| Op::TryAgain(run, asked_ns, chance)),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn attempts_agree_with_the_naive_reference(
        limit in 0..5_u32,
        queue_size in proptest::option::of(0..4_u32),
        when_full in prop_oneof![Just(WhenFull::Refuse), Just(WhenFull::Wait)],
        pace in pace(),
        budget in proptest::option::of((0..101_u64, 1..4_u32)),
        ops in vec((0..12_u64, tried_op(prop_oneof![group(), single(0.2)])), 1..150),
    ) {
        let mut pair = Pair::new(limit, queue_size, when_full).with_budget(budget);
        pair.run(ops, pace)?;
    }

    #[test]
    fn attempts_within_shares_agree_with_the_naive_reference(
        limit in 1..6_u32,
        ops in vec((0..12_u64, tried_op(prop_oneof![2 => nested(), 1 => narrow(), 1 => single(0.7)])), 1..150),
    ) {
        let mut pair = Pair::new(limit, None, WhenFull::Wait);
        pair.run(ops, 1)?;
    }

    #[test]
    fn attempts_at_a_rate_agree_with_the_naive_reference(
        limit in 0..5_u32,
        queue_size in proptest::option::of(0..4_u32),
        pools in any::<bool>(),
        rates in rates(3),
        ops in vec((0..12_u64, tried_op(prop_oneof![group(), single(0.2)])), 1..150),
    ) {
        let ops = ops.into_iter().map(|(pause_ns, op)| (pause_ns, without_share(op))).collect();
        let mut pair = Pair::new(limit, queue_size, WhenFull::Wait).with_rates(&rates, pools);
        pair.run(ops, 1)?;
    }
}

/// Mostly lanes whose steps come in one by one.
fn fed(spec: impl Strategy<Value = Spec>) -> impl Strategy<Value = Spec> {
    (spec, proptest::bool::weighted(0.7)).prop_map(|(spec, is_fed)| match is_fed && !spec.bounded {
        true => Spec {
            is_fed,
            dependencies: None,
            ..spec
        },
        false => spec,
    })
}

fn fed_op(op: impl Strategy<Value = Op> + 'static) -> impl Strategy<Value = Op> {
    let pick = any::<usize>;
    prop_oneof![
        16 => op,
        8 => (pick(), pick()).prop_map(|(lane, place)| Op::Feed(lane, place)),
        1 => pick().prop_map(Op::EndFeed),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn fed_lanes_agree_with_the_naive_reference(
        limit in 0..5_u32,
        pace in pace(),
        ops in vec((0..12_u64, fed_op(op(fed(prop_oneof![3 => group(), 1 => nested()])))), 1..150),
    ) {
        let mut pair = Pair::new(limit, None, WhenFull::Wait);
        pair.run(ops, pace)?;
    }

    #[test]
    fn attempts_of_fed_lanes_agree_with_the_naive_reference(
        limit in 0..5_u32,
        budget in proptest::option::of((0..101_u64, 1..4_u32)),
        ops in vec((0..12_u64, fed_op(tried_op(fed(prop_oneof![3 => group(), 1 => nested()])))), 1..150),
    ) {
        let mut pair = Pair::new(limit, None, WhenFull::Wait).with_budget(budget);
        pair.run(ops, 1)?;
    }

    #[test]
    fn fed_lanes_at_a_rate_agree_with_the_naive_reference(
        limit in 0..5_u32,
        pools in any::<bool>(),
        rates in rates(3),
        ops in vec((0..12_u64, fed_op(tried_op(fed(group())))), 1..150),
    ) {
        let ops = ops.into_iter().map(|(pause_ns, op)| (pause_ns, without_share(op))).collect();
        let mut pair = Pair::new(limit, None, WhenFull::Wait).with_rates(&rates, pools);
        pair.run(ops, 1)?;
    }
}

/// Now and then a step does without its slot for a while.
fn released_op(op: impl Strategy<Value = Op> + 'static) -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => op,
        1 => any::<usize>().prop_map(Op::GiveUp),
        1 => any::<usize>().prop_map(Op::WantBack),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn released_steps_agree_with_the_naive_reference(
        limit in 0..5_u32,
        queue_size in proptest::option::of(0..4_u32),
        when_full in prop_oneof![Just(WhenFull::Refuse), Just(WhenFull::Wait)],
        ops in vec((0..12_u64, released_op(op(prop_oneof![group(), single(0.2)]))), 1..150),
    ) {
        let mut pair = Pair::new(limit, queue_size, when_full);
        pair.run(ops, 1)?;
    }

    #[test]
    fn released_steps_within_shares_agree_with_the_naive_reference(
        limit in 1..6_u32,
        ops in vec((0..12_u64, released_op(op(prop_oneof![2 => nested(), 2 => narrow(), 1 => single(0.7)]))), 1..150),
    ) {
        let mut pair = Pair::new(limit, None, WhenFull::Wait);
        pair.run(ops, 1)?;
    }

    #[test]
    fn released_steps_beside_rates_and_attempts_agree_with_the_naive_reference(
        limit in 1..5_u32,
        pools in any::<bool>(),
        rates in rates(3),
        ops in vec((0..12_u64, released_op(fed_op(tried_op(fed(prop_oneof![3 => group(), 1 => single(0.2)]))))), 1..150),
    ) {
        let ops = ops.into_iter().map(|(pause_ns, op)| (pause_ns, without_share(op))).collect();
        let mut pair = Pair::new(limit, None, WhenFull::Wait).with_rates(&rates, pools);
        pair.run(ops, 1)?;
    }

    #[test]
    fn released_steps_within_shares_at_a_rate_agree_with_the_naive_reference(
        limit in 1..6_u32,
        pools in any::<bool>(),
        rates in rates(2),
        ops in vec((0..12_u64, released_op(timed_op(prop_oneof![2 => nested(), 1 => narrow(), 1 => single(0.7)]))), 1..150),
    ) {
        let rates = if pools { &rates } else { &rates[..1] };
        let mut pair = Pair::new(limit, None, WhenFull::Wait).with_rates(rates, pools);
        pair.run(ops, 1)?;
    }
}

fn without_share(op: Op) -> Op {
    match op {
        Op::Open(spec) => Op::Open(Box::new(Spec {
            share: None,
            ..*spec
        })),
        op => op,
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_window_agrees_with_a_plain_list_of_events(
        events in vec(
            (prop_oneof![8 => 0..SECOND / 3, 1 => 0..3 * SECOND, 1 => 0..400 * SECOND], event()),
            1..150,
        ),
        queries in vec((prop_oneof![0..2 * SECOND, 0..700 * SECOND], 1..=600 * SECOND), 1..8),
    ) {
        let (mut real, mut naive, mut now_ns) = (Statistics::default(), History::default(), 0);
        for (pause_ns, event) in events {
            now_ns += pause_ns;
            record(&mut real, event, now_ns);
            naive.note(0, event, now_ns);
            let window_ns = queries[0].1;
            naive.window(window_ns, now_ns).agrees(real.window(window_ns, now_ns))?;
        }
        for (pause_ns, window_ns) in queries {
            now_ns += pause_ns;
            naive.window(window_ns, now_ns).agrees(real.window(window_ns, now_ns))?;
            naive.all().agrees(real.snapshot())?;
        }
    }
}

//! Steps that wait for steps of their own, at any depth: driven by workers that know nothing but
//! what the scheduler tells them, everything ends, and the limit holds for all that is at work.

use std::collections::HashMap;

use hocket_core::{LaneId, LaneSpec, Next, Outcome, Scheduler, SlotId, WhenFull};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

/// A step, and the lanes of steps that it waits for.
#[derive(Clone, Debug)]
struct Job {
    lanes: Vec<Vec<Job>>,
    /// Whether it opens all of them before it waits for any.
    together: bool,
    slotless: bool,
    lane_limit: u32,
    /// The share of the pool that each of its lanes has.
    share: Option<u32>,
    /// Whether it is torn away while it waits for its first lane.
    torn: bool,
}

#[derive(Debug)]
struct OpenLane {
    id: LaneId,
    jobs: Vec<Job>,
    unsettled: usize,
    asking: usize,
    parked: usize,
    waiter: Option<SlotId>,
    /// The shares that it is in, and how many may be at work in each.
    shares: Vec<(usize, u32)>,
}

#[derive(Debug)]
struct Running {
    slot: SlotId,
    lane: LaneId,
    shares: Vec<(usize, u32)>,
    job: Job,
    opened: usize,
    waits_for: usize,
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A worker of this lane asks what to do.
    Ask(usize),
    /// This running step goes on.
    Resume(usize),
    /// This lane has no step left.
    Close(usize),
    /// The pool is paused, or goes on.
    Pause,
    GoOn,
}

struct Crew {
    scheduler: Scheduler,
    lanes: Vec<OpenLane>,
    running: Vec<Running>,
    started: usize,
    /// Shares that were made so far.
    shares: usize,
    /// How often the pool is paused yet.
    pauses: usize,
    choices: Vec<usize>,
    now_ns: u64,
}

impl Crew {
    fn open(&mut self, jobs: Vec<Job>, limit: u32, share: Option<u32>, waiter: Option<SlotId>) {
        let spec = LaneSpec {
            limit,
            share,
            parent: waiter,
            bounded: jobs.len() == 1,
            slotless: jobs.iter().map(|job| job.slotless).collect(),
            ..LaneSpec::new(jobs.len() as u32)
        };
        let id = self.scheduler.open(spec, self.now_ns).unwrap();
        let parent = self.running.iter().find(|run| Some(run.slot) == waiter);
        let mut shares = parent.map_or(vec![], |run| run.shares.clone());
        shares.extend(share.map(|limit| (self.shares, limit)));
        self.shares += 1;
        self.lanes.push(OpenLane {
            shares,
            id,
            unsettled: jobs.len(),
            jobs,
            asking: 1,
            parked: 0,
            waiter,
        });
    }

    fn lane(&mut self, id: LaneId) -> &mut OpenLane {
        self.lanes.iter_mut().find(|lane| lane.id == id).unwrap()
    }

    fn events(&self) -> Vec<Event> {
        let asks = (0..self.lanes.len()).filter(|&at| self.lanes[at].asking > 0);
        let resumes = (0..self.running.len()).filter(|&at| self.running[at].may_go_on());
        let closes = (0..self.lanes.len()).filter(|&at| self.lanes[at].unsettled == 0);
        let paused = self.scheduler.is_paused();
        let pause = (self.pauses > 0 && !paused).then_some(Event::Pause);
        let resume = paused.then_some(Event::GoOn);
        (asks.map(Event::Ask))
            .chain(pause)
            .chain(resume)
            .chain(resumes.map(Event::Resume))
            .chain(closes.map(Event::Close))
            .collect()
    }

    fn happen(&mut self, event: Event) -> TestCaseResult {
        match event {
            Event::Ask(at) => self.ask(at)?,
            Event::Pause => {
                self.pauses -= 1;
                self.scheduler.pause();
            }
            Event::GoOn => self.scheduler.resume(),
            Event::Resume(at) => self.resume(at),
            Event::Close(at) => {
                let lane = self.lanes.swap_remove(at);
                self.scheduler
                    .close(lane.id, hocket_core::Cause::Ended, self.now_ns);
                let waiter = self
                    .running
                    .iter_mut()
                    .find(|run| Some(run.slot) == lane.waiter);
                if let Some(waiter) = waiter {
                    waiter.waits_for -= 1;
                }
            }
        }
        for id in self.scheduler.take_wakes() {
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.id == id) {
                lane.parked = lane.parked.saturating_sub(1);
                lane.asking += 1;
            }
        }
        let works = |run: &&Running| !run.job.slotless && run.waits_for == 0;
        let at_work = self.running.iter().filter(works).count();
        prop_assert!(at_work <= self.scheduler.limit() as usize);
        let mut within = HashMap::<(usize, u32), u32>::new();
        for &share in self
            .running
            .iter()
            .filter(works)
            .flat_map(|run| &run.shares)
        {
            *within.entry(share).or_default() += 1;
        }
        for ((_, limit), at_work) in within {
            prop_assert!(at_work <= limit, "a share is kept");
        }
        prop_assert!(self.scheduler.in_use() <= self.scheduler.limit());
        Ok(())
    }

    fn ask(&mut self, at: usize) -> TestCaseResult {
        let lane = &mut self.lanes[at];
        lane.asking -= 1;
        match self.scheduler.next(lane.id, self.now_ns) {
            Next::Start { step, slot } => {
                let takes_slot = !lane.jobs[step as usize].slotless;
                prop_assert!(
                    !(takes_slot && self.scheduler.is_paused()),
                    "nothing starts"
                );
                self.running.push(Running {
                    slot,
                    lane: lane.id,
                    shares: lane.shares.clone(),
                    job: lane.jobs[step as usize].clone(),
                    opened: 0,
                    waits_for: 0,
                });
                self.started += 1;
            }
            Next::Wait => lane.parked += 1,
            Next::WaitUntil { .. } => unreachable!("no time is waited for"),
            Next::Leave => {}
        }
        Ok(())
    }

    fn resume(&mut self, at: usize) {
        let run = &mut self.running[at];
        let (id, slot) = (run.lane, run.slot);
        let (limit, share) = (run.job.lane_limit, run.job.share);
        if run.opens_more() && (run.waits_for == 0 || run.job.together) {
            let jobs = std::mem::take(&mut run.job.lanes[run.opened]);
            run.opened += 1;
            run.waits_for += 1;
            self.open(jobs, limit, share, Some(slot));
            // It has suspended: one more worker may be of use.
            if self.scheduler.request(id) {
                self.lane(id).asking += 1;
            }
            return;
        }
        let run = self.running.swap_remove(at);
        let torn = run.waits_for > 0;
        let outcome = [Outcome::Succeeded, Outcome::Failed][usize::from(torn)];
        self.scheduler.settle(slot, outcome, self.now_ns);
        let lane = self.lane(id);
        lane.unsettled -= 1;
        lane.asking += 1;
        if torn {
            let waiter = lane.waiter;
            self.adopt(slot, waiter);
        }
    }

    /// What a torn step leaves behind is waited for by whoever waited for that step.
    fn adopt(&mut self, torn: SlotId, waiter: Option<SlotId>) {
        for lane in &mut self.lanes {
            if lane.waiter == Some(torn) {
                lane.waiter = waiter;
                let waiter = self.running.iter_mut().find(|run| Some(run.slot) == waiter);
                if let Some(waiter) = waiter {
                    waiter.waits_for += 1;
                }
            }
        }
    }

    fn drive(&mut self) -> TestCaseResult {
        loop {
            let events = self.events();
            if events.is_empty() {
                return Ok(());
            }
            let pick = self.choices.pop().unwrap_or(self.now_ns as usize);
            self.now_ns += 1;
            self.happen(events[pick % events.len()])?;
        }
    }
}

impl Running {
    fn opens_more(&self) -> bool {
        self.opened < self.job.lanes.len() && !(self.job.torn && self.opened > 0)
    }

    fn may_go_on(&self) -> bool {
        self.waits_for == 0 || self.job.torn || (self.job.together && self.opens_more())
    }
}

fn count(jobs: &[Job]) -> usize {
    let inside = |job: &Job| {
        // One that is torn away has opened its first lane only.
        let opened = if job.torn { 1 } else { job.lanes.len() };
        job.lanes
            .iter()
            .take(opened)
            .map(|lane| count(lane))
            .sum::<usize>()
    };
    jobs.iter().map(|job| 1 + inside(job)).sum()
}

fn job() -> impl Strategy<Value = Job> {
    fn with(lanes: BoxedStrategy<Vec<Vec<Job>>>) -> BoxedStrategy<Job> {
        let chance = proptest::bool::weighted;
        let lane_limit = prop_oneof![Just(u32::MAX), 1..3_u32];
        let share = proptest::option::weighted(0.5, 1..3_u32);
        let shape = (
            lanes,
            any::<bool>(),
            chance(0.2),
            (lane_limit, share),
            chance(0.1),
        );
        let job = shape.prop_map(
            |(lanes, together, slotless, (lane_limit, share), torn)| Job {
                lanes,
                together,
                slotless,
                lane_limit,
                share,
                torn,
            },
        );
        job.boxed()
    }
    with(Just(vec![]).boxed())
        .prop_recursive(6, 60, 4, |inner| with(vec(vec(inner, 0..4), 0..3).boxed()))
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
    #![proptest_config(cases(4_000))]

    #[test]
    fn nested_steps_never_deadlock_and_keep_the_limit(
        limit in 1..4_u32,
        queue_size in proptest::option::of(0..3_u32),
        pauses in 0..4_usize,
        share in proptest::option::weighted(0.3, 1..3_u32),
        roots in vec(vec(job(), 0..4), 1..4),
        choices in vec(any::<usize>(), 0..300),
    ) {
        let expected: usize = roots.iter().map(|jobs| count(jobs)).sum();
        println!("operations {}", 2 * expected); // every step starts and ends
        let scheduler = Scheduler::new(limit).with_queue(queue_size, WhenFull::Wait);
        let mut crew = Crew {
            scheduler,
            lanes: vec![],
            running: vec![],
            started: 0,
            shares: 0,
            pauses,
            choices,
            now_ns: 0,
        };
        for jobs in roots {
            crew.open(jobs, u32::MAX, share, None);
        }
        crew.drive()?;
        prop_assert_eq!(crew.lanes.len(), 0, "nothing is left to happen, and lanes are open");
        prop_assert_eq!(crew.running.len(), 0);
        prop_assert_eq!(crew.started, expected, "every step started exactly once");
        prop_assert_eq!(crew.scheduler.in_use(), 0);
        prop_assert_eq!(crew.scheduler.shares(), 0);
        crew.scheduler.resume();
        let fresh = crew.scheduler.open(LaneSpec::new(1), 0).unwrap();
        let started = matches!(crew.scheduler.next(fresh, 0), Next::Start { .. });
        prop_assert!(started);
    }
}

#[test]
fn a_thousand_levels_run_on_one_slot() {
    let mut scheduler = Scheduler::new(1);
    let mut stack: Vec<SlotId> = vec![];
    for _ in 0..1_000 {
        let parent = stack.last().copied();
        let spec = LaneSpec {
            parent,
            ..LaneSpec::new(1)
        };
        let lane = scheduler.open(spec, 0).unwrap();
        let Next::Start { slot, .. } = scheduler.next(lane, 0) else {
            panic!("it borrows the slot of the step above");
        };
        stack.push(slot);
    }
    assert_eq!(scheduler.in_use(), 1);
    while let Some(slot) = stack.pop() {
        scheduler.settle(slot, Outcome::Succeeded, 0);
    }
    assert_eq!(scheduler.in_use(), 0);
}

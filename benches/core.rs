//! What one operation of the core costs, and that it costs the same however much there is already:
//! `cargo bench -p hocket-bench`, with a word behind `--` to choose.
//!
//! The time is that of one operation. The number behind the last slash is how many entries the
//! structure holds; each section says which entries those are. A figure that grows with it says why.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use hocket_core::{
    Cause, Deadlines, Graph, Join, LaneId, LaneSpec, Line, Next, Outcome, ReadyQueue, Scheduler,
    SlotId, Statistics,
};

const ENTRIES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Longer than any other duration here, in nanoseconds.
const MINUTE: u64 = 60_000_000_000;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// An operation that leaves as many entries as it finds.
fn steady<T, R>(
    group: &mut Group,
    name: &str,
    fill: impl Fn(u32) -> T,
    operation: impl Fn(&mut T) -> R,
) {
    for entries in ENTRIES {
        // Filled once for all samples, and not at all when another benchmark was chosen.
        let mut filled = None;
        group.bench_function(BenchmarkId::new(name, entries), |bencher| {
            let filled = filled.get_or_insert_with(|| fill(entries));
            bencher.iter(|| operation(filled));
        });
    }
}

/// An operation that uses up one entry: all are used, from the first to the last, and `refill`,
/// which is not timed, brings as many new ones.
fn draining<T, R>(
    group: &mut Group,
    name: &str,
    new: impl Fn() -> T,
    refill: impl Fn(&mut T, u32),
    operation: impl Fn(&mut T, u32) -> R,
) {
    for entries in ENTRIES {
        let mut filled = None;
        let mut used = entries;
        group.bench_function(BenchmarkId::new(name, entries), |bencher| {
            let filled = filled.get_or_insert_with(&new);
            bencher.iter_custom(|mut operations| {
                let mut elapsed = Duration::ZERO;
                while operations > 0 {
                    if used == entries {
                        refill(filled, entries);
                        used = 0;
                    }
                    let stretch = operations.min(u64::from(entries - used));
                    let until = used + stretch as u32;
                    let begin = Instant::now();
                    for entry in used..until {
                        black_box(operation(filled, entry));
                    }
                    elapsed += begin.elapsed();
                    used = until;
                    operations -= stretch;
                }
                elapsed
            });
        });
    }
}

/// Numbers without an order: Weyl's sequence, multiplied by Knuth's constant.
#[derive(Default)]
struct Any(u32);

impl Any {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        let mixed = self.0.wrapping_mul(2_654_435_761);
        (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519)
    }

    fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(end)) >> 32) as u32
    }
}

/// Entries: the steps that are ready.
fn ready(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ready");
    steady(
        &mut group,
        "pop of a range",
        |entries| (ReadyQueue::from(0..entries), entries),
        |(ready, entries)| {
            let step = ready.pop();
            if step.is_none() {
                *ready = ReadyQueue::from(0..*entries);
            }
            step
        },
    );
    steady(
        &mut group,
        "push and pop",
        |entries| {
            let mut ready = ReadyQueue::default();
            (0..entries).for_each(|step| ready.push(step));
            ready
        },
        |ready| {
            ready.push(black_box(7));
            ready.pop()
        },
    );
}

/// Entries: those who wait. Leaving anywhere means looking at places long out of the cache.
fn line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    steady(
        &mut group,
        "join and pop",
        |entries| {
            let mut line = Line::default();
            for who in 0..entries {
                line.join(who);
            }
            line
        },
        |line| {
            line.join(black_box(7));
            line.pop()
        },
    );
    steady(
        &mut group,
        "leave anywhere and join",
        |entries| {
            let mut line = Line::default();
            let tickets: Vec<_> = (0..entries).map(|who| line.join(who)).collect();
            (line, tickets, Any::default())
        },
        |(line, tickets, any)| {
            let at = any.below(tickets.len() as u32) as usize;
            assert!(line.leave(tickets[at]));
            tickets[at] = line.join(7);
        },
    );
}

/// Entries: the steps of the graph.
fn graph(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("graph");
    let empty = || (Graph::new(&[]).unwrap(), Any::default());
    let settle = |(graph, _): &mut (Graph, Any), step| {
        graph.settle(step, |ready| _ = black_box(ready));
    };
    draining(
        &mut group,
        "settle in a chain",
        empty,
        |(graph, _), entries| *graph = chain(entries),
        settle,
    );
    // Another graph each time: one of a thousand steps is soon known to the branch predictor.
    draining(
        &mut group,
        "settle with two dependents",
        empty,
        |(graph, any), entries| {
            // Of a few before it: of any, the first steps would have more dependents than the last.
            let mut near = |step: u32| step - 1 - any.below(step.min(64));
            let mut before = |step: u32| (0..2.min(step)).map(|_| near(step)).collect();
            let dependencies: Vec<_> = (0..entries).map(&mut before).collect();
            *graph = Graph::new(&dependencies).unwrap();
        },
        settle,
    );
}

/// Each step waits for the one before it.
fn chain(steps: u32) -> Graph {
    let before = |step: u32| step.checked_sub(1).into_iter().collect();
    let dependencies: Vec<_> = (0..steps).map(before).collect();
    Graph::new(&dependencies).unwrap()
}

/// A scheduler at work: its lanes, the running step, and the time.
struct Work {
    scheduler: Scheduler,
    lanes: Vec<LaneId>,
    slot: Option<SlotId>,
    now_ns: u64,
}

impl Work {
    fn new(limit: u32) -> Self {
        let mut work = Self {
            scheduler: Scheduler::new(limit),
            lanes: Vec::new(),
            slot: None,
            // Not 0, of which the allocator has pages that are made when they are first touched.
            now_ns: 1,
        };
        // The histograms grow here, as they do in the first minute of any real run.
        let lane = work.open(LaneSpec::new(1));
        work.now_ns += MINUTE;
        let slot = work.start(lane);
        work.now_ns += MINUTE;
        work.settle(slot);
        work.close(lane);
        work
    }

    fn open(&mut self, spec: LaneSpec) -> LaneId {
        self.scheduler.open(spec, self.now_ns).unwrap()
    }

    fn start(&mut self, lane: LaneId) -> SlotId {
        match self.scheduler.next(lane, self.now_ns) {
            Next::Start { slot, .. } => slot,
            other => panic!("{other:?}"),
        }
    }

    fn stand_in_line(&mut self, lane: LaneId) {
        assert_eq!(self.scheduler.next(lane, self.now_ns), Next::Wait);
    }

    fn settle(&mut self, slot: SlotId) {
        self.scheduler.settle(slot, Outcome::Succeeded, self.now_ns);
    }

    fn close(&mut self, lane: LaneId) {
        self.scheduler.close(lane, Cause::Ended, self.now_ns);
    }

    /// Close every lane and open these.
    fn reopen(&mut self, specs: impl IntoIterator<Item = LaneSpec>) {
        for lane in std::mem::take(&mut self.lanes) {
            self.close(lane);
        }
        self.slot = None;
        self.lanes = specs.into_iter().map(|spec| self.open(spec)).collect();
    }

    /// One step of the only lane.
    fn step(&mut self) {
        self.now_ns += 50;
        let slot = self.start(self.lanes[0]);
        self.now_ns += 250;
        self.settle(slot);
    }
}

/// Entries: the steps of the lane, or both lanes.
fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    draining(
        &mut group,
        "start and settle",
        || Work::new(10),
        |work, entries| work.reopen([LaneSpec::new(entries)]),
        |work, _| work.step(),
    );
    draining(
        &mut group,
        "settle and start the next",
        || Work::new(10),
        |work, entries| {
            // One more: the step that runs when the first operation begins.
            work.reopen([LaneSpec::new(entries + 1)]);
            work.slot = Some(work.start(work.lanes[0]));
        },
        |work, _| {
            work.now_ns += 300;
            let slot = work.slot.unwrap();
            let settled = work
                .scheduler
                .settle_and_next(slot, Outcome::Succeeded, work.now_ns);
            let (None, Next::Start { slot, .. }) = settled else {
                panic!("{settled:?}")
            };
            work.slot = Some(slot);
        },
    );
    draining(
        &mut group,
        "start and settle under a graph",
        || Work::new(10),
        |work, entries| {
            work.reopen([LaneSpec {
                graph: Some(chain(entries)),
                ..LaneSpec::new(entries)
            }]);
        },
        |work, _| work.step(),
    );
    draining(
        &mut group,
        "two lanes take turns",
        || Work::new(1),
        |work, entries| {
            // One more: the step that runs when the first operation begins.
            work.reopen([entries / 2 + 1, entries / 2].map(LaneSpec::new));
            work.slot = Some(work.start(work.lanes[0]));
        },
        |work, entry| {
            let other = work.lanes[(entry as usize + 1) % 2];
            work.now_ns += 300;
            work.stand_in_line(other);
            work.settle(work.slot.unwrap());
            assert_eq!(work.scheduler.take_wakes(), [other]);
            work.slot = Some(work.start(other));
        },
    );
    lanes(&mut group);
}

/// Entries: the other lanes.
fn lanes(group: &mut Group) {
    steady(
        group,
        "a lane a step beside running lanes",
        |entries| {
            let mut work = Work::new(entries + 1);
            work.reopen((0..entries).map(|_| LaneSpec::new(1)));
            for lane in work.lanes.clone() {
                work.start(lane);
            }
            work
        },
        |work| {
            let lane = work.open(LaneSpec::new(1));
            let slot = work.start(lane);
            work.now_ns += 300;
            work.settle(slot);
            work.close(lane);
        },
    );
    // Each has its turn long after it was last in the cache.
    steady(
        group,
        "a lane a step behind waiting lanes",
        |entries| {
            let mut work = Work::new(1);
            work.reopen((0..=entries).map(|_| LaneSpec::new(1)));
            work.slot = Some(work.start(work.lanes[0]));
            for lane in work.lanes.split_off(1) {
                work.stand_in_line(lane);
            }
            work
        },
        |work| {
            let last = work.open(LaneSpec::new(1));
            work.stand_in_line(last);
            work.now_ns += 300;
            work.settle(work.slot.unwrap());
            work.close(work.lanes[0]);
            work.lanes[0] = work.scheduler.take_wakes()[0];
            work.slot = Some(work.start(work.lanes[0]));
        },
    );
}

/// Entries: the armed deadlines.
fn deadlines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deadlines");
    // Worker n's is n, and worker `entries` has none.
    let in_order = |entries| {
        let mut deadlines = Deadlines::default();
        (0..entries).for_each(|worker| _ = deadlines.arm(worker, worker.into()));
        (deadlines, entries)
    };
    steady(
        &mut group,
        "a short step beside long ones",
        in_order,
        |(deadlines, entries)| {
            deadlines.arm(*entries, MINUTE);
            deadlines.disarm(*entries);
        },
    );
    // The step that started first ends first, just in time: the dearest case, where a look follows
    // each step's end. It moves one alarm, O(log n).
    steady(
        &mut group,
        "just in time",
        |entries| (in_order(entries), 0_u64, 0_u64),
        |((deadlines, entries), step, look_ns)| {
            let worker = (*step % u64::from(*entries)) as u32;
            deadlines.disarm(worker);
            deadlines.arm(worker, *step + u64::from(*entries));
            if *look_ns <= *step {
                *look_ns = deadlines.take_overdue(*step, usize::MAX).1.unwrap();
            }
            *step += 1;
        },
    );
    steady(
        &mut group,
        "in any order",
        |entries| (in_order(entries), Any::default()),
        |((deadlines, entries), any)| {
            deadlines.arm(any.below(*entries), any.next().into());
        },
    );
    // Each look moves one alarm, O(log n).
    steady(
        &mut group,
        "all overdue",
        |entries| (in_order(entries), 0_u64),
        |((deadlines, entries), now_ns)| {
            let (overdue, _) = deadlines.take_overdue(*now_ns, usize::MAX);
            deadlines.arm(overdue[0], *now_ns + u64::from(*entries));
            *now_ns += 1;
        },
    );
}

/// Entries: the recorded durations.
fn statistics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("statistics");
    let recorded = |entries| {
        let mut statistics = Statistics::default();
        let mut any = Any::default();
        statistics.started(MINUTE, 0);
        (1..entries).for_each(|_| statistics.started(any.next().into(), 0));
        (statistics, any)
    };
    steady(&mut group, "record", recorded, |(statistics, any)| {
        statistics.started(any.next().into(), 0);
    });
    steady(&mut group, "snapshot", recorded, |(statistics, _)| {
        statistics.snapshot()
    });
}

/// Entries: the outcomes that are known.
fn join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("join");
    steady(
        &mut group,
        "outcome",
        |entries| {
            let mut join = Join::new(Some(u32::MAX), Some(1));
            (0..entries).for_each(|_| _ = join.succeeded());
            join
        },
        |join| black_box(join).succeeded(),
    );
}

criterion_group! {
    name = core;
    // Less than three minutes for all.
    config = Criterion::default()
        .without_plots()
        .sample_size(20)
        .nresamples(5_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(800));
    targets = ready, line, graph, ledger, deadlines, statistics, join
}
criterion_main!(core);

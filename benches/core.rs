//! What one step costs in the core: `cargo bench -p hocket-bench`, with a word behind `--` to choose.
//!
//! Every figure is nanoseconds for one step, or one entry; each line names the noun whose file it
//! measures. A bench of its own few lines: a framework would triple the build of the tests.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hocket_core::{
    Cause, Deadlines, Graph, Join, LaneId, LaneSpec, Line, Next, Outcome, ReadyQueue, Scheduler,
    SlotId, Statistics,
};

/// Few enough to stay in the cache, enough to make the clock disappear.
const BATCH: u32 = 10_000;
const SAMPLES: usize = 200;

/// `run` does a number of steps and says how long they took, its set-up left out.
fn per_step(name: &str, mut run: impl FnMut(u32) -> Duration) {
    if std::env::args()
        .skip(1)
        .any(|word| !word.starts_with("--") && !name.contains(&word))
    {
        return;
    }
    run(BATCH);
    let mut sample = || run(BATCH).as_secs_f64() * 1e9 / f64::from(BATCH);
    let mut ns: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
    ns.sort_by(f64::total_cmp);
    let [median, low, high] = [SAMPLES / 2, SAMPLES / 20, SAMPLES - SAMPLES / 20].map(|at| ns[at]);
    println!("{name:44} {median:8.1} ns   ({low:.1} to {high:.1})");
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn ready() {
    per_step("ready/range", |steps| {
        let mut ready = ReadyQueue::from(0..steps);
        timed(|| while black_box(ready.pop()).is_some() {})
    });
    per_step("ready/push and pop", |steps| {
        let mut ready = ReadyQueue::default();
        timed(|| {
            for step in 0..steps {
                ready.push(black_box(step));
                if step % 2 == 1 {
                    black_box((ready.pop(), ready.pop()));
                }
            }
        })
    });
}

fn line() {
    per_step("line/join and pop behind 1000", |steps| {
        let mut line = Line::default();
        for who in 0..1_000 {
            line.join(who);
        }
        timed(|| {
            for who in 0..steps {
                line.join(who);
                black_box(line.pop());
            }
        })
    });
}

fn started(scheduler: &mut Scheduler, lane: LaneId, now_ns: u64) -> SlotId {
    match scheduler.next(lane, now_ns) {
        Next::Start { slot, .. } => slot,
        other => panic!("{other:?}"),
    }
}

fn ledger() {
    per_step("ledger/start and settle", |steps| {
        let mut scheduler = Scheduler::new(10);
        let lane = scheduler.open(LaneSpec::new(steps), 0).unwrap();
        timed(|| {
            for step in 0..steps {
                let now_ns = u64::from(step) * 300;
                let slot = started(&mut scheduler, lane, now_ns);
                black_box(scheduler.settle(slot, Outcome::Completed, now_ns + 250));
            }
        })
    });
    per_step("ledger/start and settle under a graph", |steps| {
        let chain = |step: u32| step.checked_sub(1).into_iter().collect();
        let graph = Graph::new(&(0..steps).map(chain).collect::<Vec<Vec<u32>>>()).unwrap();
        let mut scheduler = Scheduler::new(10);
        let spec = LaneSpec {
            graph: Some(graph),
            ..LaneSpec::new(steps)
        };
        let lane = scheduler.open(spec, 0).unwrap();
        timed(|| {
            for step in 0..steps {
                let slot = started(&mut scheduler, lane, u64::from(step));
                black_box(scheduler.settle(slot, Outcome::Completed, u64::from(step)));
            }
        })
    });
    per_step("ledger/two lanes take turns", |steps| {
        let mut scheduler = Scheduler::new(1);
        let lanes = [(); 2].map(|()| scheduler.open(LaneSpec::new(steps), 0).unwrap());
        let mut slot = started(&mut scheduler, lanes[0], 0);
        scheduler.next(lanes[1], 0);
        timed(|| {
            for step in 1..steps as usize {
                scheduler.next(lanes[(step + 1) % 2], 0);
                scheduler.settle(slot, Outcome::Completed, 0);
                black_box(scheduler.take_wakes());
                slot = started(&mut scheduler, lanes[step % 2], 0);
            }
        })
    });
    per_step("ledger/a lane for every step", |steps| {
        let mut scheduler = Scheduler::new(10);
        timed(|| {
            for _ in 0..steps {
                let lane = scheduler.open(LaneSpec::new(1), 0).unwrap();
                let slot = started(&mut scheduler, lane, 0);
                scheduler.settle(slot, Outcome::Completed, 0);
                scheduler.close(lane, Cause::Ended, 0);
            }
        })
    });
}

fn deadlines() {
    per_step("deadlines/one limit for all of 1000", |steps| {
        let mut deadlines = Deadlines::default();
        (0..1_000).for_each(|worker| deadlines.arm(worker, worker.into()));
        timed(|| {
            for step in 0..steps {
                let worker = step % 1_000;
                deadlines.disarm(worker);
                deadlines.arm(worker, 1_000 + u64::from(step));
                black_box(deadlines.earliest());
            }
        })
    });
    per_step("deadlines/1000 in any order", |steps| {
        let mut deadlines = Deadlines::default();
        let any = |n: u32| u64::from(n.wrapping_mul(2_654_435_761));
        (0..1_000).for_each(|worker| deadlines.arm(worker, any(worker)));
        timed(|| {
            for step in 0..steps {
                deadlines.arm(step % 1_000, any(step));
                black_box(deadlines.earliest());
            }
        })
    });
}

fn statistics() {
    per_step("statistics/one record", |steps| {
        let mut statistics = Statistics::default();
        // So that the histogram has grown, as it has after the first second of any real run.
        statistics.waited(60_000_000_000);
        timed(|| {
            for step in 0..steps {
                statistics.waited(black_box(u64::from(step.wrapping_mul(2_654_435_761))));
            }
            black_box(&statistics);
        })
    });
    per_step("statistics/snapshot", |steps| {
        let mut statistics = Statistics::default();
        (0..BATCH).for_each(|ns| statistics.waited(u64::from(ns) * 1_000_000));
        timed(|| {
            (0..steps).for_each(|_| {
                black_box(statistics.snapshot());
            })
        })
    });
}

fn join() {
    per_step("join/one outcome", |steps| {
        let mut join = Join::new(Some(steps), Some(1));
        timed(|| {
            for _ in 0..steps {
                black_box(join.succeeded());
            }
        })
    });
}

fn main() {
    ready();
    line();
    ledger();
    deadlines();
    statistics();
    join();
}

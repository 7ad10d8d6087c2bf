//! What one step costs in the core. `cargo bench -p hocket-core`; the name of a group is the noun
//! whose file it measures. Every figure is for one step, or one entry.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use hocket_core::{
    Cause, Deadlines, Graph, Join, LaneSpec, Line, Next, Outcome, ReadyQueue, Scheduler, SlotId,
    Statistics,
};

/// Few enough to stay in the cache, enough to make the set-up disappear.
const BATCH: u32 = 10_000;

/// Time `steps` steps at once, so that neither clock reads nor set-up are in the figure.
fn per_step(c: &mut Criterion, name: &str, mut run: impl FnMut(u32) -> Duration) {
    c.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let mut left = iterations;
            let mut total = Duration::ZERO;
            while left > 0 {
                let steps = left.min(BATCH.into()) as u32;
                total += run(steps);
                left -= u64::from(steps);
            }
            total
        });
    });
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn ready(c: &mut Criterion) {
    per_step(c, "ready/range", |steps| {
        let mut ready = ReadyQueue::from(0..steps);
        timed(|| while black_box(ready.pop()).is_some() {})
    });
    per_step(c, "ready/push and pop", |steps| {
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

fn line(c: &mut Criterion) {
    per_step(c, "line/join and pop behind 1000", |steps| {
        let mut line = Line::default();
        (0..1_000).for_each(|who| drop(line.join(who)));
        timed(|| {
            for who in 0..steps {
                line.join(who);
                black_box(line.pop());
            }
        })
    });
}

fn started(scheduler: &mut Scheduler, lane: hocket_core::LaneId, now_ns: u64) -> SlotId {
    match scheduler.next(lane, now_ns) {
        Next::Start { slot, .. } => slot,
        other => panic!("{other:?}"),
    }
}

fn ledger(c: &mut Criterion) {
    per_step(c, "ledger/start and settle", |steps| {
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
    per_step(c, "ledger/start and settle under a graph", |steps| {
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
    per_step(c, "ledger/two lanes take turns", |steps| {
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
    per_step(c, "ledger/a lane for every step", |steps| {
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

fn deadlines(c: &mut Criterion) {
    per_step(c, "deadlines/one limit for all of 1000", |steps| {
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
    per_step(c, "deadlines/1000 in any order", |steps| {
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

fn statistics(c: &mut Criterion) {
    per_step(c, "statistics/one record", |steps| {
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
    c.bench_function("statistics/snapshot", |b| {
        let mut statistics = Statistics::default();
        (0..BATCH).for_each(|ns| statistics.waited(u64::from(ns) * 1_000_000));
        b.iter(|| black_box(statistics.snapshot()));
    });
}

fn join(c: &mut Criterion) {
    per_step(c, "join/one outcome", |steps| {
        let mut join = Join::new(Some(steps), Some(1));
        timed(|| {
            for _ in 0..steps {
                black_box(join.succeeded());
            }
        })
    });
}

criterion_group! {
    name = core;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = ready, line, ledger, deadlines, statistics, join
}
criterion_main!(core);

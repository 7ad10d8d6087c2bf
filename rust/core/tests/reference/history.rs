//! What has happened to steps, as a plain list, and what that comes to: in all, for one lane, or in
//! the last seconds.

use hocket_core::{Outcome, Percentiles, Snapshot, Span, Tally};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

pub const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub enum Event {
    Submitted(u64),
    Started {
        wait_ns: u64,
    },
    Ended(Outcome, u64),
    /// An attempt failed after so long, and is not the last.
    Retried(u64),
    Skipped(u64),
    /// An attempt failed and was the last for want of a budget.
    Refused,
}

#[derive(Debug)]
struct Record {
    lane: usize,
    /// When the second began that it is counted in.
    slice_ns: u64,
    event: Event,
}

#[derive(Debug, Default)]
pub struct History {
    records: Vec<Record>,
    slice_ns: Option<u64>,
}

/// What some events come to.
#[derive(Debug, Default)]
pub struct Sum {
    pub tally: Tally,
    waits_ns: Vec<u64>,
    runs_ns: Vec<u64>,
}

impl History {
    pub fn note(&mut self, lane: usize, event: Event, now_ns: u64) {
        // A slice is a second, from its first event on.
        let current = self.slice_ns.filter(|&began| now_ns < began + SECOND);
        let slice_ns = current.unwrap_or(now_ns);
        self.slice_ns = Some(slice_ns);
        self.records.push(Record {
            lane,
            slice_ns,
            event,
        });
    }

    pub fn all(&self) -> Sum {
        self.sum(|_| true)
    }

    pub fn lane(&self, lane: usize) -> Sum {
        self.sum(|record| record.lane == lane)
    }

    pub fn window(&self, window_ns: u64, now_ns: u64) -> Sum {
        let from_ns = now_ns.saturating_sub(window_ns);
        self.sum(|record| record.slice_ns + SECOND > from_ns)
    }

    fn sum(&self, counts: impl Fn(&Record) -> bool) -> Sum {
        let mut sum = Sum::default();
        for record in self.records.iter().filter(|record| counts(record)) {
            sum.add(record.event);
        }
        sum.tally.wait = span(&mut sum.waits_ns);
        sum.tally.run = span(&mut sum.runs_ns);
        sum
    }
}

impl Sum {
    fn add(&mut self, event: Event) {
        let tally = &mut self.tally;
        match event {
            Event::Submitted(steps) => tally.submitted += steps,
            Event::Refused => tally.refused += 1,
            Event::Skipped(steps) => tally.skipped += steps,
            Event::Started { wait_ns } => self.waits_ns.push(wait_ns),
            Event::Retried(run_ns) => {
                tally.retried += 1;
                self.runs_ns.push(run_ns);
            }
            Event::Ended(Outcome::Cancelled, _) => tally.cancelled += 1,
            Event::Ended(outcome, run_ns) => {
                self.runs_ns.push(run_ns);
                match outcome {
                    Outcome::Succeeded => tally.completed += 1,
                    Outcome::Failed => tally.failed += 1,
                    _ => tally.timed_out += 1,
                }
            }
        }
    }

    /// Counts and sums are the same, and percentiles within one percent.
    pub fn agrees(&self, real: Snapshot) -> TestCaseResult {
        prop_assert_eq!(real.tally, self.tally);
        close_to(real.wait, &self.waits_ns)?;
        close_to(real.run, &self.runs_ns)
    }
}

fn span(times_ns: &mut [u64]) -> Span {
    times_ns.sort_unstable();
    Span {
        count: times_ns.len() as u64,
        total_ns: times_ns.iter().map(|&ns| u128::from(ns)).sum(),
        longest_ns: times_ns.last().copied().unwrap_or(0),
    }
}

fn close_to(real: Percentiles, sorted: &[u64]) -> TestCaseResult {
    for (percent, ns) in [(50, real.p50_ns), (90, real.p90_ns), (99, real.p99_ns)] {
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        let exact = sorted.get(rank - 1).copied().unwrap_or(0);
        let off = ns.abs_diff(exact);
        prop_assert!(off <= exact / 100, "p{}: {} for {}", percent, ns, exact);
    }
    Ok(())
}

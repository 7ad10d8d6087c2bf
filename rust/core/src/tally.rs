//! The exact figures: what became of steps, and how long they waited and ran.

use crate::outcome::Outcome;

/// How long something took that was done many times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Span {
    pub count: u64,
    // 2^64 ns is only 584 years of waiting, which a million waiting steps reach in five hours.
    pub total_ns: u128,
    pub longest_ns: u64,
}

impl Span {
    #[inline(always)]
    fn record(&mut self, ns: u64) {
        self.count += 1;
        self.total_ns += u128::from(ns);
        self.longest_ns = self.longest_ns.max(ns);
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.total_ns += other.total_ns;
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }
}

/// What became of steps: a lane's, or those of a time. The running times are those of
/// `completed + failed + timed_out + retried`, the waiting times those of all that started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tally {
    pub submitted: u64,
    pub completed: u64,
    pub failed: u64,
    /// Started, and stopped by their own time limit or their lane's.
    pub timed_out: u64,
    /// Started, and cancelled.
    pub cancelled: u64,
    /// Never started.
    pub skipped: u64,
    /// Attempts that failed and were followed by another one, or are to be.
    pub retried: u64,
    /// Attempts that failed and were the last only because the budget for others was used up.
    pub refused: u64,
    pub wait: Span,
    pub run: Span,
}

impl Tally {
    /// A step started after waiting this long.
    #[inline]
    pub fn started(&mut self, wait_ns: u64) {
        self.wait.record(wait_ns);
    }

    /// A step ended after running this long; cancelled ones have no running time.
    #[inline(always)]
    pub fn ended(&mut self, outcome: Outcome, run_ns: u64) {
        match outcome {
            Outcome::Succeeded => self.completed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::Cancelled => {
                self.cancelled += 1;
                return;
            }
        }
        self.run.record(run_ns);
    }

    /// An attempt failed after running this long, and is not the last.
    pub fn retried(&mut self, run_ns: u64) {
        self.retried += 1;
        self.run.record(run_ns);
    }

    /// Take in another one's figures.
    pub fn add(&mut self, other: &Self) {
        self.submitted += other.submitted;
        self.completed += other.completed;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.skipped += other.skipped;
        self.retried += other.retried;
        self.refused += other.refused;
        self.wait.add(&other.wait);
        self.run.add(&other.run);
    }
}

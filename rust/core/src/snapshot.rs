//! The statistics at one moment, to hand out.

use crate::tally::Tally;

/// Of durations; within 1 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Percentiles {
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
}

/// The statistics at one moment.
///
/// Of all figures since the beginning, `submitted` is the sum of `completed`, `failed`, `timed_out`,
/// `cancelled` and `skipped`, of the steps that run, and of those that have not started in lanes
/// that are open. So nothing was lost. (A step that was stopped from outside is in none of them
/// until its lane is closed.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts and sums: exact.
    pub tally: Tally,
    /// Of the times that steps have waited.
    pub wait: Percentiles,
    /// Of the times that steps have run.
    pub run: Percentiles,
}

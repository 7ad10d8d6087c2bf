//! The statistics at one moment, to hand out.

/// A summary of durations. Percentiles are within 1 %, the rest is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Distribution {
    pub count: u64,
    pub total_ns: u128,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

/// The statistics at one moment. While the sum of the six counts below `submitted` and of what
/// is queued, reserved or running equals `submitted`, nothing was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub submitted: u64,
    pub completed: u64,
    pub failed: u64,
    /// Started, and stopped by their own time limit or their lane's.
    pub timed_out: u64,
    /// Started, and cancelled.
    pub cancelled: u64,
    /// Never started.
    pub skipped: u64,
    pub wait: Distribution,
    pub run: Distribution,
}

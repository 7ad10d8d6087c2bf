//! Counts, and how long steps waited and ran.

use hdrhistogram::Histogram;

/// Two significant digits: a percentile is off by at most 1 %, and a histogram that spans a
/// nanosecond to a day stays within 40 KiB, small enough not to push the caller's data out of
/// the cache.
const SIGNIFICANT_DIGITS: u8 = 2;

#[derive(Debug)]
struct Recorder {
    histogram: Histogram<u64>,
    // The histogram rounds; sums are exact. u128, because 2^64 ns is only 584 years of waiting,
    // which a million waiting steps reach in five hours.
    total_ns: u128,
    longest_ns: u64,
}

impl Recorder {
    fn new() -> Self {
        let histogram = Histogram::new(SIGNIFICANT_DIGITS).expect("the digits are in range");
        Self {
            histogram,
            total_ns: 0,
            longest_ns: 0,
        }
    }

    fn record(&mut self, value_ns: u64) {
        self.total_ns += u128::from(value_ns);
        self.longest_ns = self.longest_ns.max(value_ns);
        self.histogram
            .record(value_ns)
            .expect("an auto-resizing histogram takes every value");
    }

    fn distribution(&self) -> Distribution {
        // The histogram answers with the upper end of a bucket, which may lie above every value.
        let at = |quantile| {
            self.histogram
                .value_at_quantile(quantile)
                .min(self.longest_ns)
        };
        Distribution {
            count: self.histogram.len(),
            total_ns: self.total_ns,
            p50_ns: at(0.50),
            p90_ns: at(0.90),
            p99_ns: at(0.99),
            max_ns: self.longest_ns,
        }
    }
}

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
    pub timed_out: u64,
    /// Started and cancelled.
    pub cancelled: u64,
    /// Never started.
    pub skipped: u64,
    pub wait: Distribution,
    pub run: Distribution,
}

/// Counts and two histograms.
#[derive(Debug)]
pub struct Statistics {
    pub(crate) submitted: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
    pub(crate) skipped: u64,
    wait: Recorder,
    run: Recorder,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            submitted: 0,
            completed: 0,
            failed: 0,
            timed_out: 0,
            cancelled: 0,
            skipped: 0,
            wait: Recorder::new(),
            run: Recorder::new(),
        }
    }
}

impl Statistics {
    /// A step started after waiting this long.
    pub fn waited(&mut self, wait_ns: u64) {
        self.wait.record(wait_ns);
    }

    /// A step ended of itself, or by its time limit or its lane's, after running this long.
    pub fn ran(&mut self, run_ns: u64) {
        self.run.record(run_ns);
    }

    /// All figures, now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            submitted: self.submitted,
            completed: self.completed,
            failed: self.failed,
            timed_out: self.timed_out,
            cancelled: self.cancelled,
            skipped: self.skipped,
            wait: self.wait.distribution(),
            run: self.run.distribution(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_one_percent_and_totals_exact() {
        let mut statistics = Statistics::default();
        for ns in 1..=100_000_u64 {
            statistics.waited(ns * 10);
        }
        let wait = statistics.snapshot().wait;
        assert_eq!(wait.count, 100_000);
        assert_eq!(wait.total_ns, 10 * (100_000 * 100_001 / 2));
        assert!(wait.p50_ns.abs_diff(500_000) <= 5_000, "{}", wait.p50_ns);
        assert!(wait.p99_ns.abs_diff(990_000) <= 9_900, "{}", wait.p99_ns);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Statistics::default().snapshot(), Snapshot::default());
    }
}

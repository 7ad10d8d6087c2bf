//! The figures of a time: the tally of its steps, and the histograms for the percentiles.

use hdrhistogram::Histogram;

use crate::outcome::Outcome;
use crate::slice::Slice;
use crate::snapshot::{Percentiles, Snapshot};
use crate::tally::Tally;

/// Two significant digits: a percentile is off by at most 1 %, and a histogram that spans a
/// nanosecond to a day stays within 40 KiB, small enough not to push the caller's data out of
/// the cache.
const SIGNIFICANT_DIGITS: u8 = 2;

#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub tally: Tally,
    waits: Histogram<u64>,
    runs: Histogram<u64>,
}

impl Default for Figures {
    fn default() -> Self {
        let new = || Histogram::new(SIGNIFICANT_DIGITS).expect("the digits are in range");
        Self {
            tally: Tally::default(),
            waits: new(),
            runs: new(),
        }
    }
}

impl Figures {
    /// A step started after waiting this long.
    #[inline]
    pub fn started(&mut self, wait_ns: u64) {
        self.tally.started(wait_ns);
        record(&mut self.waits, wait_ns, 1);
    }

    /// A step ended after running this long; cancelled ones have no running time.
    #[inline]
    pub fn ended(&mut self, outcome: Outcome, run_ns: u64) {
        self.tally.ended(outcome, run_ns);
        if outcome != Outcome::Cancelled {
            record(&mut self.runs, run_ns, 1);
        }
    }

    /// An attempt failed after running this long, and is not the last.
    pub fn retried(&mut self, run_ns: u64) {
        self.tally.retried(run_ns);
        record(&mut self.runs, run_ns, 1);
    }

    pub fn is_empty(&self) -> bool {
        self.tally == Tally::default()
    }

    pub fn clear(&mut self) {
        self.tally = Tally::default();
        self.waits.reset();
        self.runs.reset();
    }

    pub fn add(&mut self, other: &Self) {
        let add = |mine: &mut Histogram<u64>, others| {
            mine.add(others)
                .expect("an auto-resizing histogram takes every value")
        };
        self.tally.add(&other.tally);
        add(&mut self.waits, &other.waits);
        add(&mut self.runs, &other.runs);
    }

    pub fn add_slice(&mut self, slice: &Slice) {
        self.tally.add(&slice.tally);
        let add = |mine: &mut Histogram<u64>, values: &[(u64, u64)]| {
            values.iter().for_each(|&(ns, n)| record(mine, ns, n))
        };
        add(&mut self.waits, &slice.waits);
        add(&mut self.runs, &slice.runs);
    }

    /// The same in little space, to keep.
    pub fn to_slice(&self, began_ns: u64) -> Slice {
        let values = |histogram: &Histogram<u64>| {
            let recorded = histogram.iter_recorded();
            recorded
                .map(|at| (at.value_iterated_to(), at.count_at_value()))
                .collect()
        };
        Slice {
            began_ns,
            tally: self.tally,
            waits: values(&self.waits),
            runs: values(&self.runs),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            tally: self.tally,
            wait: percentiles(&self.waits, self.tally.wait.longest_ns),
            run: percentiles(&self.runs, self.tally.run.longest_ns),
        }
    }
}

#[inline]
fn record(histogram: &mut Histogram<u64>, ns: u64, count: u64) {
    histogram
        .record_n(ns, count)
        .expect("an auto-resizing histogram takes every value");
}

fn percentiles(histogram: &Histogram<u64>, longest_ns: u64) -> Percentiles {
    // The histogram answers with the upper end of a bucket, which may lie above every value.
    let at = |quantile| histogram.value_at_quantile(quantile).min(longest_ns);
    Percentiles {
        p50_ns: at(0.50),
        p90_ns: at(0.90),
        p99_ns: at(0.99),
    }
}

//! Counts, and how long steps waited and ran: since the beginning, and in the last seconds.
//!
//! What is recorded goes into the current slice, which is one second long. The first record after
//! its end puts it away: its figures are added to those of the past, and a copy that takes little
//! space is kept while a window may still reach it. So a record costs one comparison more than
//! without windows, and nothing has to look at a clock.

use std::collections::VecDeque;

use crate::figures::Figures;
use crate::outcome::Outcome;
use crate::slice::{SLICE_NS, Slice, reaches};
use crate::snapshot::Snapshot;

/// How far back a window reaches at most.
pub const LONGEST_WINDOW_NS: u64 = 600 * SLICE_NS;

/// The figures of a scheduler, by time.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Of the current slice.
    current: Figures,
    /// When the current slice began, and when it ends.
    began_ns: u64,
    ends_ns: u64,
    /// All that was before the current slice; made with the second slice.
    past: Option<Box<Figures>>,
    /// Ended slices that a window may reach, oldest first.
    slices: VecDeque<Slice>,
}

impl Statistics {
    /// So many steps were submitted.
    pub fn submitted(&mut self, steps: u64, now_ns: u64) {
        self.at(now_ns).tally.submitted += steps;
    }

    /// So many steps will never start.
    pub fn skipped(&mut self, steps: u64, now_ns: u64) {
        self.at(now_ns).tally.skipped += steps;
    }

    /// A step started after waiting this long.
    #[inline]
    pub fn started(&mut self, wait_ns: u64, now_ns: u64) {
        self.at(now_ns).started(wait_ns);
    }

    /// A step ended after running this long.
    #[inline]
    pub fn ended(&mut self, outcome: Outcome, run_ns: u64, now_ns: u64) {
        self.at(now_ns).ended(outcome, run_ns);
    }

    /// An attempt failed after running this long, and is not the last.
    pub fn retried(&mut self, run_ns: u64, now_ns: u64) {
        self.at(now_ns).retried(run_ns);
    }

    /// An attempt failed, and was the last only because the budget was used up.
    pub fn refused(&mut self, now_ns: u64) {
        self.at(now_ns).tally.refused += 1;
    }

    /// From now on the time is another clock's: what was can no longer be placed in time.
    pub fn change_clock(&mut self) {
        self.put_away();
        self.slices.clear();
        self.ends_ns = 0;
    }

    /// All figures, since the beginning.
    pub fn snapshot(&self) -> Snapshot {
        match &self.past {
            None => self.current.snapshot(),
            Some(past) => {
                let mut all = past.clone();
                all.add(&self.current);
                all.snapshot()
            }
        }
    }

    /// The figures of the last `window_ns`: of all slices that reach into it.
    pub fn window(&self, window_ns: u64, now_ns: u64) -> Snapshot {
        let from_ns = now_ns.saturating_sub(window_ns);
        let mut window = Figures::default();
        for slice in self.slices.iter() {
            if reaches(slice.began_ns, from_ns) {
                window.add_slice(slice);
            }
        }
        if reaches(self.began_ns, from_ns) {
            window.add(&self.current);
        }
        window.snapshot()
    }

    /// Where to record what happens now.
    #[inline]
    pub(crate) fn at(&mut self, now_ns: u64) -> &mut Figures {
        if now_ns >= self.ends_ns {
            self.begin_slice(now_ns);
        }
        &mut self.current
    }

    #[cold]
    fn begin_slice(&mut self, now_ns: u64) {
        self.put_away();
        let from_ns = now_ns.saturating_sub(LONGEST_WINDOW_NS);
        while (self.slices.front()).is_some_and(|oldest| !reaches(oldest.began_ns, from_ns)) {
            self.slices.pop_front();
        }
        self.began_ns = now_ns;
        self.ends_ns = now_ns.saturating_add(SLICE_NS);
    }

    fn put_away(&mut self) {
        if self.current.is_empty() {
            return;
        }
        self.slices.push_back(self.current.to_slice(self.began_ns));
        self.past.get_or_insert_default().add(&self.current);
        self.current.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_one_percent_and_totals_exact() {
        let mut statistics = Statistics::default();
        for ns in 1..=100_000_u64 {
            statistics.started(ns * 10, ns);
        }
        let Snapshot { tally, wait, .. } = statistics.snapshot();
        assert_eq!(tally.wait.count, 100_000);
        assert_eq!(tally.wait.total_ns, 10 * (100_000 * 100_001 / 2));
        assert!(wait.p50_ns.abs_diff(500_000) <= 5_000, "{}", wait.p50_ns);
        assert!(wait.p99_ns.abs_diff(990_000) <= 9_900, "{}", wait.p99_ns);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        assert_eq!(Statistics::default().snapshot(), Snapshot::default());
        assert_eq!(Statistics::default().window(5, 10), Snapshot::default());
    }

    #[test]
    fn within_its_first_second_nothing_is_kept_twice() {
        let mut statistics = Statistics::default();
        statistics.submitted(1, 7 * SLICE_NS - 1);
        statistics.started(5, 8 * SLICE_NS - 2);
        assert!(statistics.past.is_none());
        assert_eq!(statistics.slices.capacity(), 0);
    }

    #[test]
    fn no_more_slices_are_kept_than_a_window_reaches() {
        let mut statistics = Statistics::default();
        for second in 0..5_000 {
            statistics.submitted(1, second * SLICE_NS);
        }
        assert_eq!(statistics.slices.len() as u64, LONGEST_WINDOW_NS / SLICE_NS);
        assert_eq!(statistics.snapshot().tally.submitted, 5_000);
    }
}

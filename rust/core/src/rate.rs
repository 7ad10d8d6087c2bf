//! A rate: at most so many starts in any window of time, and evenly spread over it.
//!
//! Two rules hold together. The *log* of the last starts makes the promise exact: no window of
//! `per_ns`, wherever it begins, has more than `limit` of them. (A window is half open: a start just
//! `per_ns` after another one is in none with it.) The *pace* makes them even: of `burst` starts at
//! once the next one follows after `per_ns / limit`, as by the generic cell rate algorithm (GCRA).
//! The pace alone would let a burst and then a whole `limit` through in one window, the log alone the
//! whole `limit` at once and then nothing.
//!
//! A rate has no clock and no line. Who wants to start asks when the rate opens, and says how many
//! have been let through before him and have not started yet; what counts is the start itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most `limit` starts in any window of `per_ns`.
///
/// ```
/// let mut rate = hocket_core::Rate::new(2, 1_000, 1);
/// assert!(rate.start(0));
/// assert_eq!(rate.opens_ns(0), Some(500));
/// assert!(!rate.start(499));
/// assert!(rate.start(500));
/// ```
#[derive(Debug)]
pub struct Rate {
    limit: u32,
    per_ns: u64,
    burst: u32,
    /// When the next start would be due if all had kept the pace, in parts of 1 / `limit` ns, so
    /// that a start is late by less than a nanosecond.
    due: u128,
    /// The latest starts, as far as a window may reach them: `limit` at most, in the order of time.
    starts: VecDeque<u64>,
}

impl Rate {
    /// `limit` is at least 1, and `burst` from 1 to `limit`.
    pub fn new(limit: u32, per_ns: u64, burst: u32) -> Self {
        Self {
            limit,
            per_ns,
            burst,
            due: 0,
            starts: VecDeque::new(),
        }
    }

    /// The earliest time for a start, when so many others that were let through come first. None:
    /// only when one of those has started can it be told.
    pub fn opens_ns(&self, others: u32) -> Option<u64> {
        let others = others.checked_add(1)?;
        let ahead = u128::from(self.burst.checked_sub(others)?) * u128::from(self.per_ns);
        let even = self.due.saturating_sub(ahead);
        let even_ns = even.div_ceil(u128::from(self.limit));
        let even_ns = u64::try_from(even_ns).unwrap_or(u64::MAX);
        // The latest one that must be out of the window.
        let left = self.limit.checked_sub(others)? as usize;
        let before = self.starts.len().checked_sub(left + 1);
        let full_ns = before.map_or(0, |at| self.starts[at].saturating_add(self.per_ns));
        Some(even_ns.max(full_ns))
    }

    /// Whether one more may start now; if so it has.
    pub fn start(&mut self, now_ns: u64) -> bool {
        // Two looks at a clock may come in the other order.
        let now_ns = self.starts.back().map_or(now_ns, |&last| last.max(now_ns));
        if self.opens_ns(0).is_none_or(|opens_ns| opens_ns > now_ns) {
            return false;
        }
        let limit = self.limit as usize;
        let out = |&first: &u64| first.saturating_add(self.per_ns) <= now_ns;
        while self.starts.len() >= limit || self.starts.front().is_some_and(out) {
            self.starts.pop_front();
        }
        self.starts.push_back(now_ns);
        let now = u128::from(now_ns) * u128::from(self.limit);
        self.due = self.due.max(now) + u128::from(self.per_ns);
        true
    }

    /// From now on times are another clock's: what was can no longer be placed in time.
    pub fn forget(&mut self) {
        self.due = 0;
        self.starts.clear();
    }
}

/// A rate that lanes and schedulers share. Its lock is held for a look or a start, never longer.
#[derive(Clone, Debug)]
pub struct SharedRate(Arc<Mutex<Rate>>);

impl SharedRate {
    /// A rate to share.
    pub fn new(rate: Rate) -> Self {
        Self(Arc::new(Mutex::new(rate)))
    }

    /// The rate, to look at or to change.
    pub fn lock(&self) -> MutexGuard<'_, Rate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both are one.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

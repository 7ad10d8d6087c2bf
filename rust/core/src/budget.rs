//! A budget of retries: a part of the calls that there are, and no more.
//!
//! Each step that may be tried again earns a part of a retry with its first attempt, and each further
//! attempt spends one. So a server that fails for everybody gets so much more to do at most, and
//! not as many times more as steps may be tried. (As in Finagle's `RetryBudget`.)

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// In so many parts is a retry earned, so that sums are exact.
const WHOLE: u64 = 1_000_000;

/// What there is of retries.
#[derive(Debug)]
struct Budget {
    share: u64,
    most: u64,
    left: u64,
}

/// A budget that schedulers share.
///
/// ```
/// let budget = hocket_core::SharedBudget::new(0.5, 1);
/// assert!(budget.spend());
/// assert!(!budget.spend());
/// budget.earn();
/// budget.earn();
/// assert_eq!(budget.left(), 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct SharedBudget(Arc<Mutex<Budget>>);

impl SharedBudget {
    /// So much of a retry for each step, and so many saved up at most, which there are at first.
    pub fn new(share: f64, burst: u32) -> Self {
        let most = u64::from(burst) * WHOLE;
        Self(Arc::new(Mutex::new(Budget {
            share: (share * WHOLE as f64).round() as u64,
            most,
            left: most,
        })))
    }

    /// A step has started for the first time.
    pub fn earn(&self) {
        let mut budget = self.lock();
        budget.left = budget.most.min(budget.left.saturating_add(budget.share));
    }

    /// Take one retry; whether there was one.
    pub fn spend(&self) -> bool {
        let mut budget = self.lock();
        let left = budget.left.checked_sub(WHOLE);
        budget.left = left.unwrap_or(budget.left);
        left.is_some()
    }

    /// How many retries there are.
    pub fn left(&self) -> f64 {
        self.lock().left as f64 / WHOLE as f64
    }

    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

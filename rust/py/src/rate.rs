//! A rate, as pools and runs of several `trio.run`s may share it.

use std::sync::atomic::{AtomicU64, Ordering};

use hocket_core::{Rate as CoreRate, SharedRate};
use pyo3::prelude::*;

use crate::clock::Clock;

/// At most `limit` starts in any `per_ns`.
#[pyclass(frozen, module = "hocket._core")]
pub struct Rate {
    shared: SharedRate,
    /// Which clock its starts were counted by.
    era: AtomicU64,
}

#[pymethods]
impl Rate {
    #[new]
    fn new(limit: u32, per_ns: u64, burst: u32) -> Self {
        Self {
            shared: SharedRate::new(CoreRate::new(limit, per_ns, burst)),
            era: AtomicU64::new(Clock::Monotonic.era()),
        }
    }
}

impl Rate {
    /// The rate for steps that start by this clock. What was by another one, in a virtual time, can
    /// no longer be placed in time.
    pub fn by(&self, clock: &Clock) -> SharedRate {
        let era = clock.era();
        if self.era.swap(era, Ordering::Relaxed) != era {
            self.shared.lock().forget();
        }
        self.shared.clone()
    }
}

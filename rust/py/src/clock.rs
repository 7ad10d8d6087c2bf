//! The time of a run.

use std::sync::LazyLock;
use std::time::Instant;

use crate::faults::fault;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The processor's own counter, where it counts time and is the same on all cores; otherwise
/// another look at the clock. Half as dear as CLOCK_MONOTONIC, and not adjusted to it: what it
/// says is used for a millisecond at most. Made with the first step, which waits 0.6 ms for that.
static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);
const TRUSTED_NS: u64 = 1_000_000;

pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// A look at the clock, from which the counter goes on.
#[derive(Clone, Copy)]
pub struct Anchor {
    now_ns: u64,
    count: u64,
}

/// Where a run's times come from.
pub enum Clock {
    /// CLOCK_MONOTONIC, which is also what Trio's default clock counts.
    Monotonic,
    /// Any other Trio clock, `MockClock` above all, so that tests see exact virtual times.
    Trio(Py<PyAny>),
}

impl Clock {
    pub fn now_ns(&self, py: Python<'_>) -> PyResult<u64> {
        fault!(py, ReadClock);
        match self {
            Self::Monotonic => Ok(START.elapsed().as_nanos() as u64),
            Self::Trio(clock) => {
                let now = clock.bind(py).call_method0(intern!(py, "current_time"))?;
                Ok((now.extract::<f64>()? * 1e9).round() as u64)
            }
        }
    }

    /// The same for a driver, which looks after every step: `anchor` is its last proper look.
    pub fn soon_ns(&self, py: Python<'_>, anchor: &mut Option<Anchor>) -> PyResult<u64> {
        if self.is_foreign() {
            return self.now_ns(py);
        }
        let count = COUNTER.raw();
        // A machine that slept may count from zero again.
        if let Some(last) = anchor.filter(|last| last.count <= count) {
            let passed_ns = COUNTER.delta_as_nanos(last.count, count);
            if passed_ns < TRUSTED_NS {
                fault!(py, ReadClock);
                return Ok(last.now_ns + passed_ns);
            }
        }
        let now_ns = self.now_ns(py)?;
        *anchor = Some(Anchor { now_ns, count });
        Ok(now_ns)
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Monotonic => Self::Monotonic,
            Self::Trio(clock) => Self::Trio(clock.clone_ref(py)),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Monotonic => Ok(()),
            Self::Trio(clock) => visit.call(clock),
        }
    }

    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Trio(_))
    }
}

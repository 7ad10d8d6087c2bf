//! The time of a run.

use std::sync::LazyLock;
use std::time::Instant;

use crate::fault::fault;
use pyo3::intern;
use pyo3::prelude::*;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

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

    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Trio(_))
    }
}

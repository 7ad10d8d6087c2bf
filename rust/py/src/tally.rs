//! What steps have come to, as a value that Python can add up.

use hocket_core::{Percentiles, Span, Tally as Sum};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What the steps of a run have come to, or those of several: a value, not a view.
#[pyclass(frozen, module = "hocket._core", skip_from_py_object)]
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub sum: Sum,
    /// Steps that run.
    pub running: u64,
    /// Steps that are ready and have not started.
    pub ready: u64,
}

#[pymethods]
impl Tally {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// The two together.
    fn plus(&self, other: &Self) -> Self {
        let mut both = *self;
        both.sum.add(&other.sum);
        both.running += other.running;
        both.ready += other.ready;
        both
    }

    /// Counts, and (count, total, longest) of waiting and running in nanoseconds.
    fn figures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = counts(py, &self.sum)?;
        dict.set_item("running", self.running)?;
        dict.set_item("ready", self.ready)?;
        dict.set_item("wait", times(self.sum.wait))?;
        dict.set_item("run", times(self.sum.run))?;
        Ok(dict)
    }
}

/// The counts by name, to add figures to.
pub fn counts<'py>(py: Python<'py>, sum: &Sum) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("submitted", sum.submitted)?;
    dict.set_item("completed", sum.completed)?;
    dict.set_item("failed", sum.failed)?;
    dict.set_item("timed_out", sum.timed_out)?;
    dict.set_item("cancelled", sum.cancelled)?;
    dict.set_item("skipped", sum.skipped)?;
    dict.set_item("retried", sum.retried)?;
    dict.set_item("refused", sum.refused)?;
    Ok(dict)
}

fn times(span: Span) -> (u64, u128, u64) {
    (span.count, span.total_ns, span.longest_ns)
}

/// (count, total, p50, p90, p99, longest).
pub fn times_with_percentiles(span: Span, at: Percentiles) -> (u64, u128, u64, u64, u64, u64) {
    let Percentiles {
        p50_ns,
        p90_ns,
        p99_ns,
    } = at;
    (
        span.count,
        span.total_ns,
        p50_ns,
        p90_ns,
        p99_ns,
        span.longest_ns,
    )
}

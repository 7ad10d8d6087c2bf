//! A budget of retries, as several pools may share it.

use hocket_core::SharedBudget;
use pyo3::prelude::*;

/// What there is of retries: each step earns a `share` of one, and `burst` are saved up at most.
#[pyclass(frozen, module = "hocket._core")]
pub struct Budget {
    pub shared: SharedBudget,
}

#[pymethods]
impl Budget {
    #[new]
    fn new(share: f64, burst: u32) -> Self {
        Self {
            shared: SharedBudget::new(share, burst),
        }
    }

    #[getter]
    fn left(&self) -> f64 {
        self.shared.left()
    }
}

//! A regular expression of a condition: its search takes time in proportion to the text, whatever
//! the pattern is.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::Regex;

/// A regular expression, compiled once.
#[pyclass(frozen, module = "hocket._core")]
pub struct Pattern {
    regex: Regex,
}

#[pymethods]
impl Pattern {
    /// Raises ValueError for what is no pattern; its last line says why.
    #[new]
    fn new(pattern: &str) -> PyResult<Self> {
        let regex =
            Regex::new(pattern).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { regex })
    }

    /// Whether it is found anywhere in a text.
    fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

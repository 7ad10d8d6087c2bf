//! Places where tests strike the driver. Without the feature `faults` they are nothing.

/// Something may go wrong here: with the feature, tests have it go wrong.
#[cfg(not(feature = "faults"))]
macro_rules! fault {
    ($py:expr, $boundary:ident) => {};
}

#[cfg(feature = "faults")]
macro_rules! fault {
    ($py:expr, $boundary:ident) => {
        crate::faults::at($py, hocket_core::faults::Boundary::$boundary)?
    };
}

pub(crate) use fault;

#[cfg(feature = "faults")]
mod on {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use hocket_core::faults::{self, Boundary, Rule};
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;

    /// What armed faults do: call this, or, with None, panic.
    static ACTIONS: Mutex<Vec<Option<Py<PyAny>>>> = Mutex::new(Vec::new());

    fn actions() -> MutexGuard<'static, Vec<Option<Py<PyAny>>>> {
        ACTIONS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn at(py: Python<'_>, boundary: Boundary) -> PyResult<()> {
        let Some(id) = faults::pass(boundary) else {
            return Ok(());
        };
        let action = actions()[id].as_ref().map(|action| action.clone_ref(py));
        match action {
            Some(action) => action.call0(py).map(drop),
            None => faults::panic_at(boundary),
        }
    }

    fn named<T: Copy + std::fmt::Debug>(all: &[T], name: &str) -> PyResult<T> {
        let found = all.iter().find(|one| format!("{one:?}") == name);
        found
            .copied()
            .ok_or_else(|| PyValueError::new_err(format!("no such name: {name}")))
    }

    /// Have the nth passage of a boundary from now on call something, or panic.
    #[pyfunction]
    #[pyo3(signature = (boundary, nth, action))]
    pub fn arm_fault(boundary: &str, nth: u64, action: Option<Py<PyAny>>) -> PyResult<()> {
        let boundary = named(Boundary::ALL, boundary)?;
        let mut actions = actions();
        actions.push(action);
        faults::arm(boundary, nth, actions.len() - 1);
        Ok(())
    }

    /// Disarm all faults, and count passages from 0 again. Returns how many never struck.
    #[pyfunction]
    pub fn disarm_faults() -> usize {
        let left = faults::reset();
        let before = std::mem::take(&mut *actions());
        drop(before);
        left
    }

    /// How often each boundary was passed.
    #[pyfunction]
    pub fn passages() -> Vec<(String, u64)> {
        let count = |&boundary: &Boundary| (format!("{boundary:?}"), faults::passages(boundary));
        Boundary::ALL.iter().map(count).collect()
    }

    /// The rules that can be switched off.
    #[pyfunction]
    pub fn rules() -> Vec<String> {
        Rule::ALL.iter().map(|rule| format!("{rule:?}")).collect()
    }

    /// Switch a rule off, or on again.
    #[pyfunction]
    pub fn set_rule(rule: &str, holds: bool) -> PyResult<()> {
        faults::set(named(&Rule::ALL, rule)?, holds);
        Ok(())
    }
}

#[cfg(feature = "faults")]
pub use on::{arm_fault, at, disarm_faults, passages, rules, set_rule};

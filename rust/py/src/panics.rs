//! What a panic must not take with it: the locks, and an error that can be raised.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use crate::errors;

/// Lock what no panic can leave half done: under these locks single values are put in or taken out.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Do something; a panic becomes an InternalError.
pub fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(py, &*panic)))
}

/// The same for what has nobody to raise to: errors are reported.
pub fn quietly(py: Python<'_>, work: impl FnOnce() -> PyResult<()>) {
    if let Err(error) = guarded(py, work) {
        error.write_unraisable(py, None);
    }
}

pub fn panicked(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    errors::internal(
        py,
        &format!("the core panicked ({})", text.unwrap_or("no message")),
    )
}

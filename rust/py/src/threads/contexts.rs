//! The contexts of functions that run in one thread, one after the other.

use pyo3::prelude::*;

use crate::ffi;

/// Each function gets a copy of the thread's own context. One that was neither changed nor kept is as
/// good as new, and the next function gets it.
pub struct Contexts<'py> {
    base: Bound<'py, PyAny>,
    /// A copy that nobody ever enters: while it lives, its variables' address is no other's.
    pristine: Bound<'py, PyAny>,
    address: Option<ffi::Address>,
    spare: Option<Bound<'py, PyAny>>,
}

impl<'py> Contexts<'py> {
    pub fn of_thread(py: Python<'py>) -> PyResult<Self> {
        let base = ffi::current_context(py)?;
        let pristine = ffi::copy_context(&base)?;
        let address = ffi::variables(&pristine);
        Ok(Self {
            base,
            pristine,
            address,
            spare: None,
        })
    }

    pub fn take(&mut self) -> PyResult<Bound<'py, PyAny>> {
        match self.spare.take() {
            Some(spare) => Ok(spare),
            None => ffi::copy_context(&self.base),
        }
    }

    /// A function has ended in this context.
    pub fn put_back(&mut self, context: Bound<'py, PyAny>) {
        debug_assert!(!self.pristine.is(&context));
        let known = self.address.is_some() && ffi::variables(&context) == self.address;
        if known && !ffi::is_shared(&context) {
            self.spare = Some(context);
        }
    }
}

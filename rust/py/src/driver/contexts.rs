//! The contexts that a worker's steps run in.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::ffi;

/// Every step gets a copy of the run's own context. A copy that a step has neither changed nor kept
/// is as good as new, and the next step gets it: most steps never look at it, and copying and
/// freeing it costs a step that does nothing a tenth of its time.
#[derive(Default)]
pub struct Contexts {
    /// A copy that nobody ever enters: while it lives, its variables' address is no other's.
    pristine: Option<(Py<PyAny>, ffi::Address)>,
    spare: Option<Py<PyAny>>,
}

impl Contexts {
    /// A context for the next step.
    pub fn take<'py>(&mut self, base: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = base.py();
        if let Some(spare) = self.spare.take() {
            return Ok(spare.into_bound(py));
        }
        if self.pristine.is_none() {
            let pristine = ffi::copy_context(base)?;
            self.pristine = ffi::variables(&pristine).map(|address| (pristine.unbind(), address));
        }
        ffi::copy_context(base)
    }

    /// A step has ended in this context, without ever suspending in it.
    pub fn put_back(&mut self, context: Bound<'_, PyAny>) {
        let fresh = self.pristine.as_ref().map(|(_, address)| *address);
        if fresh.is_some() && ffi::variables(&context) == fresh && !ffi::is_shared(&context) {
            self.spare = Some(context.unbind());
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.spare)?;
        visit.call(self.pristine.as_ref().map(|(pristine, _)| pristine))
    }
}

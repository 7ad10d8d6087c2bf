//! The contexts that a worker's steps run in.

use std::mem;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::ffi;
use crate::trio;

/// Every step gets a copy of the run's own context. A copy that a step has neither changed nor kept
/// is as good as new, and the next step gets it: most steps never look at it, and copying and
/// freeing it costs a step that does nothing a tenth of its time.
#[derive(Default)]
pub struct Contexts {
    /// A copy that nobody ever enters: while it lives, its variables' address is no other's.
    pristine: Option<(Py<PyAny>, ffi::Address)>,
    spare: Option<Py<PyAny>>,
    /// Whether the spare one is still the task's, so that it need not be set.
    task_has_spare: bool,
}

impl Contexts {
    /// A context for the next step; the task has it from here on.
    pub fn take<'py>(
        &mut self,
        base: &Bound<'py, PyAny>,
        task: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = base.py();
        let is_set = mem::take(&mut self.task_has_spare);
        let context = match self.spare.take() {
            Some(spare) => spare.into_bound(py),
            None => self.fresh(base)?,
        };
        if !is_set {
            trio::task_context(py)?.set(task, &context)?;
        }
        Ok(context)
    }

    fn fresh<'py>(&mut self, base: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if self.pristine.is_none() {
            let pristine = ffi::copy_context(base)?;
            self.pristine = ffi::variables(&pristine).map(|address| (pristine.unbind(), address));
        }
        ffi::copy_context(base)
    }

    /// A step has ended in this context, without ever suspending in it.
    pub fn put_back(&mut self, context: Bound<'_, PyAny>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        // A step may have set another one.
        let is_set = trio::task_context(task.py())?.get(task)?.is(&context);
        let kept = ffi::references(&context) > 1 + isize::from(is_set);
        let fresh = self.pristine.as_ref().map(|(_, address)| *address);
        if !kept && fresh.is_some() && ffi::variables(&context) == fresh {
            self.spare = Some(context.unbind());
            self.task_has_spare = is_set;
        }
        Ok(())
    }

    /// The task was given another context.
    pub fn task_is_restored(&mut self) {
        self.task_has_spare = false;
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.spare)?;
        visit.call(self.pristine.as_ref().map(|(pristine, _)| pristine))
    }
}

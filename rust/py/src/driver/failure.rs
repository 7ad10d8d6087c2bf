//! A driver that fails while its step is about to wait in Trio's tables.

use pyo3::prelude::*;

use super::memory::Suspended;
use super::settle::End;
use super::turn::Turn;
use crate::errors;
use crate::exception::is_plainly_fatal;
use crate::panics::quietly;

impl<'py> Turn<'_, 'py> {
    /// The driver has failed while its step waits for Trio, which has it in its tables by now: to
    /// close it here would tear it out of them. Trio cancels it, and then the error goes on.
    pub fn fail_later(&mut self, error: PyErr) {
        let py = self.py;
        self.memory.failure = Some(error.into_value(py));
        let seat = self.memory.seat.as_ref();
        let scope = seat.and_then(|seat| seat.scope.as_ref());
        // A single step without a limit has no scope of ours: it ends by itself.
        if let Some(scope) = scope.filter(|_| self.run().crew().has_host()) {
            quietly(py, || self.worker().cancel(py, scope, "the run has failed"));
        }
    }

    /// A step has ended after the driver had failed: the error that goes on.
    pub fn late_failure(&mut self, held: Suspended, result: PyResult<Bound<'py, PyAny>>) -> PyErr {
        let py = self.py;
        let error = result.err();
        let fatal = |error: &PyErr| is_plainly_fatal(py, error).unwrap_or(false);
        let end = match &error {
            Some(error) if fatal(error) => End::Fatal(error.clone_ref(py)),
            _ => End::Cancelled,
        };
        quietly(py, || self.settle(held.step, end));
        let failure = self.memory.failure.take();
        let failure = failure.map(|failure| PyErr::from_value(failure.into_bound(py).into_any()));
        match (error, failure) {
            (Some(error), Some(failure)) if fatal(&error) => {
                error.set_context(py, Some(failure));
                error
            }
            (error, Some(failure)) => {
                failure.set_context(py, error);
                failure
            }
            _ => errors::internal(py, "a driver failed for no reason"),
        }
    }
}

//! What a run works on: its steps, and the Python objects that they fill.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::clock::Clock;
use crate::faults::fault;
use crate::landing::Landing;
use crate::outcome::Figures;

/// How a step's coroutine is made.
pub enum Call {
    /// `executor(step)`.
    Executor(Py<PyAny>),
    /// Each step is a function without arguments.
    Functions,
}

/// What a run's steps are, and what they fill.
pub struct Work {
    /// The group's id, or the workflow's name; None for a single call.
    pub group: Py<PyAny>,
    pub steps: Py<PyList>,
    pub call: Call,
    /// The id of each step, by its index.
    pub ids: Py<PyList>,
    /// The values of the steps that returned and the errors of those that failed, by id.
    pub results: Py<PyDict>,
    pub errors: Py<PyDict>,
    /// The ids of both, in the order of settling.
    pub completed: Py<PyList>,
    pub failed: Py<PyList>,
    /// The caller's context, of which every step gets a copy; None for a single call, which runs
    /// in the caller's own.
    pub base: Option<Py<PyAny>>,
    pub observer: Option<Py<PyAny>>,
    /// Of a run that items come to: what each step has come to lands there, and is kept nowhere else.
    pub landing: Option<Py<Landing>>,
    /// What a step returns that decided not to run: it has no value, and is not completed.
    pub not_run: Option<Py<PyAny>>,
    /// What says of an error whether the step is tried again: for all steps, or a list with one each.
    pub decide: Option<Py<PyAny>>,
    pub clock: Clock,
}

impl Work {
    pub fn id<'py>(&self, py: Python<'py>, step: u32) -> PyResult<Bound<'py, PyAny>> {
        self.ids.bind(py).get_item(step as usize)
    }

    /// Whether any step may be tried again.
    #[inline]
    pub fn tries(&self) -> bool {
        self.decide.is_some()
    }

    /// What says of an error whether this step is tried again; None for a step that is tried once.
    pub fn retry<'py>(&self, py: Python<'py>, step: u32) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(decide) = &self.decide else {
            return Ok(None);
        };
        let decide = decide.bind(py);
        let own = match decide.cast::<PyList>() {
            Ok(list) => list.get_item(step as usize)?,
            Err(_) => decide.clone(),
        };
        Ok((!own.is_none()).then_some(own))
    }

    /// Whether anybody wants to know how long each step has waited and run.
    pub fn wants_times(&self) -> bool {
        self.observer.is_some() || self.landing.is_some()
    }

    /// Note what a step has come to that has returned, or failed.
    pub fn record(
        &self,
        step: u32,
        id: &Bound<'_, PyAny>,
        ended: Result<&Bound<'_, PyAny>, &PyErr>,
        figures: Figures,
    ) -> PyResult<()> {
        let Some(landing) = &self.landing else {
            return match ended {
                Ok(value) => self.record_value(id, value),
                Err(error) => self.record_error(id, error),
            };
        };
        let py = id.py();
        fault!(py, RecordValue);
        let steps = self.steps.bind(py);
        landing.get().land(steps, step, id, ended, figures)?;
        fault!(py, RecordedValue);
        Ok(())
    }

    fn record_value(&self, id: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = id.py();
        fault!(py, RecordValue);
        if self.not_run.as_ref().is_some_and(|it| value.is(it)) {
            return Ok(());
        }
        self.results.bind(py).set_item(id, value)?;
        fault!(py, RecordedValue);
        self.completed.bind(py).append(id)
    }

    fn record_error(&self, id: &Bound<'_, PyAny>, error: &PyErr) -> PyResult<()> {
        let py = id.py();
        fault!(py, RecordError);
        // Before Python 3.12 the traceback is not part of the value yet.
        self.errors
            .bind(py)
            .set_item(id, error.clone_ref(py).into_value(py))?;
        fault!(py, RecordedError);
        self.failed.bind(py).append(id)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.steps)?;
        if let Call::Executor(executor) = &self.call {
            visit.call(executor)?;
        }
        visit.call(&self.ids)?;
        visit.call(&self.results)?;
        visit.call(&self.errors)?;
        visit.call(&self.completed)?;
        visit.call(&self.failed)?;
        visit.call(&self.base)?;
        visit.call(&self.observer)?;
        visit.call(&self.landing)?;
        visit.call(&self.not_run)?;
        visit.call(&self.decide)?;
        self.clock.traverse(visit)
    }
}

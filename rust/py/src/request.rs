//! What Python asks for: its `RunSpec`, or its `CallSpec`, read attribute by attribute.
//!
//! The list of settings stands once in Python, in these classes, and once here. Each setting goes
//! straight to where it lives from then on: what the scheduler needs into its `LaneSpec`, what the
//! steps need into the run's [`Work`]. A single call says no more than a `CallSpec` does.

use hocket_core::{Graph, GraphError, Join, LaneSpec};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::clock::Clock;
use crate::work::{Call, Work};

/// A run that Python asks for.
pub struct Request {
    /// For the scheduler. Which step waits for the run is not the caller's to say.
    pub lane: LaneSpec,
    pub work: Work,
    /// Whether every step gets a Trio task of its own.
    pub isolated: bool,
}

/// One setting, by its name in Python.
macro_rules! read {
    ($spec:ident.$name:ident) => {
        $spec
            .getattr(intern!($spec.py(), stringify!($name)))?
            .extract()?
    };
}

impl Request {
    pub fn read(spec: &Bound<'_, PyAny>, base: Py<PyAny>, clock: Clock) -> PyResult<Self> {
        let py = spec.py();
        let ids: Py<PyList> = read!(spec.ids);
        let lane = LaneSpec {
            timeout_ns: read!(spec.step_timeout_ns),
            bounded: read!(spec.bounded),
            ..LaneSpec::new(u32::try_from(ids.bind(py).len())?)
        };
        let work = Work {
            group: read!(spec.id),
            steps: read!(spec.steps),
            call: Call::Functions,
            ids,
            results: read!(spec.results),
            errors: read!(spec.errors),
            completed: PyList::empty(py).unbind(),
            failed: PyList::empty(py).unbind(),
            base: Some(base),
            observer: read!(spec.observer),
            clock,
        };
        let mut request = Self {
            lane,
            work,
            isolated: false,
        };
        match request.work.group.is_none(py) {
            true => request.work.base = None,
            false => request.read_run(spec)?,
        }
        Ok(request)
    }

    /// What a single call does not say.
    fn read_run(&mut self, spec: &Bound<'_, PyAny>) -> PyResult<()> {
        let lane = &mut self.lane;
        let (need, give_up) = read!(spec.thresholds);
        lane.join = Join::new(need, give_up);
        let limit: Option<u32> = read!(spec.max_concurrent);
        lane.limit = limit.unwrap_or(u32::MAX);
        lane.share = read!(spec.share);
        lane.timeouts_ns = listed(read!(spec.step_timeouts_ns));
        let dependencies: Option<Vec<Vec<u32>>> = read!(spec.dependencies);
        lane.graph = dependencies.as_deref().map(graph).transpose()?;
        lane.slotless = listed(read!(spec.slotless));
        lane.tolerated = listed(read!(spec.tolerated));
        if let Some(executor) = read!(spec.executor) {
            self.work.call = Call::Executor(executor);
        }
        let isolation: Bound<'_, PyString> = read!(spec.isolation);
        self.isolated = isolation == "task";
        Ok(())
    }
}

/// None is a list that says nothing of any step.
fn listed<T>(list: Option<Vec<T>>) -> Vec<T> {
    list.unwrap_or_default()
}

fn graph(dependencies: &[Vec<u32>]) -> PyResult<Graph> {
    Graph::new(dependencies).map_err(|error| {
        PyValueError::new_err(match error {
            GraphError::UnknownDependency { step, dependency } => {
                format!("step {step} depends on step {dependency}, which does not exist")
            }
            GraphError::Cycle { step } => format!("step {step} waits for itself, in a cycle"),
        })
    })
}

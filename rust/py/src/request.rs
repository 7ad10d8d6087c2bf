//! What Python asks for: its `RunSpec`, read attribute by attribute.
//!
//! The list of settings stands once in Python, in that class, and once here. Each setting goes
//! straight to where it lives from then on: what the scheduler needs into its `LaneSpec`, what the
//! steps need into the run's [`Work`].

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

impl Request {
    pub fn read(spec: &Bound<'_, PyAny>, base: Py<PyAny>, clock: Clock) -> PyResult<Self> {
        let py = spec.py();
        macro_rules! read {
            ($name:literal) => {
                spec.getattr(intern!(py, $name))?.extract()?
            };
        }
        let ids: Py<PyList> = read!("ids");
        let (need, give_up) = read!("thresholds");
        let limit: Option<u32> = read!("max_concurrent");
        let dependencies: Option<Vec<Vec<u32>>> = read!("dependencies");
        let lane = LaneSpec {
            steps: u32::try_from(ids.bind(py).len())?,
            join: Join::new(need, give_up),
            limit: limit.unwrap_or(u32::MAX),
            timeout_ns: read!("step_timeout_ns"),
            timeouts_ns: listed(read!("step_timeouts_ns")),
            graph: dependencies.as_deref().map(graph).transpose()?,
            slotless: listed(read!("slotless")),
            tolerated: listed(read!("tolerated")),
            parent: None,
            bounded: read!("bounded"),
        };
        let call = match read!("executor") {
            Some(executor) => Call::Executor {
                executor,
                context: read!("context"),
            },
            None => Call::Functions,
        };
        let work = Work {
            group: read!("id"),
            steps: read!("steps"),
            call,
            ids,
            results: read!("results"),
            errors: read!("errors"),
            completed: PyList::empty(py).unbind(),
            failed: PyList::empty(py).unbind(),
            base,
            observer: read!("observer"),
            clock,
        };
        let isolation: Bound<'_, PyString> = read!("isolation");
        Ok(Self {
            lane,
            work,
            isolated: isolation == "task",
        })
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

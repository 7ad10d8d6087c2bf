//! What Python asks for: its `RunSpec`, or its `CallSpec`, read attribute by attribute.
//!
//! The list of settings stands once in Python, in these classes, and once here. Each setting goes
//! straight to where it lives from then on: what the scheduler needs into its `LaneSpec`, what the
//! steps need into the run's [`Work`]. A single call says no more than a `CallSpec` does.

use hocket_core::{Graph, GraphError, Join, LaneSpec, Retry};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::clock::Clock;
use crate::errors::out_of_memory;
use crate::rate::Rate;
use crate::work::{Call, Work};

/// A run that Python asks for.
pub struct Request {
    /// For the scheduler. Which step waits for the run is not the caller's to say.
    pub lane: LaneSpec,
    pub work: Work,
    /// Whether every step gets a Trio task of its own.
    pub isolated: bool,
    /// Whether steps are plain functions, which run in threads.
    pub in_threads: bool,
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
        let rate: Option<Py<Rate>> = read!(spec.rate);
        let lane = LaneSpec {
            timeout_ns: read!(spec.step_timeout_ns),
            bounded: read!(spec.bounded),
            rate: rate.map(|rate| rate.get().by(&clock)),
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
            landing: None,
            not_run: None,
            decide: None,
            clock,
        };
        let mut request = Self {
            lane,
            work,
            isolated: false,
            in_threads: read!(spec.in_threads),
        };
        let retry: Option<Bound<'_, PyAny>> = read!(spec.retry);
        if let Some(retry) = retry {
            request.read_retry(&retry)?;
        }
        match request.work.group.is_none(py) {
            true => request.work.base = None,
            false => request.read_run(spec)?,
        }
        request.lane.reserve().map_err(out_of_memory)?;
        Ok(request)
    }

    /// How often steps are tried: one rule for all, or a list of one, or None, for each.
    fn read_retry(&mut self, retry: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = retry.py();
        let decide = intern!(py, "decide");
        let Ok(list) = retry.cast::<PyList>() else {
            self.lane.retry = Some(read_retry(retry)?);
            self.work.decide = Some(retry.getattr(decide)?.unbind());
            return Ok(());
        };
        let decisions = PyList::empty(py);
        for own in list {
            let retry = (!own.is_none()).then(|| read_retry(&own)).transpose()?;
            self.lane.retries.push(retry);
            match own.is_none() {
                true => decisions.append(own)?,
                false => decisions.append(own.getattr(decide)?)?,
            }
        }
        self.work.decide = Some(decisions.into_any().unbind());
        Ok(())
    }

    /// What a single call does not say.
    fn read_run(&mut self, spec: &Bound<'_, PyAny>) -> PyResult<()> {
        let lane = &mut self.lane;
        let (need, give_up) = read!(spec.thresholds);
        lane.join = Join::new(need, give_up);
        let limit: Option<u32> = read!(spec.max_concurrent);
        lane.limit = limit.unwrap_or(u32::MAX);
        lane.share = read!(spec.share);
        lane.timeouts_ns = listed(read!(spec.step_timeouts_ns), |item| item.extract())?;
        let dependencies: Option<Bound<'_, PyList>> = read!(spec.dependencies);
        if dependencies.is_some() {
            let list = |item: Bound<'_, PyAny>| listed(item.extract()?, |item| item.extract());
            lane.graph = Some(graph(&listed(dependencies, list)?)?);
        }
        lane.slotless = listed(read!(spec.slotless), |item| item.extract())?;
        lane.tolerated = listed(read!(spec.tolerated), |item| item.extract())?;
        if let Some(executor) = read!(spec.executor) {
            self.work.call = Call::Executor(executor);
        }
        self.work.landing = read!(spec.landing);
        self.lane.is_fed = read!(spec.is_fed);
        self.work.not_run = read!(spec.not_run);
        let isolation: Bound<'_, PyString> = read!(spec.isolation);
        self.isolated = isolation == "task";
        Ok(())
    }
}

fn read_retry(retry: &Bound<'_, PyAny>) -> PyResult<Retry> {
    Ok(Retry {
        attempts: read!(retry.attempts),
        wait_initial_ns: read!(retry._wait_initial_ns),
        wait_max_ns: read!(retry._wait_max_ns),
        wait_jitter_ns: read!(retry._wait_jitter_ns),
        wait_exp_base: read!(retry.wait_exp_base),
        timeout_ns: read!(retry._timeout_ns),
    })
}

/// What a list says of each step; None is a list that says nothing of any. It may be long, and
/// where memory lacks PyO3's own way would abort.
fn listed<'py, T>(
    list: Option<Bound<'py, PyList>>,
    read: impl Fn(Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let mut all = Vec::new();
    if let Some(list) = list {
        all.try_reserve_exact(list.len()).map_err(out_of_memory)?;
        for item in list {
            all.push(read(item)?);
        }
    }
    Ok(all)
}

fn graph(dependencies: &[Vec<u32>]) -> PyResult<Graph> {
    Graph::new(dependencies).map_err(|error| {
        PyValueError::new_err(match error {
            GraphError::OutOfMemory => return PyMemoryError::new_err(()),
            GraphError::UnknownDependency { step, dependency } => {
                format!("step {step} depends on step {dependency}, which does not exist")
            }
            GraphError::Cycle { step } => format!("step {step} waits for itself, in a cycle"),
        })
    })
}

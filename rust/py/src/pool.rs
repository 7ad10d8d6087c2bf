//! The shared limit: the scheduler, and which runs wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use hocket_core::{LaneId, Scheduler, Snapshot, WhenFull};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::budget::Budget;
use crate::clock::{Clock, seconds};
use crate::crew::Crew;
use crate::errors;
use crate::fork;
use crate::panics::{lock, quietly};
use crate::rate::Rate;
use crate::runs::{Open, Runs};
use crate::tally::{counts, times_with_percentiles as times};

/// Many runs under one limit.
#[pyclass(frozen, module = "hocket._core")]
pub struct Pool {
    scheduler: Mutex<Scheduler>,
    /// Never locked while Python code can run.
    runs: Mutex<Runs>,
    /// Which worker works in which Trio task, to know a nested submission by.
    tasks: Py<PyDict>,
    /// Whether its workers may have their turns from each other.
    pub turns: bool,
    /// The process it works in, by its generation.
    born: AtomicU64,
    rate: Option<Py<Rate>>,
}

#[pymethods]
impl Pool {
    #[new]
    #[pyo3(signature = (limit, queue_size, wait_when_full, turns, rate=None, budget=None))]
    fn new(
        py: Python<'_>,
        limit: Option<u32>,
        queue_size: Option<u32>,
        wait_when_full: bool,
        turns: bool,
        rate: Option<Py<Rate>>,
        budget: Option<Py<Budget>>,
    ) -> Self {
        let scheduler = Scheduler::new(limit.unwrap_or(u32::MAX))
            .with_queue(queue_size, when_full(wait_when_full))
            .with_rate(rate.as_ref().map(|rate| rate.get().by(&Clock::Monotonic)))
            .with_budget(budget.map(|budget| budget.get().shared.clone()));
        Self {
            scheduler: Mutex::new(scheduler),
            runs: Mutex::default(),
            tasks: PyDict::new(py).unbind(),
            turns,
            born: AtomicU64::new(fork::generation()),
            rate,
        }
    }

    /// Change the limit; waiting runs start at once when it is raised. None is no limit.
    fn resize(slf: &Bound<'_, Self>, limit: Option<u32>) -> PyResult<()> {
        let py = slf.py();
        slf.get().lock(py)?.resize(limit.unwrap_or(u32::MAX));
        Self::wake(slf.as_unbound(), py, None)
    }

    /// Start no step that takes a slot, until `resume`.
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.pause();
        Ok(())
    }

    /// Start no step that takes a slot for so many nanoseconds, in the `trio.run` with this token;
    /// `clock` is None for Trio's own.
    fn hold(
        slf: &Bound<'_, Self>,
        token: &Bound<'_, PyAny>,
        clock: Option<Py<PyAny>>,
        hold_ns: u64,
    ) -> PyResult<()> {
        let (py, this) = (token.py(), slf.get());
        let clock = this.clock(token, clock)?;
        let _entry = this.admit(token, &clock)?;
        let now_ns = clock.now_ns(py)?;
        let until_ns = now_ns.saturating_add(hold_ns);
        this.lock(py)?.hold(until_ns, now_ns);
        Self::wake(slf.as_unbound(), py, None)
    }

    /// Seconds until the latest hold is over; None where nothing is held.
    #[getter]
    fn held(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let Some(until_ns) = self.lock(py)?.held_until_ns() else {
            return Ok(None);
        };
        let now_ns = self.now_ns(py)?;
        Ok((until_ns > now_ns).then(|| seconds(until_ns - now_ns)))
    }

    /// Go on after `pause`, or before a hold is over.
    fn resume(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().lock(slf.py())?.resume();
        Self::wake(slf.as_unbound(), slf.py(), None)
    }

    #[getter]
    fn paused(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock(py)?.is_paused())
    }

    /// The most steps at once, or None.
    #[getter]
    fn limit(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        let limit = self.lock(py)?.limit();
        Ok((limit != u32::MAX).then_some(limit))
    }

    #[getter]
    fn queue_size(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        Ok(self.lock(py)?.queue_size())
    }

    /// Single calls that wait outside come in where there are places for them now.
    #[setter]
    fn set_queue_size(&self, py: Python<'_>, queue_size: Option<u32>) -> PyResult<()> {
        self.lock(py)?.set_queue_size(queue_size);
        Ok(())
    }

    #[getter]
    fn wait_when_full(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock(py)?.when_full() == WhenFull::Wait)
    }

    #[setter]
    fn set_wait_when_full(&self, py: Python<'_>, wait_when_full: bool) -> PyResult<()> {
        self.lock(py)?.set_when_full(when_full(wait_when_full));
        Ok(())
    }

    /// Steps that run, those included that lend their slot.
    #[getter]
    fn running(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.lock(py)?.running())
    }

    /// Slots that are running a step.
    #[getter]
    fn active(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.lock(py)?.active())
    }

    #[getter]
    fn queue_length(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.queue_length())
    }

    /// How many runs are open.
    #[getter]
    fn runs(&self) -> usize {
        self.lock_runs().open.len()
    }

    /// Whether the pool is idle, or busy in the `trio.run` with this token.
    fn serves(&self, token: &Bound<'_, PyAny>) -> bool {
        self.lock_runs().serves(token)
    }

    /// Every running step, as (id, seconds since it started).
    fn holders<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyAny>, f64)>> {
        let holders: Vec<_> = self.lock(py)?.holders().collect();
        let mut named = Vec::new();
        for holder in holders.into_iter().filter(|holder| !holder.is_away) {
            let runs = self.lock_runs();
            let Some(open) = runs.open.get(&holder.lane) else {
                continue;
            };
            let (ids, clock) = (open.ids.clone_ref(py), open.clock.clone_ref(py));
            drop(runs);
            let age_ns = clock.now_ns(py)?.saturating_sub(holder.started_ns);
            let id = ids.bind(py).get_item(holder.step as usize)?;
            named.push((id, seconds(age_ns)));
        }
        Ok(named)
    }

    /// Counts, and (count, total, p50, p90, p99, max) of waiting and running in nanoseconds: since
    /// the pool was made, or in the last `window_ns`.
    #[pyo3(signature = (window_ns=None))]
    fn statistics<'py>(
        &self,
        py: Python<'py>,
        window_ns: Option<u64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let snapshot = match window_ns {
            None => self.lock(py)?.statistics(),
            Some(window_ns) => self.window(py, window_ns)?,
        };
        let Snapshot { tally, wait, run } = snapshot;
        let dict = counts(py, &tally)?;
        dict.set_item("wait", times(tally.wait, wait))?;
        dict.set_item("run", times(tally.run, run))?;
        Ok(dict)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(runs) = self.runs.try_lock() {
            runs.traverse(&visit)?;
        }
        visit.call(&self.rate)?;
        visit.call(&self.tasks)
    }

    fn __clear__(&self) {
        let runs = std::mem::take(&mut *self.lock_runs());
        drop(runs);
    }
}

impl Pool {
    pub fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Scheduler>> {
        self.scheduler.lock().map_err(|_| self.lost(py))
    }

    /// A panic under the scheduler's lock may have left a slot with nobody. Who waits for one is
    /// woken, to meet this error too.
    #[cold]
    fn lost(&self, py: Python<'_>) -> PyErr {
        let crews = self.lock_runs().crews_here(py);
        for crew in crews {
            quietly(py, || crew.get().dismiss(py));
        }
        errors::internal(
            py,
            "this pool has panicked before, and its books may be wrong: make a new pool",
        )
    }

    pub fn lock_runs(&self) -> MutexGuard<'_, Runs> {
        lock(&self.runs)
    }

    pub fn check_fork(&self) -> PyResult<()> {
        fork::check(self.born.load(Ordering::Relaxed))
    }

    pub fn crew(&self, py: Python<'_>, lane: LaneId) -> Option<Py<Crew>> {
        let runs = self.lock_runs();
        runs.open.get(&lane).map(|open| open.crew.clone_ref(py))
    }

    pub fn forget(&self, lane: LaneId) {
        let mut runs = self.lock_runs();
        let run = runs.open.remove(&lane);
        runs.entered -= usize::from(run.is_some());
        drop(runs);
        drop(run);
    }

    /// The clock of the `trio.run` with this token: None is Trio's own.
    pub fn clock(&self, token: &Bound<'_, PyAny>, clock: Option<Py<PyAny>>) -> PyResult<Clock> {
        match clock {
            None => Ok(Clock::Monotonic),
            Some(clock) => self.foreign_clock(token, clock),
        }
    }

    /// The clock of the `trio.run` with this token, as the pool reckons with it.
    fn foreign_clock(&self, token: &Bound<'_, PyAny>, clock: Py<PyAny>) -> PyResult<Clock> {
        let py = token.py();
        let runs = self.lock_runs();
        let known = runs.clock.as_ref().filter(|_| runs.knows(token));
        let known = known.map(|clock| clock.clone_ref(py));
        drop(runs);
        known.map_or_else(|| Clock::foreign(py, clock), Ok)
    }

    /// Count one more run in, unless the pool is busy in another `trio.run`.
    pub fn admit(&self, token: &Bound<'_, PyAny>, clock: &Clock) -> PyResult<Entry<'_>> {
        let mut runs = self.lock_runs();
        if runs.entered == 0 {
            // Idle when the process forked, if it did: nothing in it belongs to the parent.
            self.born.store(fork::generation(), Ordering::Relaxed);
        }
        self.check_fork()?;
        if !runs.serves(token) {
            return Err(PyRuntimeError::new_err(
                "this pool is busy in another trio.run (in another thread, or one that was never \
                 finished); a pool serves one at a time: make one for each",
            ));
        }
        runs.entered += 1;
        if runs.knows(token) {
            return Ok(Entry(self));
        }
        runs.thread = Some(thread::current().id());
        let py = token.py();
        let before = (
            runs.token.replace(token.clone().unbind()),
            runs.clock.replace(clock.clone_ref(py)),
        );
        drop(runs);
        drop(before);
        let entry = Entry(self);
        self.lock(py)?.change_clock();
        if let Some(rate) = &self.rate {
            rate.get().by(clock);
        }
        Ok(entry)
    }

    /// The figures of the last `window_ns`, by the clock of the latest run.
    fn window(&self, py: Python<'_>, window_ns: u64) -> PyResult<Snapshot> {
        if self.lock_runs().clock.is_none() {
            return Ok(Snapshot::default());
        }
        let now_ns = self.now_ns(py)?;
        Ok(self.lock(py)?.window(window_ns, now_ns))
    }

    /// The time, by the clock of the latest run; 0 before the first one.
    pub fn now_ns(&self, py: Python<'_>) -> PyResult<u64> {
        let clock = self.lock_runs().clock.as_ref().map(|c| c.clone_ref(py));
        clock.map_or(Ok(0), |clock| clock.now_ns(py))
    }

    /// Which worker works in which Trio task.
    pub fn tasks<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        self.tasks.bind(py)
    }
}

/// A run that is being opened: counted, and counted out again if that fails.
pub struct Entry<'a>(&'a Pool);

impl Entry<'_> {
    /// The run is open.
    pub fn stay(self, lane: LaneId, open: Open) {
        self.0.lock_runs().open.insert(lane, open);
        std::mem::forget(self);
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.lock_runs().entered -= 1;
    }
}

fn when_full(wait: bool) -> WhenFull {
    match wait {
        true => WhenFull::Wait,
        false => WhenFull::Refuse,
    }
}

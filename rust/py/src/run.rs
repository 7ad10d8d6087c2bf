//! One run: a group, a workflow or a single step.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::{self, ThreadId};

use hocket_core::{Cause, LaneId, StepState, Verdict};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::clock::seconds;
use crate::driver::Driver;
use crate::errors;
use crate::panics::{guarded, lock};
use crate::pool::Pool;
use crate::strikes::fault;
use crate::trio;
use crate::work::Work;
use crate::worker::Worker;

thread_local! {
    /// `thread::current` counts a reference each time, and this is asked at each resumption.
    static THREAD: ThreadId = thread::current().id();
}

/// What the supervisor lends to the run: its ways to act on the nursery.
struct Host {
    /// Starts one more worker.
    spawn: Py<PyAny>,
    /// Cancels what still runs: the run is decided.
    stop: Py<PyAny>,
    /// Has [`Run::fire_overdue`] called in so many seconds at the latest.
    alarm: Py<PyAny>,
    /// Whether the run has a time limit of its own, which the verdict has to come before.
    limited: bool,
}

/// The workers of a run.
#[derive(Default)]
pub struct Crew {
    host: Option<Host>,
    /// By worker; a place is used again when its worker has left.
    workers: Vec<Option<Py<Worker>>>,
    places: Vec<u32>,
    /// Workers that wait for a slot, as (worker, task).
    parked: Vec<(u32, Py<PyAny>)>,
    winner: Option<u32>,
}

/// A run. Made by `Pool.open`, ended by `close`.
#[pyclass(frozen, module = "hocket._core")]
pub struct Run {
    pub pool: Py<Pool>,
    pub lane: LaneId,
    pub work: Work,
    pub isolated: bool,
    pub is_single: bool,
    pub has_timeouts: bool,
    pub opened_ns: u64,
    pub thread: ThreadId,
    pub crew: Mutex<Crew>,
    /// How many are in `crew.parked`, for a look without the lock.
    pub parked: AtomicU32,
    /// Workers that were started or woken and have not asked for a step yet.
    pub entering: AtomicU32,
}

impl Run {
    fn crew(&self) -> MutexGuard<'_, Crew> {
        lock(&self.crew)
    }

    /// Whether there is a nursery or a scope of ours around the workers.
    pub fn has_host(&self) -> bool {
        self.crew().host.is_some()
    }

    pub fn check_thread(&self) -> PyResult<()> {
        if THREAD.with(|thread| *thread == self.thread) {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a run belongs to the trio.run that started it; this is another thread",
        ))
    }

    /// The step that gave the verdict is noted, and what still runs is cancelled. If the step was
    /// `alone` nothing does: workers on their way find nothing to do and leave.
    pub fn decide(&self, py: Python<'_>, step: u32, alone: bool) -> PyResult<()> {
        fault!(py, Decide);
        let mut crew = self.crew();
        crew.winner = Some(step);
        let waits = !alone || !crew.parked.is_empty();
        let stop = crew.host.as_ref().filter(|host| waits || host.limited);
        let stop = stop.map(|host| host.stop.clone_ref(py));
        drop(crew);
        if let Some(stop) = stop {
            fault!(py, Stop);
            stop.call0(py)?;
        }
        Ok(())
    }

    /// Whether a worker was started or woken and has not asked for a step yet.
    pub fn is_joined(&self) -> bool {
        self.entering.load(Ordering::Relaxed) > 0
    }

    /// A slot was granted: a worker has to come for it, unless one is on its way already.
    pub fn bring_worker(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, BringWorker);
        if self.is_joined() || self.wake_parked(py)? {
            return Ok(());
        }
        let spawn = self
            .crew()
            .host
            .as_ref()
            .map(|host| host.spawn.clone_ref(py));
        let Some(spawn) = spawn else { return Ok(()) };
        let coming = Coming::of(self);
        fault!(py, Spawn);
        spawn.call0(py)?;
        coming.certain();
        Ok(())
    }

    /// Wake one worker that waits for a slot; whether there was one.
    fn wake_parked(&self, py: Python<'_>) -> PyResult<bool> {
        let crew = self.crew();
        let last = crew.parked.last();
        let Some((worker, task)) = last.map(|(worker, task)| (*worker, task.clone_ref(py))) else {
            return Ok(false);
        };
        drop(crew);
        let coming = Coming::of(self);
        let woken = wake(py, &task);
        if !self.is_parked(worker) {
            // A finalizer has cancelled it meanwhile: what it was to come for goes to others.
            return Ok(true);
        }
        woken?;
        self.unpark(worker);
        coming.certain();
        Ok(true)
    }

    pub fn entered(&self) {
        // None when this worker has come of itself.
        let less = |entering: u32| entering.checked_sub(1);
        let _ = self
            .entering
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    pub fn has_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed) > 0
    }

    pub fn park(&self, worker: u32, task: Py<PyAny>) {
        self.crew().parked.push((worker, task));
        self.parked.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker has left.
    pub fn vacate(&self, worker: u32) {
        let mut crew = self.crew();
        let gone = crew.workers.get_mut(worker as usize).and_then(Option::take);
        if gone.is_some() {
            crew.places.push(worker);
        }
        drop(crew);
        drop(gone);
    }

    /// A worker was cancelled between two steps: the whole run is, and will start nothing more.
    /// What it stands in line for, or was granted already, goes to others.
    pub fn give_up(&self, py: Python<'_>) -> PyResult<()> {
        let pool = self.pool.get();
        pool.lock(py)?.stop(self.lane);
        pool.wake(py, Some(self.lane))
    }

    /// A worker does not wait any more: it was woken, or cancelled.
    pub fn unpark(&self, worker: u32) {
        if !self.has_parked() {
            return;
        }
        let mut crew = self.crew();
        let at = crew
            .parked
            .iter()
            .rposition(|(parked, _)| *parked == worker);
        let parked = at.map(|at| crew.parked.swap_remove(at));
        self.parked
            .store(crew.parked.len() as u32, Ordering::Relaxed);
        drop(crew);
        drop(parked);
    }

    fn is_parked(&self, worker: u32) -> bool {
        let crew = self.crew();
        crew.parked
            .iter()
            .rev()
            .any(|(parked, _)| *parked == worker)
    }

    /// Nothing is left to start: the workers that wait for a slot may leave.
    pub fn dismiss(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, Dismiss);
        while self.wake_parked(py)? {}
        Ok(())
    }

    /// A deadline was armed for which the watchdog would come too late.
    pub fn armed(&self, py: Python<'_>, deadline_ns: u64) -> PyResult<()> {
        fault!(py, Arm);
        let now_ns = self.work.clock.now_ns(py)?;
        let crew = self.crew();
        let alarm = crew.host.as_ref().map(|host| host.alarm.clone_ref(py));
        drop(crew);
        if let Some(alarm) = alarm {
            fault!(py, Alarm);
            alarm.call1(py, (seconds(deadline_ns.saturating_sub(now_ns)),))?;
        }
        Ok(())
    }

    fn fire(&self, py: Python<'_>, worker: u32) -> PyResult<()> {
        let crew = self.crew();
        let worker = crew.workers.get(worker as usize).and_then(Option::as_ref);
        let worker = worker.map(|worker| worker.clone_ref(py));
        drop(crew);
        fault!(py, Fire);
        worker.map_or(Ok(()), |worker| worker.get().fire(py))
    }

    /// StepTimeout for a step past its own limit.
    pub fn timeout_error(&self, py: Python<'_>, step: u32) -> PyResult<PyErr> {
        let limit_ns = self.pool.get().lock(py)?.step_timeout_ns(self.lane, step);
        let limit_s = seconds(limit_ns.unwrap_or_default());
        Ok(errors::step_timeout(py, &self.work.id(py, step)?, limit_s))
    }
}

impl Run {
    fn skipped_and_unwound<'py>(
        &self,
        py: Python<'py>,
        states: Vec<StepState>,
        timed_out: bool,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        fault!(py, Closing);
        let skipped = PyList::empty(py);
        let unwound = PyList::empty(py);
        for (step, state) in states.into_iter().enumerate() {
            let stopped = matches!(state, StepState::Unwound | StepState::Running);
            if stopped {
                unwound.append(self.work.id(py, step as u32)?)?;
            }
            if state == StepState::Pending || (stopped && !timed_out) {
                skipped.append(self.work.id(py, step as u32)?)?;
            }
        }
        Ok((skipped, unwound))
    }
}

/// A worker that is being started or woken. If that fails it is not coming.
struct Coming<'a>(&'a Run);

impl<'a> Coming<'a> {
    fn of(run: &'a Run) -> Self {
        run.entering.fetch_add(1, Ordering::Relaxed);
        Self(run)
    }

    fn certain(self) {
        std::mem::forget(self);
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.entered();
    }
}

#[pymethods]
impl Run {
    /// Lend the run its ways to act on the nursery.
    fn attach(&self, spawn: Py<PyAny>, stop: Py<PyAny>, alarm: Py<PyAny>, limited: bool) {
        let host = Host {
            spawn,
            stop,
            alarm,
            limited,
        };
        let before = self.crew().host.replace(host);
        drop(before);
    }

    /// Start the first worker, if there is anything to do.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        if self.ready(py)? > 0 {
            self.bring_worker(py)?;
        }
        Ok(())
    }

    /// A driver for one more worker.
    fn driver<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Driver>> {
        let py = slf.py();
        let mut crew = slf.get().crew();
        let number = crew.places.pop().unwrap_or(crew.workers.len() as u32);
        if number as usize == crew.workers.len() {
            crew.workers.push(None);
        }
        drop(crew);
        fault!(py, Driver);
        // Not under the lock: making an object may collect garbage, and run anybody's finalizers.
        let worker = Py::new(py, Worker::new(number))?;
        let place = Some(worker.clone_ref(py));
        let driver = Bound::new(py, Driver::new(slf.clone().unbind(), worker))?;
        if let Some(free) = slf.get().crew().workers.get_mut(number as usize) {
            *free = place;
        }
        Ok(driver)
    }

    /// A worker retires: another one takes its place while there is something to start.
    fn replace(&self, py: Python<'_>) -> PyResult<()> {
        match self.ready(py)? {
            0 => Ok(()),
            _ => self.bring_worker(py),
        }
    }

    /// Cancel the scope of each worker whose step is past its limit. Returns in how many seconds
    /// to look again, or None to wait for the alarm. Between the look at the clock and `cancel`
    /// nothing else runs, so no later step of the same worker is struck.
    fn fire_overdue(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        fault!(py, Look);
        let now_ns = self.work.clock.now_ns(py)?;
        loop {
            let (overdue, earliest) = self.pool.get().lock(py)?.look(self.lane, now_ns);
            if overdue.is_empty() {
                fault!(py, Return);
                return Ok(earliest.map(|due_ns| seconds(due_ns.saturating_sub(now_ns))));
            }
            for worker in overdue {
                self.fire(py, worker)?;
            }
        }
    }

    /// Whether any step has a time limit.
    #[getter]
    fn has_timeouts(&self) -> bool {
        self.has_timeouts
    }

    /// How many steps are ready and have not started.
    #[getter]
    fn ready(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.pool.get().lock(py)?.ready(self.lane))
    }

    /// Whether the join policy has spoken: True, False, or None for not yet.
    #[getter]
    fn verdict(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        let verdict = self.pool.get().lock(py)?.verdict(self.lane);
        Ok(verdict.map(|verdict| verdict == Verdict::Success))
    }

    /// Whether a cancellation has nothing left to take away: the join policy has spoken, or every
    /// step has returned or failed.
    #[getter]
    fn decided(&self, py: Python<'_>) -> PyResult<bool> {
        let settled = self.work.completed.bind(py).len() + self.work.failed.bind(py).len();
        Ok(settled == self.work.ids.bind(py).len() || self.verdict(py)?.is_some())
    }

    /// The id of the step that gave the verdict.
    #[getter]
    fn winner<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let winner = self.crew().winner;
        winner.map(|step| self.work.id(py, step)).transpose()
    }

    #[getter]
    fn completed(&self, py: Python<'_>) -> Py<PyList> {
        self.work.completed.clone_ref(py)
    }

    #[getter]
    fn failed(&self, py: Python<'_>) -> Py<PyList> {
        self.work.failed.clone_ref(py)
    }

    /// Seconds since the run was opened.
    #[getter]
    fn age(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(seconds(
            self.work.clock.now_ns(py)?.saturating_sub(self.opened_ns),
        ))
    }

    /// End the run: every slot goes back and every step gets its final state. Returns the ids of
    /// the steps that are skipped, in their own order, and of those that were stopped from
    /// outside; with `timed_out` it was the run's time limit that stopped these, and they are not
    /// among the skipped.
    fn close<'py>(
        &self,
        py: Python<'py>,
        timed_out: bool,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let cause = match timed_out {
            true => Cause::TimedOut,
            false => Cause::Ended,
        };
        // What the pool has of the run goes first, and all of it, whatever fails.
        let now = guarded(py, || self.work.clock.now_ns(py));
        let now_ns = *now.as_ref().unwrap_or(&self.opened_ns);
        let pool = self.pool.get();
        let states = guarded(py, || {
            let mut scheduler = pool.lock(py)?;
            let states = scheduler.states(self.lane).to_vec();
            scheduler.close(self.lane, cause, now_ns);
            Ok(states)
        });
        let crew = std::mem::take(&mut *self.crew());
        self.crew().winner = crew.winner;
        // Workers that were torn away by something fatal, before they could get up.
        let left = crew
            .workers
            .into_iter()
            .flatten()
            .map(|worker| guarded(py, || worker.get().leave_task(py, pool.tasks(py))));
        let left = left.fold(Ok(()), PyResult::and);
        let woken = guarded(py, || pool.wake(py, None));
        // Forgotten last: from then on the pool may serve another `trio.run`.
        pool.forget(self.lane);
        let closed = now.and(left).and(woken).and(states);
        let result = closed.and_then(|states| self.skipped_and_unwound(py, states, timed_out));
        fault!(py, Return);
        result
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pool)?;
        self.work.traverse(&visit)?;
        if let Ok(crew) = self.crew.try_lock() {
            if let Some(host) = &crew.host {
                visit.call(&host.spawn)?;
                visit.call(&host.stop)?;
                visit.call(&host.alarm)?;
            }
            for worker in crew.workers.iter().flatten() {
                visit.call(worker)?;
            }
            for (_, task) in &crew.parked {
                visit.call(task)?;
            }
        }
        Ok(())
    }

    /// Cycles that do not go through the crew go through the pool or a Python container.
    fn __clear__(&self) {
        let crew = std::mem::take(&mut *self.crew());
        drop(crew);
    }
}

fn wake(py: Python<'_>, task: &Py<PyAny>) -> PyResult<()> {
    fault!(py, Wake);
    trio::wake(py)?.call1((task,)).map(drop)
}

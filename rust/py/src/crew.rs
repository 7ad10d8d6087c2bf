//! The workers of one run, and how one of them comes for a slot.
//!
//! The scheduler grants a slot to a run, not to a worker. The crew then sees to it that a worker
//! asks for the step, in the cheapest of three ways: one is on its way already, and will find the
//! slot; one is parked, that is, its task waits in Trio to be rescheduled, and is woken; or the
//! supervisor, which has lent itself as the [`Host`], starts a new one. Only one is on its way at a
//! time: it starts its step, and as that suspends it brings the next one, while there is anything
//! to start. So a run has as many workers as steps that have ever been suspended at once, and
//! one whose steps never suspend has a single worker.
//!
//! A worker is on its way (`entering`) from before the call that wakes or starts it until it asks
//! for a step: whatever runs inside that call, a finalizer say, brings no second one. If the call
//! fails the worker is not coming ([`Coming`]), and the grant stays with the scheduler for whoever
//! wakes next. A parked worker that is cancelled leaves the list in Trio's abort function
//! ([`Abort`]), never later: a cancelled worker is not woken, and a woken one is not parked.
//!
//! Parked workers of a run that has nothing left to start are all woken, and leave.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::clock::Clock;
use crate::errors::out_of_memory;
use crate::faults::fault;
use crate::panics::lock;
use crate::trio;
use crate::worker::Worker;

/// What the supervisor lends to the crew: its ways to act on the nursery.
pub struct Host {
    /// Starts one more worker.
    pub spawn: Py<PyAny>,
    /// Cancels what still runs: the run is decided.
    pub stop: Py<PyAny>,
    /// Has `Run.cancel_overdue` called at this time of Trio's clock, at the latest.
    pub alarm: Py<PyAny>,
    /// Whether the run has a time limit of its own, which the verdict has to come before.
    pub limited: bool,
}

/// What is behind the crew's lock.
#[derive(Default)]
pub struct Members {
    host: Option<Host>,
    /// By number; a place is used again when its worker has left.
    pub workers: Vec<Option<Py<Worker>>>,
    places: Vec<u32>,
    /// Workers that wait for a slot, as (number, task).
    parked: Vec<(u32, Py<PyAny>)>,
    /// The step that gave the verdict.
    winner: Option<u32>,
}

/// The workers of a run. Python never sees it: the pool holds it as well as the run, and the
/// garbage collector has to see through both.
#[pyclass(frozen, module = "hocket._core")]
#[derive(Default)]
pub struct Crew {
    /// Never locked while Python code can run.
    members: Mutex<Members>,
    /// How many are parked, for a look without the lock.
    parked: AtomicU32,
    /// Workers that were started or woken and have not asked for a step yet.
    entering: AtomicU32,
    /// Workers whose thread was told to wait, and whose task does not wait yet; and whether one of
    /// them was to be woken since, and has to ask again.
    pub in_transit: AtomicU32,
    pub wanted: AtomicBool,
}

impl Crew {
    pub fn members(&self) -> MutexGuard<'_, Members> {
        lock(&self.members)
    }

    pub fn attach(&self, host: Host) {
        let before = self.members().host.replace(host);
        drop(before);
    }

    /// Whether there is a nursery or a scope of ours around the workers.
    pub fn has_host(&self) -> bool {
        self.members().host.is_some()
    }

    /// One more worker.
    pub fn hire(&self, py: Python<'_>) -> PyResult<Py<Worker>> {
        let mut members = self.members();
        let number = members.places.pop();
        let number = number.unwrap_or(members.workers.len() as u32);
        if number as usize == members.workers.len() {
            members.workers.try_reserve(1).map_err(out_of_memory)?;
            members.workers.push(None);
            // It leaves without asking for memory.
            let places = members.workers.len() - members.places.len();
            members.places.try_reserve(places).map_err(out_of_memory)?;
        }
        drop(members);
        fault!(py, Driver);
        // Not under the lock: making an object may collect garbage, and run anybody's finalizers.
        let worker = Py::new(py, Worker::new(number))?;
        let placed = Some(worker.clone_ref(py));
        if let Some(place) = self.members().workers.get_mut(number as usize) {
            *place = placed;
        }
        Ok(worker)
    }

    /// A worker has left.
    pub fn vacate(&self, worker: u32) {
        let mut members = self.members();
        let place = members.workers.get_mut(worker as usize);
        let gone = place.and_then(Option::take);
        if gone.is_some() {
            members.places.push(worker);
        }
        drop(members);
        drop(gone);
    }

    /// The run is closed. Returns what the crew was, with the workers that have not left.
    pub fn disband(&self) -> Members {
        let mut members = self.members();
        let winner = members.winner;
        std::mem::replace(
            &mut *members,
            Members {
                winner,
                ..Members::default()
            },
        )
    }

    /// Whether a worker is on its way.
    pub fn expects_worker(&self) -> bool {
        self.entering.load(Ordering::Relaxed) > 0
    }

    /// A worker is on its way, and will ask for a step.
    pub fn is_coming(&self) {
        self.entering.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker asks for a step, or is not coming.
    pub fn has_come(&self) {
        // None when this worker has come of itself.
        let less = |entering: u32| entering.checked_sub(1);
        let _ = self
            .entering
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// A slot was granted: a worker has to come for it, unless one is on its way already.
    pub fn bring_worker(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, BringWorker);
        if self.expects_worker() {
            return Ok(());
        }
        if self.in_transit.load(Ordering::Relaxed) > 0 {
            self.wanted.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if self.wake_parked(py)? {
            return Ok(());
        }
        let members = self.members();
        let spawn = members.host.as_ref().map(|host| host.spawn.clone_ref(py));
        drop(members);
        let Some(spawn) = spawn else { return Ok(()) };
        let coming = Coming::of(self);
        fault!(py, Spawn);
        spawn.call0(py)?;
        coming.certain();
        Ok(())
    }

    /// Wake one worker that waits for a slot; whether there was one.
    fn wake_parked(&self, py: Python<'_>) -> PyResult<bool> {
        let members = self.members();
        let last = members.parked.last();
        let Some((worker, task)) = last.map(|(worker, task)| (*worker, task.clone_ref(py))) else {
            return Ok(false);
        };
        drop(members);
        let coming = Coming::of(self);
        let woken = wake(py, &task);
        if !self.is_parked(worker) {
            // A finalizer has cancelled it meanwhile: what it was to come for goes to others.
            return Ok(true);
        }
        if woken.is_err() && trio::is_scheduled(py)?.call1((&task,))?.is_truthy()? {
            // What a signal handler has raised came too late: it wakes up all the same.
            self.unpark(worker);
            coming.certain();
            return woken.map(|()| true);
        }
        woken?;
        self.unpark(worker);
        coming.certain();
        Ok(true)
    }

    pub fn has_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed) > 0
    }

    fn is_parked(&self, worker: u32) -> bool {
        let members = self.members();
        members
            .parked
            .iter()
            .rev()
            .any(|(parked, _)| *parked == worker)
    }

    /// What a worker awaits that is about to be parked.
    /// With a time it gets up by then.
    pub fn wait_for_slot<'py>(
        slf: &Bound<'py, Self>,
        worker: u32,
        until: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let abort = Abort {
            crew: slf.clone().unbind(),
            worker,
        };
        let abort = Bound::new(py, abort)?;
        match until {
            None => trio::wait_task_rescheduled(py)?.call1((abort,)),
            Some(until) => trio::wait_until(py)?.call1((abort, until)),
        }
    }

    /// Take the memory for one more worker that waits.
    pub fn reserve_parking(&self) -> PyResult<()> {
        let mut members = self.members();
        members.parked.try_reserve(1).map_err(out_of_memory)
    }

    pub fn park(&self, worker: u32, task: Py<PyAny>) {
        self.members().parked.push((worker, task));
        self.parked.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker does not wait any more: it was woken, or cancelled.
    pub fn unpark(&self, worker: u32) {
        if !self.has_parked() {
            return;
        }
        let mut members = self.members();
        let parked = &mut members.parked;
        let at = parked.iter().rposition(|(parked, _)| *parked == worker);
        let left = at.map(|at| parked.swap_remove(at));
        self.parked.store(parked.len() as u32, Ordering::Relaxed);
        drop(members);
        drop(left);
    }

    /// Nothing is left to start: the workers that wait for a slot may leave.
    pub fn dismiss(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, Dismiss);
        while self.wake_parked(py)? {}
        Ok(())
    }

    /// A deadline was armed for which the watchdog would come too late.
    pub fn set_alarm(&self, py: Python<'_>, clock: &Clock, deadline: u64) -> PyResult<()> {
        fault!(py, Arm);
        let deadline = clock.in_trio(py, deadline)?;
        let members = self.members();
        let alarm = members.host.as_ref().map(|host| host.alarm.clone_ref(py));
        drop(members);
        if let Some(alarm) = alarm {
            fault!(py, Alarm);
            alarm.call1(py, (deadline,))?;
        }
        Ok(())
    }

    /// Cancel the step that this worker runs: it is past its time limit.
    pub fn cancel_overdue(&self, py: Python<'_>, worker: u32) -> PyResult<()> {
        let worker = self.worker(py, worker);
        fault!(py, Fire);
        worker.map_or(Ok(()), |worker| worker.get().cancel_overdue(py))
    }

    /// The worker of this number.
    pub fn worker(&self, py: Python<'_>, number: u32) -> Option<Py<Worker>> {
        let members = self.members();
        let worker = members.workers.get(number as usize)?.as_ref();
        worker.map(|worker| worker.clone_ref(py))
    }

    /// This step has given the verdict.
    pub fn note_winner(&self, step: u32) {
        self.members().winner = Some(step);
    }

    /// The run is decided: the step that gave the verdict is noted, and what still runs is
    /// cancelled. If the step was `alone` nothing does: workers on their way find nothing to do
    /// and leave.
    pub fn announce_verdict(&self, py: Python<'_>, step: u32, alone: bool) -> PyResult<()> {
        fault!(py, Decide);
        let mut members = self.members();
        members.winner = Some(step);
        let waits = !alone || !members.parked.is_empty();
        let stop = members.host.as_ref().filter(|host| waits || host.limited);
        let stop = stop.map(|host| host.stop.clone_ref(py));
        drop(members);
        if let Some(stop) = stop {
            fault!(py, Stop);
            stop.call0(py)?;
        }
        Ok(())
    }

    /// The step that gave the verdict.
    pub fn winner(&self) -> Option<u32> {
        self.members().winner
    }
}

#[pymethods]
impl Crew {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(members) = self.members.try_lock() {
            if let Some(host) = &members.host {
                visit.call(&host.spawn)?;
                visit.call(&host.stop)?;
                visit.call(&host.alarm)?;
            }
            for worker in members.workers.iter().flatten() {
                visit.call(worker)?;
            }
            for (_, task) in &members.parked {
                visit.call(task)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let members = std::mem::take(&mut *self.members());
        drop(members);
    }
}

/// A worker that is being started or woken. If that fails it is not coming.
struct Coming<'a>(&'a Crew);

impl<'a> Coming<'a> {
    fn of(crew: &'a Crew) -> Self {
        crew.is_coming();
        Self(crew)
    }

    fn certain(self) {
        std::mem::forget(self);
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.has_come();
    }
}

/// Trio's abort function of a worker that waits for a slot.
#[pyclass(frozen)]
struct Abort {
    crew: Py<Crew>,
    worker: u32,
}

#[pymethods]
impl Abort {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.crew)
    }

    fn __call__<'py>(
        &self,
        py: Python<'py>,
        _raise_cancel: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.crew.get().unpark(self.worker);
        trio::abort(py)?.getattr(intern!(py, "SUCCEEDED"))
    }
}

fn wake(py: Python<'_>, task: &Py<PyAny>) -> PyResult<()> {
    fault!(py, Wake);
    trio::wake(py)?.call1((task,)).map(drop)
}

//! What Python sees of a worker whose steps run in a thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hocket_core::Outcome;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::pull::Shift;
use crate::coroutine::close_quietly;
use crate::crew::Crew;
use crate::faults::fault;
use crate::panics::{lock, panicked, quietly};
use crate::run::Run;
use crate::seat::Seat;
use crate::trio;
use crate::worker::Worker;

/// What the worker's task is to do when the thread has returned.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Action {
    /// There is nothing left to start.
    #[default]
    Leave,
    /// Enter a fresh scope and send the thread again: the old scope was cancelled.
    Again,
    /// Wait until a slot is granted, or until this time, and send the thread again.
    Wait(Option<u64>),
}

/// A worker that has a thread to run its steps.
#[pyclass(frozen, module = "hocket._core")]
pub struct ThreadDriver {
    pub run: Py<Run>,
    pub worker: Py<Worker>,
    action: Mutex<Action>,
    /// Whether the crew counts this worker among those that are on their way.
    pub entering: AtomicBool,
    /// Whether the thread was told to wait, and the task does not wait yet.
    in_transit: AtomicBool,
}

impl ThreadDriver {
    pub fn act(&self, action: Action) {
        *lock(&self.action) = action;
    }

    /// The worker will ask for a step.
    pub fn is_coming(&self) {
        if !self.entering.swap(true, Ordering::Relaxed) {
            self.run.get().crew().is_coming();
        }
    }

    /// It asks for one, or is not coming.
    pub fn has_come(&self) {
        if self.entering.swap(false, Ordering::Relaxed) {
            self.run.get().crew().has_come();
        }
    }

    /// The thread was told to wait, and the task is going to.
    pub fn sets_out(&self) {
        self.in_transit.store(true, Ordering::Relaxed);
        self.run.get().crew().sets_out();
    }

    /// Whether the thread has to ask again: a slot may have been granted since it was told to wait.
    fn arrives(&self) -> bool {
        self.in_transit.swap(false, Ordering::Relaxed) && self.run.get().crew().arrives()
    }

    /// Something has failed between taking a step over and settling it: its slot still goes back.
    fn release_lost_slot(&self, py: Python<'_>) -> PyResult<()> {
        let (run, worker) = (self.run.get(), self.worker.get());
        let Some(slot) = worker.slot() else {
            return Ok(());
        };
        worker.set_slot(None);
        let pool = run.pool.get();
        let mut scheduler = pool.lock(py)?;
        if scheduler.started_ns(slot).is_some() {
            scheduler.settle(slot, Outcome::Cancelled, 0);
        }
        drop(scheduler);
        pool.wake_from_thread(py, None)
    }
}

#[pymethods]
impl ThreadDriver {
    /// A driver for one more worker of the run.
    #[new]
    fn new(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        let worker = run.get().crew().hire(py)?;
        Ok(Self {
            run,
            worker,
            action: Mutex::default(),
            entering: AtomicBool::new(true),
            in_transit: AtomicBool::new(false),
        })
    }

    /// The worker sits down in this task and scope, before the thread is sent.
    fn enter(&self, task: &Bound<'_, PyAny>, scope: Py<PyAny>) -> PyResult<()> {
        let py = task.py();
        fault!(py, Enter);
        self.act(Action::Leave);
        let seat = Seat::new(task, Some(scope), None, false)?;
        let tasks = self.run.get().pool.get().tasks(py);
        Worker::enter_task(self.worker.bind(py), tasks, seat)
    }

    /// The worker gets up for good.
    fn exit(&self, py: Python<'_>) -> PyResult<()> {
        self.has_come();
        let is_wanted = self.arrives();
        fault!(py, Exit);
        let (run, worker) = (self.run.get(), self.worker.get());
        worker.leave_task(py, run.pool.get().tasks(py))?;
        run.crew().vacate(worker.number);
        match is_wanted {
            true => run.crew().bring_worker(py),
            false => Ok(()),
        }
    }

    /// Run steps, in the thread that calls this, until the worker's task has something to do.
    fn work(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let mut shift = Shift::begin(this, py)?;
        let result = catch_unwind(AssertUnwindSafe(|| shift.pull()));
        let foreign = result.is_err() && shift.in_step;
        shift.end();
        if !matches!(result, Ok(Ok(()))) {
            this.act(Action::Leave);
            quietly(py, || this.release_lost_slot(py));
        }
        match result {
            Ok(result) => result,
            // A PanicException of this extension that a function has raised passes as what it was.
            Err(panic) if foreign => resume_unwind(panic),
            Err(panic) => Err(panicked(py, &*panic)),
        }
    }

    /// Whether the worker has to enter a fresh scope and send the thread again.
    #[getter]
    fn again(&self) -> bool {
        *lock(&self.action) == Action::Again
    }

    /// What the worker has to await before it sends the thread again; None: it has not to be sent.
    /// Whatever comes of it, `woke` is to be called afterwards.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Action::Wait(until_ns) = *lock(&self.action) else {
            return Ok(None);
        };
        let (run, number) = (self.run.get(), self.worker.get().number);
        let crew = run.crew();
        if self.arrives() {
            self.is_coming();
            return trio::checkpoint(py)?.call0().map(Some);
        }
        crew.reserve_parking()?;
        let clock = &run.work.clock;
        let until = until_ns.map(|at_ns| clock.moment_in_trio(py, at_ns));
        let wait = Crew::wait_for_slot(run.crew.bind(py), number, until.transpose()?)?;
        let task = self.worker.get().task(py);
        fault!(py, Park);
        let mut scheduler = run.pool.get().lock(py)?;
        if scheduler.is_exhausted(run.lane) {
            // The thread that took the last step knew of nobody who waits.
            if let Some(at_ns) = until_ns {
                scheduler.woke(run.lane, at_ns);
            }
            drop(scheduler);
            self.act(Action::Leave);
            close_quietly(py, &wait.unbind());
            return Ok(None);
        }
        if let Some(task) = task {
            crew.park(number, task);
        }
        drop(scheduler);
        Ok(Some(wait))
    }

    /// The worker does not wait any more.
    fn woke(&self, py: Python<'_>) -> PyResult<()> {
        let run = self.run.get();
        run.crew().unpark(self.worker.get().number);
        self.entering.store(true, Ordering::Relaxed);
        if let Action::Wait(Some(at_ns)) = *lock(&self.action) {
            run.pool.get().lock(py)?.woke(run.lane, at_ns);
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.run)?;
        visit.call(&self.worker)
    }
}

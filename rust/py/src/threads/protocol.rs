//! What Python sees of a worker whose steps run in a thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::class::{Action, ThreadDriver};
use super::manners;
use super::pull::Shift;
use crate::coroutine::close_quietly;
use crate::crew::Crew;
use crate::faults::fault;
use crate::panics::panicked;
use crate::run::Run;
use crate::seat::Seat;
use crate::trio;
use crate::worker::Worker;

#[pymethods]
impl ThreadDriver {
    /// A driver for one more worker of the run.
    #[new]
    fn new(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        Self::hire(py, run)
    }

    /// The worker sits down in this task and scope, before the thread is sent.
    fn enter(&self, task: &Bound<'_, PyAny>, scope: Py<PyAny>) -> PyResult<()> {
        let py = task.py();
        fault!(py, Enter);
        self.act(Action::Leave);
        manners::expect_somebody();
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
            shift.give_up();
        }
        drop(shift);
        manners::expect_somebody();
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
        self.action() == Action::Again
    }

    /// What the worker has to await before it sends the thread again; None: it has not to be sent.
    /// Whatever comes of it, `woke` is to be called afterwards.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Action::Wait(until_ns) = self.action() else {
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
        manners::expect_somebody();
        if let Action::Wait(Some(at_ns)) = self.action() {
            run.pool.get().lock(py)?.woke(run.lane, at_ns);
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.run)?;
        visit.call(&self.worker)
    }
}

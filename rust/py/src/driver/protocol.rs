//! What Python sees of a driver: a coroutine to Trio, and to the worker that awaits it the methods
//! to sit down, to get up, and to have a step judged.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyStopIteration;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyTraceback};

use super::class::Driver;
use super::memory::{Action, Inner};
use super::turn::{Message, Turn};
use crate::faults::fault;
use crate::leftovers::Baseline;
use crate::panics::{lock, panicked, quietly};
use crate::ring::Ring;
use crate::run::Run;
use crate::seat::Seat;
use crate::worker::Worker;

/// What the supervisor has looked up: (nurseries, status, status_tasks, breaker, describe), each
/// None where it cannot be had.
type Watched = (
    Option<Py<PyList>>,
    Option<Py<PyAny>>,
    Option<Py<PySet>>,
    Option<Py<PyDict>>,
    Option<Py<PyAny>>,
);

impl Driver {
    /// A turn that is no resumption. Python code may run in it; whatever happens, it ends.
    fn with_turn<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&mut Turn<'_, 'py>) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut turn = Turn::begin(self, py)?;
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut turn)));
        let result = result.unwrap_or_else(|panic| {
            quietly(py, || turn.release_lost_slot());
            Err(panicked(py, &*panic))
        });
        turn.end();
        fault!(py, Return);
        result
    }
}

#[pymethods]
impl Driver {
    /// A driver for one more worker of the run.
    #[new]
    fn new(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        Self::hire(py, run)
    }

    /// The worker sits down in this task and scope, before each await. `scope` may be None for a
    /// task that is not ours. `watched` is (nurseries, status, status_tasks, breaker, describe),
    /// each None where it cannot be had. With a `ring` it may have its turns from others.
    #[pyo3(signature = (task, scope, watched, ring=None, *, trio_cancels=false))]
    fn enter(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        scope: Option<Py<PyAny>>,
        watched: Watched,
        ring: Option<Bound<'_, Ring>>,
        trio_cancels: bool,
    ) -> PyResult<()> {
        let (py, this) = (task.py(), slf.get());
        fault!(py, Enter);
        this.with_turn(py, |turn| turn.restore_task())?;
        let (nurseries, status, tasks, breaker, describe) = watched;
        let seat = Seat::new(task, scope, status, trio_cancels)?;
        let baseline = Baseline::new(task, nurseries, tasks, breaker, describe)?;
        let cancelled = seat.is_cancelled(py)?;
        let workers_own = seat.clone_ref(py);
        if let (Some(ring), true) = (ring, this.with_memory(|memory| memory.member.is_none())?) {
            let member = Ring::enter(&ring, task, slf.clone().into_any().unbind())?;
            this.with_memory(|memory| memory.member = member)?;
        }
        let before = this.with_memory(|memory| {
            memory.action = Action::Leave;
            // A worker that comes too late starts nothing any more.
            memory.must_checkpoint = cancelled;
            let before = mem::replace(&mut memory.baseline, baseline);
            (memory.seat.replace(seat), before)
        })?;
        drop(before);
        let tasks = this.run.get().pool.get().tasks(py);
        Worker::enter_task(this.worker.bind(py), tasks, workers_own)
    }

    /// The worker gets up for good.
    fn exit(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, Exit);
        self.with_turn(py, |turn| turn.restore_task())?;
        self.leave_ring(py)?;
        let before =
            self.with_memory(|memory| (memory.seat.take(), mem::take(&mut memory.baseline)))?;
        drop(before);
        let (run, worker) = (self.run.get(), self.worker.get());
        worker.leave_task(py, run.pool.get().tasks(py))?;
        run.crew().vacate(worker.number);
        Ok(())
    }

    /// Whether the worker has to enter a fresh scope and await the driver again.
    #[getter]
    fn again(&self) -> PyResult<bool> {
        self.with_memory(|memory| memory.action == Action::Again)
    }

    /// Whether the worker has to make room for another one.
    #[getter]
    fn retire(&self) -> PyResult<bool> {
        self.with_memory(|memory| memory.action == Action::Retire)
    }

    /// Whether any step has suspended: if so, the awaiting task has been through Trio's scheduler.
    #[getter]
    fn has_suspended(&self) -> PyResult<bool> {
        self.with_memory(|memory| memory.has_suspended)
    }

    /// What came out of the worker's scope decides about the step that was cancelled in it:
    /// `error` is the exception, or None when the scope has caught its own cancellation. Returns the
    /// exception that the worker has to raise, if any.
    fn judge<'py>(
        &self,
        py: Python<'py>,
        error: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.with_turn(py, |turn| turn.judge(error)) {
            Ok(()) => Ok(None),
            Err(error) => Ok(Some(error.into_value(py).into_bound(py).into_any())),
        }
    }

    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.resume(py, Message::Send(py.None().into_bound(py)))
    }

    fn send<'py>(&self, py: Python<'py>, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let trap = self.resume(py, Message::Send(value))?;
        trap.ok_or_else(|| PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw<'py>(
        &self,
        py: Python<'py>,
        kind: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyTraceback>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let error = match value {
            Some(value) if value.is_instance(&kind)? => PyErr::from_value(value),
            Some(value) => PyErr::from_value(kind.call1((value,))?),
            None if kind.is_callable() => PyErr::from_value(kind.call0()?),
            None => PyErr::from_value(kind),
        };
        if traceback.is_some() {
            error.set_traceback(py, traceback);
        }
        let trap = self.resume(py, Message::Throw(error))?;
        trap.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Close the step in flight, so that its `finally` runs, and give its slot back.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.with_turn(py, |turn| {
            turn.abandon();
            Ok(())
        })
    }

    /// Present, and None, so that Trio's `Task.iter_await_frames` walks on into the step.
    #[getter]
    fn cr_frame(&self) -> Option<Py<PyAny>> {
        None
    }

    /// What the driver awaits: the step's coroutine.
    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match lock(&self.memory).as_ref().map(|memory| &memory.inner) {
            Some(Inner::Step(held)) => Some(held.coroutine.clone_ref(py)),
            Some(Inner::Own(coroutine)) => Some(coroutine.clone_ref(py)),
            Some(Inner::Nothing) | None => None,
        }
    }

    #[getter]
    fn cr_running(&self) -> bool {
        lock(&self.memory).is_none()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.run)?;
        visit.call(&self.worker)?;
        if let Ok(memory) = self.memory.try_lock() {
            if let Some(memory) = &*memory {
                memory.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let memory = lock(&self.memory).replace(Box::default());
        drop(memory);
    }
}

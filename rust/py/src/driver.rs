//! The driver: a coroutine that runs one step after another inside one Trio task.
//!
//! It asks the scheduler for a step, makes the step's coroutine, sends into it, passes Trio's
//! traps up and Trio's answers down unchanged, and records the outcome. Between two steps that do
//! not suspend, no Python code of ours runs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hocket_core::{Next, Outcome};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySendResult, PySet, PyTraceback};

use crate::coroutine::{FirstSegment, make_coroutine, programming_error, throw};
use crate::crew::Crew;
use crate::errors;
use crate::exception::is_plainly_fatal;
use crate::ffi;
use crate::leftovers::Leftovers;
use crate::memory::{Action, Begun, Inner, Memory, Message, Step, Suspended};
use crate::panics::{guarded, lock, panicked, quietly};
use crate::run::Run;
use crate::seat::Seat;
use crate::strikes::fault;
use crate::trio;
use crate::worker::Worker;

fn running_already() -> PyErr {
    PyRuntimeError::new_err("the driver is running already")
}

/// What the supervisor has looked up: (nurseries, status, status_tasks, breaker, describe), each
/// None where it cannot be had.
type LookedUp = (
    Option<Py<PyList>>,
    Option<Py<PyAny>>,
    Option<Py<PySet>>,
    Option<Py<PyDict>>,
    Option<Py<PyAny>>,
);

/// A worker's coroutine.
#[pyclass(frozen, weakref, module = "hocket._core")]
pub struct Driver {
    pub(crate) run: Py<Run>,
    pub(crate) worker: Py<Worker>,
    pub(crate) in_step: AtomicBool,
    /// Taken out while the driver runs, so that no lock is held while Python code does. Boxed, so
    /// that taking it out moves a pointer.
    pub(crate) memory: Mutex<Option<Box<Memory>>>,
}

impl Driver {
    #[inline]
    pub(crate) fn worker(&self) -> &Worker {
        self.worker.get()
    }

    /// From here on the driver runs, until the memory is put back.
    fn take_memory(&self) -> PyResult<Box<Memory>> {
        lock(&self.memory).take().ok_or_else(running_already)
    }

    fn put_back(&self, memory: Box<Memory>) {
        let before = lock(&self.memory).replace(memory);
        drop(before);
    }

    /// Look at the memory while the driver is not running.
    pub(crate) fn with_memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> PyResult<T> {
        let mut memory = lock(&self.memory);
        memory.as_deref_mut().map(look).ok_or_else(running_already)
    }

    /// Work on the memory while Python code may run; whatever happens, it goes back.
    fn with_memory_out(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Memory) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut memory = self.take_memory()?;
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
        let result = result.unwrap_or_else(|panic| {
            quietly(py, || self.release_lost_slot(py, &mut memory));
            Err(panicked(py, &*panic))
        });
        self.put_back(memory);
        fault!(py, Return);
        result
    }

    fn resume<'py>(
        &self,
        py: Python<'py>,
        message: Message<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.run.get().check_thread()?;
        let mut memory = self.take_memory()?;
        let mut result = catch_unwind(AssertUnwindSafe(|| self.drive(py, &mut memory, message)));
        let foreign = result.is_err() && self.in_step.swap(false, Ordering::Relaxed);
        if !matches!(result, Ok(Ok(Some(_)))) {
            // Only a trap leaves a coroutine behind on purpose.
            self.abandon(py, &mut memory);
            match (guarded(py, || self.restore_task(py, &mut memory)), &result) {
                (Ok(()), _) => {}
                (Err(error), Ok(Ok(_))) => result = Ok(Err(error)),
                (Err(error), _) => error.write_unraisable(py, None),
            }
        }
        self.put_back(memory);
        fault!(py, Return);
        match result {
            Ok(result) => result,
            // PyO3 turns a PanicException of this extension that it meets into a panic again: one
            // that came out of a step, or an observer, passes through as what it was.
            Err(panic) if foreign => resume_unwind(panic),
            Err(panic) => Err(panicked(py, &*panic)),
        }
    }

    fn drive<'py>(
        &self,
        py: Python<'py>,
        memory: &mut Memory,
        message: Message<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        memory.now_ns = None;
        memory.since_ns = None;
        memory.streak = 0;
        memory.round.enter();
        let mut message = Some(message);
        loop {
            let coroutine = match &memory.inner {
                Inner::Nothing => {
                    // What was sent before there was a coroutine has no receiver (the first None).
                    if let Some(Message::Throw(error)) = message.take() {
                        return Err(error);
                    }
                    match self.begin(py, memory)? {
                        Begun::Nothing => return Ok(None),
                        Begun::Own => continue,
                        Begun::Step(step) => match self.first_segment(py, memory, step)? {
                            Some(trap) => return Ok(Some(trap)),
                            None if memory.action == Action::Leave => continue,
                            None => return Ok(None),
                        },
                    }
                }
                Inner::Own(coroutine) => coroutine.bind(py).clone(),
                Inner::Step(held) => held.coroutine.bind(py).clone(),
            };
            let message = message.take();
            fault!(py, Send);
            let in_step = matches!(memory.inner, Inner::Step(_));
            memory.thrown = matches!(message, Some(Message::Throw(_)));
            self.in_step.store(in_step, Ordering::Relaxed);
            let sent = match message {
                None => ffi::send(&coroutine, &py.None().into_bound(py)),
                Some(Message::Send(value)) => ffi::send(&coroutine, &value),
                Some(Message::Throw(error)) => throw(&coroutine, error).map_err(Box::new),
            };
            self.in_step.store(false, Ordering::Relaxed);
            drop(coroutine);
            let result = match sent {
                Ok(PySendResult::Next(trap)) => return Ok(Some(trap)),
                Ok(PySendResult::Return(value)) => Ok(value),
                Err(error) => Err(*error),
            };
            match std::mem::take(&mut memory.inner) {
                Inner::Step(held) if memory.failure.is_some() => {
                    return Err(self.late_failure(py, memory, held, result));
                }
                Inner::Step(held) => {
                    memory.task_is_changed = true;
                    match result {
                        Ok(value) => self.returned(py, memory, held.step, true, &value)?,
                        Err(error) => self.raised(py, memory, held.step, Some(held), error)?,
                    }
                    if memory.action != Action::Leave {
                        return Ok(None);
                    }
                }
                _ => {
                    self.run.get().crew().unpark(self.worker().number);
                    if let Err(error) = result {
                        if error.is_instance(py, trio::cancelled(py)?) {
                            self.run.get().give_up(py)?;
                        }
                        return Err(error);
                    }
                    if let Some(seat) = &memory.seat {
                        // Granted a slot and cancelled in the same moment: cancelled.
                        memory.must_checkpoint = seat.is_cancelled(py)?;
                    }
                }
            }
        }
    }

    /// Find out what to do next.
    fn begin(&self, py: Python<'_>, memory: &mut Memory) -> PyResult<Begun> {
        fault!(py, Begin);
        let run = self.run.get();
        let pool = run.pool.get();
        pool.check_fork()?;
        if std::mem::take(&mut memory.must_checkpoint) {
            if pool.lock(py)?.ready(run.lane) == 0 {
                // What is done is done: a cancellation must not reach it any more.
                return Ok(Begun::Nothing);
            }
            self.restore_task(py, memory)?;
            fault!(py, Checkpoint);
            memory.inner = Inner::Own(trio::checkpoint(py)?.call0()?.unbind());
            memory.now_ns = None;
            memory.since_ns = None;
            if !std::mem::replace(&mut memory.entering, true) {
                // It comes back for the next step: nobody need start one more worker meanwhile.
                run.crew().is_coming();
            }
            return Ok(Begun::Own);
        }
        if std::mem::take(&mut memory.entering) {
            run.crew().has_come();
        }
        let now_ns = match memory.now_ns {
            Some(now_ns) => now_ns,
            None => run.work.clock.soon_ns(py, &mut memory.anchor)?,
        };
        let next = match memory.next.take() {
            Some(next) => next,
            None => pool.lock(py)?.next(run.lane, now_ns),
        };
        match next {
            Next::Leave => Ok(Begun::Nothing),
            Next::Wait => {
                self.restore_task(py, memory)?;
                self.park(py, memory)?;
                Ok(Begun::Own)
            }
            Next::Start { step, slot } => {
                // Taken over at once: from here on `abandon` gives the slot back.
                self.worker().set_slot(Some(slot));
                memory.since_ns.get_or_insert(now_ns);
                self.name_task(py, memory, step)?;
                fault!(py, Started);
                if run.crew().has_parked() && pool.lock(py)?.ready(run.lane) == 0 {
                    run.crew().dismiss(py)?;
                }
                if run.work.observer.is_some() {
                    let submitted_ns = pool.lock(py)?.submitted_ns(run.lane, step);
                    let wait_ns = now_ns.saturating_sub(submitted_ns);
                    self.observe(py, "started", &run.work.id(py, step)?, wait_ns)?;
                }
                Ok(Begun::Step(Step { index: step, slot }))
            }
        }
    }

    /// The task has the name of a step that suspended in it before: now it works for this one.
    fn name_task(&self, py: Python<'_>, memory: &Memory, step: u32) -> PyResult<()> {
        match &memory.seat {
            Some(seat) if memory.task_is_changed => {
                let id = self.run.get().work.id(py, step)?;
                ffi::set_attribute(seat.task.bind(py), intern!(py, "name"), &id)
            }
            _ => Ok(()),
        }
    }

    /// Wait until a slot is granted.
    fn park(&self, py: Python<'_>, memory: &mut Memory) -> PyResult<()> {
        let Some(seat) = &memory.seat else {
            return Err(errors::not_seated(py));
        };
        let run = self.run.get();
        let wait = Crew::wait_for_slot(run.crew.bind(py), self.worker().number)?;
        fault!(py, Park);
        memory.entering = true;
        memory.now_ns = None;
        memory.since_ns = None;
        memory.inner = Inner::Own(wait.unbind());
        run.crew()
            .park(self.worker().number, seat.task.clone_ref(py));
        Ok(())
    }

    /// Make the step's coroutine and send into it for the first time, inside its own context.
    fn first_segment<'py>(
        &self,
        py: Python<'py>,
        memory: &mut Memory,
        step: Step,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let run = self.run.get();
        let context = match memory.contexts.take(run.work.base.bind(py)) {
            Ok(context) => context,
            Err(error) => return self.raised(py, memory, step, None, error).map(|()| None),
        };
        // A single step may sit in a scope of its caller's.
        memory.tasks_before = (!run.is_single).then(|| memory.leftovers.tasks_in_scope(py));
        let mut made = None;
        self.in_step.store(true, Ordering::Relaxed);
        let sent = self.first_send(py, step, &context, &mut made);
        self.in_step.store(false, Ordering::Relaxed);
        let error = match (sent, made) {
            (Ok(PySendResult::Return(value)), _) => {
                memory.contexts.put_back(context);
                return self
                    .returned(py, memory, step, false, &value)
                    .map(|()| None);
            }
            (Ok(PySendResult::Next(trap)), Some(coroutine)) => {
                memory.inner = Inner::Step(Suspended {
                    step,
                    coroutine: coroutine.unbind(),
                    context: context.unbind(),
                });
                if let Err(error) = guarded(py, || self.suspended(py, memory)) {
                    self.fail_later(py, memory, error);
                }
                return Ok(Some(trap));
            }
            (Ok(PySendResult::Next(_)), None) => {
                return Err(errors::internal(py, "a step yielded before it was made"));
            }
            (Err(error), Some(_)) => error,
            (Err(error), None) => {
                if let Some(error) = programming_error(py, &run.work, step.index, &error)? {
                    self.settle(py, memory, step, Outcome::Unwound, None)?;
                    return Err(error);
                }
                error
            }
        };
        self.raised(py, memory, step, None, *error).map(|()| None)
    }

    fn first_send<'py>(
        &self,
        py: Python<'py>,
        step: Step,
        context: &Bound<'py, PyAny>,
        made: &mut Option<Bound<'py, PyAny>>,
    ) -> ffi::Sent<'py> {
        let _entered = ffi::Entered::new(context)?;
        let _segment = FirstSegment::begin();
        fault!(py, MakeCoroutine);
        let coroutine = made.insert(make_coroutine(py, &self.run.get().work, step.index)?);
        fault!(py, FirstSend);
        ffi::send(coroutine, &py.None().into_bound(py))
    }

    /// The step is about to suspend for the first time.
    fn suspended(&self, py: Python<'_>, memory: &Memory) -> PyResult<()> {
        let (Inner::Step(held), Some(seat)) = (&memory.inner, &memory.seat) else {
            return Err(errors::not_seated(py));
        };
        let Suspended { step, context, .. } = held;
        let run = self.run.get();
        // From now on Trio runs the step in its context by itself; entering it here as well would
        // be wrong when a thread's message runs in this task.
        let task = seat.task.bind(py);
        ffi::set_attribute(task, intern!(py, "context"), context.bind(py))?;
        if !memory.task_is_changed {
            ffi::set_attribute(task, intern!(py, "name"), &run.work.id(py, step.index)?)?;
        }
        fault!(py, Suspend);
        let mut scheduler = run.pool.get().lock(py)?;
        let earliest = scheduler.arm(step.slot, self.worker().number);
        let wanted = !run.crew().expects_worker() && scheduler.request(run.lane);
        drop(scheduler);
        if let Some(deadline_ns) = earliest {
            run.crew().set_alarm(py, &run.work.clock, deadline_ns)?;
        }
        fault!(py, Suspended);
        match wanted {
            true => run.crew().bring_worker(py),
            false => Ok(()),
        }
    }

    /// The driver has failed while its step waits for Trio, which has it in its tables by now: to
    /// close it here would tear it out of them. Trio cancels it, and then the error goes on.
    fn fail_later(&self, py: Python<'_>, memory: &mut Memory, error: PyErr) {
        memory.failure = Some(error.into_value(py));
        let scope = memory.seat.as_ref().and_then(|seat| seat.scope.as_ref());
        // A single step without a limit has no scope of ours: it ends by itself.
        if let Some(scope) = scope.filter(|_| self.run.get().crew().has_host()) {
            quietly(py, || self.worker().cancel(py, scope, "the run has failed"));
        }
    }

    /// A step has ended after the driver had failed: the error that goes on.
    fn late_failure(
        &self,
        py: Python<'_>,
        memory: &mut Memory,
        held: Suspended,
        result: PyResult<Bound<'_, PyAny>>,
    ) -> PyErr {
        let step = held.step;
        memory.task_is_changed = true;
        let error = result.err();
        let fatal = |error: &PyErr| is_plainly_fatal(py, error).unwrap_or(false);
        quietly(py, || self.settle(py, memory, step, Outcome::Unwound, None));
        let failure = memory.failure.take();
        let failure = failure.map(|failure| PyErr::from_value(failure.into_bound(py).into_any()));
        match (error, failure) {
            (Some(error), Some(failure)) if fatal(&error) => {
                error.set_context(py, Some(failure));
                error
            }
            (error, Some(failure)) => {
                failure.set_context(py, error);
                failure
            }
            _ => errors::internal(py, "a driver failed for no reason"),
        }
    }
}

#[pymethods]
impl Driver {
    /// A driver for one more worker of the run.
    #[new]
    fn new(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        let worker = run.get().crew().hire(py)?;
        Ok(Self {
            run,
            worker,
            in_step: AtomicBool::new(false),
            memory: Mutex::new(Some(Box::new(Memory {
                entering: true,
                ..Memory::default()
            }))),
        })
    }

    /// The worker sits down in this task and scope, before each await. `scope` may be None for a
    /// task that is not ours. `leftovers` is (nurseries, status, status_tasks, breaker, describe),
    /// each None where it cannot be had.
    #[pyo3(signature = (task, scope, leftovers, *, trio_fires=false))]
    fn enter(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        scope: Option<Py<PyAny>>,
        leftovers: LookedUp,
        trio_fires: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        fault!(py, Enter);
        this.with_memory_out(py, |memory| this.restore_task(py, memory))?;
        let (nurseries, status, tasks, breaker, describe) = leftovers;
        let seat = Seat::new(task, scope, status, trio_fires)?;
        let leftovers = Leftovers::new(task, nurseries, tasks, breaker, describe)?;
        let cancelled = seat.is_cancelled(py)?;
        let workers_own = seat.clone_ref(py);
        let before = this.with_memory(|memory| {
            memory.action = Action::Leave;
            // A worker that comes too late starts nothing any more.
            memory.must_checkpoint = cancelled;
            let leftovers = std::mem::replace(&mut memory.leftovers, leftovers);
            (memory.seat.replace(seat), leftovers)
        })?;
        drop(before);
        let tasks = this.run.get().pool.get().tasks(py);
        Worker::enter_task(this.worker.bind(py), tasks, workers_own)
    }

    /// The worker gets up for good.
    fn exit(&self, py: Python<'_>) -> PyResult<()> {
        fault!(py, Exit);
        self.with_memory_out(py, |memory| self.restore_task(py, memory))?;
        let seat =
            self.with_memory(|memory| (memory.seat.take(), std::mem::take(&mut memory.leftovers)))?;
        drop(seat);
        let run = self.run.get();
        self.worker().leave_task(py, run.pool.get().tasks(py))?;
        run.crew().vacate(self.worker().number);
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

    /// What came out of the worker's scope decides about the step that was cancelled in it:
    /// `error` is the exception, or None with `caught` when the scope caught its own
    /// cancellation. Returns the exception that the worker has to raise, if any.
    fn judge<'py>(
        &self,
        py: Python<'py>,
        error: Option<Bound<'py, PyAny>>,
        caught: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let result = self.with_memory_out(py, |memory| self.judge_step(py, memory, error, caught));
        match result {
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
        self.with_memory_out(py, |memory| {
            self.abandon(py, memory);
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

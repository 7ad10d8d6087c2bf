//! The driver: a coroutine that runs one step after another inside one Trio task.
//!
//! It asks the scheduler for a step, makes the step's coroutine, sends into it, passes Trio's
//! traps up and Trio's answers down unchanged, and records the outcome. Between two steps that do
//! not suspend, no Python code of ours runs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use hocket_core::{Next, Outcome, SlotId};
use pyo3::exceptions::{
    PyBaseExceptionGroup, PyException, PyRuntimeError, PyStopIteration, PyTypeError,
};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySendResult, PySet, PyTraceback};

use crate::errors;
use crate::ffi;
use crate::run::{Call, Run};
use crate::trio;

/// A driver that never yields would starve every other task. After this long without going
/// through Trio's scheduler it performs a checkpoint, where a cancellation reaches it too.
/// One millisecond costs a run of no-op steps less than 0.2 %.
const STRETCH_NS: u64 = 1_000_000;
/// The same for a virtual clock, which stands still while steps run.
const STRETCH_STEPS: u32 = 256;

/// What the worker is to do when the driver has returned.
#[derive(Clone, Copy, Default, PartialEq)]
enum Action {
    /// There is nothing left to start.
    #[default]
    Leave,
    /// Enter a fresh scope and await the driver again: the old scope was fired.
    Again,
    /// Make room for another worker: the step has left something behind on this task.
    Retire,
}

/// A step that runs: which one, and its entry in the ledger.
#[derive(Clone, Copy)]
struct Step {
    index: u32,
    slot: SlotId,
}

/// A step that has suspended. One that has not is known only by the driver's `slot`.
struct Suspended {
    step: Step,
    coroutine: Py<PyAny>,
    context: Py<PyAny>,
}

#[derive(Default)]
enum Inner {
    #[default]
    Nothing,
    Step(Suspended),
    /// A coroutine of our own: a checkpoint, or the wait for a slot.
    Own(Py<PyAny>),
}

/// A step whose exception is on its way through the worker's scope.
struct Judged {
    step: Step,
    error: PyErr,
    traceback: Option<Py<PyTraceback>>,
}

/// What comes of a step's end.
struct Settled {
    /// Whether it decided the run.
    decided: bool,
    /// Whether it did so as the last one that ran.
    alone: bool,
    /// Whether other lanes were granted a slot.
    woken: bool,
    /// How long it ran; only where somebody observes the run.
    run_ns: u64,
}

/// Where the worker sits: its task, its scope, and what these look like when nothing is left
/// behind. The parts that are private to Trio are None where Trio does not have them.
struct Seat {
    task: Py<PyAny>,
    name: Py<PyAny>,
    scope: Option<Py<PyAny>>,
    /// Whether Trio itself fires the scope, so that we are not told.
    trio_fires: bool,
    nurseries: Option<Py<PyList>>,
    nurseries_before: usize,
    status: Option<Py<PyAny>>,
    status_tasks: Option<Py<PySet>>,
    breaker: Option<Py<PyDict>>,
    /// How many locks the task held before: the caller's own task may be the worker.
    locks_before: usize,
    describe: Option<Py<PyAny>>,
}

#[derive(Default)]
struct Cell {
    inner: Inner,
    /// What the scheduler has already said about the time after the step that just ended.
    next: Option<Next>,
    seat: Option<Seat>,
    judged: Option<Judged>,
    action: Action,
    entering: bool,
    must_checkpoint: bool,
    /// Whether the step that is being settled lets the next one start right after it.
    stays: bool,
    /// Whether the task still has the context and the name of a step that has ended.
    displaced: bool,
    /// The last look at the clock since Trio resumed us, and the first one.
    now_ns: Option<u64>,
    since_ns: Option<u64>,
    streak: u32,
}

impl Cell {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.inner {
            Inner::Step(held) => {
                visit.call(&held.coroutine)?;
                visit.call(&held.context)?;
            }
            Inner::Own(coroutine) => visit.call(coroutine)?,
            Inner::Nothing => {}
        }
        if let Some(seat) = &self.seat {
            visit.call(&seat.task)?;
            visit.call(&seat.scope)?;
            visit.call(&seat.nurseries)?;
            visit.call(&seat.status)?;
            visit.call(&seat.status_tasks)?;
            visit.call(&seat.breaker)?;
            visit.call(&seat.describe)?;
        }
        Ok(())
    }
}

/// What the driver does next.
enum Begun {
    /// Leave.
    Nothing,
    /// Start this step.
    Step(Step),
    /// Go into the coroutine in `inner`, which is its own.
    Own,
}

enum Message<'py> {
    Send(Bound<'py, PyAny>),
    Throw(PyErr),
}

thread_local! {
    /// How many steps of this thread are in their first segment (one inside the other).
    static FIRST_SEGMENTS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// While it lives, the thread is in a context that `Task.context` does not name yet.
struct FirstSegment;

impl FirstSegment {
    fn begin() -> Self {
        FIRST_SEGMENTS.set(FIRST_SEGMENTS.get() + 1);
        Self
    }
}

impl Drop for FirstSegment {
    fn drop(&mut self) {
        FIRST_SEGMENTS.set(FIRST_SEGMENTS.get() - 1);
    }
}

/// Whether the caller is part of a step that has not suspended yet. A run may not start there: it
/// would take the context that Trio knows of for the caller's, and that one is not.
#[pyfunction]
pub fn in_first_segment() -> bool {
    FIRST_SEGMENTS.get() > 0
}

fn running_already() -> PyErr {
    PyRuntimeError::new_err("the driver is running already")
}

/// What an exception that left a step is.
enum Verdict {
    /// An ordinary error, to be recorded.
    Error(PyErr),
    /// Only a cancellation.
    Cancelled(PyErr),
    /// A cancellation, to be raised, and an ordinary error beside it, to be recorded.
    Both(PyErr, PyErr),
    /// KeyboardInterrupt, SystemExit and their like: straight through.
    Fatal(PyErr),
}

/// A worker's coroutine. Made by `Run.driver`.
#[pyclass(frozen, weakref, module = "hocket._core")]
pub struct Driver {
    run: Py<Run>,
    worker: u32,
    /// The running step's slot; readable while the cell is taken out.
    slot: AtomicU64,
    /// Whether the watchdog has cancelled the scope that the worker sits in.
    fired: AtomicBool,
    in_step: AtomicBool,
    /// How many nurseries the task had open when the worker sat down: later ones are a step's.
    nurseries_before: AtomicUsize,
    /// The driver that worked in this task when the worker first sat down: it waits for us.
    outer: Mutex<Option<Py<Driver>>>,
    /// Taken out while the driver runs, so that no lock is held while Python code does. Boxed, so
    /// that taking it out moves a pointer.
    cell: Mutex<Option<Box<Cell>>>,
}

impl Driver {
    pub fn new(run: Py<Run>, worker: u32) -> Self {
        Self {
            run,
            worker,
            slot: AtomicU64::new(SlotId::to_bits(None)),
            fired: AtomicBool::new(false),
            in_step: AtomicBool::new(false),
            nurseries_before: AtomicUsize::new(0),
            outer: Mutex::default(),
            cell: Mutex::new(Some(Box::new(Cell {
                entering: true,
                ..Cell::default()
            }))),
        }
    }

    pub fn current_slot(&self) -> Option<SlotId> {
        SlotId::from_bits(self.slot.load(Ordering::Relaxed))
    }

    /// The running step for which a task works that sits in this nursery (counted from 0) of our
    /// task: ours, if the nursery was opened since the worker sat down, or that of the driver that
    /// waits for us in the same task.
    pub fn slot_of_nursery(&self, py: Python<'_>, nursery: usize) -> Option<SlotId> {
        if nursery >= self.nurseries_before.load(Ordering::Relaxed) {
            return self.current_slot();
        }
        self.outer(py)?.get().slot_of_nursery(py, nursery)
    }

    pub fn outer(&self, py: Python<'_>) -> Option<Py<Driver>> {
        let outer = self.outer.lock().ok()?;
        outer.as_ref().map(|outer| outer.clone_ref(py))
    }

    /// The watchdog: cancel the step that runs now.
    pub fn fire(&self, py: Python<'_>) -> PyResult<()> {
        let scope = self.with_cell(py, |cell| {
            let scope = cell.seat.as_ref()?.scope.as_ref()?;
            Some(scope.clone_ref(py))
        })?;
        if let Some(scope) = scope {
            self.fired.store(true, Ordering::Relaxed);
            let reason = "the step's time limit has passed";
            scope.call_method1(py, intern!(py, "cancel"), (reason,))?;
        }
        Ok(())
    }

    fn lock_cell(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<Box<Cell>>>> {
        let poisoned = |_| errors::internal(py, "a driver has panicked before");
        self.cell.lock().map_err(poisoned)
    }

    /// From here on the driver runs, until the cell is put back.
    fn take_cell(&self, py: Python<'_>) -> PyResult<Box<Cell>> {
        let taken = self.lock_cell(py)?.take();
        taken.ok_or_else(running_already)
    }

    fn put_back(&self, py: Python<'_>, cell: Box<Cell>) -> PyResult<()> {
        let before = self.lock_cell(py)?.replace(cell);
        drop(before);
        Ok(())
    }

    /// Look at the cell while the driver is not running.
    fn with_cell<T>(&self, py: Python<'_>, look: impl FnOnce(&mut Cell) -> T) -> PyResult<T> {
        let mut cell = self.lock_cell(py)?;
        cell.as_deref_mut().map(look).ok_or_else(running_already)
    }

    fn resume<'py>(
        &self,
        py: Python<'py>,
        message: Message<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.run.get().check_thread()?;
        let mut cell = self.take_cell(py)?;
        let mut result = catch_unwind(AssertUnwindSafe(|| self.drive(py, &mut cell, message)));
        if !matches!(result, Ok(Ok(Some(_)))) {
            // Only a trap leaves a coroutine behind on purpose.
            self.abandon(py, &mut cell);
            if let (Err(error), Ok(Ok(_))) = (self.sit_back(py, &mut cell), &result) {
                result = Ok(Err(error));
            }
        }
        self.put_back(py, cell)?;
        match result {
            Ok(result) => result,
            // PyO3 turns a PanicException that it meets into a panic again: that one is the
            // step's, made by another extension, and passes through as what it was.
            Err(panic) if self.in_step.swap(false, Ordering::Relaxed) => resume_unwind(panic),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                let what = format!("the driver panicked ({})", text.unwrap_or("no message"));
                Err(errors::internal(py, &what))
            }
        }
    }

    fn drive<'py>(
        &self,
        py: Python<'py>,
        cell: &mut Cell,
        message: Message<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        cell.now_ns = None;
        cell.since_ns = None;
        cell.streak = 0;
        let mut message = Some(message);
        loop {
            let coroutine = match &cell.inner {
                Inner::Nothing => {
                    // What was sent before there was a coroutine has no receiver (the first None).
                    if let Some(Message::Throw(error)) = message.take() {
                        return Err(error);
                    }
                    match self.begin(py, cell)? {
                        Begun::Nothing => return Ok(None),
                        Begun::Own => continue,
                        Begun::Step(step) => match self.first_segment(py, cell, step)? {
                            Some(trap) => return Ok(Some(trap)),
                            None if cell.action == Action::Leave => continue,
                            None => return Ok(None),
                        },
                    }
                }
                Inner::Own(coroutine) => coroutine.bind(py).clone(),
                Inner::Step(held) => held.coroutine.bind(py).clone(),
            };
            let message = message.take();
            let in_step = matches!(cell.inner, Inner::Step(_));
            self.in_step.store(in_step, Ordering::Relaxed);
            let sent = match message {
                None => ffi::send(&coroutine, &py.None().into_bound(py)),
                Some(Message::Send(value)) => ffi::send(&coroutine, &value),
                Some(Message::Throw(error)) => throw(&coroutine, error),
            };
            self.in_step.store(false, Ordering::Relaxed);
            drop(coroutine);
            let result = match sent {
                Ok(PySendResult::Next(trap)) => return Ok(Some(trap)),
                Ok(PySendResult::Return(value)) => Ok(value),
                Err(error) => Err(error),
            };
            match std::mem::take(&mut cell.inner) {
                Inner::Step(held) => {
                    self.ended(py, cell, held.step, Some(held), result)?;
                    if cell.action != Action::Leave {
                        return Ok(None);
                    }
                }
                _ => {
                    drop(result?);
                    if let Some(seat) = &cell.seat {
                        // Granted a slot and cancelled in the same moment: cancelled.
                        cell.must_checkpoint = is_cancelled(py, seat)?;
                    }
                }
            }
        }
    }

    /// Find out what to do next.
    fn begin(&self, py: Python<'_>, cell: &mut Cell) -> PyResult<Begun> {
        let run = self.run.get();
        let pool = run.pool.get();
        pool.check_fork()?;
        if std::mem::take(&mut cell.must_checkpoint) {
            if pool.lock(py)?.ready(run.lane) == 0 {
                // What is done is done: a cancellation must not reach it any more.
                return Ok(Begun::Nothing);
            }
            self.sit_back(py, cell)?;
            cell.inner = Inner::Own(trio::checkpoint(py)?.call0()?.unbind());
            cell.now_ns = None;
            cell.since_ns = None;
            return Ok(Begun::Own);
        }
        if std::mem::take(&mut cell.entering) {
            run.entered();
        }
        let now_ns = match cell.now_ns {
            Some(now_ns) => now_ns,
            None => run.clock.now_ns(py)?,
        };
        let next = match cell.next.take() {
            Some(next) => next,
            None => pool.lock(py)?.next(run.lane, now_ns),
        };
        match next {
            Next::Leave => Ok(Begun::Nothing),
            Next::Wait => {
                self.sit_back(py, cell)?;
                self.park(py, cell)?;
                Ok(Begun::Own)
            }
            Next::Start { step, slot } => {
                // Taken over at once: from here on `abandon` gives the slot back.
                self.slot
                    .store(SlotId::to_bits(Some(slot)), Ordering::Relaxed);
                cell.since_ns.get_or_insert(now_ns);
                if run.has_parked() && pool.lock(py)?.ready(run.lane) == 0 {
                    run.dismiss(py)?;
                }
                if run.observer.is_some() {
                    let submitted_ns = pool.lock(py)?.submitted_ns(run.lane, step);
                    let wait_ns = now_ns.saturating_sub(submitted_ns);
                    run.observe("started", &run.id(py, step)?, wait_ns)?;
                }
                Ok(Begun::Step(Step { index: step, slot }))
            }
        }
    }

    /// Wait until a slot is granted.
    fn park(&self, py: Python<'_>, cell: &mut Cell) -> PyResult<()> {
        let Some(seat) = &cell.seat else {
            return Err(errors::internal(py, "a driver was awaited before `enter`"));
        };
        let run = self.run.get();
        let abort = Bound::new(
            py,
            Abort {
                run: self.run.clone_ref(py),
                worker: self.worker,
            },
        )?;
        let wait = trio::wait_task_rescheduled(py)?.call1((abort,))?;
        run.park(self.worker, seat.task.bind(py))?;
        cell.entering = true;
        cell.now_ns = None;
        cell.since_ns = None;
        cell.inner = Inner::Own(wait.unbind());
        Ok(())
    }

    /// Make the step's coroutine and send into it for the first time, inside its own context.
    fn first_segment<'py>(
        &self,
        py: Python<'py>,
        cell: &mut Cell,
        step: Step,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let run = self.run.get();
        let context = match ffi::copy_context(run.base.bind(py)) {
            Ok(context) => context,
            Err(error) => return self.ended(py, cell, step, None, Err(error)).map(|()| None),
        };
        let mut made = None;
        self.in_step.store(true, Ordering::Relaxed);
        let sent = ffi::Entered::new(&context).and_then(|_entered| {
            let _segment = FirstSegment::begin();
            let coroutine = made.insert(make_coroutine(py, run, step.index)?);
            ffi::send(coroutine, &py.None().into_bound(py))
        });
        self.in_step.store(false, Ordering::Relaxed);
        let result = match (sent, made) {
            (Ok(PySendResult::Return(value)), _) => Ok(value),
            (Ok(PySendResult::Next(trap)), Some(coroutine)) => {
                cell.inner = Inner::Step(Suspended {
                    step,
                    coroutine: coroutine.unbind(),
                    context: context.unbind(),
                });
                self.suspended(py, cell)?;
                return Ok(Some(trap));
            }
            (Ok(PySendResult::Next(_)), None) => {
                return Err(errors::internal(py, "a step yielded before it was made"));
            }
            (Err(error), Some(_)) => Err(error),
            (Err(error), None) => {
                if let Some(error) = programming_error(py, run, step.index, &error)? {
                    self.settle(py, cell, step, Outcome::Unwound, None)?;
                    return Err(error);
                }
                Err(error)
            }
        };
        self.ended(py, cell, step, None, result)?;
        Ok(None)
    }

    /// The step is about to suspend for the first time.
    fn suspended(&self, py: Python<'_>, cell: &Cell) -> PyResult<()> {
        let (Inner::Step(held), Some(seat)) = (&cell.inner, &cell.seat) else {
            return Err(errors::internal(py, "a driver was awaited before `enter`"));
        };
        let Suspended { step, context, .. } = held;
        let run = self.run.get();
        // From now on Trio runs the step in its context by itself; entering it here as well would
        // be wrong when a thread's message runs in this task.
        let task = seat.task.bind(py);
        ffi::set_attribute(task, intern!(py, "context"), context.bind(py))?;
        ffi::set_attribute(task, intern!(py, "name"), &run.id(py, step.index)?)?;
        let mut scheduler = run.pool.get().lock(py)?;
        let earliest = scheduler.arm(step.slot, self.worker);
        let wanted = !run.is_joined() && scheduler.request(run.lane);
        drop(scheduler);
        if let Some(deadline_ns) = earliest {
            run.armed(py, deadline_ns, run.clock.now_ns(py)?)?;
        }
        match wanted {
            true => run.bring_worker(py),
            false => Ok(()),
        }
    }

    /// A step has returned or raised.
    fn ended(
        &self,
        py: Python<'_>,
        cell: &mut Cell,
        step: Step,
        held: Option<Suspended>,
        result: PyResult<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let run = self.run.get();
        let suspended = held.is_some();
        cell.displaced |= suspended;
        let Some(seat) = &cell.seat else {
            return Err(errors::internal(py, "a driver was awaited before `enter`"));
        };
        let fired = self.fired.load(Ordering::Relaxed);
        let judge = fired || (seat.trio_fires && suspended);
        // Something fatal frees the slot before anything that can allocate or run Python.
        if let Err(error) = &result {
            if is_plainly_fatal(py, error)? {
                self.settle(py, cell, step, Outcome::Failed, None)?;
                drop(held);
                return result.map(drop);
            }
        }
        if seat.finds_leftovers(py)? {
            let error = self.leftovers_error(py, cell, step.index, result.err())?;
            self.settle(py, cell, step, Outcome::Failed, Some(error))?;
            return self.retire_worker(py, cell);
        }
        match result {
            Ok(value) => {
                let cancelled = suspended && is_cancelled(py, seat)?;
                cell.stays = !fired && !run.isolated && !cancelled;
                let settled = self.free_slot(py, cell, step.slot, Outcome::Completed)?;
                let id = run.id(py, step.index)?;
                run.record_value(&id, &value)?;
                self.tell(py, step.index, &id, Outcome::Completed, settled)?;
                cell.must_checkpoint |= cancelled;
            }
            Err(error) if judge => {
                let traceback = error.traceback(py).map(Bound::unbind);
                cell.judged = Some(Judged {
                    step,
                    error: error.clone_ref(py),
                    traceback,
                });
                return Err(error);
            }
            Err(error) => {
                let cancelled = suspended && is_cancelled(py, seat)?;
                let verdict = classify(py, error)?;
                self.carry_out(py, cell, step, verdict)?;
                cell.must_checkpoint |= cancelled;
            }
        }
        if run.isolated {
            self.retire_worker(py, cell)?;
        } else if fired {
            // Dirty: no step may start in a scope that is cancelled.
            cell.action = Action::Again;
        }
        Ok(())
    }

    /// Record what an exception came to; raise what has to go on.
    fn carry_out(
        &self,
        py: Python<'_>,
        cell: &mut Cell,
        step: Step,
        verdict: Verdict,
    ) -> PyResult<()> {
        match verdict {
            Verdict::Error(error) => self.settle(py, cell, step, Outcome::Failed, Some(error)),
            Verdict::Cancelled(error) => {
                self.settle(py, cell, step, Outcome::Unwound, None)?;
                Err(error)
            }
            Verdict::Both(cancelled, error) => {
                self.settle(py, cell, step, Outcome::Failed, Some(error))?;
                Err(cancelled)
            }
            Verdict::Fatal(error) => {
                self.settle(py, cell, step, Outcome::Failed, None)?;
                Err(error)
            }
        }
    }

    /// A step has not returned: give the slot back, note the error, tell who waits. Without an
    /// error `Failed` is something fatal, after which nothing more may run.
    fn settle(
        &self,
        py: Python<'_>,
        cell: &mut Cell,
        step: Step,
        outcome: Outcome,
        error: Option<PyErr>,
    ) -> PyResult<()> {
        let run = self.run.get();
        let fatal = error.is_none() && outcome == Outcome::Failed;
        let settled = self.free_slot(py, cell, step.slot, outcome)?;
        if fatal {
            return match settled.woken {
                true => run.pool.get().wake(py, Some(run.lane)),
                false => Ok(()),
            };
        }
        let id = run.id(py, step.index)?;
        if let Some(error) = error {
            run.record_error(&id, &error)?;
        }
        self.tell(py, step.index, &id, outcome, settled)
    }

    /// The step's state is final: its slot goes back.
    fn free_slot(
        &self,
        py: Python<'_>,
        cell: &mut Cell,
        slot: SlotId,
        outcome: Outcome,
    ) -> PyResult<Settled> {
        let run = self.run.get();
        let clock = run.clock.now_ns(py);
        let now_ns = *clock.as_ref().unwrap_or(&0);
        let mut scheduler = run.pool.get().lock(py)?;
        let started_ns = match run.observer {
            Some(_) => scheduler.started_ns(slot).unwrap_or(now_ns),
            None => now_ns,
        };
        let decided = scheduler.settle(slot, outcome, now_ns).is_some();
        let alone = decided && scheduler.is_idle(run.lane);
        cell.now_ns = Some(now_ns);
        self.count_stretch(cell, now_ns);
        // One trip to the scheduler instead of two, where nothing stands between two steps.
        if std::mem::take(&mut cell.stays) && !cell.must_checkpoint {
            cell.next = Some(scheduler.next(run.lane, now_ns));
        }
        let woken = scheduler.has_wakes();
        drop(scheduler);
        self.slot.store(SlotId::to_bits(None), Ordering::Relaxed);
        clock?;
        Ok(Settled {
            decided,
            alone,
            woken,
            run_ns: now_ns.saturating_sub(started_ns),
        })
    }

    /// Tell whoever has to know that a step has ended.
    fn tell(
        &self,
        py: Python<'_>,
        index: u32,
        id: &Bound<'_, PyAny>,
        outcome: Outcome,
        settled: Settled,
    ) -> PyResult<()> {
        let run = self.run.get();
        if run.observer.is_some() {
            let what = match outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::TimedOut => "timed_out",
                Outcome::Unwound => "cancelled",
            };
            run.observe(what, id, settled.run_ns)?;
        }
        if settled.decided {
            run.decide(py, index, settled.alone)?;
        }
        if settled.woken {
            run.pool.get().wake(py, Some(run.lane))?;
        }
        Ok(())
    }

    /// Whether a checkpoint is due before the next step.
    fn count_stretch(&self, cell: &mut Cell, now_ns: u64) {
        cell.streak += 1;
        let since_ns = *cell.since_ns.get_or_insert(now_ns);
        cell.must_checkpoint = match self.run.get().clock.is_virtual() {
            false => now_ns.saturating_sub(since_ns) >= STRETCH_NS,
            true => cell.streak >= STRETCH_STEPS,
        };
        if cell.must_checkpoint {
            cell.streak = 0;
        }
    }

    /// Put the worker's own context and name back, before anything but a step can look at them.
    fn sit_back(&self, py: Python<'_>, cell: &mut Cell) -> PyResult<()> {
        let (Some(seat), true) = (&cell.seat, std::mem::take(&mut cell.displaced)) else {
            return Ok(());
        };
        let task = seat.task.bind(py);
        ffi::set_attribute(task, intern!(py, "context"), self.run.get().base.bind(py))?;
        ffi::set_attribute(task, intern!(py, "name"), seat.name.bind(py))
    }

    /// The worker makes room for another one, which is to lose no turn by starting later.
    fn retire_worker(&self, py: Python<'_>, cell: &mut Cell) -> PyResult<()> {
        cell.action = Action::Retire;
        let run = self.run.get();
        run.pool.get().lock(py)?.request(run.lane);
        Ok(())
    }

    fn leftovers_error(
        &self,
        py: Python<'_>,
        cell: &Cell,
        index: u32,
        cause: Option<PyErr>,
    ) -> PyResult<PyErr> {
        let seat = cell.seat.as_ref();
        let Some(describe) = seat.and_then(|seat| seat.describe.as_ref()) else {
            return Err(errors::internal(
                py,
                "leftovers were found where none can be",
            ));
        };
        let id = self.run.get().id(py, index)?;
        let error = PyErr::from_value(describe.bind(py).call1((id,))?);
        error.set_cause(py, cause);
        Ok(error)
    }

    /// The driver has failed or is closed: the step in flight, if any, is closed and unwound.
    fn abandon(&self, py: Python<'_>, cell: &mut Cell) {
        let held = match std::mem::take(&mut cell.inner) {
            Inner::Step(held) => held,
            Inner::Own(coroutine) => return close_quietly(py, &coroutine),
            Inner::Nothing => return self.release_lost_slot(py, cell),
        };
        cell.displaced = true;
        close_quietly(py, &held.coroutine);
        let settled = self.settle(py, cell, held.step, Outcome::Unwound, None);
        if let Err(error) = settled {
            error.write_unraisable(py, None);
        }
    }
}

impl Driver {
    /// The worker's task works for whom it worked before.
    pub fn get_up(&self, py: Python<'_>) -> PyResult<()> {
        let seat = self.with_cell(py, |cell| cell.seat.take())?;
        let outer = self.outer.lock().ok().and_then(|mut outer| outer.take());
        if let Some(seat) = seat {
            let outer = outer.as_ref().map(|outer| outer.bind(py));
            let pool = self.run.get().pool.get();
            pool.enter_task(seat.task.bind(py), outer)?;
        }
        Ok(())
    }

    /// Something failed between taking a step over and settling it: its slot still goes back.
    fn release_lost_slot(&self, py: Python<'_>, cell: &mut Cell) {
        let taken = match cell.next.take() {
            Some(Next::Start { slot, .. }) => Some(slot),
            _ => self.current_slot().filter(|_| cell.judged.is_none()),
        };
        let Some(slot) = taken else { return };
        self.slot.store(SlotId::to_bits(None), Ordering::Relaxed);
        // A poisoned scheduler has no slots to give any more; every later call says so.
        if let Ok(mut scheduler) = self.run.get().pool.get().lock(py) {
            scheduler.settle(slot, Outcome::Unwound, 0);
        }
    }
}

#[pymethods]
impl Driver {
    /// The worker sits down in this task and scope, before each await. `scope` may be None for a
    /// task that is not ours. `leftovers` is (nurseries, status, status_tasks, breaker, describe),
    /// each None where it cannot be had.
    #[pyo3(signature = (task, scope, leftovers, *, trio_fires=false))]
    fn enter(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        scope: Option<Py<PyAny>>,
        leftovers: Leftovers,
        trio_fires: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (nurseries, status, status_tasks, breaker, describe) = leftovers;
        let seat = Seat {
            task: task.clone().unbind(),
            name: task.getattr(intern!(py, "name"))?.unbind(),
            scope,
            trio_fires,
            nurseries_before: nurseries.as_ref().map_or(0, |list| list.bind(py).len()),
            nurseries,
            status,
            status_tasks,
            locks_before: locks_held(py, breaker.as_ref(), task)?,
            breaker,
            describe,
        };
        this.fired.store(false, Ordering::Relaxed);
        let cancelled = is_cancelled(py, &seat)?;
        let nurseries = task.getattr(intern!(py, "child_nurseries"))?.len()?;
        this.nurseries_before.store(nurseries, Ordering::Relaxed);
        let outer = this.run.get().pool.get().enter_task(task, Some(slf))?;
        if let Some(outer) = outer.filter(|outer| !outer.is(slf)) {
            let poisoned = |_| errors::internal(py, "a driver has panicked before");
            let before = this.outer.lock().map_err(poisoned)?.replace(outer);
            drop(before);
        }
        let before = this.with_cell(py, |cell| {
            cell.action = Action::Leave;
            // A worker that comes too late starts nothing any more.
            cell.must_checkpoint = cancelled;
            cell.seat.replace(seat)
        })?;
        drop(before);
        Ok(())
    }

    /// The worker gets up for good.
    fn exit(&self, py: Python<'_>) -> PyResult<()> {
        self.get_up(py)?;
        self.run.get().vacate(py, self.worker)
    }

    /// Whether the worker has to enter a fresh scope and await the driver again.
    #[getter]
    fn again(&self, py: Python<'_>) -> PyResult<bool> {
        self.with_cell(py, |cell| cell.action == Action::Again)
    }

    /// Whether the worker has to make room for another one.
    #[getter]
    fn retire(&self, py: Python<'_>) -> PyResult<bool> {
        self.with_cell(py, |cell| cell.action == Action::Retire)
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
        let mut cell = self.take_cell(py)?;
        let result = self.judge_step(py, &mut cell, error, caught);
        self.put_back(py, cell)?;
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
        let mut cell = self.take_cell(py)?;
        self.abandon(py, &mut cell);
        self.put_back(py, cell)
    }

    /// Present, and None, so that Trio's `Task.iter_await_frames` walks on into the step.
    #[getter]
    fn cr_frame(&self) -> Option<Py<PyAny>> {
        None
    }

    /// What the driver awaits: the step's coroutine.
    #[getter]
    fn cr_await(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let cell = self.lock_cell(py)?;
        Ok(match cell.as_ref().map(|cell| &cell.inner) {
            Some(Inner::Step(held)) => Some(held.coroutine.clone_ref(py)),
            Some(Inner::Own(coroutine)) => Some(coroutine.clone_ref(py)),
            Some(Inner::Nothing) | None => None,
        })
    }

    #[getter]
    fn cr_running(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock_cell(py)?.is_none())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.run)?;
        if let Ok(cell) = self.cell.try_lock() {
            if let Some(cell) = &*cell {
                cell.traverse(&visit)?;
            }
        }
        if let Ok(outer) = self.outer.try_lock() {
            visit.call(&*outer)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let cell = self
            .cell
            .lock()
            .map(|mut cell| cell.replace(Box::default()));
        let outer = self.outer.lock().map(|mut outer| outer.take());
        drop((cell, outer));
    }
}

impl Driver {
    fn judge_step(
        &self,
        py: Python<'_>,
        cell: &mut Cell,
        error: Option<Bound<'_, PyAny>>,
        caught: bool,
    ) -> PyResult<()> {
        let run = self.run.get();
        let Some(judged) = cell.judged.take() else {
            // Not a step's: the driver's own checkpoint or wait was cancelled, or it failed.
            return error.map_or(Ok(()), |error| Err(PyErr::from_value(error)));
        };
        // Frames of ours below the step's would tie the error to the run that holds it.
        if let Some(traceback) = judged.traceback {
            judged
                .error
                .set_traceback(py, Some(traceback.into_bound(py)));
        }
        let step = judged.step;
        match error {
            Some(error) => {
                let error = match error.is(judged.error.value(py)) {
                    true => judged.error,
                    false => PyErr::from_value(error),
                };
                let verdict = classify(py, error)?;
                self.carry_out(py, cell, step, verdict)?;
            }
            None if caught => {
                let error = run.timeout_error(py, step.index)?;
                error.set_cause(py, Some(judged.error));
                self.settle(py, cell, step, Outcome::TimedOut, Some(error))?;
            }
            None => return Err(errors::internal(py, "a step's exception was swallowed")),
        }
        match run.isolated {
            true => return self.retire_worker(py, cell),
            false => cell.action = Action::Again,
        }
        Ok(())
    }
}

type Leftovers = (
    Option<Py<PyList>>,
    Option<Py<PyAny>>,
    Option<Py<PySet>>,
    Option<Py<PyDict>>,
    Option<Py<PyAny>>,
);

impl Seat {
    /// Whether the step that just ended has left something open on the task. Sizes only: this is
    /// asked after every step.
    fn finds_leftovers(&self, py: Python<'_>) -> PyResult<bool> {
        if let Some(nurseries) = &self.nurseries {
            if nurseries.bind(py).len() != self.nurseries_before {
                return Ok(true);
            }
        }
        if let Some(tasks) = &self.status_tasks {
            if !tasks.bind(py).contains(&self.task)? {
                return Ok(true);
            }
        }
        let locks = locks_held(py, self.breaker.as_ref(), self.task.bind(py))?;
        Ok(locks > self.locks_before)
    }
}

/// Whether the worker's next checkpoint would raise Cancelled; then it must come before the next
/// step. False where Trio does not let us look: that step's own checkpoint then decides.
fn is_cancelled(py: Python<'_>, seat: &Seat) -> PyResult<bool> {
    let Some(status) = &seat.status else {
        return Ok(false);
    };
    let cancelled = status
        .bind(py)
        .getattr(intern!(py, "effectively_cancelled"))?;
    cancelled.is_truthy()
}

/// How many locks Trio would have to break if the task exited now.
fn locks_held(
    py: Python<'_>,
    breaker: Option<&Py<PyDict>>,
    task: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let Some(breaker) = breaker
        .map(|dict| dict.bind(py))
        .filter(|dict| !dict.is_empty())
    else {
        return Ok(0);
    };
    breaker.get_item(task)?.map_or(Ok(0), |lots| lots.len())
}

/// Trio's abort function of a worker that waits for a slot.
#[pyclass(frozen)]
struct Abort {
    run: Py<Run>,
    worker: u32,
}

#[pymethods]
impl Abort {
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        _raise_cancel: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.run.get().unpark(py, self.worker)?;
        trio::abort(py)?.getattr(intern!(py, "SUCCEEDED"))
    }
}

fn make_coroutine<'py>(py: Python<'py>, run: &Run, index: u32) -> PyResult<Bound<'py, PyAny>> {
    let step = run.steps.bind(py).get_item(index as usize)?;
    let made = match &run.call {
        Call::Executor { executor, context } => executor.bind(py).call1((step, context))?,
        Call::Functions => step.call0()?,
    };
    if ffi::is_coroutine(&made)? {
        return Ok(made);
    }
    if let Some(coroutine) = trio::adopt(py)?.call1((&made,))?.extract()? {
        return Ok(coroutine);
    }
    let kind = made.get_type().name()?;
    let text = format!(
        "running step {} gave a {kind}, not an awaitable. Steps are async: write 'async def', or \
         wrap a blocking function in trio.to_thread.run_sync.",
        run.id(py, index)?.repr()?,
    );
    Err(NotAwaitable::new_err(text))
}

pyo3::create_exception!(hocket._core, NotAwaitable, PyTypeError);

/// A call that cannot work for any step is a mistake of the program, not a step's failure.
fn programming_error(
    py: Python<'_>,
    run: &Run,
    index: u32,
    error: &PyErr,
) -> PyResult<Option<PyErr>> {
    if error.is_instance_of::<NotAwaitable>(py) {
        let text = error.value(py).str()?.to_string();
        return Ok(Some(PyTypeError::new_err(text)));
    }
    if !error.is_instance_of::<PyTypeError>(py) {
        return Ok(None);
    }
    let explain = py
        .import("hocket._trio")?
        .getattr(intern!(py, "explain_call"))?;
    let explained = match &run.call {
        Call::Executor { executor, .. } => explain.call1((executor, "step_executor", 2))?,
        Call::Functions => {
            let step = run.steps.bind(py).get_item(index as usize)?;
            explain.call1((step, format!("step {}", run.id(py, index)?.repr()?), 0))?
        }
    };
    if explained.is_none() {
        return Ok(None);
    }
    let found = PyTypeError::new_err(explained.unbind());
    found.set_cause(py, Some(error.clone_ref(py)));
    Ok(Some(found))
}

fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: PyErr) -> PyResult<PySendResult<'py>> {
    let py = coroutine.py();
    match coroutine.call_method1(intern!(py, "throw"), (error.into_value(py),)) {
        Ok(trap) => Ok(PySendResult::Next(trap)),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => Ok(PySendResult::Return(
            error.value(py).getattr(intern!(py, "value"))?,
        )),
        Err(error) => Err(error),
    }
}

/// Close a coroutine. What its `finally` raises cannot reach anybody any more: it is reported.
fn close_quietly(py: Python<'_>, coroutine: &Py<PyAny>) {
    if let Err(error) = coroutine.call_method0(py, intern!(py, "close")) {
        error.write_unraisable(py, Some(coroutine.bind(py)));
    }
}

/// KeyboardInterrupt and its like. A group of exceptions needs a closer look, in [`classify`].
fn is_plainly_fatal(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    Ok(!error.is_instance_of::<PyException>(py)
        && !error.is_instance_of::<PyBaseExceptionGroup>(py)
        && !error.is_instance(py, trio::cancelled(py)?))
}

fn classify(py: Python<'_>, error: PyErr) -> PyResult<Verdict> {
    if error.is_instance_of::<PyException>(py) {
        return Ok(Verdict::Error(error));
    }
    let cancelled = trio::cancelled(py)?;
    if error.is_instance(py, cancelled) {
        return Ok(Verdict::Cancelled(error));
    }
    if !error.is_instance_of::<PyBaseExceptionGroup>(py) {
        return Ok(Verdict::Fatal(error));
    }
    let split = error
        .value(py)
        .call_method1(intern!(py, "split"), (cancelled,))?;
    let (matched, rest): (Bound<'_, PyAny>, Bound<'_, PyAny>) = split.extract()?;
    if rest.is_none() {
        return Ok(Verdict::Cancelled(error));
    }
    if !rest.is_instance_of::<PyException>() {
        return Ok(Verdict::Fatal(error));
    }
    let rest = PyErr::from_value(rest);
    Ok(match matched.is_none() {
        true => Verdict::Error(rest),
        false => Verdict::Both(PyErr::from_value(matched), rest),
    })
}

//! A worker, as others see it: where it sits, which step it runs, and how to cancel that step.
//!
//! Its driver is out of reach while it runs, and what it keeps is its own business. What the pool
//! has to know at any time, to tell a nested submission by, and the watchdog, is here.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use hocket_core::SlotId;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::faults::fault;
use crate::panics::lock;
use crate::seat::Seat;

/// One worker of a run. Python never sees it; it is a Python object for the garbage collector,
/// which has to see through it from a task to the worker that waits in it.
#[pyclass(frozen, module = "hocket._core")]
pub struct Worker {
    /// Its place in the crew, by which the scheduler knows it too.
    pub number: u32,
    /// The running step's.
    slot: AtomicU64,
    /// Whether the scope that it sits in was cancelled for a step: no other one may start there.
    cancelled: AtomicBool,
    /// Whether its step waits for a function in a thread, which goes on whatever is cancelled.
    blocks: AtomicBool,
    /// Whether that function has ended past the step's limit, and nobody has judged the step yet.
    late: AtomicBool,
    /// How many nurseries the task had open when the worker sat down: later ones are a step's.
    nurseries_before: AtomicUsize,
    seat: Mutex<Option<Seat>>,
    /// The worker that worked in this task when this one first sat down: it waits for us.
    outer: Mutex<Option<Py<Worker>>>,
}

impl Worker {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            slot: AtomicU64::new(SlotId::to_bits(None)),
            cancelled: AtomicBool::new(false),
            blocks: AtomicBool::new(false),
            late: AtomicBool::new(false),
            nurseries_before: AtomicUsize::new(0),
            seat: Mutex::default(),
            outer: Mutex::default(),
        }
    }

    #[inline]
    pub fn slot(&self) -> Option<SlotId> {
        SlotId::from_bits(self.slot.load(Ordering::Relaxed))
    }

    #[inline]
    pub fn set_slot(&self, slot: Option<SlotId>) {
        self.slot.store(SlotId::to_bits(slot), Ordering::Relaxed);
    }

    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn blocks(&self) -> bool {
        self.blocks.load(Ordering::Relaxed)
    }

    pub fn begins_to_block(&self) {
        self.blocks.store(true, Ordering::Relaxed);
    }

    pub fn ends_to_block(&self, is_late: bool) {
        self.blocks.store(false, Ordering::Relaxed);
        self.late.store(is_late, Ordering::Relaxed);
    }

    /// Whether the step that ends has timed out: its function in a thread ended past the limit.
    #[inline]
    pub fn take_late(&self) -> bool {
        self.late.load(Ordering::Relaxed) && self.late.swap(false, Ordering::Relaxed)
    }

    /// The worker sits down, in a fresh scope. `tasks` is the pool's, of who works in which task.
    pub fn enter_task(
        slf: &Bound<'_, Self>,
        tasks: &Bound<'_, PyDict>,
        seat: Seat,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let task = seat.task.clone_ref(py).into_bound(py);
        this.cancelled.store(false, Ordering::Relaxed);
        let nurseries = task.getattr(intern!(py, "child_nurseries"))?.len()?;
        this.nurseries_before.store(nurseries, Ordering::Relaxed);
        let before = lock(&this.seat).replace(seat);
        drop(before);
        let outer = note(tasks, &task, Some(slf))?;
        fault!(py, Entered);
        if let Some(outer) = outer.filter(|outer| !outer.is(slf)) {
            let before = lock(&this.outer).replace(outer);
            drop(before);
        }
        Ok(())
    }

    /// The worker gets up for good: its task works for whom it worked before.
    pub fn leave_task(&self, py: Python<'_>, tasks: &Bound<'_, PyDict>) -> PyResult<()> {
        let seat = lock(&self.seat).take();
        let outer = lock(&self.outer).take();
        let Some(seat) = seat else { return Ok(()) };
        let named = seat.put_name_back(py);
        let task = seat.task.bind(py);
        let noted = tasks.get_item(task)?;
        let noted = noted.as_ref().and_then(|noted| noted.cast::<Self>().ok());
        if noted.is_some_and(|noted| std::ptr::eq(noted.get(), self)) {
            note(tasks, task, outer.as_ref().map(|outer| outer.bind(py)))?;
        }
        named
    }

    /// The task that it sits in.
    pub fn task(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let seat = lock(&self.seat);
        seat.as_ref().map(|seat| seat.task.clone_ref(py))
    }

    /// The running step for which a task works that sits in this nursery (counted from 0) of our
    /// task: ours, if the nursery was opened since the worker sat down, or that of the worker that
    /// waits for us in the same task.
    pub fn slot_of_nursery(&self, py: Python<'_>, nursery: usize) -> Option<SlotId> {
        if nursery >= self.nurseries_before.load(Ordering::Relaxed) {
            return self.slot();
        }
        let outer = lock(&self.outer).as_ref().map(|outer| outer.clone_ref(py));
        outer?.get().slot_of_nursery(py, nursery)
    }

    /// The watchdog: cancel the step that runs now.
    pub fn cancel_overdue(&self, py: Python<'_>) -> PyResult<()> {
        let seat = lock(&self.seat);
        let scope = seat.as_ref().and_then(|seat| seat.scope.as_ref());
        let scope = scope.map(|scope| scope.clone_ref(py));
        drop(seat);
        match scope {
            Some(scope) => self.cancel(py, &scope, "the step's time limit has passed"),
            None => Ok(()),
        }
    }

    /// Cancel the scope that the worker sits in.
    pub fn cancel(&self, py: Python<'_>, scope: &Py<PyAny>, reason: &str) -> PyResult<()> {
        self.cancelled.store(true, Ordering::Relaxed);
        scope.call_method1(py, intern!(py, "cancel"), (reason,))?;
        Ok(())
    }
}

#[pymethods]
impl Worker {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(seat) = self.seat.try_lock() {
            if let Some(seat) = &*seat {
                seat.traverse(&visit)?;
            }
        }
        if let Ok(outer) = self.outer.try_lock() {
            visit.call(&*outer)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let seat = lock(&self.seat).take();
        let outer = lock(&self.outer).take();
        drop((seat, outer));
    }
}

/// Note which worker works in a task, None for nobody; returns what was noted before.
fn note(
    tasks: &Bound<'_, PyDict>,
    task: &Bound<'_, PyAny>,
    worker: Option<&Bound<'_, Worker>>,
) -> PyResult<Option<Py<Worker>>> {
    let before = tasks.get_item(task)?;
    let before = before.map(|worker| worker.cast_into()).transpose()?;
    let before = before.map(Bound::unbind);
    match worker {
        Some(worker) => tasks.set_item(task, worker)?,
        None if before.is_some() => tasks.del_item(task)?,
        None => {}
    }
    Ok(before)
}

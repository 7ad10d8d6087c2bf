//! The ring of one `trio.run`: the workers that are ready for a turn, and who gives the turns.
//!
//! To Trio a task in the ring is one that is about to run, and not in its queue. Whoever gives the
//! turns, the carrier, is in Trio's queue as long as there is anybody in the ring.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::out_of_memory;
use crate::inside::Inside;
use crate::panics::lock;
use crate::portal;

/// A worker that takes part: it sits outermost in its task.
#[pyclass(frozen, module = "hocket._core")]
pub struct Member {
    pub ring: Py<Ring>,
    pub driver: Py<PyAny>,
    pub task: Py<PyAny>,
    /// The task's, as it was when the worker sat down, and its method.
    pub coroutine: Py<PyAny>,
    pub send: Py<PyAny>,
}

#[pymethods]
impl Member {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.ring)?;
        visit.call(&self.driver)?;
        visit.call(&self.task)?;
        visit.call(&self.coroutine)?;
        visit.call(&self.send)
    }
}

/// A worker whose step is ready to go on.
pub struct Ready {
    pub member: Py<Member>,
    /// What its step waited for; None after a checkpoint.
    pub value: Option<Py<PyAny>>,
}

#[derive(Default)]
pub struct Circle {
    pub ready: VecDeque<Ready>,
    pub carrier: Option<Py<Member>>,
    /// Whether turns are being given at this moment.
    pub is_turning: bool,
    /// For how many ticks others than ours are taken to want their turns from Trio.
    pub others: u8,
    /// Whether the time was up before each had its turn: who has not comes first.
    pub is_cut: bool,
    /// Whether a step has suspended past its time limit in a turn that Trio gave: Trio cancels it
    /// before it has another.
    pub is_due: bool,
}

#[pyclass(frozen, module = "hocket._core")]
pub struct Ring {
    pub inside: Inside,
    /// Task -> the member that sits in it.
    members: Py<PyDict>,
    circle: Mutex<Circle>,
    /// What a step gets after a checkpoint.
    done: Py<Done>,
}

impl Ring {
    pub fn circle(&self) -> MutexGuard<'_, Circle> {
        lock(&self.circle)
    }

    pub fn done<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.done.bind(py).clone().into_any()
    }

    /// A driver sits down in a task. None if it is not the outermost one there, or if somebody
    /// else runs the task's coroutine.
    pub fn enter(
        slf: &Bound<'_, Self>,
        task: &Bound<'_, PyAny>,
        driver: Py<PyAny>,
    ) -> PyResult<Option<Py<Member>>> {
        let (py, this) = (slf.py(), slf.get());
        let members = this.members.bind(py);
        if members.contains(task)? || portal::is_open(py) {
            return Ok(None);
        }
        let coroutine = this.inside.coroutine(task)?;
        let member = Member {
            ring: slf.clone().unbind(),
            driver,
            task: task.clone().unbind(),
            send: coroutine.getattr(intern!(py, "send"))?.unbind(),
            coroutine: coroutine.unbind(),
        };
        let member = Py::new(py, member)?;
        members.set_item(task, &member)?;
        Ok(Some(member))
    }

    /// A member gets up.
    pub fn leave(&self, py: Python<'_>, member: &Member) -> PyResult<()> {
        self.members.bind(py).del_item(&member.task)
    }

    /// Whether anybody but ours has come into Trio's queue since there were `before` in it.
    pub fn others_came(&self, py: Python<'_>, before: usize) -> PyResult<bool> {
        let members = self.members.bind(py);
        for at in before..self.inside.queued(py)? {
            if !members.contains(self.inside.queued_at(py, at)?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Take back out of Trio's queue who of ours was put there last: steps wake each other.
    pub fn take_woken(&self, py: Python<'_>, ready: &mut VecDeque<Ready>) -> PyResult<()> {
        let members = self.members.bind(py);
        let at = ready.len();
        while self.inside.queued(py)? > 0 && !self.inside.is_observed(py) {
            let Some((task, value)) = self.inside.last_queued(py)? else {
                break;
            };
            let Some(member) = members.get_item(&task)? else {
                break;
            };
            let member = member.cast_into::<Member>()?;
            if !self.inside.runs(&task, &member.get().coroutine)? {
                break;
            }
            ready.try_reserve(1).map_err(out_of_memory)?;
            self.inside.unqueue(py)?;
            let woken = Ready {
                member: member.unbind(),
                value: Some(value.unbind()),
            };
            // The last one in the queue comes first.
            ready.insert(at, woken);
        }
        Ok(())
    }

    /// Trio gives this one its turn. Whether that could be arranged.
    pub fn leave_to_trio(&self, py: Python<'_>, ready: &Ready) -> bool {
        let value = ready.value.as_ref().map(|value| value.bind(py));
        let queue = || self.inside.queue(ready.member.get().task.bind(py), value);
        // A second time it has all it needs.
        let queued = queue().or_else(|_| queue());
        queued
            .map_err(|error| error.write_unraisable(py, None))
            .is_ok()
    }
}

#[pymethods]
impl Ring {
    /// `found` is what `hocket._engine.turns` has found inside of Trio.
    #[new]
    fn new(found: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = found.py();
        Ok(Self {
            inside: Inside::new(found)?,
            members: PyDict::new(py).unbind(),
            circle: Mutex::default(),
            done: Py::new(py, Done)?,
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.inside.traverse(&visit)?;
        visit.call(&self.members)?;
        if let Ok(circle) = self.circle.try_lock() {
            visit.call(&circle.carrier)?;
            for ready in &circle.ready {
                visit.call(&ready.member)?;
                visit.call(&ready.value)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let circle = std::mem::take(&mut *self.circle());
        drop(circle);
    }
}

/// Trio's `Value(None)`, for use again and again.
#[pyclass(frozen)]
struct Done;

#[pymethods]
impl Done {
    fn unwrap(&self) {}
}

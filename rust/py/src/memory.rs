//! What a driver keeps from one resumption to the next.

use hocket_core::{Next, SlotId};
use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTraceback;

use crate::clock::Anchor;
use crate::contexts::Contexts;
use crate::leftovers::Leftovers;
use crate::round::Round;
use crate::seat::Seat;

/// What the worker is to do when the driver has returned.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Action {
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
pub struct Step {
    pub index: u32,
    pub slot: SlotId,
}

/// A step that has suspended. One that has not is known only by the driver's `slot`.
pub struct Suspended {
    pub step: Step,
    pub coroutine: Py<PyAny>,
    pub context: Py<PyAny>,
}

#[derive(Default)]
pub enum Inner {
    #[default]
    Nothing,
    Step(Suspended),
    /// A coroutine of our own: a checkpoint, or the wait for a slot.
    Own(Py<PyAny>),
}

/// A step whose exception is on its way through the worker's scope.
pub struct Unwinding {
    pub step: Step,
    pub error: Py<PyBaseException>,
    pub traceback: Option<Py<PyTraceback>>,
}

/// What comes of a step's end.
pub struct Settled {
    /// Whether it decided the run.
    pub decided: bool,
    /// Whether it did so as the last one that ran.
    pub alone: bool,
    /// Whether other lanes were granted a slot.
    pub woken: bool,
    /// How long it ran; only where somebody observes the run.
    pub run_ns: u64,
}

#[derive(Default)]
pub struct Memory {
    pub inner: Inner,
    /// What the scheduler has already said about the time after the step that just ended.
    pub next: Option<Next>,
    pub seat: Option<Seat>,
    pub leftovers: Leftovers,
    pub unwinding: Option<Unwinding>,
    /// Why the driver has failed while its step was waiting for Trio; raised when that has ended.
    pub failure: Option<Py<PyBaseException>>,
    pub action: Action,
    pub entering: bool,
    pub must_checkpoint: bool,
    /// Whether the step that is being settled lets the next one start right after it.
    pub stays: bool,
    /// Whether the step that runs was resumed by `throw`. CPython then leaves the frame that awaits
    /// us out of the stack, and with it what it says about Ctrl-C: no further step may start there.
    pub thrown: bool,
    /// Whether the task still has the context and the name of a step that has ended.
    pub task_is_changed: bool,
    /// The last look at the clock since Trio resumed us, and the first one.
    pub now_ns: Option<u64>,
    pub since_ns: Option<u64>,
    /// The last proper look at the clock, from which the processor's counter goes on.
    pub anchor: Option<Anchor>,
    pub streak: u32,
    /// How many tasks sat in the worker's scope before the step's first segment. None where
    /// a step can know the scope and so put others into it: then size says nothing.
    pub tasks_before: Option<usize>,
    pub round: Round,
    pub contexts: Contexts,
}

impl Memory {
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.inner {
            Inner::Step(held) => {
                visit.call(&held.coroutine)?;
                visit.call(&held.context)?;
            }
            Inner::Own(coroutine) => visit.call(coroutine)?,
            Inner::Nothing => {}
        }
        if let Some(seat) = &self.seat {
            seat.traverse(visit)?;
        }
        self.leftovers.traverse(visit)?;
        if let Some(unwinding) = &self.unwinding {
            visit.call(&unwinding.error)?;
            visit.call(&unwinding.traceback)?;
        }
        visit.call(&self.failure)?;
        self.contexts.traverse(visit)
    }
}

/// What the driver does next.
pub enum Begun {
    /// Leave.
    Nothing,
    /// Start this step.
    Step(Step),
    /// Go into the coroutine in `inner`, which is its own.
    Own,
}

pub enum Message<'py> {
    Send(Bound<'py, PyAny>),
    Throw(PyErr),
}

//! What a driver keeps from one resumption to the next.

use hocket_core::SlotId;
use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTraceback;

use super::contexts::Contexts;
use super::kept::Kept;
use super::stretch::Round;
use crate::clock::Anchor;
use crate::leftovers::Baseline;
use crate::ring::Member;
use crate::seat::Seat;

/// What the worker is to do when the driver has returned.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Action {
    /// There is nothing left to start.
    #[default]
    Leave,
    /// Enter a fresh scope and await the driver again: the old scope was cancelled.
    Again,
    /// Make room for another worker: the step has left something behind on this task, or every step
    /// has a task of its own.
    Retire,
}

/// A step that runs: which one, and its entry in the ledger.
#[derive(Clone, Copy)]
pub struct Step {
    pub index: u32,
    pub slot: SlotId,
}

/// A step that has suspended. One that has not is known only by the worker's slot.
pub struct Suspended {
    pub step: Step,
    pub coroutine: Py<PyAny>,
}

/// The coroutine that the driver has suspended in.
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

#[derive(Default)]
pub struct Memory {
    pub inner: Inner,
    /// The worker has a copy, behind a lock: here it is looked at after every step.
    pub seat: Option<Seat>,
    pub baseline: Baseline,
    pub unwinding: Option<Unwinding>,
    /// Why the driver has failed while its step was waiting for Trio; raised when that has ended.
    pub failure: Option<Py<PyBaseException>>,
    pub action: Action,
    /// Whether the crew counts this worker among those that are on their way.
    pub entering: bool,
    pub must_checkpoint: bool,
    /// Until when the worker sleeps, as the scheduler has told it.
    pub asleep_ns: Option<u64>,
    /// Whether any step has suspended.
    pub has_suspended: bool,
    /// Whether the step that runs was resumed by `throw`. CPython then leaves the frame that awaits
    /// us out of the stack, and with it what it says about Ctrl-C: no further step may start there.
    pub thrown: bool,
    /// Whether the task has the context and the name of a step, which may have ended.
    pub task_is_changed: bool,
    /// Its place in the ring of this `trio.run`, if it may have its turns from others.
    pub member: Option<Py<Member>>,
    pub kept: Option<Kept>,
    /// What the step is resumed with in place of what Trio says.
    pub stash: Option<Py<PyAny>>,
    /// The last proper look at the clock, from which the processor's counter goes on.
    pub anchor: Option<Anchor>,
    pub round: Round,
    pub contexts: Contexts,
}

impl Memory {
    /// Of a worker that was just hired, and so is on its way.
    pub fn new() -> Self {
        Self {
            entering: true,
            ..Self::default()
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.inner {
            Inner::Step(held) => visit.call(&held.coroutine)?,
            Inner::Own(coroutine) => visit.call(coroutine)?,
            Inner::Nothing => {}
        }
        if let Some(seat) = &self.seat {
            seat.traverse(visit)?;
        }
        self.baseline.traverse(visit)?;
        if let Some(unwinding) = &self.unwinding {
            visit.call(&unwinding.error)?;
            visit.call(&unwinding.traceback)?;
        }
        visit.call(&self.failure)?;
        visit.call(&self.member)?;
        visit.call(&self.stash)?;
        if let Some(Kept::Trap(trap)) = &self.kept {
            visit.call(trap)?;
        }
        self.contexts.traverse(visit)
    }
}

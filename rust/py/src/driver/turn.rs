//! One turn of a driver: what it knows from where it takes its memory out to where it puts it back.
//!
//! Most turns are resumptions: Trio resumes the driver, which runs until it yields, returns or
//! raises. What a turn learns about the time, and what the scheduler has already said about the
//! next step, is of no use to the next turn, and some of it must not outlive this one: the slot of
//! a step that was given out and not started (`next`) is given back by `abandon` at the latest.

use hocket_core::Next;
use pyo3::prelude::*;

use super::class::Driver;
use super::memory::{Memory, Step};
use super::stretch::Pace;
use crate::clock::Moment;
use crate::pool::Pool;
use crate::run::Run;
use crate::worker::Worker;

/// What Trio resumes a driver with.
pub enum Message<'py> {
    Send(Bound<'py, PyAny>),
    Throw(PyErr),
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

/// What comes of a step's end.
pub struct Settled {
    /// Whether it decided the run.
    pub decided: bool,
    /// Whether it did so as the last one that ran.
    pub alone: bool,
    /// Whether other lanes were granted a slot.
    pub woken: bool,
    /// Whether it had timed out before, while its function went on in a thread: nothing more is told.
    pub is_late: bool,
    /// How long it ran, and had waited before; only where somebody wants to know.
    pub run_ns: u64,
    pub waited_ns: u64,
}

pub struct Turn<'a, 'py> {
    pub driver: &'a Driver,
    pub py: Python<'py>,
    pub memory: Box<Memory>,
    pub pace: Pace,
    /// The last look at the clock in this turn.
    pub now: Option<Moment>,
    /// When the latest step of this turn started.
    pub started: Moment,
    /// What the scheduler has already said about the time after the step that just ended.
    pub next: Option<Next>,
    /// Whether the step that is being settled lets the next one start right after it.
    pub stays: bool,
    /// Whether this turn's step can be suspended around the driver.
    pub in_portal: bool,
    /// How many tasks sat in the worker's scope before the step's first segment. None where a step
    /// can know the scope and so put others into it: then size says nothing.
    pub tasks_before: Option<usize>,
}

impl<'a, 'py> Turn<'a, 'py> {
    pub fn begin(driver: &'a Driver, py: Python<'py>) -> PyResult<Self> {
        Ok(Self::with(
            driver,
            py,
            driver.take_memory()?,
            Pace::default(),
        ))
    }

    /// The driver's memory was taken out for this turn.
    pub fn with(driver: &'a Driver, py: Python<'py>, memory: Box<Memory>, pace: Pace) -> Self {
        Self {
            driver,
            py,
            memory,
            pace,
            now: None,
            started: Moment::default(),
            next: None,
            stays: false,
            in_portal: false,
            tasks_before: None,
        }
    }

    pub fn end(self) {
        debug_assert!(
            !matches!(self.next, Some(Next::Start { .. })),
            "a lost slot"
        );
        self.driver.put_back(self.memory);
    }

    #[inline]
    pub fn run(&self) -> &'a Run {
        self.driver.run.get()
    }

    #[inline]
    pub fn pool(&self) -> &'a Pool {
        self.run().pool.get()
    }

    #[inline]
    pub fn worker(&self) -> &'a Worker {
        self.driver.worker.get()
    }
}

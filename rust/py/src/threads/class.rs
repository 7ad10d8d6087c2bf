//! A worker whose steps run in a thread.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::panics::lock;
use crate::run::Run;
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
    /// The driver of one more worker.
    pub fn hire(py: Python<'_>, run: Py<Run>) -> PyResult<Self> {
        let worker = run.get().crew().hire(py)?;
        Ok(Self {
            run,
            worker,
            action: Mutex::default(),
            entering: AtomicBool::new(true),
            in_transit: AtomicBool::new(false),
        })
    }

    pub fn action(&self) -> Action {
        *lock(&self.action)
    }

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
    pub fn arrives(&self) -> bool {
        self.in_transit.swap(false, Ordering::Relaxed) && self.run.get().crew().arrives()
    }
}

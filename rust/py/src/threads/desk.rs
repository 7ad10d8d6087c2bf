//! What a run's threads leave for Trio's thread to do. The clerk does it (`clerk`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use hocket_core::SlotId;
use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::manners;
use crate::outcome::Figures;
use crate::panics::lock;
use crate::trio;

/// So much may lie there to be told before threads wait until some of it was.
const MOST: usize = 1024;
/// In case nobody comes to tell it any more.
const PATIENCE: Duration = Duration::from_millis(100);

/// Something that somebody is to be told on Trio's thread.
pub enum Told {
    /// The observer, of this event.
    Event(Py<PyAny>),
    /// Whoever fed the run, of what a step has come to.
    Landed {
        step: u32,
        ended: Result<Py<PyAny>, Py<PyBaseException>>,
        figures: Figures,
    },
    /// The step had timed out already; its function has ended since, and may have raised this.
    Late {
        slot: SlotId,
        error: Option<Py<PyBaseException>>,
    },
}

/// What is to be done at once.
pub struct Orders {
    /// How many workers are to be brought, and are counted as coming.
    pub bring: u32,
    /// Whether nothing is left to start.
    pub dismiss: bool,
    /// The step that has decided the run, and whether nothing else ran then.
    pub decided: Option<(u32, bool)>,
    /// When the overdue are to be looked for at the latest.
    pub alarm: Option<u64>,
}

/// What is behind the desk's lock.
#[derive(Default)]
pub struct Papers {
    /// Has Trio's thread call the clerk; None while there is no clerk.
    call: Option<Py<PyAny>>,
    is_called: bool,
    /// How many workers are to be brought, and are counted as coming.
    bring: u32,
    /// Whether nothing is left to start.
    dismiss: bool,
    /// The step that has decided the run, and whether nothing else ran then.
    decided: Option<(u32, bool)>,
    /// When the overdue are to be looked for at the latest.
    alarm: Option<u64>,
    told: VecDeque<Told>,
    /// The errors of steps that have timed out and whose function goes on.
    struck: HashMap<SlotId, Py<PyBaseException>>,
}

impl Papers {
    /// One more worker, which is counted as coming already.
    pub fn bring(&mut self) {
        self.bring += 1;
    }

    pub fn dismiss(&mut self) {
        self.dismiss = true;
    }

    pub fn decided(&mut self, step: u32, alone: bool) {
        self.decided = Some((step, alone));
    }

    pub fn set_alarm(&mut self, deadline: u64) {
        self.alarm = Some(self.alarm.map_or(deadline, |at| at.min(deadline)));
    }

    pub fn tell(&mut self, told: Told) {
        self.told.push_back(told);
    }

    pub fn struck(&mut self, slot: SlotId, error: Py<PyBaseException>) {
        self.struck.insert(slot, error);
    }
}

/// One run's.
#[derive(Default)]
pub struct Desk {
    /// Never locked while Python code can run.
    papers: Mutex<Papers>,
    cleared: Condvar,
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        lock(&self.papers)
    }

    /// Put something on the desk, and have the clerk called. If that fails it lies there all the same,
    /// and the next one calls; the error is to end the run, for which there may be no next one.
    pub fn put(&self, py: Python<'_>, put: impl FnOnce(&mut Papers)) -> PyResult<()> {
        let mut papers = self.papers();
        put(&mut papers);
        let again = std::mem::replace(&mut papers.is_called, true);
        let call = papers.call.as_ref().filter(|_| !again);
        let call = call.map(|call| call.clone_ref(py));
        drop(papers);
        let Some(call) = call else { return Ok(()) };
        let called = trio::unless_over(py, call.call0(py));
        if called.is_err() {
            self.papers().is_called = false;
        }
        manners::expect_somebody();
        called
    }

    /// Wait, without the interpreter's lock, while too much lies there.
    pub fn wait_for_room(&self, py: Python<'_>) {
        let is_full = |papers: &mut Papers| papers.call.is_some() && papers.told.len() >= MOST;
        if !is_full(&mut self.papers()) {
            return;
        }
        py.detach(|| {
            let papers = self.papers();
            // What it returns is a lock, or a lock that a panic has left: no more is asked.
            drop(self.cleared.wait_timeout_while(papers, PATIENCE, is_full));
        });
    }

    /// There is a clerk, who is called by calling this; None: there is none any more.
    pub fn employ(&self, call: Option<Py<PyAny>>) {
        let before = std::mem::replace(&mut self.papers().call, call);
        self.cleared.notify_all();
        drop(before);
    }

    /// What is to be done at once, on Trio's thread; it is called again when there is more.
    pub fn take_orders(&self) -> Orders {
        let mut papers = self.papers();
        papers.is_called = false;
        Orders {
            bring: std::mem::take(&mut papers.bring),
            dismiss: std::mem::take(&mut papers.dismiss),
            decided: papers.decided.take(),
            alarm: papers.alarm.take(),
        }
    }

    /// What is to be told next, in the order in which it has happened.
    pub fn next_told(&self) -> Option<Told> {
        self.papers().told.pop_front()
    }

    /// Some of it was told. Whether there is more.
    pub fn has_more(&self) -> bool {
        self.cleared.notify_all();
        !self.papers().told.is_empty()
    }

    /// The error of the step that has timed out in this slot; it is asked for once.
    pub fn error_of(&self, slot: SlotId) -> Option<Py<PyBaseException>> {
        self.papers().struck.remove(&slot)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(papers) = self.papers.try_lock() else {
            return Ok(());
        };
        visit.call(&papers.call)?;
        for told in &papers.told {
            match told {
                Told::Event(event) => visit.call(event)?,
                Told::Landed { ended: Ok(it), .. } => visit.call(it)?,
                Told::Landed { ended: Err(it), .. } => visit.call(it)?,
                Told::Late {
                    error: Some(it), ..
                } => visit.call(it)?,
                Told::Late { error: None, .. } => {}
            }
        }
        for error in papers.struck.values() {
            visit.call(error)?;
        }
        Ok(())
    }
}

//! What a run's threads leave for Trio's thread to do, and the clerk that does it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::faults::fault;
use crate::panics::{lock, quietly};
use crate::run::Run;
use crate::slice::Slice;
use crate::work::Figures;

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
    /// The step had failed already, and has raised this since.
    Late {
        step: u32,
        error: Py<PyBaseException>,
    },
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
    struck: Vec<(u32, Py<PyBaseException>)>,
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

    pub fn struck(&mut self, step: u32, error: Py<PyBaseException>) {
        self.struck.push((step, error));
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

    /// Put something on the desk, and have the clerk called.
    pub fn put(&self, py: Python<'_>, put: impl FnOnce(&mut Papers)) {
        let mut papers = self.papers();
        put(&mut papers);
        let again = std::mem::replace(&mut papers.is_called, true);
        let call = papers.call.as_ref().filter(|_| !again);
        let call = call.map(|call| call.clone_ref(py));
        drop(papers);
        if let Some(call) = call {
            // Fails where Trio was torn: nobody is left there to be told anything.
            let _ = call.call0(py);
        }
    }

    /// Wait, without the interpreter's lock, while too much lies there. Whether there was any wait.
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

    /// The clerk's work, on Trio's thread. Whether there is more, and others are to have their turn.
    pub fn attend(&self, py: Python<'_>, run: &Run) -> PyResult<bool> {
        fault!(py, Attend);
        let mut papers = self.papers();
        papers.is_called = false;
        let bring = std::mem::take(&mut papers.bring);
        let dismiss = std::mem::take(&mut papers.dismiss);
        let decided = papers.decided.take();
        let alarm = papers.alarm.take();
        drop(papers);
        for _ in 0..bring {
            run.crew().has_come();
        }
        if bring > 0 {
            run.crew().bring_worker(py)?;
        }
        if let Some((step, alone)) = decided {
            run.crew().announce_verdict(py, step, alone)?;
        }
        if dismiss {
            run.crew().dismiss(py)?;
        }
        if let Some(deadline) = alarm {
            run.crew().set_alarm(py, &run.work.clock, deadline)?;
        }
        let slice = Slice::begin(&run.work.clock);
        loop {
            let next = self.papers().told.pop_front();
            let Some(told) = next else { break };
            self.tell(py, run, told)?;
            if slice.is_over() {
                break;
            }
        }
        self.cleared.notify_all();
        Ok(!self.papers().told.is_empty())
    }

    fn tell(&self, py: Python<'_>, run: &Run, told: Told) -> PyResult<()> {
        match told {
            Told::Event(event) => match &run.work.observer {
                Some(observer) => observer.call1(py, (event,)).map(drop),
                None => Ok(()),
            },
            Told::Landed {
                step,
                ended,
                figures,
            } => {
                let id = run.work.id(py, step)?;
                match ended {
                    Ok(value) => run.work.record(step, &id, Ok(value.bind(py)), figures),
                    Err(error) => {
                        let error = PyErr::from_value(error.into_bound(py).into_any());
                        run.work.record(step, &id, Err(&error), figures)
                    }
                }
            }
            Told::Late { step, error } => {
                let mut papers = self.papers();
                let at = papers.struck.iter().position(|(struck, _)| *struck == step);
                let struck = at.map(|at| papers.struck.swap_remove(at));
                drop(papers);
                let Some((_, struck)) = struck else {
                    return Ok(());
                };
                let late = PyErr::from_value(error.into_bound(py).into_any());
                quietly(py, || {
                    let struck = PyErr::from_value(struck.into_bound(py).into_any());
                    struck.set_cause(py, Some(late));
                    Ok(())
                });
                Ok(())
            }
        }
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
                Told::Late { error, .. } => visit.call(error)?,
            }
        }
        for (_, error) in &papers.struck {
            visit.call(error)?;
        }
        Ok(())
    }
}
